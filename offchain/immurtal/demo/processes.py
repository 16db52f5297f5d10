"""The demo's own processes: started on free ports, each in a group of its own, and always ended."""

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from immurtal.chain.rpc import Rpc
from immurtal.errors import ImmurtalError, Unreachable

STOP_SECONDS = 20.0
PR_SET_PDEATHSIG = 1


class Process:
    """A child in its own process group, logging to a file; it dies with us whatever happens."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @classmethod
    async def start(
        cls, name: str, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None
    ) -> "Process":
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **(env or {})},
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def kill(self) -> None:
        """Ends the whole group at once, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()

    async def stop(self) -> None:
        """Asks it to end, and kills what has not ended in time."""
        if self.running:
            self._process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        await self.kill()

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that are free now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


async def start_anvil(folder: Path) -> tuple[Process, str]:
    """A development chain with a block a second, and its URL. Raises ImmurtalError."""
    if shutil.which("anvil") is None:
        raise ImmurtalError(
            "anvil, the development chain, was not found.",
            do="Start the demo with `make demo`, which sets it up, or put anvil on PATH.",
        )
    (port,) = free_ports(1)
    command = ["anvil", "--port", str(port), "--block-time", "1", "--slots-in-an-epoch", "1"]
    process = await Process.start("anvil", [*command, "--accounts", "1"], folder / "anvil.log")
    url = f"http://127.0.0.1:{port}"
    rpc = Rpc(url)
    try:
        for _ in range(200):
            if not process.running:
                break
            with contextlib.suppress(Unreachable):
                await rpc.call("eth_chainId", [])
                return process, url
            await asyncio.sleep(0.1)
    finally:
        await rpc.close()
    await process.kill()
    raise ImmurtalError(f"anvil did not start. The end of its log:\n{process.tail()}")


async def run_command(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> tuple[int, str, str]:
    """Runs a command to its end: exit code, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )
    try:
        out, err = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        raise
    return process.returncode or 0, out.decode(), err.decode()
