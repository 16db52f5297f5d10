"""Peers out of the registry: none in a private network, and nobody hides or delays the others."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from immurtal.index import schema
from immurtal.index.database import Database, open_database
from immurtal.node.neighbours import Neighbours

PEER = "12D3KooWJx7UztMV5393VbrpUUH2WPjprWFnWj94S3qf2EJudt6b"
NOBODY: frozenset[str] = frozenset()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(tmp_path / "node.db")
    yield database
    database.close()


def announce(database: Database, node_id: int, address: str) -> None:
    row = {
        "id": f"0x{node_id:064x}",
        "operator": "0x" + "11" * 20,
        "peer": f"{address}/tcp/4001/p2p/{PEER}",
        "kem": 32,
        "key": "0x" + "00" * 32,
        "retired": False,
        "block": 1,
        "log_index": node_id % 10_000,
    }
    texts = dict.fromkeys(("api_url", "gateway_url", "region", "domain"), "")
    with database.writing() as connection:
        connection.execute(sa.insert(schema.nodes).values(**row, **texts))


@pytest.mark.parametrize(
    "address",
    [
        "/ip4/127.0.0.1",
        "/ip4/10.0.0.1",
        "/ip4/169.254.169.254",
        "/ip6/::1",
        "/ip6/fd00::1",
        "/ip6/::ffff:127.0.0.1",
        "/ip6/64:ff9b::7f00:1",
        "/dns4/localhost",
        "/dns4/127.1",
        "/dns4/0x7f000001",
        "/unix/tmp",
        "/ip4/1.1.1.1/tcp/80/ws",
    ],
)
async def test_a_private_network_is_not_entered(database: Database, address: str) -> None:
    announce(database, 1, address)
    assert await Neighbours(database, "0x", development=False)(NOBODY) == []


async def test_a_public_peer_is_met(database: Database) -> None:
    announce(database, 1, "/ip4/1.1.1.1")
    found = await Neighbours(database, "0x", development=False)(NOBODY)
    assert found == [f"/ip4/1.1.1.1/tcp/4001/p2p/{PEER}"]


async def test_a_hundred_nodes_of_low_ids_do_not_hide_the_rest(database: Database) -> None:
    """Ids are hashes that an operator can choose by trying."""
    for number in range(100):
        announce(database, number, "/ip4/2.2.2.2")
    announce(database, 2**255, "/ip4/1.1.1.1")
    neighbours = Neighbours(database, "0x", development=True)
    for _ in range(60):
        if any("1.1.1.1" in peer for peer in await neighbours(NOBODY)):
            return
    raise AssertionError("the honest node was never met")


async def test_name_servers_that_never_answer_do_not_hold_up_the_database(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def tarpit(*_: object, **__: object) -> list[object]:
        released.wait(30)
        return []

    for number in range(50):
        announce(database, number, "/dns4/slow.example")
    monkeypatch.setattr(socket, "getaddrinfo", tarpit)
    asking = asyncio.create_task(Neighbours(database, "0x", development=False)(NOBODY))
    await asyncio.sleep(0.3)
    try:
        async with asyncio.timeout(2):
            await database.read(lambda connection: connection.execute(sa.select(1)).scalar())
    finally:
        released.set()
    assert await asking == []
