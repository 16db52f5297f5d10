"""The demo's own processes: each in a session of its own, and always ended, whatever ends us."""

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from immurtal.children import die_with_parent
from immurtal.errors import ImmurtalError, PortInUse

STOP_SECONDS = 20.0
CHAIN_SECONDS = 30.0
FIRST_PORT, LAST_PORT = 20_000, 32_000
"""Below those that outgoing connections take (Linux: 32768 and above)."""


class Process:
    """A child that logs to a file; it dies with us whatever happens."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @classmethod
    async def start(cls, name: str, command: Sequence[str], log: Path) -> "Process":
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def kill(self) -> None:
        """Ends it and all that it started at once, as a power cut would: SIGKILL."""
        await self._end_now(descendants(self.pid))

    async def stop(self) -> None:
        """Asks it to end, and kills what has not ended in time."""
        if not self.running:
            return
        family = descendants(self.pid)
        self._process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
            return
        await self._end_now(family)

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    async def _end_now(self, family: Sequence[int]) -> None:
        for pid in (self.pid, *family) if self.running else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._process.wait()


def descendants(pid: int) -> list[int]:
    """The children of a process, their children, and so on."""
    parents = dict(_parents())
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def _parents() -> Iterator[tuple[int, int]]:
    """Every process with its parent: from /proc, else from `ps`, which minimal Linux lacks."""
    if Path("/proc/self/stat").exists():
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # ended meanwhile
                fields = stat.read_text(errors="replace").rpartition(")")[2].split()
                yield int(stat.parent.name), int(fields[1])
        return
    command = ["ps", "-A", "-o", "pid=,ppid="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    for line in listed.stdout.splitlines():
        child, parent = line.split()
        yield int(child), int(parent)


def free_ports(count: int, width: int) -> list[int]:
    """The first ports of `count` rows of `width` ports each, free now. Raises PortInUse."""
    found: list[int] = []
    first = FIRST_PORT + width * secrets.randbelow((LAST_PORT - FIRST_PORT) // width)
    for port in (*range(first, LAST_PORT, width), *range(FIRST_PORT, first, width)):
        if all(_is_free(port + offset) for offset in range(width)):
            found.append(port)
        if len(found) == count:
            return found
    raise PortInUse(
        f"There are not {count} rows of {width} free ports from {FIRST_PORT} to {LAST_PORT}.",
        saved="Nothing was started.",
        do="End what uses them, then run the demo again.",
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def require(*programs: str) -> None:
    """Raises ImmurtalError for the first program that is not on PATH."""
    for program in programs:
        if shutil.which(program) is None:
            raise ImmurtalError(
                f"{program} was not found, which the demo needs.",
                saved="Nothing was started.",
                do=f"Start it with `make demo`, which sets everything up, or put {program} on "
                "PATH.",
            )


async def start_anvil(folder: Path) -> tuple[Process, str]:
    """A development chain with a block a second, and its URL. Raises ImmurtalError."""
    command = ["anvil", "--port", "0", "--block-time", "1", "--slots-in-an-epoch", "1"]
    process = await Process.start("anvil", [*command, "--accounts", "1"], folder / "anvil.log")
    try:
        async with asyncio.timeout(CHAIN_SECONDS):
            while process.running:
                listening = re.search(r"Listening on (\S+)", process.log.read_text())
                if listening:
                    return process, f"http://{listening[1]}"
                await asyncio.sleep(0.05)
    except BaseException as error:
        await process.kill()
        if not isinstance(error, TimeoutError):
            raise
    raise ImmurtalError(f"anvil did not start. The end of its log:\n{process.tail()}")


async def run_command(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> tuple[int, str, str]:
    """Runs a command to its end: exit code, standard output, standard error. `env`: all of its
    environment; ours where missing."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
        cwd=cwd,
        start_new_session=True,
        preexec_fn=die_with_parent(),
    )
    try:
        out, err = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    return process.returncode or 0, out.decode(), err.decode()
