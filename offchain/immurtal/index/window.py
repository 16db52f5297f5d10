"""The newest blocks that the tables hold, linked by parent hash; the oldest is the base, which the
tables can be taken back to and not below."""

import sqlalchemy as sa

from immurtal.index import schema
from immurtal.index.source import Header

_blocks = schema.blocks


def append(connection: sa.Connection, header: Header) -> None:
    connection.execute(
        sa.insert(_blocks).values(
            number=header.number,
            hash=header.hash,
            parent=header.parent,
            timestamp=header.timestamp,
        )
    )


def restart(connection: sa.Connection, base: Header) -> None:
    """Everything up to `base` is beyond undoing: the window begins anew at it."""
    connection.execute(sa.delete(_blocks))
    append(connection, base)


def cut(connection: sa.Connection, above: int) -> None:
    connection.execute(sa.delete(_blocks).where(_blocks.c.number > above))


def forget(connection: sa.Connection, below: int) -> None:
    """Keeps the block `below`, if it is there, as the base."""
    connection.execute(sa.delete(_blocks).where(_blocks.c.number < below))


def hashes(connection: sa.Connection) -> dict[int, str]:
    """Hash by number, unbroken from the base to the cursor."""
    found = connection.execute(sa.select(_blocks.c.number, _blocks.c.hash))
    return {row.number: row.hash for row in found}
