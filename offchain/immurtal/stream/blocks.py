"""Verified blocks from several gateways: whichever is honest and quick, as long as one is."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from immurtal.chain.contracts import Node
from immurtal.content.cid import RAW, Cid
from immurtal.content.unixfs import LEAF, Plan, plan_leaves, run_async
from immurtal.errors import ImmurtalError, IntegrityError, NotFound, Unreachable
from immurtal.stream.events import Observer
from immurtal.stream.gateway import BLOCK_SECONDS, STALL_SECONDS, Gateway

ROUNDS: Final = 3
"""How often every node is tried for one block before it is given up."""
ROUND_PAUSE: Final = 1.0  # seconds
LEAST_LATENCY: Final = 0.05
"""Seconds; below this, differences between nodes are noise."""
SLOWER: Final = 3.0
"""Times the best latency: up to there nodes take turns, beyond it they are asked last."""
AT_ONCE: Final = 8
"""Nodes asked for the same block where nobody knows who has it."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Served:
    """What one node gave in verified blocks; trouble: what is held against it."""

    blocks: int
    bytes: int
    trouble: str


class Blocks:
    """The gateways of a release. Close it when done."""

    def __init__(
        self,
        *,
        allow_local: bool,
        observer: Observer | None = None,
        stall: float = STALL_SECONDS,
        whole: float = BLOCK_SECONDS,
    ) -> None:
        self._allow_local = allow_local
        self._observer = observer or Observer()
        self._stall = stall
        self._whole = whole
        self._gateways: dict[str, Gateway] = {}
        self._trouble: dict[str, str] = {}

    def add(self, nodes: Iterable[Node]) -> None:
        """Nodes that announce no gateway are left out; known ones keep their record."""
        for node in nodes:
            if node.gateway_url and node.id not in self._gateways:
                self._gateways[node.id] = Gateway(
                    node.id,
                    node.gateway_url,
                    allow_local=self._allow_local,
                    stall=self._stall,
                    whole=self._whole,
                )

    @property
    def served(self) -> Mapping[str, Served]:
        """By node id."""
        return {
            node_id: Served(gateway.blocks, gateway.bytes, self._trouble.get(node_id, ""))
            for node_id, gateway in self._gateways.items()
        }

    async def close(self) -> None:
        for gateway in self._gateways.values():
            await gateway.close()

    async def get(self, cid: Cid) -> bytes:
        """The block, checked, from any node. Raises as `get_from`."""
        return (await self.get_from(cid))[1]

    async def get_from(self, cid: Cid) -> tuple[str, bytes]:
        """The node that gave it, and the block, checked against its CID.

        Raises, when no node could: IntegrityError if one lied, Unreachable if one was late or
        dead, NotFound if none has it.
        """
        problems: dict[str, ImmurtalError] = {}
        for round_ in range(ROUNDS):
            if round_:
                await asyncio.sleep(ROUND_PAUSE * round_)
            tried: set[str] = set()
            while gateway := self._next(tried):
                tried.add(gateway.node_id)
                try:
                    return gateway.node_id, await gateway.fetch(cid)
                except ImmurtalError as error:
                    problems[gateway.node_id] = error
                    self._note(gateway.node_id, error)
            if not any(isinstance(error, Unreachable) for error in problems.values()):
                break  # asking again who has it not, or lies, helps nobody
        raise _lost(cid, problems)

    async def discover(self, cid: Cid) -> bytes:
        """As `get`, for a block of which nobody knows who has it: several nodes at once."""
        problems: dict[str, ImmurtalError] = {}
        gateways = list(self._gateways.values())
        for start in range(0, len(gateways), AT_ONCE):
            asked = [
                asyncio.create_task(self._try(gateway, cid, problems))
                for gateway in gateways[start : start + AT_ONCE]
            ]
            try:
                for answer in asyncio.as_completed(asked):
                    block = await answer
                    if block is not None:
                        return block
            finally:
                for task in asked:
                    task.cancel()
                await asyncio.gather(*asked, return_exceptions=True)
        raise _lost(cid, problems)

    async def read(self, root: Cid, limit: int) -> bytes:
        """A whole small file. Raises as `get_from`, and IntegrityError beyond `limit` bytes."""
        leaves = await self.plan(plan_leaves(root))
        too_large = IntegrityError(f"File {root} of the release is larger than {limit} bytes.")
        if len(leaves) > -(-limit // LEAF):
            raise too_large
        data = b"".join([await self.get(leaf) for leaf in leaves])
        if len(data) > limit:
            raise too_large
        return data

    async def plan(self, plan: Plan[T]) -> T:
        """Carries out a plan of `content.unixfs`."""
        return await run_async(plan, self.get)

    async def _try(
        self, gateway: Gateway, cid: Cid, problems: dict[str, ImmurtalError]
    ) -> bytes | None:
        try:
            return await gateway.fetch(cid)
        except ImmurtalError as error:
            problems[gateway.node_id] = error
            if not isinstance(error, NotFound):
                self._note(gateway.node_id, error)
            return None

    def _next(self, tried: set[str]) -> Gateway | None:
        """Rested nodes before resting ones; of the quick ones the one with least to do."""
        able = [g for g in self._gateways.values() if not g.lie and g.node_id not in tried]
        if not able:
            return None
        awake = [g for g in able if not g.is_resting]
        if not awake:
            return min(able, key=lambda g: g.rests_until)
        enough = SLOWER * max(LEAST_LATENCY, min(g.latency for g in awake))
        quick = [g for g in awake if g.latency <= enough]
        return min(quick, key=lambda g: (g.under_way, g.blocks))

    def _note(self, node_id: str, error: ImmurtalError) -> None:
        self._trouble[node_id] = error.what
        self._observer.on_trouble(node_id, error.what)


def _lost(cid: Cid, problems: Mapping[str, ImmurtalError]) -> ImmurtalError:
    """The gravest of what happened, naming every node."""
    each = " ".join(f"{node_id[:10]}…: {error.what}" for node_id, error in problems.items())
    kind = "leaf" if cid.codec == RAW else "node"
    what = f"No node gave {kind} block {cid}. {each}".strip()
    do = "Try again later, or name other nodes that hold the release."
    for grave in (IntegrityError, Unreachable):
        if any(isinstance(error, grave) for error in problems.values()):
            return grave(what, do=do)
    return NotFound(what, do=do)
