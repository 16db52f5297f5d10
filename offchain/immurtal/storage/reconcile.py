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
from functools import partial
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
COLLECT_RETRY: Final = 60
"""Seconds until a collection that failed is tried again: it stops the pins that run."""

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
    at_once: int = 8


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
        self._meanwhile: dict[str, str | None] = {}
        self._highest = 0
        self._rubbish = False
        self._collect_from = 0.0
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

    async def arrived(self, cid: str, kind: Kind, size: int) -> None:
        """Something was brought here and pinned: the table says so at once."""
        self.note_pin(cid, await self._backend.pin_name(cid))
        await self._ledger.change_pin(PinRow(cid, kind), lambda row: _done(row, State.PINNED, size))
        self.wake()

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
        """One comparison, and what follows from it: what must go is gone, pins are started."""
        state = await self._source()
        self._highest = max(self._highest, state.head)
        contents = await self._ledger.contents()
        desired = desired_pins(state, await self._ledger.accepted(), contents, self._policy)
        await self._cancel(self._running.keys() - {w.cid for w in desired.values() if w.seen})
        await self._ledger.note_progress(self._bytes)
        plan = await self._plan(state, desired, await self._held_back(desired, contents))
        if (plan.let_go or self._rubbish) and time.monotonic() >= self._collect_from:
            await self._let_go(plan.let_go, desired, contents)
        self._start(plan)

    async def _plan(
        self, state: ChainState, desired: dict[str, Wanted], held_back: frozenset[str]
    ) -> Plan:
        pace = self._pace
        now, highest = self._clock(), self._highest
        moment = Moment(now, highest, state.final, pace.grace, pace.orphan_grace)
        running = frozenset(self._running)  # both as of now: the plan is made in a thread
        pinned = dict(await self._pinned())
        return await self._ledger.revise_pins(
            lambda rows: make_plan(
                desired,
                rows,
                pinned,
                moment,
                ours=self._ours,
                running=running,
                held_back=held_back,
            )
        )

    async def settle(self) -> None:
        """Waits for the pins that run now."""
        if self._running:
            await asyncio.wait(self._running.values())

    async def _safe_pass(self) -> None:
        try:
            await self.pass_once()
        except ImmurtalError as error:
            self._lost_sight()
            if error.what != self.problem:
                log.warning("reconcile-failed", problem=error.what)
            self.problem = error.what
        except Exception as error:
            self._lost_sight()
            self.problem = f"{type(error).__name__}: the log says more."  # everyone may read it
            log.exception("reconcile-failed")
        else:
            self.problem = ""

    def _lost_sight(self) -> None:
        """Nobody knows what became of the backend's pins meanwhile: they are listed anew, and what
        lost its pin unseen is collected."""
        self._listed = None
        self._rubbish = self._backend.owned

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
            self._meanwhile = {}
            listed = {pin.cid: pin.name async for pin in self._backend.list_pins()}
            self._listed, self._listed_at = listed, now
            for cid, name in self._meanwhile.items():
                self.note_pin(cid, name)
        return self._listed

    def note_pin(self, cid: str, name: str | None) -> None:
        """What we did ourselves: `cid` is pinned as `name`, or (None) no longer."""
        self._meanwhile[cid] = name
        if self._listed is None:
            return
        if name is None:
            self._listed.pop(cid, None)
        else:
            self._listed[cid] = name

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

    def _start(self, plan: Plan) -> None:
        free = self._pace.at_once - len(self._running)
        for wanted in plan.start[: max(0, free)]:
            task = asyncio.create_task(self._hold(wanted), name=f"pin {wanted.cid}")
            self._running[wanted.cid] = task
            task.add_done_callback(partial(self._ended, wanted.cid))

    def _ended(self, cid: str, _: asyncio.Task[None]) -> None:
        self._running.pop(cid, None)
        self._bytes.pop(cid, None)
        self.wake()

    async def _hold(self, wanted: Wanted) -> None:
        row = PinRow(wanted.cid, wanted.kind)
        await self._ledger.change_pin(row, lambda r: replace(r, state=State.PINNING, reason=""))
        try:
            total = await self._obtained(wanted)
        except asyncio.CancelledError:
            await self._ledger.change_pin(row, lambda r: replace(r, state=State.QUEUED))
            raise
        except ImmurtalError as error:
            await self._fail(row, error.what)
        except Exception as error:
            log.exception("pin-failed", cid=wanted.cid)
            await self._fail(row, f"{type(error).__name__}: the log says more.")
        else:
            state = State.QUEUED if wanted.kind is Kind.LOOK else State.PINNED
            await self._ledger.change_pin(row, lambda r: _done(r, state, total))
            log.info("pinned", cid=wanted.cid, kind=wanted.kind)

    async def _obtained(self, wanted: Wanted) -> int:
        """Bytes, as far as they are known."""
        total = 0
        if wanted.kind in (Kind.RELEASE, Kind.LOOK):
            release = hex32(parse_cid(wanted.cid).digest)
            content = await self._obtain.content(release, wanted)
            total = content.size
            if wanted.kind is Kind.LOOK:
                return total
            await self._obtain.release(
                content, wanted, partial(self._bytes.__setitem__, wanted.cid)
            )
        else:
            await self._obtain.file(wanted)
        self.note_pin(wanted.cid, await self._backend.pin_name(wanted.cid))
        return total

    async def _fail(self, row: PinRow, reason: str) -> None:
        now, pace = self._clock(), self._pace
        spread = random.uniform(0.8, 1.2)  # noqa: S311 (not a secret: it spreads load)

        def failed(before: PinRow) -> PinRow:
            delay = min(pace.first_retry * 2 ** min(before.attempts, 20), pace.longest_retry)
            return replace(
                before,
                state=State.FAILED,
                attempts=before.attempts + 1,
                next_retry=now + max(1, round(delay * spread)),
                reason=reason[:500],
            )

        await self._ledger.change_pin(row, failed)
        log.info("pin-waits", cid=row.cid, kind=row.kind, reason=reason)

    async def _let_go(
        self, rows: list[PinRow], desired: dict[str, Wanted], contents: dict[str, Content]
    ) -> None:
        await self._cancel({row.cid for row in rows})
        await self._save_files_of(rows, desired, contents)
        for row in rows:
            await self._ledger.change_pin(row, lambda r: replace(r, state=State.RELEASING))
            await self._unpin(row.cid)
        if self._backend.owned:
            await self._collect()
        self._rubbish = False
        for row in rows:
            await self._ledger.change_pin(
                row, lambda r: replace(r, state=State.RELEASED, bytes_done=0, reason="")
            )
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
                        if await self._backend.has_all(cid):
                            await self._obtain.pin_here(desired[cid])

    async def _unpin(self, cid: str) -> None:
        """Undoes our own pin; another's stays."""
        name = await self._backend.pin_name(cid)
        if name is not None and name.startswith(self._ours):
            await self._backend.unpin(cid)
            self.note_pin(cid, None)

    async def _collect(self) -> None:
        """Removes what no pin needs. Pins under way would make Kubo wait: those that move may end
        first, and all that are left begin anew afterwards."""
        moving = [task for cid, task in self._running.items() if cid in self._bytes]
        if moving:
            await asyncio.wait(moving, timeout=self._pace.patience)
        await self._cancel(set(self._running))
        self._collect_from = time.monotonic() + COLLECT_RETRY
        async with self._keep:
            await self._backend.collect()
        self._collect_from = 0.0

    async def _cancel(self, cids: set[str]) -> None:
        tasks = [task for cid, task in self._running.items() if cid in cids]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _done(row: PinRow, state: State, total: int) -> PinRow:
    return replace(
        row,
        state=state,
        attempts=0,
        next_retry=0,
        reason="",
        bytes_done=total if state is State.PINNED else 0,
        bytes_total=total,
    )
