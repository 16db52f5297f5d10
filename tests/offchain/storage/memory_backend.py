"""Kubo's rules for pins and blocks in memory, for thousands of stories; and its faults on demand.

What it says of Kubo is checked against the real one in test_kubo_rpc.py.
"""

from collections.abc import AsyncIterator, Sequence
from typing import BinaryIO

from immurtal.content.car import read_car
from immurtal.content.cid import RAW, Cid, cid_of, parse_cid
from immurtal.content.dag_pb import decode_node
from immurtal.errors import Unreachable
from immurtal.storage.backend import Capacity, NotHere, Pinned, Progress


class MemoryBackend:
    """`network`: blocks that peers have. `down`: it does not answer."""

    owned = True

    def __init__(self) -> None:
        self.blocks: dict[Cid, bytes] = {}
        self.network: dict[Cid, bytes] = {}
        self.pins: dict[str, str] = {}
        self.down = False

    async def pin(self, cid: str, name: str, progress: Progress | None = None) -> None:
        self._answer()
        done = 0
        for count, block in enumerate(self._walk(parse_cid(cid), fetch=True), 1):
            done += len(block)
            if progress:
                progress(count, done)
        self.pins[cid] = name

    async def unpin(self, cid: str) -> None:
        self._answer()
        self.pins.pop(cid, None)

    async def list_pins(self) -> AsyncIterator[Pinned]:
        self._answer()
        for cid, name in list(self.pins.items()):
            yield Pinned(cid, name)

    async def pin_name(self, cid: str) -> str | None:
        self._answer()
        return self.pins.get(cid)

    async def import_car(self, car: BinaryIO, size: int) -> None:
        self._answer()
        self.blocks |= dict(read_car(car)[1])

    async def has_block(self, cid: str) -> bool:
        self._answer()
        return parse_cid(cid) in self.blocks

    async def has_all(self, cid: str) -> bool:
        self._answer()
        try:
            self._walk(parse_cid(cid), fetch=False)
        except NotHere:
            return False
        return True

    async def get_block(self, cid: str, *, within: float | None = None) -> bytes:
        self._answer()
        return self._block(parse_cid(cid), fetch=within is not None)

    async def connect(self, addresses: Sequence[str]) -> None:
        self._answer()

    async def collect(self) -> None:
        self._answer()
        needed: set[Cid] = set()
        for cid in self.pins:
            needed |= {
                cid_of(root.codec, self.blocks[root]) for root in self._below(parse_cid(cid))
            }
        self.blocks = {cid: block for cid, block in self.blocks.items() if cid in needed}

    async def capacity(self) -> Capacity:
        return Capacity(sum(map(len, self.blocks.values())), None)

    def _answer(self) -> None:
        if self.down:
            raise Unreachable("The backend is down.")

    def _walk(self, root: Cid, *, fetch: bool) -> list[bytes]:
        return [self._block(cid, fetch=fetch) for cid in self._below(root, fetch=fetch)]

    def _below(self, root: Cid, *, fetch: bool = False) -> list[Cid]:
        found = [root]
        if root.codec != RAW:
            for link in decode_node(self._block(root, fetch=fetch)).links:
                found += self._below(link.cid, fetch=fetch)
        return found

    def _block(self, cid: Cid, *, fetch: bool) -> bytes:
        if cid not in self.blocks:
            if not fetch or cid not in self.network:
                raise NotHere(f"There is no block {cid}.")
            self.blocks[cid] = self.network[cid]
        return self.blocks[cid]
