"""The index over a real node and the real contracts: its rows are what the contracts' views say,
also after the node reorganised its chain."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from index_world import SHALLOW, StoppedClock, dump, opened, rows, settle
from local_chain import Anvil, deploy_contracts, run_anvil

from immurtal.chain import abi
from immurtal.chain.contracts import ZERO_ADDRESS, Contracts, OfferKind, Visibility
from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import Rpc
from immurtal.chain.transactions import Receipt, Sender, wait_for_time
from immurtal.index import queries, schema
from immurtal.index.database import Database
from immurtal.index.sync import Indexer


@dataclass
class World:
    """Ours is account 0, the buyer account 1; `works` are album mates."""

    anvil: Anvil
    deployment: Deployment
    rpc: Rpc
    reads: Contracts
    works: list[str]
    split: str
    offer: str
    nodes: list[str]

    async def send(
        self, contract: str, function: str, *args: Any, value: int = 0, account: int = 0
    ) -> Receipt:
        data = abi.encode_call(contract, function, *args)
        return await self.call(contract, data, value, account)

    async def call(self, contract: str, data: bytes, value: int = 0, account: int = 0) -> Receipt:
        sender = Sender(self.rpc, self.anvil.wallet(account), self.anvil.chain_id)
        return await sender.send(self.deployment.addresses[contract], data, value)

    async def buy(self, price: int) -> None:
        buyer = self.anvil.wallet(1).address
        number = abi.id_number(self.offer)
        args = (number, buyer, self.anvil.wallet(2).address, price)
        await self.send("LicenseManager", "purchase", *args, value=price, account=1)

    def indexer(self, database: Database) -> Indexer:
        return Indexer(database, self.rpc, self.deployment, StoppedClock(), SHALLOW)


PRICE = 1_000_003


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    with run_anvil(tmp_path) as anvil:
        deployment = Deployment.from_json(deploy_contracts(anvil))
        rpc = Rpc(anvil.url)
        world = World(anvil, deployment, rpc, Contracts(rpc, deployment), [], "", "", [])
        try:
            await open_shop(world)
            yield world
        finally:
            await rpc.close()


async def open_shop(world: World) -> None:
    """Three works, one offer over them, a split with a payee that takes no money, two nodes."""
    ours = world.anvil.wallet(0).address
    refuses = world.deployment.registry
    payees = sorted([ours, refuses])
    await world.send("RoyaltySplitFactory", "create", payees, [4_000, 6_000])
    world.split = await world.reads.predict_split(payees, [4_000, 6_000])
    works = sorted(secrets.token_bytes(32) for _ in range(3))
    salt = secrets.token_bytes(32)
    commitment = keccak(
        encode(["address", "bytes32", "bytes32"], [ours, keccak(b"".join(works)), salt])
    )
    await world.send("CopyrightRegistry", "commit", commitment)
    ready_at = await world.reads.committed_at("0x" + commitment.hex())
    world.anvil.mine()
    await wait_for_time(world.rpc, ready_at + await world.reads.min_age(), patience=5)
    payouts = [world.split, world.split, world.anvil.wallet(3).address]
    entries = [
        {"workHash": w, "release": keccak(w), "visibility": Visibility.LICENSED, "payout": payout}
        for w, payout in zip(works, payouts, strict=True)
    ]
    await world.send("CopyrightRegistry", "register", entries, salt)
    world.works = ["0x" + work.hex() for work in works]
    terms = {
        "certificates": works,
        "kind": OfferKind.PERPETUAL,
        "token": ZERO_ADDRESS,
        "duration": 0,
        "transferable": True,
        "referralBps": 1_000,
        "terms": b"\x22" * 32,
        "salt": secrets.token_bytes(32),
    }
    receipt = await world.send("LicenseManager", "createOffer", terms, PRICE, 5)
    created = [abi.decode_log(log, "LicenseManager") for log in receipt.logs]
    world.offer = abi.id_text(next(e.args["offerId"] for e in created if e))
    for url in (b"https://one.example", b"odd\xff\x00"):
        await announce(world, url)


async def announce(world: World, url: bytes) -> None:
    """Strings as bytes, so that they may be no UTF-8, which the contract cannot check."""
    salt, key = secrets.token_bytes(32), secrets.token_bytes(32)
    text = ("", "", "", 0, b"", b"DE", "")
    selector = abi.encode_call("NodeRegistry", "announce", salt, text)[:4]
    record = (url, b"https://gateway.example", b"/p2p/x", 0x20, key, b"DE", b"d.example")
    types = ["bytes32", "(bytes,bytes,bytes,uint16,bytes,bytes2,bytes)"]
    await world.call("NodeRegistry", selector + encode(types, [salt, record]))
    operator = world.anvil.wallet(0).address
    world.nodes.append("0x" + keccak(encode(["address", "bytes32"], [operator, salt])).hex())


async def check_against_contracts(world: World, database: Database) -> None:
    """Every row that a view can be asked for, at the head."""
    for work in world.works:
        assert await database.read(queries.certificate, work) == await world.reads.certificate(work)
    offer = await database.read(queries.offer, world.offer)
    assert offer is not None
    assert offer.offer == await world.reads.offer(world.offer)
    assert await database.read(queries.split, world.split) == await world.reads.split(world.split)
    listed = {node.id: node for node in (await database.read(queries.nodes)).items}
    for node_id in world.nodes:
        node = await world.reads.node(node_id)
        assert (node_id in listed) is not node.retired
        if not node.retired:
            assert listed[node_id].node_key == node.node_key
            assert listed[node_id].updated_block == node.updated_block
    for account in (world.anvil.wallet(n).address for n in range(4)):
        licences = (await database.read(queries.licences_of, account)).items
        held = {licence.offer: licence.balance for licence in licences}
        assert held.get(world.offer, 0) == await world.reads.licences(world.offer, account)
        granted = await database.read(queries.is_granted, world.works[0], account)
        assert granted == await world.reads.is_granted(world.works[0], account)
    for row in rows(database, schema.credits_):
        assert row.amount == await world.reads.credit_of(row.split, row.token, row.payee)


async def test_rows_are_what_the_views_say(world: World, tmp_path: Path) -> None:
    first, second, _ = world.works
    buyer = world.anvil.wallet(1).address
    await world.buy(PRICE)
    await world.buy(PRICE)
    await world.send("LicenseManager", "grant", first, buyer)
    await world.send("CopyrightRegistry", "publishRelease", first, b"\x33" * 32)
    await world.send("CopyrightRegistry", "lockPayout", second, world.split)
    await world.send("NodeRegistry", "retire", world.nodes[0])
    with opened(tmp_path / "index.db") as database:
        await settle(world.indexer(database))
        await check_against_contracts(world, database)
        assert rows(database, schema.credits_), "the payee that takes no money is credited"
        assert [c.event for c in (await database.read(queries.history, second)).items] == [
            "PayoutLocked",
            "Registered",
        ]
        payments = [
            part
            for work in world.works
            for part in (await database.read(queries.payments_of, work)).items
        ]
        referral = PRICE // 10
        assert sum(part.amount for part in payments) == 2 * (PRICE - referral)
        assert sum(row.amount for row in rows(database, schema.payments)) == 2 * (PRICE - referral)


async def test_a_reorganised_chain_leaves_what_a_fresh_index_has(
    world: World, tmp_path: Path
) -> None:
    first, second, third = world.works
    with opened(tmp_path / "index.db") as database, opened(tmp_path / "fresh.db") as fresh:
        index = world.indexer(database)
        await settle(index)
        before = dump(database)
        await world.buy(PRICE)
        await world.send("CopyrightRegistry", "setVisibility", first, Visibility.WITHDRAWN)
        await world.send("CopyrightRegistry", "publishRelease", second, b"\x44" * 32)
        await world.send("CopyrightRegistry", "setPayout", third, world.anvil.wallet(5).address)
        await settle(index)
        gone = dump(database)
        assert gone["certificates"] != before["certificates"]
        assert gone["purchases"] != before["purchases"]
        world.anvil.rpc("anvil_reorg", 4, [])
        await settle(index)
        again = dump(database)
        assert again["cursor"][0][0] == gone["cursor"][0][0], "as long, and another"
        assert again["cursor"][0][1] != gone["cursor"][0][1]
        assert {**again, "cursor": None} == {**before, "cursor": None}
        await world.send("CopyrightRegistry", "setVisibility", second, Visibility.OPEN)
        await settle(index)
        await settle(world.indexer(fresh))
        assert dump(database) == dump(fresh)
        await check_against_contracts(world, database)


async def test_backfill_and_head_give_the_same(world: World, tmp_path: Path) -> None:
    """Ranges of final blocks, or block by block as they came."""
    with opened(tmp_path / "index.db") as database, opened(tmp_path / "late.db") as late:
        index = world.indexer(database)
        for _ in range(4):
            await world.buy(PRICE)
            await settle(index)
            world.anvil.mine(10)
        await settle(index)
        await settle(world.indexer(late))
        assert dump(database) == dump(late)
        await check_against_contracts(world, late)
