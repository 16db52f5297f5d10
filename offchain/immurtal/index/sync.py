"""Keeps the tables equal to the chain: backfill of what is final, then block by block.

Everything is decided from the cursor in the database and from what the chain says now; between two
steps nothing is kept that a restart would miss. Model: Ponder's realtime sync (parent hashes) and
its checkpoints in the same transaction.
"""

import asyncio
import random
import time
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

import structlog

from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import RpcError, RpcLike
from immurtal.errors import BadInput, ImmurtalError, Unreachable, WrongNetwork
from immurtal.index import cursor as cursors
from immurtal.index import window
from immurtal.index.cursor import Cursor
from immurtal.index.database import Database
from immurtal.index.handlers import Contradiction
from immurtal.index.ranges import AdaptiveRange
from immurtal.index.source import FINALITY_DEPTH, Header, Ours, Source
from immurtal.index.tables import Tables

HEADERS_AT_ONCE: Final = 32
LONGEST_PAUSE: Final = 30.0  # seconds between tries while the chain cannot be read
REBUILD_AFTER: Final = 3  # steps in a row that found the tables past repair

log = structlog.get_logger(__name__)


State = Literal["syncing", "live", "degraded"]


class DeepReorganisation(ImmurtalError):
    """The chain left the tables' history below everything that can be taken back."""

    kind = "deep-reorganisation"


class Clock(Protocol):
    def now(self) -> int:
        """Whole seconds since 1970."""
        ...


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """journal_depth: blocks past final that can be taken back. finality_depth: blocks below the
    head that count as final where the endpoint knows no `finalized`. poll: seconds between looks
    at the head. stall: seconds after which an old head is called degraded; None: never (chains that
    mine on demand)."""

    journal_depth: int = 256
    finality_depth: int = FINALITY_DEPTH
    poll: float = 1.0
    stall: int | None = None


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """head, indexed, final: block numbers, None until known. since: when `state` began, seconds."""

    state: State
    since: int
    reason: str = ""
    head: int | None = None
    indexed: int | None = None
    final: int | None = None


class Indexer:
    """Call `run`, or `step` where each move is to be seen. `changed` is notified whenever tables or
    status changed; it only wakes whoever waits: the truth is in the tables."""

    def __init__(
        self,
        database: Database,
        rpc: RpcLike,
        deployment: Deployment,
        clock: Clock,
        settings: SyncSettings | None = None,
    ) -> None:
        self._settings = settings or SyncSettings()
        self._database = database
        self._deployment = deployment
        self._clock = clock
        ours = Ours(deployment)
        self._source = Source(rpc, ours, self._settings.finality_depth)
        self._tables = Tables(ours, self._settings.journal_depth)
        self._range = AdaptiveRange()
        self._checked = False
        self._status = SyncStatus("syncing", clock.now())
        self.changed = asyncio.Condition()
        self.new_head = asyncio.Event()
        """A hint that a look at the head is worth while, before the next poll."""

    @property
    def status(self) -> SyncStatus:
        return self._status

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Survives what the chain, its endpoints and the disk do; `status` says so.

        Raises WrongNetwork, BadInput: chain or database are not those that were meant.
        """
        failures = past_repair = 0
        while not stop.is_set():
            try:
                moved = await self.step()
                failures = past_repair = 0
                pause = 0.0 if moved else self._settings.poll
            except (WrongNetwork, BadInput):
                raise
            except Exception as error:
                failures += 1
                past_repair += isinstance(error, DeepReorganisation | Contradiction)
                await self._degraded(error)
                if past_repair >= REBUILD_AFTER:
                    await self.rebuild()
                    past_repair = 0
                pause = min(LONGEST_PAUSE, 2.0 ** min(failures, 5) / 4) * (1 + random.random() / 4)  # noqa: S311
            await self._pause(stop, pause)

    async def step(self) -> bool:
        """One look at the chain and what follows from it; whether the tables moved.

        Raises RpcError, Unreachable, IntegrityError, Contradiction, DeepReorganisation,
        CursorMoved, WrongNetwork, BadInput.
        """
        await self._check()
        head, final = await self._source.tip()
        at = await self._database.read(cursors.load) or await self._begin(head, final)
        if at.number < final - self._tables.keep:
            new = await self._backfill(at, final)
        elif at.number < head.number:
            new = await self._follow(at, head, final)
        else:
            new = await self._stay(at, head, final)
        await self._report(at, new, head)
        return (new.number, new.hash) != (at.number, at.hash)

    async def rebuild(self) -> None:
        """Empties the tables; the next steps fill them anew. Until then `Cursor.caught_up` is false
        and nobody lets anything go."""
        log.error("index-rebuild", reason=self._status.reason)
        await self._database.write(self._tables.clear)

    async def _check(self) -> None:
        """That chain and database are those of the deployment. Once."""
        if self._checked:
            return
        chain_id = await self._source.chain_id()
        if chain_id != self._deployment.chain_id:
            raise WrongNetwork(
                f"The RPC endpoint serves chain {chain_id}, not {self._deployment.chain_id}.",
                do="Configure an endpoint of the chain that the contracts are on.",
            )
        await self._database.read(cursors.check, self._deployment)
        self._checked = True

    async def _begin(self, head: Header, final: int) -> Cursor:
        """Before the oldest contract, and on final ground: below the base nothing can be undone."""
        base = await self._source.header(max(0, min(self._deployment.first_block - 1, final)))
        log.info("index-begins", block=base.number, head=head.number)
        return await self._database.write(self._tables.begin, self._deployment, base, final)

    async def _backfill(self, at: Cursor, final: int) -> Cursor:
        first = at.number + 1
        while True:
            last = min(final - self._tables.keep, at.number + self._range.size)
            started = time.monotonic()
            try:
                base, span = await self._source.span(first, last, at.number)
                break
            except RpcError as error:
                log.info("range-refused", blocks=last - first + 1, error=error.message)
                if not self._range.refused(last - first + 1):
                    raise
            except ImmurtalError:  # too slow, too large, or not to be reached: not at once again
                self._range.refused(last - first + 1)
                raise
        if base.hash != at.hash:
            return await self._take_back(at, base)
        self._range.answered(time.monotonic() - started, len(span.logs))
        return await self._database.write(self._tables.add_span, at, span, final)

    async def _follow(self, at: Cursor, head: Header, final: int) -> Cursor:
        """The next blocks, each in a transaction of its own."""
        first, last = at.number + 1, min(head.number, at.number + HEADERS_AT_ONCE)
        headers = [head] if first == head.number else await self._source.headers(first, last)
        if headers[0].parent != at.hash:
            return await self._take_back(at, await self._source.parent_of(headers[0]))
        for block in await self._source.blocks(headers):
            at = await self._database.write(self._tables.add_block, at, block, final)
        return at

    async def _stay(self, at: Cursor, head: Header, final: int) -> Cursor:
        """A head that is not above ours: the same, another branch, or an endpoint that lags."""
        ours = await self._database.read(window.hashes)
        if head.number < min(ours):
            raise Unreachable(
                f"The chain ends at block {head.number}, below all that can be compared with the "
                f"index ({min(ours)} to {at.number}).",
                do="Wait until the endpoint has caught up. If the chain was started anew, "
                "start the node with a new data folder.",
            )
        if ours[head.number] != head.hash:
            return await self._take_back(at, head)
        if final > at.final_number:
            return await self._database.write(self._tables.add_final, at, final)
        return at

    async def _take_back(self, at: Cursor, remote: Header) -> Cursor:
        """To the newest block that both `remote`'s branch and the tables have."""
        ours = await self._database.read(window.hashes)
        base = min(ours)
        while ours.get(remote.number) != remote.hash:
            if remote.number <= base:
                raise DeepReorganisation(
                    f"The chain was reorganised below block {base}, deeper than "
                    f"{self._tables.keep} blocks past final: the index must be rebuilt.",
                    saved="Pins, uploads and keys are not touched.",
                    do="Check that the RPC endpoint is on the right chain.",
                )
            remote = await self._source.parent_of(remote)
        depth = at.number - remote.number
        beyond_final = remote.number < at.final_number
        (log.error if beyond_final else log.info)(
            "reorganisation", depth=depth, ancestor=remote.number, final=at.final_number
        )
        return await self._database.write(self._tables.take_back, at, remote)

    async def _report(self, old: Cursor, at: Cursor, head: Header) -> None:
        age = self._clock.now() - head.timestamp
        state: State = "live"
        reason = ""
        if at.number < head.number:
            state = "syncing"
        elif self._settings.stall is not None and age > self._settings.stall:
            state, reason = "degraded", f"The newest block that is seen is {age} seconds old."
        seen = {"head": head.number, "indexed": at.number, "final": at.final_number}
        await self._tell(replace(self._status, state=state, reason=reason, **seen), moved=at != old)

    async def _degraded(self, error: Exception) -> None:
        known = isinstance(error, ImmurtalError)
        # what is not known may name files and statements: that is for the log, this for everyone
        reason = str(error) if known else f"{type(error).__name__}: the log says more."
        log.warning("index-degraded", reason=reason, exc_info=None if known else error)
        await self._tell(replace(self._status, state="degraded", reason=reason))

    async def _tell(self, status: SyncStatus, *, moved: bool = False) -> None:
        if status.state != self._status.state:
            status = replace(status, since=self._clock.now())
        moved = moved or status != self._status
        self._status = status
        if moved:
            async with self.changed:
                self.changed.notify_all()

    async def _pause(self, stop: asyncio.Event, seconds: float) -> None:
        """Until the time is over, a new head is hinted at, or `stop`."""
        if not seconds:
            return
        waits = [asyncio.ensure_future(event.wait()) for event in (stop, self.new_head)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            self.new_head.clear()
