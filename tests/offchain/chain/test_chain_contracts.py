"""Typed reads against the real contracts on a real chain."""

import dataclasses
import secrets
from collections.abc import AsyncIterator

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from local_chain import Anvil

from immurtal.chain import abi
from immurtal.chain.contracts import (
    ZERO_ADDRESS,
    ZERO_ID,
    Contracts,
    OfferKind,
    Refusal,
    Visibility,
)
from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import Rpc
from immurtal.chain.transactions import Receipt, Sender, wait_for_time
from immurtal.errors import IntegrityError, NotFound, WrongNetwork


class Chain:
    """Sends and reads as one account."""

    def __init__(self, anvil: Anvil, deployment: Deployment, rpc: Rpc, account: int) -> None:
        self.anvil = anvil
        self.deployment = deployment
        self.rpc = rpc
        self.wallet = anvil.wallet(account)
        self.reads = Contracts(rpc, deployment)
        self.sender = Sender(rpc, self.wallet, anvil.chain_id)

    async def send(self, contract: str, function: str, *args: object, value: int = 0) -> Receipt:
        data = abi.encode_call(contract, function, *args)
        return await self.sender.send(self.deployment.addresses[contract], data, value)

    async def register(self, visibility: Visibility, payout: str = ZERO_ADDRESS) -> str:
        """A new certificate's id."""
        work, salt = secrets.token_bytes(32), secrets.token_bytes(32)
        commitment = keccak(
            encode(["address", "bytes32", "bytes32"], [self.wallet.address, keccak(work), salt])
        )
        await self.send("CopyrightRegistry", "commit", commitment)
        ready_at = await self.reads.committed_at("0x" + commitment.hex())
        self.anvil.mine()
        await wait_for_time(self.rpc, ready_at + await self.reads.min_age(), patience=5)
        works = [
            {"workHash": work, "release": b"\x11" * 32, "visibility": visibility, "payout": payout}
        ]
        await self.send("CopyrightRegistry", "register", works, salt)
        return "0x" + work.hex()

    async def offer(self, certificate: str, price: int, supply: int = 0) -> str:
        """A new perpetual offer's id."""
        terms = {
            "certificates": [certificate],
            "kind": OfferKind.PERPETUAL,
            "token": ZERO_ADDRESS,
            "duration": 0,
            "transferable": True,
            "referralBps": 500,
            "terms": "0x" + "22" * 32,
            "salt": secrets.token_bytes(32),
        }
        receipt = await self.send("LicenseManager", "createOffer", terms, price, supply)
        (created,) = receipt.events("LicenseManager", "OfferCreated")
        return abi.id_text(created.args["offerId"])

    async def announce(self, url: str = "http://127.0.0.1:1") -> str:
        """A new node's id."""
        receipt = await self.send("NodeRegistry", "announce", secrets.token_bytes(32), record(url))
        (announced,) = receipt.events("NodeRegistry", "NodeAnnounced")
        return str(announced.args["nodeId"])


def record(url: str, key: bytes = b"\x07" * 32) -> dict[str, object]:
    return {
        "apiUrl": url,
        "gatewayUrl": "http://127.0.0.1:2",
        "peer": "/ip4/127.0.0.1/p2p/x",
        "kem": 0x20,
        "key": key,
        "region": b"GB",
        "domain": "example.org",
    }


@pytest.fixture
async def chain(anvil: Anvil, deployed: Deployment) -> AsyncIterator[Chain]:
    rpc = Rpc(anvil.url)
    yield Chain(anvil, deployed, rpc, 1)
    await rpc.close()


async def test_certificate_reads_as_it_was_registered(chain: Chain) -> None:
    certificate = await chain.register(Visibility.LICENSED)
    found = await chain.reads.certificate(certificate)
    assert found.id == certificate
    assert found.owner == found.author == chain.wallet.address
    assert found.release == "0x" + "11" * 32
    assert found.visibility is Visibility.LICENSED
    assert found.registered_at > found.committed_at
    assert (found.version, found.payout, found.payout_locked) == (1, ZERO_ADDRESS, False)
    assert await chain.reads.access(certificate) == (chain.wallet.address, Visibility.LICENSED)
    assert await chain.reads.payout_of(certificate) == chain.wallet.address


async def test_unknown_things_are_not_found(chain: Chain) -> None:
    unknown = "0x" + secrets.token_hex(32)
    with pytest.raises(NotFound, match="no certificate 0x"):
        await chain.reads.certificate(unknown)
    with pytest.raises(NotFound, match="no offer 0x"):
        await chain.reads.offer(unknown)
    with pytest.raises(NotFound, match="no node 0x"):
        await chain.reads.node(unknown)
    with pytest.raises(NotFound, match="no royalty split"):
        await chain.reads.split(chain.wallet.address)
    assert await chain.reads.access(unknown) is None
    assert (await chain.reads.quote(unknown, ZERO_ADDRESS)).refusal is Refusal.UNKNOWN_OFFER


async def test_access_before_and_after_a_purchase_by_block_hash(chain: Chain) -> None:
    certificate = await chain.register(Visibility.LICENSED)
    offer = await chain.offer(certificate, price=1000)
    listener = chain.anvil.wallet(5).address
    before = await chain.rpc.call("eth_getBlockByNumber", ["latest", False])
    purchase = (abi.id_number(offer), listener, ZERO_ADDRESS, 1000)
    receipt = await chain.send("LicenseManager", "purchase", *purchase, value=1000)
    reads = chain.reads
    assert await reads.has_access(certificate, listener, offer)
    assert await reads.has_access(certificate, listener, offer, receipt.block_hash)
    assert await reads.has_access(certificate, listener, offer, receipt.block)
    assert not await reads.has_access(certificate, listener, offer, before["hash"])
    assert not await reads.has_access(certificate, listener, ZERO_ID)
    assert await reads.licences(offer, listener) == 1
    bought = await reads.offer(offer)
    assert (bought.price, bought.sold, bought.certificates) == (1000, 1, (certificate,))
    assert bought.kind is OfferKind.PERPETUAL
    (paid,) = receipt.events("LicenseManager", "Paid")
    assert paid.args["amount"] == 1000
    assert paid.args["payout"] == chain.wallet.address


async def test_split_is_predicted_made_and_read(chain: Chain) -> None:
    payees = sorted(chain.anvil.wallet(i).address for i in (2, 3))
    predicted = await chain.reads.predict_split(payees, [2500, 7500])
    await chain.send("RoyaltySplitFactory", "create", payees, [2500, 7500])
    split = await chain.reads.split(predicted)
    assert split.payees == tuple(payees)
    assert split.shares == (2500, 7500)
    assert await chain.reads.credit_of(predicted, ZERO_ADDRESS, payees[0]) == 0
    with pytest.raises(NotFound, match=r"RoyaltySplitFactory_SharesSum\(9999\)"):
        await chain.reads.predict_split(payees, [2499, 7500])


async def test_node_is_read_from_its_newest_log(chain: Chain) -> None:
    node_id = await chain.announce()
    first = await chain.reads.node(node_id)
    assert first.api_url == "http://127.0.0.1:1"
    assert (first.region, first.domain, first.retired) == ("GB", "example.org", False)
    await chain.send("NodeRegistry", "change", node_id, record("http://127.0.0.1:3", b"\x08" * 32))
    changed = await chain.reads.node(node_id)
    assert changed.api_url == "http://127.0.0.1:3"
    assert changed.key == b"\x08" * 32
    assert await chain.reads.node(node_id, first.updated_block) == first
    await chain.send("NodeRegistry", "retire", node_id)
    assert await chain.reads.node(node_id) == dataclasses.replace(changed, retired=True)
    assert node_id in await chain.reads.node_ids()


async def test_node_is_found_where_block_numbers_are_another_chains(chain: Chain) -> None:
    """The state's block has no such log: the record is searched from the head down."""
    node_id = await chain.announce()

    class Elsewhere(Rpc):
        async def call(self, method: str, params: list[object]) -> object:
            if method == "eth_getLogs" and params[0]["fromBlock"] == params[0]["toBlock"]:
                return []
            return await super().call(method, params)

    rpc = Elsewhere(chain.anvil.url)
    found = await Contracts(rpc, chain.deployment).node(node_id)
    await rpc.close()
    assert found.api_url == "http://127.0.0.1:1"


async def test_record_with_another_key_than_the_chains_is_refused(chain: Chain) -> None:
    node_id = await chain.announce()

    class Liar(Rpc):
        async def call(self, method: str, params: list[object]) -> object:
            result = await super().call(method, params)
            if method == "eth_getLogs":
                return [
                    {**log, "data": log["data"].replace("07" * 32, "09" * 32)} for log in result
                ]
            return result

    rpc = Liar(chain.anvil.url)
    with pytest.raises(IntegrityError, match="no record of node"):
        await Contracts(rpc, chain.deployment).node(node_id)
    await rpc.close()


async def test_string_that_is_no_utf8_harms_nobody(chain: Chain) -> None:
    call = abi.encode_call(
        "NodeRegistry", "announce", secrets.token_bytes(32), record("http://bad.example/~~")
    )
    raw = call.replace(b"~~", b"\xff\xfe")
    receipt = await chain.sender.send(chain.deployment.node_registry, raw)
    (announced,) = receipt.events("NodeRegistry", "NodeAnnounced")
    node = await chain.reads.node(announced.args["nodeId"])
    assert node.api_url == "http://bad.example/\ufffd\ufffd"


async def test_no_contract_there_is_the_wrong_network(chain: Chain) -> None:
    addresses = dict.fromkeys(chain.deployment.addresses, "0x" + "77" * 20)
    elsewhere = dataclasses.replace(chain.deployment, addresses=addresses)
    with pytest.raises(WrongNetwork, match="no CopyrightRegistry at 0x7777"):
        await Contracts(chain.rpc, elsewhere).min_age()
