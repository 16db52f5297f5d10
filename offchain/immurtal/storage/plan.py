"""The difference between what should be held and what is, and what to do about it. Pure."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum

from immurtal.storage.desired import Kind, Wanted


class State(StrEnum):
    QUEUED = "queued"
    PINNING = "pinning"
    PINNED = "pinned"
    FAILED = "failed"
    RELEASING = "releasing"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class PinRow:
    """What we know of one root that we pinned, or will. Times are seconds since 1970, sizes bytes.
    `unwanted_at`: the highest head when nobody wanted it any more. `release_after`: set once that
    is final; from then on it may go."""

    cid: str
    kind: Kind
    state: State = State.QUEUED
    attempts: int = 0
    next_retry: int = 0
    reason: str = ""
    bytes_done: int = 0
    bytes_total: int = 0
    unwanted_at: int | None = None
    release_after: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """When the plan is made: by the clock, and by the chain. `highest`: the highest head so far: in
    the middle of a reorganisation the head is lower than blocks that may come again. `grace`:
    seconds between a final withdrawal and the unpin; `orphan_grace`: for pins of our name that our
    table has lost."""

    now: int
    highest: int
    final: int
    grace: int
    orphan_grace: int


@dataclass(slots=True)
class Plan:
    """`changed`: rows to write. `start`: what to pin, in this order. `let_go`: what to unpin."""

    changed: list[PinRow] = field(default_factory=list)
    start: list[Wanted] = field(default_factory=list)
    let_go: list[PinRow] = field(default_factory=list)


def make_plan(
    desired: Mapping[str, Wanted],
    rows: Mapping[str, PinRow],
    pinned: Mapping[str, str],
    moment: Moment,
    *,
    ours: str,
    running: Set[str] = frozenset(),
    held_back: Set[str] = frozenset(),
) -> Plan:
    """`pinned`: names of the actual pins by CID; `ours`: what our names begin with. `running`: CIDs
    being pinned now. `held_back`: CIDs not to let go yet."""
    plan = Plan()
    start: list[tuple[PinRow, Wanted]] = []
    for cid, wanted in desired.items():
        before = rows.get(cid)
        row = _kept(before, wanted, held=cid in pinned, running=cid in running)
        if row is None:
            continue
        if row != before:
            plan.changed.append(row)
        if wanted.seen and cid not in running and _is_due(row, moment.now):
            start.append((row, wanted))
    plan.start = [wanted for _, wanted in sorted(start, key=_freshness)]
    for row in _unwanted(desired, rows, pinned, moment, ours):
        if row != rows.get(row.cid):
            plan.changed.append(row)
        is_final = row.release_after is not None and row.release_after <= moment.now
        if is_final and row.cid not in held_back:
            plan.let_go.append(row)
    return plan


def _kept(before: PinRow | None, wanted: Wanted, *, held: bool, running: bool) -> PinRow | None:
    """The row of something wanted; None where there is nothing to do for it."""
    is_here = held and wanted.known
    if before is None and not wanted.seen and not held:
        return None
    row = before or PinRow(wanted.cid, wanted.kind)
    row = replace(row, kind=wanted.kind, unwanted_at=None, release_after=None)
    if is_here:
        return replace(row, state=State.PINNED, attempts=0, next_retry=0, reason="")
    if running:
        return row
    if row.state in (State.PINNED, State.RELEASING, State.RELEASED):
        return replace(row, state=State.QUEUED, attempts=0, next_retry=0, reason="", bytes_done=0)
    return replace(row, state=State.QUEUED) if row.state is State.PINNING else row


def _is_due(row: PinRow, now: int) -> bool:
    return row.state in (State.QUEUED, State.FAILED) and row.next_retry <= now


def _freshness(entry: tuple[PinRow, Wanted]) -> tuple[bool, bool, int, int]:
    """What was not tried yet first; of that what is small, then the newest."""
    row, wanted = entry
    is_large = wanted.kind is Kind.RELEASE
    return row.attempts > 0, is_large, row.attempts, -wanted.block


def _unwanted(
    desired: Mapping[str, Wanted],
    rows: Mapping[str, PinRow],
    pinned: Mapping[str, str],
    moment: Moment,
    ours: str,
) -> Iterator[PinRow]:
    """Rows of what nobody wants, and when each may go; pins that our table has lost too."""
    for cid, row in rows.items():
        is_gone = row.state is State.RELEASED and not pinned.get(cid, "").startswith(ours)
        if cid in desired or is_gone:
            continue
        since = moment.highest if row.unwanted_at is None else row.unwanted_at
        after = row.release_after
        if after is None and moment.final >= since:
            after = moment.now + moment.grace
        yield replace(row, unwanted_at=since, release_after=after)
    for cid, name in pinned.items():
        if name.startswith(ours) and cid not in desired and cid not in rows:
            after = moment.now + max(moment.grace, moment.orphan_grace)
            kind = _kind_of(name.removeprefix(ours))
            yield PinRow(cid, kind, State.PINNED, unwanted_at=moment.highest, release_after=after)


def _kind_of(name: str) -> Kind:
    return Kind(name) if name in set(Kind) else Kind.RELEASE
