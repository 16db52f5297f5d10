"""Where the tables stand. Whoever moves it names where it was: of two writers one fails."""

from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from immurtal.chain.deployment import Deployment
from immurtal.errors import BadInput, ImmurtalError
from immurtal.index import schema

_cursor = schema.cursor
_ROW: Final = 0


class CursorMoved(ImmurtalError):
    """Another process indexes into the same database, and was faster."""

    kind = "cursor-moved"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The tables say what the chain said up to and including block `number`, whose hash is `hash`.

    final_number: the highest block that the chain has called final.
    """

    number: int
    hash: str
    final_number: int

    @property
    def caught_up(self) -> bool:
        """Whether nothing final is missing. Nobody may conclude from a row's absence before."""
        return self.number >= self.final_number

    def at(self, number: int, digest: str) -> "Cursor":
        return replace(self, number=number, hash=digest)


def load(connection: sa.Connection) -> Cursor | None:
    row = connection.execute(sa.select(_cursor).where(_cursor.c.id == _ROW)).first()
    return None if row is None else Cursor(row.number, row.hash, row.final_number)


def check(connection: sa.Connection, deployment: Deployment) -> None:
    """Raises BadInput if the tables are of another chain or of other contracts."""
    row = connection.execute(sa.select(_cursor).where(_cursor.c.id == _ROW)).first()
    ours = _identity(deployment)
    if row is not None and (row.chain_id, row.contracts) != (ours["chain_id"], ours["contracts"]):
        raise BadInput(
            f"The index in this database is of chain {row.chain_id} with other contracts.",
            saved="It was left as it was.",
            do="Use the data folder of this deployment, or a new one.",
        )


def begin(connection: sa.Connection, deployment: Deployment, cursor: Cursor) -> None:
    connection.execute(sa.insert(_cursor).values(id=_ROW, **_identity(deployment), **_of(cursor)))


def move(connection: sa.Connection, old: Cursor, new: Cursor) -> None:
    """Compare and set, first in its transaction. Raises CursorMoved."""
    at_old = (_cursor.c.number == old.number) & (_cursor.c.hash == old.hash)
    moved = connection.execute(
        sa.update(_cursor).where(_cursor.c.id == _ROW, at_old).values(**_of(new))
    )
    if moved.rowcount != 1:
        raise CursorMoved(
            "Another process is indexing into the same database.",
            saved="Nothing of this block was written twice.",
            do="Run one indexer on a database.",
        )


def forget(connection: sa.Connection) -> None:
    connection.execute(sa.delete(_cursor))


def _of(cursor: Cursor) -> dict[str, Any]:
    return {"number": cursor.number, "hash": cursor.hash, "final_number": cursor.final_number}


def _identity(deployment: Deployment) -> dict[str, Any]:
    contracts = sorted(f"{name}={at}" for name, at in deployment.addresses.items())
    return {"chain_id": deployment.chain_id, "contracts": " ".join(contracts)}
