"""Who watches while the demo plays: the one who kills a node, the one who counts refusals."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from immurtal.chain.http import NodeClient
from immurtal.demo.evidence import held
from immurtal.demo.network import DemoNode
from immurtal.errors import ImmurtalError
from immurtal.stream.events import Observer

BLOCKS_BEFORE_DEATH = 2
POLL_SECONDS = 0.3


class Killer(Observer):
    """Kills the first node that has served two blocks of audio: the block is used, the node is dead
    before the next one is asked for."""

    def __init__(self, nodes: Sequence[DemoNode]) -> None:
        self._nodes = {node.id: node for node in nodes}
        self._blocks: Counter[str] = Counter()
        self.killed: DemoNode | None = None
        self.blocks_of_killed = 0
        self._at_block = 0
        self._when = ""

    async def on_block(self, node_id: str, index: int, size: int) -> None:
        self._blocks[node_id] += 1
        if self.killed is None and self._blocks[node_id] >= BLOCKS_BEFORE_DEATH:
            self.killed = self._nodes[node_id]
            self.blocks_of_killed = self._blocks[node_id]
            self._at_block = index
            self._when = datetime.now(UTC).isoformat(timespec="milliseconds")
            await self.killed.kill()

    def evidence(self) -> dict[str, Any]:
        """Which node died, when, and how much it had served by then."""
        assert self.killed is not None
        return {
            "node": self.killed.id,
            "name": self.killed.name,
            "blocksServed": self.blocks_of_killed,
            "atBlock": self._at_block,
            "when": self._when,
            "signal": "SIGKILL",
        }


class Refusals(Observer):
    """`heard`: what each node refused with (type, words); `shares`: who gave a share after all."""

    def __init__(self) -> None:
        self.heard: dict[str, tuple[str, str]] = {}
        self.shares: list[str] = []

    def on_refusal(self, node_id: str, kind: str, reason: str) -> None:
        self.heard[node_id] = (kind, reason)

    def on_share(self, node_id: str) -> None:
        self.shares.append(node_id)


async def until(holds: Callable[[], Awaitable[bool]], seconds: float, complaint: str) -> None:
    """Asks again and again. Raises ImmurtalError with the complaint after so many seconds."""
    end = time.monotonic() + seconds
    while not await holds():
        if time.monotonic() > end:
            raise ImmurtalError(f"{complaint}, after {seconds:g} s.")
        await asyncio.sleep(POLL_SECONDS)


async def has_indexed(node: DemoNode, block: int) -> bool:
    """Whether the node's index has reached that block."""
    async with NodeClient(node.api_url, allow_local=True) as client:
        said = await client.get_json("/v1/node")
    head = said["chain"]["head"]
    return isinstance(head, int) and head >= block


async def holds_none(node: DemoNode, cids: Sequence[str]) -> bool:
    """Whether the node has none of these blocks any more."""
    return not any((await held(node, cids)).values())


def by_node(blocks: Mapping[str, int], nodes: Sequence[DemoNode]) -> str:
    """`node-1: 7 blocks, …`, for a person."""
    names = {node.id: node.name for node in nodes}
    return ", ".join(f"{names.get(node, node[:10])}: {n} blocks" for node, n in blocks.items())
