"""X1 and X2 in small: after any sequence of blocks, reorganisations, failing calls, crashes between
two SQL statements and restarts, the index tables equal those of a fresh index over the same chain,
row by row, at the same head and final height; and both say what the contracts would."""

import asyncio
import contextlib
import itertools
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fake_chain import FakeChain
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from index_world import (
    SHALLOW,
    check_against_model,
    dump,
    indexer,
    opened,
    rows,
    settle,
)

from immurtal.errors import ImmurtalError
from immurtal.index import schema, tables
from immurtal.index.database import Database
from immurtal.index.sync import Indexer

DEPTH = 10  # SHALLOW has 3 blocks to final, and can undo 8 below it


@dataclass(frozen=True)
class Round:
    """`mined` blocks; `steps` of an index that dies before its `crash`th SQL statement and whose
    endpoint fails `unreachable` times; then the newest `undone` blocks give way to `instead`."""

    mined: int
    steps: int
    crash: int | None
    unreachable: int
    restart: bool
    undone: int
    instead: int


rounds = st.builds(
    Round,
    mined=st.integers(0, 25),
    steps=st.integers(0, 5),
    crash=st.none() | st.integers(0, 60),
    unreachable=st.integers(0, 2),
    restart=st.booleans(),
    undone=st.integers(0, DEPTH),
    instead=st.integers(0, DEPTH + 3),
)


class Crashed(Exception):
    """The process died here."""


class Crash:
    """Dies before the n-th SQL statement of the engine, once."""

    def __init__(self, database: Database) -> None:
        self._left: int | None = None
        sa.event.listen(database.engine, "before_cursor_execute", self._count)

    def after(self, statements: int | None) -> None:
        self._left = statements

    def _count(self, *_: Any) -> None:
        if self._left is None:
            return
        if self._left == 0:
            self._left = None
            raise Crashed
        self._left -= 1


async def step(index: Indexer) -> None:
    with contextlib.suppress(Crashed, ImmurtalError):
        await index.step()


async def live_through(history: list[Round], chain: FakeChain, path: Path) -> None:
    with opened(path) as database:
        crash, index = Crash(database), indexer(database, chain)
        for each in history:
            chain.mine(each.mined)
            chain.unreachable = each.unreachable
            crash.after(each.crash)
            for _ in range(each.steps):
                await step(index)
            if each.restart:
                index = indexer(database, chain)
            # What lies deeper below final than the journal is no longer undone, but rebuilt.
            deepest = max(0, chain.final - SHALLOW.journal_depth)
            chain.reorganise(min(each.undone, chain.head.number - deepest), each.instead)
        crash.after(None)
        chain.unreachable = 0
        chain.mine(DEPTH)  # so that the head is above whatever was seen
        await settle(index)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
@given(seed=st.integers(0, 2**32), history=st.lists(rounds, min_size=1, max_size=5))
def test_index_equals_a_fresh_one_whatever_happened(seed: int, history: list[Round]) -> None:
    chain = FakeChain(seed)
    with tempfile.TemporaryDirectory() as folder:
        lived, fresh = Path(folder, "lived.db"), Path(folder, "fresh.db")
        asyncio.run(live_through(history, chain, lived))
        with opened(lived) as one, opened(fresh) as other:
            asyncio.run(settle(indexer(other, chain)))
            assert dump(one) == dump(other)
            check_against_model(one, chain.head.story.model)
            window = [(b.number, b.hash) for b in rows(one, schema.blocks)]
            numbers = [number for number, _ in window]
            assert numbers == list(range(numbers[0], chain.head.number + 1))
            assert all(chain.branch[number].hash == digest for number, digest in window)


def test_the_property_meets_what_it_speaks_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One life of the kind above, counted: blocks taken back, rows restored, ranges backfilled."""
    seen: Counter[str] = Counter()

    def undo(connection: sa.Connection, block: int) -> None:
        journal = schema.journal.c
        found = connection.execute(sa.select(journal.before).where(journal.block == block)).all()
        seen["blocks"] += 1
        seen["restored"] += sum(row.before is not None for row in found)
        real(connection, block)

    real = tables.journal.undo
    monkeypatch.setattr(tables.journal, "undo", undo)
    each = Round(25, 5, None, 0, True, DEPTH, DEPTH)
    chain = FakeChain(3)
    asyncio.run(live_through([each] * 4, chain, tmp_path / "lived.db"))
    assert seen["blocks"] >= 3 * DEPTH
    assert seen["restored"] >= DEPTH


def test_the_crash_crashes(tmp_path: Path) -> None:
    """Otherwise the property above would prove less than it says."""
    chain = FakeChain(7)
    chain.mine(20)
    for statements in itertools.count():
        with opened(tmp_path / f"{statements}.db") as database:
            Crash(database).after(statements)
            try:
                asyncio.run(indexer(database, chain).step())
            except Crashed:
                continue
            break
    assert statements > 10
