"""Schema and migrations, rooms apart, every event handled, and the numbers that must stay whole."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from index_world import opened

from immurtal.chain.abi import CONTRACTS, contract_abi
from immurtal.errors import BadInput
from immurtal.index import schema
from immurtal.index.bloom import bits, bloom_of, may_hold
from immurtal.index.database import INDEX, Database, Room, open_database
from immurtal.index.handlers import HANDLERS, IGNORED
from immurtal.index.ranges import FIRST, WIDEST, AdaptiveRange
from immurtal.index.rows import Rows, insert, put, remove

REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "other_0001"
down_revision = None


def upgrade() -> None:
    op.create_table("others", sa.Column("id", sa.Integer, primary_key=True))
    {fail}
"""


def room(folder: Path, fail: str = "") -> Room:
    folder.mkdir()
    (folder / "0001_other.py").write_text(REVISION.format(fail=fail))
    return Room("other", folder)


def names(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(sa.inspect(connection).get_table_names())


def test_every_event_of_ours_is_handled_or_ignored_on_purpose() -> None:
    events = {(c, e["name"]) for c in CONTRACTS for e in contract_abi(c) if e["type"] == "event"}
    assert {*HANDLERS, *IGNORED} == events
    assert not IGNORED & set(HANDLERS)


def test_the_migrations_make_the_schema(tmp_path: Path) -> None:
    with opened(tmp_path / "index.db") as database, database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "index_version"})
        metadata = [schema.metadata, schema.bookkeeping]
        assert compare_metadata(context, metadata) == []  # type: ignore[arg-type]


def test_no_row_knows_the_time_it_was_written_at() -> None:
    for table in schema.TABLES.values():
        for column in table.columns:
            assert column.default is None
            assert column.server_default is None
            assert column.autoincrement is not True
        assert not table.foreign_keys


class TestRooms:
    def test_another_room_brings_its_own_revisions(self, tmp_path: Path) -> None:
        rooms = (INDEX, room(tmp_path / "other"))
        database = open_database(tmp_path / "node.db", rooms)
        assert {"others", "certificates", "index_version", "other_version"} <= names(database)
        database.upgrade()
        database.close()
        with opened(tmp_path / "node.db") as alone:  # the index alone opens it too
            assert "others" in names(alone)

    def test_a_migration_that_fails_leaves_nothing(self, tmp_path: Path) -> None:
        fail = 'op.execute("nonsense")'
        with pytest.raises(BadInput, match=r"cannot be brought to this version \(other\)"):
            open_database(tmp_path / "node.db", (room(tmp_path / "other", fail),))
        with sqlite3.connect(tmp_path / "node.db") as connection:
            assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []

    def test_a_database_of_a_later_version_is_refused(self, tmp_path: Path) -> None:
        with opened(tmp_path / "index.db") as database, database.writing() as connection:
            connection.execute(sa.text("UPDATE index_version SET version_num = 'index_9999'"))
        with pytest.raises(BadInput, match="index_9999"):
            open_database(tmp_path / "index.db")

    def test_a_file_that_is_no_database_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "index.db"
        path.write_bytes(b"song" * 4096)
        with pytest.raises(BadInput, match="not a database"):
            open_database(path)
        assert path.read_bytes() == b"song" * 4096


class TestDatabase:
    async def test_a_failed_write_leaves_nothing(self, tmp_path: Path) -> None:
        def half(connection: sa.Connection) -> None:
            connection.execute(sa.insert(schema.splits).values(address="0x1", block=1, log_index=1))
            raise RuntimeError("half-way")

        with opened(tmp_path / "index.db") as database:
            with pytest.raises(RuntimeError, match="half-way"):
                await database.write(half)
            count = sa.select(sa.func.count()).select_from(schema.splits)
            assert await database.read(lambda c: c.execute(count).scalar()) == 0

    async def test_a_reader_keeps_its_snapshot_while_others_write(self, tmp_path: Path) -> None:
        count = sa.select(sa.func.count()).select_from(schema.splits)
        row = {"block": 1, "log_index": 1}
        add = sa.insert(schema.splits)
        with opened(tmp_path / "index.db") as database:
            with database.reading() as reader:
                assert reader.execute(count).scalar() == 0
                await database.write(lambda c: c.execute(add.values(address="0x1", **row)))
                assert reader.execute(count).scalar() == 0
            assert await database.read(lambda c: c.execute(count).scalar()) == 1

    async def test_writers_wait_for_each_other(self, tmp_path: Path) -> None:
        counter = sa.select(schema.cursor.c.number)

        def more(connection: sa.Connection) -> None:
            number = connection.execute(counter).scalar_one()
            connection.execute(sa.update(schema.cursor).values(number=number + 1))

        def start(connection: sa.Connection) -> None:
            row = {"id": 0, "chain_id": 1, "contracts": "", "hash": "", "final_number": 0}
            connection.execute(sa.insert(schema.cursor).values(number=0, **row))

        with opened(tmp_path / "index.db") as database, opened(tmp_path / "index.db") as other:
            await database.write(start)
            writes = [d.write(more) for d in (database, other) for _ in range(20)]
            await asyncio.gather(*writes)
            assert await database.read(lambda c: c.execute(counter).scalar()) == 40


@given(st.lists(st.integers(0, 2**256 - 1), min_size=2, max_size=20))
def test_amounts_stay_whole_and_sort_as_numbers(values: list[int]) -> None:
    kind = schema.Uint(schema.UINT256_DIGITS)
    dialect: Any = None
    stored = [kind.process_bind_param(value, dialect) for value in values]
    assert all(text is not None and len(text) == 78 for text in stored)
    assert [kind.process_result_value(text, dialect) for text in stored] == values
    assert [int(text or "") for text in sorted(filter(None, stored))] == sorted(values)


class TestRows:
    """Reads see what was changed before them; what ends as it began is not written."""

    def test_changes_are_seen_then_written_at_once(self, tmp_path: Path) -> None:
        with opened(tmp_path / "index.db") as database, database.writing() as connection:
            rows = Rows(connection)
            rows.apply(insert(schema.splits, address="0x1", block=1, log_index=0))
            rows.apply(put(schema.splits, address="0x1", block=2, log_index=0))
            assert rows.get(schema.splits, ("0x1",)) == {
                "address": "0x1",
                "block": 2,
                "log_index": 0,
            }
            rows.apply(put(schema.splits, address="0x2", block=1, log_index=0))
            rows.apply(remove(schema.splits, ("0x2",)))
            assert [key for _, key, _ in rows.changed()] == [("0x1",)]
            rows.flush()
            found = connection.execute(sa.select(schema.splits)).all()
            assert [tuple(row) for row in found] == [("0x1", 2, 0)]

    def test_a_new_row_that_is_there_already_fails(self, tmp_path: Path) -> None:
        new = insert(schema.splits, address="0x1", block=1, log_index=0)
        with opened(tmp_path / "index.db") as database, database.writing() as connection:
            rows = Rows(connection)
            rows.apply(new)
            rows.flush()
            rows.apply(new)
            with pytest.raises(sa.exc.IntegrityError, match=r"splits\.address"):
                rows.flush()


class TestBloom:
    def test_of_an_address_as_in_the_yellow_paper(self) -> None:
        """go-ethereum's core/types/bloom9_test.go: "testtest" is held, "another" is not."""
        positive = [b"testtest", b"test", b"hallo", b"other"]
        bloom = bloom_of(positive)
        assert all(may_hold(bloom, item) for item in positive)
        assert not any(may_hold(bloom, item) for item in (b"tes", b"lo"))

    @given(st.lists(st.binary(min_size=20, max_size=32), max_size=30))
    def test_holds_all_that_was_put_in(self, items: list[bytes]) -> None:
        bloom = bloom_of(items)
        assert all(may_hold(bloom, item) for item in items)
        assert all(0 < bits(item).bit_count() <= 3 for item in items)


class TestRange:
    def test_it_doubles_until_refused_then_creeps(self) -> None:
        size = AdaptiveRange()
        size.answered(0.1, 0)
        assert size.size == 2 * FIRST
        assert size.refused(2 * FIRST)
        assert size.size == FIRST
        size.answered(0.1, 0)
        assert size.size == FIRST + FIRST // 10 + 1

    def test_it_ends_at_one_block_and_at_the_widest(self) -> None:
        size = AdaptiveRange()
        asked = size.size
        while size.refused(asked):
            asked = size.size
        assert (asked, size.size) == (1, 1)
        for _ in range(200):
            size.answered(0.1, 0)
        assert size.size == WIDEST

    def test_slow_or_large_answers_shrink_it(self) -> None:
        size = AdaptiveRange()
        size.answered(10, 0)
        size.answered(0.1, 10**6)
        assert size.size == FIRST // 4
