"""Getting one wanted root here, looked into first and then pinned; bounded in time and in bytes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from immurtal.content.cid import check_block, parse_cid
from immurtal.content.unixfs import LEAF
from immurtal.errors import NotAccepted
from immurtal.storage.backend import NotHere, PinBackend, Progress
from immurtal.storage.desired import Content, Kind, Wanted
from immurtal.storage.examine import (
    Registry,
    examine,
    found_blocks,
    local_blocks,
    most_blocks,
)
from immurtal.storage.ledger import Ledger

PeersOf = Callable[[frozenset[str]], Awaitable[Sequence[str]]]
"""Certificates → multiaddresses of nodes that may hold their releases, each with /p2p/…"""

SLACK_BYTES: Final = 1024 * 1024
"""What a release may have beyond the size that its root says."""


class TooLarge(NotAccepted):
    """Beyond what this node takes."""

    kind = "too-large"


@dataclass(frozen=True, slots=True)
class Limits:
    """`release_bytes`: of one release. `block_seconds`: how long to wait for one block of a release
    that is looked into; four times that for the whole look."""

    release_bytes: int
    block_seconds: float = 15


class Obtain:
    """Raises `NotHere`, `Stalled`: not to be had now. `TooLarge`, `NotAccepted`: not taken."""

    def __init__(
        self,
        backend: PinBackend,
        ledger: Ledger,
        registry: Registry,
        limits: Limits,
        peers_of: PeersOf,
        names: str,
    ) -> None:
        self._backend = backend
        self._ledger = ledger
        self._registry = registry
        self._limits = limits
        self._peers_of = peers_of
        self._names = names

    async def content(self, release: str, wanted: Wanted) -> Content:
        """What is in the release, looked up or learned."""
        known = await self._ledger.content(release)
        if known is not None:
            return known
        try:
            content = await examine(local_blocks(self._backend), release, self._registry)
        except NotHere:
            await self._meet_peers(wanted)
            content = await self._examine_anywhere(release)
        await self._ledger.save_content(content)
        return content

    async def release(
        self, content: Content, wanted: Wanted, progress: Callable[[int], None]
    ) -> None:
        """Pins the whole release; `progress` is told the bytes that are here."""
        if content.certificate not in wanted.certificates:
            raise NotAccepted("Its metadata.json does not name this certificate.")
        self.check_size(content)

        def metered(blocks: int, done: int) -> None:
            if done > content.size + SLACK_BYTES:
                raise TooLarge(f"The release has more than the {content.size} bytes it names.")
            if blocks > most_blocks(content.size):
                raise TooLarge("The release has more blocks than one of its size.")
            progress(done)

        await self._pin(wanted, metered)

    async def file(self, wanted: Wanted) -> None:
        """Pins one file: keys.json, metadata.json, or terms."""
        if wanted.kind is Kind.METADATA:  # whose size `examine` has checked
            await self._pin(wanted, None)
        else:
            await self._check_leaf(wanted)
            await self.pin_here(wanted)

    async def pin_here(self, wanted: Wanted) -> None:
        """Pins what is here whole. Another's pin of it does as well, and is left as it is."""
        await self._pin_under_our_name(wanted, None)

    def check_size(self, content: Content) -> None:
        if content.size > self._limits.release_bytes:
            raise TooLarge(
                f"The release has {content.size} bytes; this node takes"
                f" {self._limits.release_bytes} at most.",
                do="Choose other nodes, or smaller variants.",
            )

    async def _pin(self, wanted: Wanted, progress: Progress | None) -> None:
        """Whoever may have what is missing is met beside it: what is here needs nobody."""
        meeting = asyncio.create_task(self._meet_peers(wanted))
        try:
            await self._pin_under_our_name(wanted, progress)
        finally:
            meeting.cancel()
            await asyncio.gather(meeting, return_exceptions=True)

    async def _pin_under_our_name(self, wanted: Wanted, progress: Progress | None) -> None:
        if await self._backend.pin_name(wanted.cid) is None:
            await self._backend.pin(wanted.cid, self._names + wanted.kind, progress)

    async def _check_leaf(self, wanted: Wanted) -> None:
        cid = parse_cid(wanted.cid)
        try:
            block = await self._backend.get_block(wanted.cid)
        except NotHere:
            await self._meet_peers(wanted)
            seconds = self._limits.block_seconds
            block = await self._backend.get_block(wanted.cid, within=seconds)
        check_block(cid, block)
        if len(block) > LEAF:
            raise TooLarge(f"{wanted.kind} {wanted.cid} has {len(block)} bytes, not one leaf.")

    async def _examine_anywhere(self, release: str) -> Content:
        seconds = self._limits.block_seconds
        try:
            async with asyncio.timeout(4 * seconds):
                return await examine(found_blocks(self._backend, seconds), release, self._registry)
        except NotHere as error:
            raise NotHere("Not uploaded here yet, and no peer has it.") from error
        except TimeoutError as error:
            raise NotHere("The release's first blocks take too long to arrive.") from error

    async def _meet_peers(self, wanted: Wanted) -> None:
        await self._backend.connect(await self._peers_of(wanted.certificates))


def nobody() -> PeersOf:
    """Where no peers are known."""

    async def none(_: frozenset[str]) -> Sequence[str]:
        return ()

    return none
