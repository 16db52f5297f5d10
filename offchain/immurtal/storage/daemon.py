"""One Kubo, started, watched and stopped by the node: a child in its own process group.

A folder (IPFS_PATH) for each node. Where the node dies without a word, Linux ends the child too.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import random
import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import httpx
import structlog

from immurtal.chain.files import write_over
from immurtal.children import die_with_parent
from immurtal.errors import ImmurtalError, PortInUse, Unreachable
from immurtal.storage.kubo_config import KuboPorts, configured, find_binary

READY_SECONDS: Final = 60
STOP_SECONDS: Final = 20
"""Between SIGTERM and SIGKILL."""
LEFTOVER_SECONDS: Final = 20
"""How long an earlier daemon of the same folder may take to go."""
BACKOFF_SECONDS: Final = (0.5, 30.0)
FREE_PORTS: Final = (20_000, 32_000)
FREE_PORT_TRIES: Final = 100
_LOG_LIMIT: Final = 16 * 1024 * 1024

log = structlog.get_logger(__name__)


class KuboDaemon:
    """`repo`: IPFS_PATH. A port of 0 is chosen when the daemon first starts and kept from then on.
    `local`: nothing outside this machine is asked or told anything (networks for development).
    `peers`: multiaddresses, each with /p2p/<peer id>, that Kubo stays connected to."""

    def __init__(
        self,
        repo: Path,
        *,
        gateway_host: str = "127.0.0.1",
        gateway_port: int = 0,
        api_port: int = 0,
        swarm_port: int = 0,
        local: bool = False,
        peers: Sequence[str] = (),
        binary: str = "",
        log_file: Path | None = None,
    ) -> None:
        self.repo = repo
        self.log_file = log_file or repo.with_name(f"{repo.name}.log")
        self._wanted_ports = KuboPorts(gateway_host, gateway_port, api_port, swarm_port)
        self._ports: KuboPorts | None = None
        self._local = local
        self._peers = tuple(peers)
        self._binary = binary
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._peer_id = ""
        self.restarts = 0
        self.problem = ""
        """Why it is not running now; empty while it is."""

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self._chosen_ports().api}"

    @property
    def gateway_url(self) -> str:
        ports = self._chosen_ports()
        host = f"[{ports.gateway_host}]" if ":" in ports.gateway_host else ports.gateway_host
        return f"http://{host}:{ports.gateway}"

    @property
    def peer_id(self) -> str:
        return self._peer_id

    @property
    def swarm_address(self) -> str:
        """Where peers on this machine reach it: a multiaddress with its peer id."""
        return f"/ip4/127.0.0.1/tcp/{self._chosen_ports().swarm}/p2p/{self._peer_id}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None and not self.problem

    async def start(self) -> None:
        """Returns when the daemon answers, and keeps it running from then on.

        Raises `BadInput`: no usable program or folder. `PortInUse`. `Unreachable`: it does not
        come up; its log file says why.
        """
        if self._watcher is not None:
            return
        binary = await asyncio.to_thread(find_binary, self._binary)
        await asyncio.to_thread(self._prepare, binary)
        await self._end_leftover()
        ports = self._chosen_ports()
        _refuse_taken_ports(ports)
        await asyncio.to_thread(self._write_config, ports)
        try:
            await self._launch(binary)
        except BaseException:
            await self._end_child()
            raise
        self._watcher = asyncio.create_task(self._watch(binary), name="kubo-watcher")

    async def stop(self) -> None:
        """Ends the daemon: SIGTERM, and SIGKILL if that is not enough."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        await self._end_child()

    async def __aenter__(self) -> "KuboDaemon":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _chosen_ports(self) -> KuboPorts:
        if self._ports is None:
            wanted = self._wanted_ports
            gateway = wanted.gateway or _free_port(wanted.gateway_host)
            api, swarm = wanted.api or _free_port(), wanted.swarm or _free_port()
            self._ports = KuboPorts(wanted.gateway_host, gateway, api, swarm)
        return self._ports

    def _prepare(self, binary: Path) -> None:
        self.repo.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > _LOG_LIMIT:
            self.log_file.replace(self.log_file.with_name(f"{self.log_file.name}.1"))
        if not (self.repo / "config").exists():
            profiles = ["--profile", "test"] if self._local else []
            done = subprocess.run(  # noqa: S603 (the program that was found)
                [binary, "init", "--empty-repo", *profiles],
                env=self._environment(),
                capture_output=True,
                timeout=READY_SECONDS,
                check=False,
            )
            if done.returncode != 0:
                raise Unreachable(
                    f"Kubo cannot make its folder {self.repo}: {_last_line(done.stderr)}",
                    do="See that the folder can be written and is not of another program.",
                )
        self._peer_id = str(self._read_config()["Identity"]["PeerID"])

    def _read_config(self) -> dict[str, Any]:
        try:
            config: dict[str, Any] = json.loads((self.repo / "config").read_text())
        except (OSError, ValueError) as error:
            raise Unreachable(
                f"Kubo's settings in {self.repo} cannot be read: {error}.",
                do="Restore the file `config`; without it this node has no peer identity.",
            ) from error
        return config

    def _write_config(self, ports: KuboPorts) -> None:
        before = self._read_config()
        after = configured(before, ports, self._peers, local=self._local)
        if after != before:
            write_over(self.repo / "config", json.dumps(after, indent=2).encode())

    def _environment(self) -> dict[str, str]:
        quiet = {"IPFS_PATH": str(self.repo), "IPFS_TELEMETRY": "off"}
        kept = {key: value for key, value in os.environ.items() if key != "IPFS_API"}
        return kept | quiet

    async def _launch(self, binary: Path) -> None:
        with self.log_file.open("ab") as output:
            start_of_log = output.tell()
            self._process = await asyncio.create_subprocess_exec(
                binary,
                "daemon",
                "--migrate=false",
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=die_with_parent(),
            )
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._until_ready(self._process, start_of_log)
        except TimeoutError:
            raise Unreachable(
                f"Kubo did not answer within {READY_SECONDS} seconds.",
                do=f"Its log is {self.log_file}.",
            ) from None
        self.problem = ""
        log.info("kubo-ready", pid=self._process.pid, gateway=self.gateway_url, peer=self._peer_id)

    async def _until_ready(self, process: asyncio.subprocess.Process, start_of_log: int) -> None:
        ended = asyncio.create_task(process.wait())
        try:
            while not await self._answers():
                await asyncio.wait({ended}, timeout=0.05)
                if ended.done():
                    raise self._why_ended(start_of_log)
        finally:
            ended.cancel()

    async def _answers(self) -> bool:
        """Whether our own daemon does: the port may be another's, the file `api` an old one."""
        if not (self.repo / "api").exists():
            return False
        return await self._identity_at(self.api_url) == self._peer_id

    async def _identity_at(self, url: str) -> str | None:
        try:
            async with httpx.AsyncClient(timeout=2) as http:
                return str((await http.post(f"{url}/api/v0/id")).json()["ID"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None

    def _why_ended(self, start_of_log: int) -> ImmurtalError:
        with self.log_file.open("rb") as file:
            file.seek(start_of_log)
            said = file.read(64 * 1024)
        if b"address already in use" in said:
            return PortInUse(
                f"Kubo cannot open one of its ports: {_last_line(said)}",
                do="Choose other ports in the node's settings, section `kubo`.",
            )
        return Unreachable(
            f"Kubo ended while it started: {_last_line(said)}", do=f"Its log is {self.log_file}."
        )

    async def _end_leftover(self) -> None:
        """An earlier daemon of this folder, whose node was killed, may still be on its way out."""
        lock = self.repo / "repo.lock"
        if _is_free(lock):
            return
        log.warning("kubo-leftover", repo=str(self.repo))
        await self._ask_leftover_to_end()
        for _ in range(LEFTOVER_SECONDS * 10):
            if _is_free(lock):
                return
            await asyncio.sleep(0.1)
        raise Unreachable(
            f"Another Kubo runs on {self.repo} and does not end.",
            do="End that process, then start again.",
        )

    async def _ask_leftover_to_end(self) -> None:
        try:
            url = _url_of((self.repo / "api").read_text())
        except (OSError, ValueError):
            return
        if await self._identity_at(url) == self._peer_id:
            with contextlib.suppress(httpx.HTTPError):
                async with httpx.AsyncClient(timeout=5) as http:
                    await http.post(f"{url}/api/v0/shutdown")

    async def _watch(self, binary: Path) -> None:
        delay = BACKOFF_SECONDS[0]
        while True:
            assert self._process is not None
            started = asyncio.get_running_loop().time()
            code = await self._process.wait()
            if asyncio.get_running_loop().time() - started > BACKOFF_SECONDS[1]:
                delay = BACKOFF_SECONDS[0]
            self.problem = f"Kubo ended by itself with code {code}."
            log.error("kubo-ended", code=code, again_in=delay)
            await asyncio.sleep(delay)
            delay = min(2 * delay, BACKOFF_SECONDS[1])
            self.restarts += 1
            try:
                await self._launch(binary)
            except ImmurtalError as error:
                self.problem = error.what
                await self._end_child()

    async def _end_child(self) -> None:
        process = self._process
        if process is None:
            return
        for number, patience in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
            if process.returncode is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), patience)
        log.info("kubo-stopped", code=process.returncode)


def _refuse_taken_ports(ports: KuboPorts) -> None:
    asked = (
        ("gateway_port", ports.gateway_host, ports.gateway),
        ("api_port", "127.0.0.1", ports.api),
        ("swarm_port", "127.0.0.1", ports.swarm),
    )
    for setting, host, port in asked:
        try:
            _bind(host, port)
        except OSError as error:
            raise PortInUse(
                f"Port {port} on {host} cannot be opened for Kubo: {error.strerror}.",
                do=f"End what uses it, or choose another `{setting}` in section `kubo`.",
            ) from error


def _free_port(host: str = "127.0.0.1") -> int:
    """Below where systems take ports for connections that go out: one of these could have it by
    the time Kubo opens it."""
    for _ in range(FREE_PORT_TRIES):
        with suppress(OSError):
            return _bind(host, random.randrange(*FREE_PORTS))  # noqa: S311 (no secret)
    return _bind(host, 0)


def _bind(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        return int(probe.getsockname()[1])


def _url_of(multiaddress: str) -> str:
    """`/ip4/127.0.0.1/tcp/5001` as a URL."""
    _, family, host, protocol, port = multiaddress.strip().split("/")
    if family != "ip4" or protocol != "tcp":
        raise ValueError(multiaddress)
    return f"http://{host}:{int(port)}"


def _is_free(lock: Path) -> bool:
    """Whether nobody holds Kubo's repo.lock (fcntl record lock)."""
    try:
        with lock.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _last_line(output: bytes) -> str:
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip()[:500] if lines else "it said nothing."
