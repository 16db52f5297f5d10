"""Who watches while the demo plays, and how it waits for what it was promised."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from immurtal.demo.checks import check
from immurtal.demo.node import DemoNode
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
        self._death: dict[str, Any] = {}

    async def on_block(self, node_id: str, index: int, size: int) -> None:
        self._blocks[node_id] += 1
        if self.killed is None and self._blocks[node_id] >= BLOCKS_BEFORE_DEATH:
            self.killed = self._nodes[node_id]
            self._death = {
                "node": node_id,
                "name": self.killed.name,
                "blocksServed": self._blocks[node_id],
                "blocksOfAll": self._blocks.total(),
                "when": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "signal": "SIGKILL",
            }
            await self.killed.kill()

    def evidence(self) -> dict[str, Any]:
        """Which node died, when, what it and all had served by then, and what others served after.

        Empty where none died.
        """
        if not self._death:
            return {}
        after = self._blocks.total() - self._death["blocksOfAll"]
        return {**self._death, "blocksAfter": after}


async def until(
    holds: Callable[[], Awaitable[bool]], seconds: float, comparison: str, otherwise: str
) -> None:
    """Asks again and again. Raises Mismatch after so many seconds."""
    end = time.monotonic() + seconds
    while not await holds():
        check(time.monotonic() < end, comparison, f"{otherwise}, after {seconds:g} s.")
        await asyncio.sleep(POLL_SECONDS)


def by_node(served: Mapping[str, Mapping[str, int]], nodes: Sequence[DemoNode]) -> str:
    """`node-1 6, node-2 5`: blocks, for a person."""
    names = {node.id: node.name for node in nodes}
    counted = ((names.get(node, node[:10]), one["blocks"]) for node, one in served.items())
    return ", ".join(f"{name} {blocks}" for name, blocks in sorted(counted))
