"""Makes the actual pins the desired ones, over and over: level-triggered.

An event only wakes the loop; what it does follows from the tables and the backend alone, so a lost
event costs time, never a pin.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import structlog

from immurtal.config import PinPolicy
from immurtal.content.cid import parse_cid, release_cid
from immurtal.content.encoding import hex32
from immurtal.errors import ImmurtalError
from immurtal.storage.backend import PinBackend
from immurtal.storage.desired import ChainState, Content, Kind, Wanted, desired_pins
from immurtal.storage.ledger import Ledger
from immurtal.storage.obtain import Obtain
from immurtal.storage.plan import Moment, PinRow, Plan, State, make_plan

Source = Callable[[], Awaitable[ChainState]]
Clock = Callable[[], int]

SHORTEST_PAUSE: Final = 0.2
"""Seconds between two passes, however often the loop is woken."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Times in seconds. `grace`: between a final withdrawal and the unpin. `orphan_grace`: for pins
    of ours that the table has lost. `period`: between passes that nothing wakes. `listing`: age at
    which the list of actual pins is read anew. `patience`: how long collecting waits for pins that
    run. `at_once`: pins that run at the same time."""

    grace: int = 7 * 86_400
    orphan_grace: int = 7 * 86_400
    period: float = 10
    listing: float = 60
    patience: float = 30
    first_retry: int = 2
    longest_retry: int = 600
    at_once: int = 4


class Reconciler:
    """`ours`: what the names of our pins begin with. `keep`: held while blocks are here that no pin
    protects yet; collecting waits for it."""

    def __init__(
        self,
        *,
        backend: PinBackend,
        ledger: Ledger,
        obtain: Obtain,
        source: Source,
        policy: PinPolicy,
        ours: str,
        keep: asyncio.Lock,
        pace: Pace,
        clock: Clock = lambda: int(time.time()),
    ) -> None:
        self._backend = backend
        self._ledger = ledger
        self._obtain = obtain
        self._source = source
        self._policy = policy
        self._ours = ours
        self._keep = keep
        self._pace = pace
        self._clock = clock
        self._woken = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._bytes: dict[str, int] = {}
        self._listed: dict[str, str] | None = None
        self._listed_at = 0.0
        self._rubbish = False
        self.problem = ""
        """Why the last pass failed; empty if it did not."""

    def wake(self) -> None:
        """Something may have changed: look soon."""
        self._woken.set()

    def collect_soon(self) -> None:
        """Blocks that no pin needs are here: remove them in the next pass."""
        self._rubbish = True
        self.wake()

    def bytes_done(self, cid: str) -> int | None:
        """How far the pin of `cid` is, while it runs."""
        return self._bytes.get(cid)

    async def run(self, stop: asyncio.Event) -> None:
        """Passes until `stop`; pins under way are then left for the next start."""
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self._woken.clear()
                await self._safe_pass()
                woken = asyncio.create_task(self._woken.wait())
                await asyncio.wait({stopped}, timeout=SHORTEST_PAUSE)
                await asyncio.wait(
                    {stopped, woken},
                    timeout=await self._pause(),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                woken.cancel()
        finally:
            stopped.cancel()
            await self._cancel(set(self._running))

    async def pass_once(self) -> None:
        """One comparison, and what follows from it: pins are started, what must go is gone."""
        state = await self._source()
        contents = await self._ledger.contents()
        desired = desired_pins(state, await self._ledger.accepted(), contents, self._policy)
        rows = await self._ledger.pins()
        plan = make_plan(
            desired,
            rows,
            await self._pinned(),
            Moment(
                self._clock(),
                state.head,
                state.final,
                self._pace.grace,
                self._pace.orphan_grace,
            ),
            ours=self._ours,
            running=self._running.keys(),
            held_back=await self._held_back(desired, contents),
        )
        await self._ledger.save_pins(self._with_progress(plan, rows))
        await self._cancel(self._running.keys() - {w.cid for w in desired.values() if w.seen})
        self._start(plan)
        if plan.let_go or self._rubbish:
            await self._let_go(plan.let_go, desired, contents)

    async def settle(self) -> None:
        """Waits for the pins that run now."""
        if self._running:
            await asyncio.wait(self._running.values())

    async def _safe_pass(self) -> None:
        try:
            await self.pass_once()
        except ImmurtalError as error:
            self._listed = None
            if error.what != self.problem:
                log.warning("reconcile-failed", problem=error.what)
            self.problem = error.what
        except Exception as error:
            self._listed = None
            self.problem = f"{type(error).__name__}: {error}"
            log.exception("reconcile-failed")
        else:
            self.problem = ""

    async def _pause(self) -> float:
        """Seconds until there is something to do by the clock."""
        now = self._clock()
        due = [
            row.release_after if row.release_after is not None else row.next_retry
            for row in (await self._ledger.pins()).values()
            if row.state is State.FAILED or row.release_after is not None
        ]
        soonest = min((at - now for at in due if at > now), default=self._pace.period)
        return min(self._pace.period, max(0.0, float(soonest)))

    async def _pinned(self) -> dict[str, str]:
        """Actual pins by CID: one streamed listing, kept up by what we do ourselves meanwhile."""
        now = time.monotonic()
        if self._listed is None or now - self._listed_at > self._pace.listing:
            self._listed = {pin.cid: pin.name async for pin in self._backend.list_pins()}
            self._listed_at = now
        return self._listed

    async def _held_back(
        self, desired: dict[str, Wanted], contents: dict[str, Content]
    ) -> frozenset[str]:
        """Older releases of certificates whose wanted release is being uploaded: the upload may
        count on blocks that both have."""
        waiting = {
            upload.certificate
            for upload in await self._ledger.uploads()
            if release_cid(bytes.fromhex(upload.release[2:])) in desired
        }
        return frozenset(
            release_cid(bytes.fromhex(content.release[2:]))
            for content in contents.values()
            if content.certificate in waiting
        )

    def _with_progress(self, plan: Plan, rows: dict[str, PinRow]) -> list[PinRow]:
        changed = {row.cid: row for row in plan.changed}
        for cid, done in self._bytes.items():
            row = changed.get(cid) or rows.get(cid)
            if row is not None and row.bytes_done != done and cid in self._running:
                changed[cid] = replace(row, bytes_done=done)
        return list(changed.values())

    def _start(self, plan: Plan) -> None:
        free = self._pace.at_once - len(self._running)
        for wanted in plan.start[: max(0, free)]:
            task = asyncio.create_task(self._hold(wanted), name=f"pin {wanted.cid}")
            self._running[wanted.cid] = task
            task.add_done_callback(lambda _, cid=wanted.cid: self._ended(cid))

    def _ended(self, cid: str) -> None:
        self._running.pop(cid, None)
        self._bytes.pop(cid, None)
        self.wake()

    async def _hold(self, wanted: Wanted) -> None:
        row = await self._ledger.pin(wanted.cid) or PinRow(wanted.cid, wanted.kind)
        row = replace(row, state=State.PINNING, reason="")
        await self._ledger.save_pins([row])
        try:
            row = await self._obtained(wanted, row)
        except asyncio.CancelledError:
            await self._ledger.save_pins([replace(row, state=State.QUEUED)])
            raise
        except ImmurtalError as error:
            row = self._failed(row, error.what)
        except Exception as error:
            log.exception("pin-failed", cid=wanted.cid)
            row = self._failed(row, f"{type(error).__name__}: {error}")
        await self._ledger.save_pins([row])

    async def _obtained(self, wanted: Wanted, row: PinRow) -> PinRow:
        if wanted.kind in (Kind.RELEASE, Kind.LOOK):
            release = hex32(parse_cid(wanted.cid).digest)
            content = await self._obtain.content(release, wanted)
            row = replace(row, bytes_total=content.size)
            if wanted.kind is Kind.LOOK:
                return replace(row, state=State.QUEUED)
            await self._obtain.release(
                content, wanted, lambda done: self._bytes.__setitem__(wanted.cid, done)
            )
        else:
            await self._obtain.file(wanted)
        name = await self._backend.pin_name(wanted.cid)
        if self._listed is not None and name is not None:
            self._listed[wanted.cid] = name
        log.info("pinned", cid=wanted.cid, kind=wanted.kind)
        return replace(
            row,
            state=State.PINNED,
            attempts=0,
            next_retry=0,
            reason="",
            bytes_done=row.bytes_total,
        )

    def _failed(self, row: PinRow, reason: str) -> PinRow:
        delay = min(self._pace.first_retry * 2 ** min(row.attempts, 20), self._pace.longest_retry)
        delay = max(1, round(delay * random.uniform(0.8, 1.2)))  # noqa: S311 (spreads load)
        log.info("pin-waits", cid=row.cid, kind=row.kind, reason=reason, seconds=delay)
        return replace(
            row,
            state=State.FAILED,
            attempts=row.attempts + 1,
            next_retry=self._clock() + delay,
            reason=reason[:500],
        )

    async def _let_go(
        self, rows: list[PinRow], desired: dict[str, Wanted], contents: dict[str, Content]
    ) -> None:
        await self._cancel({row.cid for row in rows})
        await self._save_files_of(rows, desired, contents)
        rows = [replace(row, state=State.RELEASING) for row in rows]
        await self._ledger.save_pins(rows)
        for row in rows:
            await self._unpin(row.cid)
        if self._backend.owned:
            await self._collect()
        await self._ledger.save_pins(
            [replace(row, state=State.RELEASED, bytes_done=0, reason="") for row in rows]
        )
        for row in rows:
            log.info("released", cid=row.cid, kind=row.kind)

    async def _save_files_of(
        self, rows: list[PinRow], desired: dict[str, Wanted], contents: dict[str, Content]
    ) -> None:
        """Pins the files that outlast their release while its blocks are still here."""
        going = {row.cid for row in rows}
        pinned = await self._pinned()
        for content in contents.values():
            if release_cid(bytes.fromhex(content.release[2:])) not in going:
                continue
            for cid in (content.keys, content.metadata):
                if cid in desired and cid not in pinned:
                    with suppress(ImmurtalError):  # the pin's own attempts tell why
                        await self._obtain.pin_local(desired[cid])

    async def _unpin(self, cid: str) -> None:
        """Undoes our own pin; another's stays."""
        name = await self._backend.pin_name(cid)
        if name is not None and name.startswith(self._ours):
            await self._backend.unpin(cid)
        if self._listed is not None:
            self._listed.pop(cid, None)

    async def _collect(self) -> None:
        """Removes what no pin needs. Pins under way would make Kubo wait, so they end first."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=self._pace.patience)
        await self._cancel(set(self._running))
        async with self._keep:
            await self._backend.collect()
        self._rubbish = False

    async def _cancel(self, cids: set[str]) -> None:
        tasks = [task for cid, task in self._running.items() if cid in cids]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
