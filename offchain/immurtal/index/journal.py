"""What each unfinal block changed, so that it can be taken back."""

import json
from collections import defaultdict

import sqlalchemy as sa

from immurtal.index import schema
from immurtal.index.rows import Key, Row, Rows, delete_rows, insert_rows

_journal = schema.journal


def record(connection: sa.Connection, block: int, rows: Rows) -> None:
    """Keeps the before-image of every row that `rows` is about to write."""
    entries = [
        {
            "block": block,
            "position": position,
            "table_name": table.name,
            "row_key": json.dumps(key),
            "before": None if before is None else json.dumps(before),
        }
        for position, (table, key, before) in enumerate(rows.changed())
    ]
    if entries:
        connection.execute(sa.insert(_journal), entries)


def undo(connection: sa.Connection, block: int) -> None:
    """Makes the tables what they were before `block`. Blocks are undone from the newest down."""
    gone: dict[sa.Table, list[Key]] = defaultdict(list)
    back: dict[sa.Table, list[Row]] = defaultdict(list)
    found = sa.select(_journal).where(_journal.c.block == block).order_by(_journal.c.position)
    for entry in connection.execute(found):
        table = schema.TABLES[entry.table_name]
        gone[table].append(tuple(json.loads(entry.row_key)))
        if entry.before is not None:
            back[table].append(json.loads(entry.before))
    for table, keys in gone.items():
        delete_rows(connection, table, keys)
    for table, rows in back.items():
        insert_rows(connection, table, rows)
    connection.execute(sa.delete(_journal).where(_journal.c.block == block))


def forget(connection: sa.Connection, through: int) -> None:
    """Blocks up to `through` cannot be undone any more."""
    connection.execute(sa.delete(_journal).where(_journal.c.block <= through))
