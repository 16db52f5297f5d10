"""`PinBackend` over Kubo's HTTP RPC (https://docs.ipfs.tech/reference/kubo/rpc/)."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import httpx

from immurtal.content.dag_pb import NODE_LIMIT
from immurtal.errors import BadInput, DiskFull, ImmurtalError, Unreachable
from immurtal.storage.backend import (
    BackendError,
    Capacity,
    NotHere,
    Pinned,
    Progress,
    Stalled,
)
from immurtal.storage.kubo_transport import KuboTransport, StreamError

LINE_LIMIT: Final = 64 * 1024
"""Bytes of one JSON line or of one error that Kubo may send."""
CONNECT_SECONDS: Final = 5
CONNECTIONS_AT_ONCE: Final = 16
"""Peers tried for one release."""

_NOT_HERE: Final = (
    "not found locally",
    "could not find",
    "context deadline exceeded",
    "request timed out",
)
_DISK_FULL: Final = ("no space left on device", "disk quota exceeded")


class KuboBackend:
    """`url`: where the RPC answers (a callable, as an own daemon may move when it restarts).
    `repo`: the folder of an own daemon's blocks; None is an existing Kubo, never collected.
    `quiet_seconds`: how long nothing may arrive before a call counts as stalled."""

    def __init__(
        self,
        url: str | Callable[[], str],
        *,
        repo: Path | None = None,
        quiet_seconds: float = 60,
    ) -> None:
        self._url = url if callable(url) else lambda: url
        self._repo = repo
        self._quiet = quiet_seconds
        self._http = httpx.AsyncClient(
            transport=KuboTransport(),
            headers={"Connection": "close"},
            timeout=httpx.Timeout(quiet_seconds, connect=CONNECT_SECONDS),
            follow_redirects=False,
        )

    @property
    def owned(self) -> bool:
        return self._repo is not None

    async def close(self) -> None:
        await self._http.aclose()

    async def pin(self, cid: str, name: str, progress: Progress | None = None) -> None:
        loop = asyncio.get_running_loop()
        last, moved = (0, 0), loop.time()
        # with `offline` Kubo would still ask peers for what is below `cid`: see `has_all`
        params = {"arg": cid, "name": name, "progress": "true"}
        async with self._call("pin/add", params) as response:
            async for line in _json_lines(response):
                if cid in line.get("Pins", ()):
                    return
                now = (int(line.get("Progress", 0)), int(line.get("Bytes", 0)))
                if now > last:
                    last, moved = now, loop.time()
                    if progress:
                        progress(*now)
                elif loop.time() - moved > self._quiet:
                    raise Stalled(f"Nothing of {cid} arrived for {self._quiet:g} seconds.")
        raise BackendError(f"Kubo ended the pin of {cid} without a result.")

    async def unpin(self, cid: str) -> None:
        try:
            await self._answer("pin/rm", {"arg": cid})
        except BackendError as error:
            if "not pinned" not in error.what:
                raise

    async def list_pins(self) -> AsyncIterator[Pinned]:
        for kind in ("recursive", "direct"):
            params = {"type": kind, "stream": "true", "names": "true"}
            async with self._call("pin/ls", params) as response:
                async for line in _json_lines(response):
                    yield Pinned(str(line["Cid"]), str(line.get("Name", "")))

    async def pin_name(self, cid: str) -> str | None:
        for kind in ("recursive", "direct"):
            try:
                answer = await self._answer("pin/ls", {"arg": cid, "type": kind, "names": "true"})
            except BackendError as error:
                if "is not pinned" not in error.what:
                    raise
                continue
            found = json.loads(answer)["Keys"].get(cid)
            if found is not None:
                return str(found.get("Name", ""))
        return None

    async def import_car(self, car: BinaryIO, size: int) -> None:
        # Kubo answers only when every block is on its disk
        patience = self._quiet + size / 1_000_000
        params = {"pin-roots": "false", "fast-provide-root": "false", "silent": "true"}
        await self._answer("dag/import", params, file=car, quiet=patience)

    async def has_block(self, cid: str) -> bool:
        try:
            await self._answer("block/stat", {"arg": cid, "offline": "true"})
        except NotHere:
            return False
        return True

    async def has_all(self, cid: str) -> bool:
        params = {"arg": cid, "offline": "true", "progress": "false"}
        try:
            await self._answer("dag/stat", params, quiet=60 * self._quiet)
        except NotHere:
            return False
        return True

    async def get_block(self, cid: str, *, within: float | None = None) -> bytes:
        params = {"arg": cid, "offline": _flag(within is None)}
        if within is not None:
            params["timeout"] = f"{within:g}s"
        try:
            async with asyncio.timeout(None if within is None else within + CONNECT_SECONDS):
                return await self._answer("block/get", params, limit=NODE_LIMIT)
        except TimeoutError as error:
            raise NotHere(f"Block {cid} was not found in {within:g} seconds.") from error

    async def connect(self, addresses: Sequence[str]) -> None:
        async def reach(address: str) -> None:
            params = {"arg": address, "timeout": f"{CONNECT_SECONDS}s"}
            await self._answer("swarm/connect", params, quiet=2 * CONNECT_SECONDS)

        chosen = addresses[:CONNECTIONS_AT_ONCE]
        answers = await asyncio.gather(*map(reach, chosen), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, ImmurtalError):
                raise answer

    async def collect(self) -> None:
        if not self.owned:
            raise BackendError("An existing Kubo is not this node's to collect.")
        # marking every pin may take minutes in which Kubo says nothing
        params = {"stream-errors": "true"}
        async with self._call("repo/gc", params, quiet=60 * self._quiet) as response:
            async for line in _json_lines(response):
                if error := line.get("Error"):
                    raise BackendError(f"Kubo could not collect everything: {error}")

    async def capacity(self) -> Capacity:
        stat = json.loads(await self._answer("repo/stat", {"size-only": "true"}))
        free = None
        if self._repo is not None:
            free = (await asyncio.to_thread(shutil.disk_usage, self._repo)).free
        return Capacity(int(stat["RepoSize"]), free)

    async def _answer(
        self,
        call: str,
        params: dict[str, str],
        *,
        file: BinaryIO | None = None,
        limit: int = LINE_LIMIT,
        quiet: float | None = None,
    ) -> bytes:
        async with self._call(call, params, file=file, quiet=quiet) as response:
            return await _bounded(response, limit)

    @asynccontextmanager
    async def _call(
        self,
        call: str,
        params: dict[str, str],
        *,
        file: BinaryIO | None = None,
        quiet: float | None = None,
    ) -> AsyncIterator[httpx.Response]:
        timeout = httpx.Timeout(quiet or self._quiet, connect=CONNECT_SECONDS)
        url = f"{self._url().rstrip('/')}/api/v0/{call}"
        files = {"path": file} if file else None
        try:
            async with self._http.stream(
                "POST", url, params=params, files=files, timeout=timeout
            ) as response:
                if response.status_code != 200:
                    body = await _bounded(response, LINE_LIMIT)
                    raise _refusal(_message(body) or f"status {response.status_code}")
                yield response
        except StreamError as error:
            raise _refusal(str(error)) from error
        except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
            raise Stalled(f"Kubo says nothing to {call}.") from error
        except httpx.HTTPError as error:
            raise Unreachable(
                f"Kubo's RPC does not answer: {error}.",
                do="See that the daemon runs, and what its log says.",
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackendError(f"Kubo answered {call} with something else: {error}.") from error


def _refusal(message: str) -> ImmurtalError:
    message = message[:500]
    if any(sign in message for sign in _DISK_FULL):
        return DiskFull(
            f"Kubo's disk is full: {message}.", do="Free some space; the node then goes on."
        )
    if any(sign in message for sign in _NOT_HERE):
        return NotHere(f"A block is missing: {message}.")
    if "invalid cid" in message.lower() or "invalid path" in message.lower():
        return BadInput(f"Kubo refuses the name: {message}.")
    return BackendError(f"Kubo refuses: {message}.")


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["Message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()


def _flag(value: bool) -> str:
    return "true" if value else "false"


async def _bounded(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > limit:
            raise BackendError(f"Kubo sent more than {limit} bytes.")
    return bytes(body)


async def _json_lines(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """The answer's JSON objects, one a line; bytes after the last line end are one too."""
    rest = b""
    async for piece in response.aiter_bytes():
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > LINE_LIMIT:
            raise BackendError("Kubo sent a line without end.")
        for line in lines:
            if line:
                yield json.loads(line)
    if rest:
        yield json.loads(rest)
