"""What the report says that somebody who distrusts it can check: asked of the parts themselves
(Kubo's own RPC, the chain), not of our index."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx

from immurtal.demo.network import DemoNode
from immurtal.errors import ImmurtalError

SECONDS = 30.0


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return "0x" + digest.hexdigest()


async def blocks_of(node: DemoNode, cid: str) -> set[str]:
    """Every block below a CID, itself among them, as Kubo lists them (`ipfs refs -r`)."""
    text = await _kubo(node, "refs", {"arg": cid, "recursive": "true", "unique": "true"})
    found = {json.loads(line)["Ref"] for line in text.splitlines() if line.strip()}
    return found | {cid}


async def held(node: DemoNode, cids: Iterable[str]) -> dict[str, bool]:
    """For each CID whether the node has the block: `ipfs block stat --offline`."""
    async with httpx.AsyncClient(timeout=SECONDS) as client:
        found = {}
        for cid in cids:
            answer = await client.post(
                f"{_rpc(node)}/block/stat", params={"arg": cid, "offline": "true"}
            )
            if answer.status_code != 200 and "not found" not in answer.text:
                raise ImmurtalError(f"{node.name}: block/stat {cid}: {answer.text[:200]}")
            found[cid] = answer.status_code == 200
        return found


async def file_cid(node: DemoNode, path: str) -> str:
    """The CID at a path below a release, as Kubo resolves it."""
    text = await _kubo(node, "resolve", {"arg": path})
    return str(json.loads(text)["Path"]).removeprefix("/ipfs/")


async def _kubo(node: DemoNode, call: str, parameters: Mapping[str, str]) -> str:
    async with httpx.AsyncClient(timeout=SECONDS) as client:
        answer = await client.post(f"{_rpc(node)}/{call}", params={**parameters, "offline": "true"})
    if answer.status_code != 200:
        raise ImmurtalError(f"{node.name}: {call}: {answer.text[:200]}")
    return answer.text


def _rpc(node: DemoNode) -> str:
    return f"http://127.0.0.1:{node.config.kubo.api_port}/api/v0"


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
    """`.demo/report.json`, written after every step: a failure leaves what led to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, Any] = {
            "v": 1,
            "passed": False,
            "certificates": [],
            "played": [],
            "refused": [],
            "paid": [],
            "pins": {},
            "seconds": {},
        }

    def write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.values, indent=2) + "\n")
