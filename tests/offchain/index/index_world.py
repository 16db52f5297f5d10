"""Indexers over fake chains, and what is compared of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from chain_story import DEPLOYMENT, Model, text
from fake_chain import FakeChain

from immurtal.chain.abi import id_text
from immurtal.index import cursor, schema
from immurtal.index.database import Database, open_database
from immurtal.index.sync import Indexer, SyncSettings

SHALLOW = SyncSettings(journal_depth=8, finality_depth=3, poll=0.01)


class StoppedClock:
    def now(self) -> int:
        return 1_800_000_000


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    database = open_database(path)
    try:
        yield database
    finally:
        database.close()


def indexer(database: Database, chain: FakeChain, settings: SyncSettings = SHALLOW) -> Indexer:
    return Indexer(database, chain, DEPLOYMENT, StoppedClock(), settings)


async def settle(index: Indexer) -> None:
    """Steps until nothing moves."""
    for _ in range(2_000):
        if not await index.step():
            return
    raise AssertionError("the index does not come to rest")


def dump(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the index tables by primary key, and the cursor."""
    with database.reading() as connection:
        tables: dict[str, list[tuple[Any, ...]]] = {
            name: [tuple(r) for r in connection.execute(sa.select(t).order_by(*t.primary_key))]
            for name, t in schema.TABLES.items()
        }
        at = cursor.load(connection)
        assert at is not None
        tables["cursor"] = [(at.number, at.hash, at.final_number)]
    return tables


def rows(database: Database, table: sa.Table) -> list[Any]:
    with database.reading() as connection:
        return list(connection.execute(sa.select(table).order_by(*table.primary_key)))


def check_against_model(database: Database, model: Model) -> None:
    """The tables say what the contracts would answer."""
    assert {
        row.id: (row.author, row.owner, row.release, row.version, row.visibility, row.payout,
                 row.payout_locked)
        for row in rows(database, schema.certificates)
    } == {
        text(work): (s["author"], s["owner"], text(s["release"]), s["version"], s["visibility"],
                     s["payout"], s["locked"])
        for work, s in model.certificates.items()
    }  # fmt: skip
    assert {
        row.id: (row.seller, row.price, row.max_supply, row.sold, row.open, row.closed)
        for row in rows(database, schema.offers)
    } == {
        id_text(o): (s["seller"], s["price"], s["max_supply"], s["sold"], s["open"], s["closed"])
        for o, s in model.offers.items()
    }
    held = {
        place: (model.balances.get(place, 0), model.expiries.get(place, 0))
        for place in {*model.balances, *model.expiries}
    }
    assert {
        (row.offer, row.account): (row.balance, row.expiry)
        for row in rows(database, schema.licences)
    } == {(id_text(o), who): value for (o, who), value in held.items() if any(value)}
    assert {(r.certificate, r.account): r.by for r in rows(database, schema.grants)} == {
        (text(work), who): by for (work, who), by in model.grants.items()
    }
    assert {
        (r.split, r.token, r.payee): r.amount for r in rows(database, schema.credits_)
    } == model.credits
    assert {r.id: r.retired for r in rows(database, schema.nodes)} == {
        text(node): retired for node, retired in model.nodes.items()
    }
    assert {r.address for r in rows(database, schema.splits)} == set(model.splits)
    assert {r.commitment for r in rows(database, schema.commitments)} == {
        text(c) for c in model.commitments
    }
