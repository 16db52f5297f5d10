"""What one transaction changes in the index tables: read through, kept in memory, written at once.

Reads see what was changed before them in the same transaction. Because a row is first read (or
known to be new), its before-image is at hand when the journal asks for it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa

Row = dict[str, Any]
Key = tuple[Any, ...]


class Change(NamedTuple):
    """`row`: the whole row after; None: gone. `new`: no row had this key before."""

    table: sa.Table
    key: Key
    row: Row | None
    new: bool = False


class State(Protocol):
    """The tables as of the event at hand."""

    def get(self, table: sa.Table, key: Key) -> Row | None: ...


def key_of(table: sa.Table, row: Row) -> Key:
    return tuple(row[name] for name in _key_names(table))


def insert(table: sa.Table, **row: Any) -> Change:
    """For keys that cannot be there yet (a place on the chain is in them, or the contract says so):
    nothing is read. A key that is there after all fails the transaction."""
    return Change(table, key_of(table, row), row, new=True)


def put(table: sa.Table, **row: Any) -> Change:
    return Change(table, key_of(table, row), row)


def remove(table: sa.Table, key: Key) -> Change:
    return Change(table, key, None)


@dataclass(slots=True)
class _Held:
    before: Row | None
    after: Row | None


class Rows:
    """The state under one transaction; nothing is written before `flush`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._held: dict[tuple[sa.Table, Key], _Held] = {}

    def get(self, table: sa.Table, key: Key) -> Row | None:
        """A row that is not to be changed in place."""
        return self._hold(table, key).after

    def apply(self, change: Change) -> None:
        place = (change.table, change.key)
        if change.new and place not in self._held:
            self._held[place] = _Held(None, change.row)
        else:
            self._hold(*place).after = change.row

    def changed(self) -> Iterator[tuple[sa.Table, Key, Row | None]]:
        """Each row that will be written, as it was before this transaction."""
        for (table, key), held in self._held.items():
            if held.before != held.after:
                yield table, key, held.before

    def flush(self) -> None:
        inserts: dict[sa.Table, list[Row]] = defaultdict(list)
        updates: dict[sa.Table, list[Row]] = defaultdict(list)
        deletes: dict[sa.Table, list[Key]] = defaultdict(list)
        for (table, key), held in self._held.items():
            if held.before == held.after:
                continue
            if held.after is None:
                deletes[table].append(key)
            elif held.before is None:
                inserts[table].append(held.after)
            else:
                updates[table].append(_with_key(key, held.after))
        for table, keys in deletes.items():
            delete_rows(self._connection, table, keys)
        for table, rows in updates.items():
            self._connection.execute(_update(table), rows)
        for table, rows in inserts.items():
            insert_rows(self._connection, table, rows)
        self._held.clear()

    def _hold(self, table: sa.Table, key: Key) -> _Held:
        held = self._held.get((table, key))
        if held is None:
            row = self._connection.execute(_select(table), _with_key(key)).mappings().first()
            found = None if row is None else dict(row)
            held = self._held[table, key] = _Held(found, found)
        return held


def insert_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    connection.execute(sa.insert(table), rows)


def delete_rows(connection: sa.Connection, table: sa.Table, keys: Sequence[Key]) -> None:
    connection.execute(_delete(table), [_with_key(key) for key in keys])


@cache
def _key_names(table: sa.Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key.columns)


def _with_key(key: Key, row: Row | None = None) -> Row:
    """Parameters of the statements below: the key's parts as `key_0`, `key_1` and so on."""
    return {**(row or {}), **{f"key_{i}": part for i, part in enumerate(key)}}


@cache
def _this(table: sa.Table) -> sa.ColumnElement[bool]:
    columns = table.primary_key.columns
    return sa.and_(*(c == sa.bindparam(f"key_{i}", type_=c.type) for i, c in enumerate(columns)))


@cache
def _select(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table).where(_this(table))


@cache
def _update(table: sa.Table) -> sa.Update:
    return sa.update(table).where(_this(table))


@cache
def _delete(table: sa.Table) -> sa.Delete:
    return sa.delete(table).where(_this(table))
