"""Bounded lists: a page, and the cursor of the next one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import sqlalchemy as sa

from immurtal.errors import BadInput

MOST: Final = 100  # rows of a page

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`next`: None at the end."""

    items: tuple[T, ...]
    next: str | None


def newest_first(
    connection: sa.Connection,
    table: sa.Table,
    which: sa.ColumnElement[bool] | None,
    cursor: str | None,
    limit: int,
) -> tuple[Sequence[Any], str | None]:
    """Rows and where the next page begins. Raises BadInput for a cursor that is none of ours."""
    place = sa.tuple_(table.c.block, table.c.log_index)
    found = sa.select(table).order_by(table.c.block.desc(), table.c.log_index.desc())
    if which is not None:
        found = found.where(which)
    if cursor is not None:
        found = found.where(place < sa.tuple_(*(sa.literal(part) for part in _parsed(cursor))))
    rows = connection.execute(found.limit(bounded(limit) + 1)).all()
    page = rows[: bounded(limit)]
    more = len(rows) > len(page)
    return page, f"{page[-1].block}.{page[-1].log_index}" if more else None


def _parsed(cursor: str) -> tuple[int, int]:
    block, _, log_index = cursor.partition(".")
    digits = block + log_index
    if not (block and log_index and digits.isascii() and digits.isdigit() and len(digits) < 30):
        raise BadInput(
            "The cursor is not one that this node gave out.", do="Begin at the first page."
        )
    return min(int(block), 2**63 - 1), min(int(log_index), 2**31 - 1)


def bounded(limit: int) -> int:
    return max(1, min(limit, MOST))
