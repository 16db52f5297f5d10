"""What the report says that somebody who distrusts it can check: asked of the parts themselves
(Kubo's own RPC, the chain), not of our index."""

import asyncio
import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from immurtal.demo.node import DemoNode
from immurtal.errors import ImmurtalError, Unreachable

SECONDS = 30.0
AT_ONCE = 16


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return "0x" + hashlib.file_digest(file, "sha256").hexdigest()


class Kubo:
    """A node's own Kubo, asked without the node, and offline: what it lacks it does not fetch."""

    def __init__(self, node: DemoNode) -> None:
        self._name = f"{node.name}'s Kubo"
        self._http = httpx.AsyncClient(base_url=node.kubo_rpc, timeout=SECONDS, trust_env=False)
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def blocks_below(self, cid: str) -> set[str]:
        """Every block below a CID, itself among them (`ipfs refs -r`)."""
        text = await self._good("refs", {"arg": cid, "recursive": "true", "unique": "true"})
        found = {json.loads(line)["Ref"] for line in text.splitlines() if line.strip()}
        return found | {cid}

    async def file(self, path: str) -> str:
        """The CID at `/ipfs/<release>/<name>` (`ipfs resolve`)."""
        text = await self._good("resolve", {"arg": path})
        return str(json.loads(text)["Path"]).removeprefix("/ipfs/")

    async def sizes(self, cids: Iterable[str]) -> dict[str, int | None]:
        """The bytes of each block, None for one that is not there (`ipfs block stat --offline`)."""
        wanted = list(cids)
        return dict(zip(wanted, await asyncio.gather(*map(self._size, wanted)), strict=True))

    async def holds_any(self, cids: Iterable[str]) -> bool:
        """Whether one of these blocks is there."""
        for cid in cids:
            if await self._size(cid) is not None:
                return True
        return False

    async def has_pinned(self, cid: str) -> bool:
        """Whether there is a recursive pin of its own (`ipfs pin ls`)."""
        answer = await self._ask("pin/ls", {"arg": cid, "type": "recursive"})
        if answer.status_code != 200 and "not pinned" not in answer.text:
            raise self._refused("pin/ls", answer)
        return answer.status_code == 200

    async def _size(self, cid: str) -> int | None:
        answer = await self._ask("block/stat", {"arg": cid})
        if answer.status_code == 200:
            return int(answer.json()["Size"])
        if "not found" not in answer.text:
            raise self._refused("block/stat", answer)
        return None

    async def _good(self, call: str, parameters: Mapping[str, str]) -> str:
        answer = await self._ask(call, parameters)
        if answer.status_code != 200:
            raise self._refused(call, answer)
        return answer.text

    async def _ask(self, call: str, parameters: Mapping[str, str]) -> httpx.Response:
        async with self._slots:
            try:
                return await self._http.post(call, params={**parameters, "offline": "true"})
            except httpx.HTTPError as error:
                raise Unreachable(f"{self._name} did not answer {call}: {error}.") from error

    def _refused(self, call: str, answer: httpx.Response) -> ImmurtalError:
        return ImmurtalError(f"{self._name} answered {call} with: {answer.text[:200]}")


def flip_byte(node: DemoNode, digest: bytes) -> bool:
    """Changes one byte of a stored block on the node's disk; False where it holds no such block."""
    for path in (node.config.kubo_repo / "blocks").rglob("*.data"):
        data = bytearray(path.read_bytes())
        if hashlib.sha256(data).digest() == digest:
            data[len(data) // 2] ^= 1
            path.chmod(0o600)
            path.write_bytes(data)
            return True
    return False


class Report:
    """`report.json`, written after every step: a failure leaves what led to it. Its fields are
    described in docs/demo.md."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, Any] = {
            "v": 1,
            "passed": False,
            "failed": None,
            "network": {},
            "certificates": [],
            "refused": [],
            "paid": [],
            "played": [],
            "caughtUp": None,
            "pins": {},
            "seconds": {},
            "machine": machine(),
        }

    def write(self) -> None:
        partial = self.path.with_suffix(".part")
        partial.write_text(json.dumps(self.values, indent=2, ensure_ascii=False) + "\n")
        partial.replace(self.path)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": os.cpu_count(),
        "memoryBytes": memory,
        "python": platform.python_version(),
        "loadAverage": round(os.getloadavg()[0], 2),
    }
