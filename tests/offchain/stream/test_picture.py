"""`status` among nodes that lie: the chain's word stands, theirs is typed and printable."""

import json
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from local_chain import Anvil, deploy_contracts, run_anvil
from local_server import Reply, Seen, serve

from immurtal.chain import abi
from immurtal.chain.contracts import ZERO_ADDRESS, Contracts, OfferKind, Visibility
from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import RpcPool
from immurtal.chain.transactions import Sender
from immurtal.stream.picture import picture_of

ESCAPE = "\x1b]0;owned\x07\x1b[2J\u202e"
PRICE = 12_345


class Liar:
    """Answers by path; `certificate` and `payments` are what it says there."""

    def __init__(self) -> None:
        self.url = ""
        self.release: Any = {}
        self.certificate: Any = {"offers": []}
        self.payments: Any = {"items": []}

    async def handle(self, seen: Seen) -> Reply:
        said = self.certificate
        if seen.target.startswith("/v1/releases/"):
            said = self.release
        elif seen.target.endswith("/payments"):
            said = self.payments
        return Reply(200, json.dumps(said).encode())


class World:
    def __init__(self, anvil: Anvil, deployment: Deployment, rpc: RpcPool) -> None:
        self.anvil = anvil
        self.deployment = deployment
        self.contracts = Contracts(rpc, deployment)
        self._sender = Sender(rpc, anvil.wallet(0), anvil.chain_id)

    async def send(self, contract: str, function: str, *arguments: Any) -> Any:
        data = abi.encode_call(contract, function, *arguments)
        return await self._sender.send(self.deployment.addresses[contract], data)

    async def certificate(self) -> str:
        work, salt, author = (
            secrets.token_bytes(32),
            secrets.token_bytes(32),
            self.anvil.wallet(0).address,
        )
        commitment = keccak(encode(["address", "bytes32", "bytes32"], [author, keccak(work), salt]))
        await self.send("CopyrightRegistry", "commit", commitment)
        self.anvil.mine(2, 2)
        registered = {
            "workHash": work,
            "release": "0x" + "11" * 32,
            "visibility": Visibility.LICENSED,
            "payout": ZERO_ADDRESS,
        }
        await self.send("CopyrightRegistry", "register", [registered], salt)
        return "0x" + work.hex()

    async def offer(self, certificate: str) -> str:
        terms = {
            "certificates": [certificate],
            "kind": OfferKind.PERPETUAL,
            "token": ZERO_ADDRESS,
            "duration": 0,
            "transferable": True,
            "referralBps": 0,
            "terms": "0x" + "22" * 32,
            "salt": secrets.token_bytes(32),
        }
        receipt = await self.send("LicenseManager", "createOffer", terms, PRICE, 0)
        (created,) = receipt.events("LicenseManager", "OfferCreated")
        return abi.id_text(created.args["offerId"])

    async def announce(self, liar: Liar) -> None:
        record = {
            "apiUrl": liar.url,
            "gatewayUrl": "",
            "peer": "",
            "kem": 0x20,
            "key": secrets.token_bytes(32),
            "region": "0x0000",
            "domain": "liar.example" + ESCAPE,
        }
        await self.send("NodeRegistry", "announce", secrets.token_bytes(32), record)


@pytest.fixture
def own_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    with run_anvil(tmp_path_factory.mktemp("anvil")) as anvil:
        yield anvil


@pytest.fixture
async def world(own_chain: Anvil) -> AsyncIterator[World]:
    rpc = RpcPool([own_chain.url])
    yield World(own_chain, Deployment.from_json(deploy_contracts(own_chain)), rpc)
    await rpc.close()


@pytest.fixture
async def liar(world: World) -> AsyncIterator[Liar]:
    liar = Liar()
    async with serve(liar.handle) as url:
        liar.url = url
        await world.announce(liar)
        yield liar


async def test_prices_states_and_works_of_offers_are_the_chains(world: World, liar: Liar) -> None:
    certificate, other = await world.certificate(), await world.certificate()
    real, of_another, unknown = (
        await world.offer(certificate),
        await world.offer(other),
        "0x" + "77" * 32,
    )
    lie = {"kind": "pass", "price": "1", "open": False, "certificates": [certificate]}
    liar.certificate = {"offers": [{"id": one, **lie} for one in (of_another, real, unknown)]}
    (offer,) = (await picture_of(world.contracts, certificate)).offers
    assert offer["id"] == real
    assert (offer["kind"], offer["price"], offer["open"]) == ("perpetual", str(PRICE), True)
    assert offer["awake"] is True


async def test_nothing_that_is_told_drives_the_terminal(world: World, liar: Liar) -> None:
    certificate = await world.certificate()
    liar.release = {"state": ESCAPE, "reason": ESCAPE * 100, "bytes": ESCAPE, "accepted": ESCAPE}
    picture = await picture_of(world.contracts, certificate)
    (pin,) = picture.pins
    for text in (pin.name, pin.state, pin.reason):
        assert text.isprintable()
    assert (pin.bytes, pin.accepted) == (0, False)


@pytest.mark.parametrize(
    ("certificate", "payments"),
    [
        ({}, {"items": []}),
        ({"offers": 7}, {"items": []}),
        ({"offers": [7]}, {"items": []}),
        ({"offers": [{"id": ESCAPE}]}, {"items": []}),
        ({"offers": [{"id": "0x" + "77" * 32}] * 101}, {"items": []}),
        ({"offers": []}, {"items": [{}]}),
        ({"offers": []}, {"items": [{"transaction": ESCAPE}]}),
        ({"offers": []}, {"items": "many"}),
        ([], []),
    ],
)
async def test_a_node_that_tells_nonsense_has_told_nothing(
    world: World, liar: Liar, certificate: Any, payments: Any
) -> None:
    known = await world.certificate()
    liar.certificate, liar.payments = certificate, payments
    picture = await picture_of(world.contracts, known)
    assert (picture.told_by, picture.offers, picture.payments) == ("", (), ())


async def test_payments_are_read_whole(world: World, liar: Liar) -> None:
    payment = {
        "block": 7,
        "transaction": "0x" + "01" * 32,
        "offer": "0x" + "02" * 32,
        "payer": "0x" + "03" * 20,
        "recipient": "0x" + "04" * 20,
        "token": ZERO_ADDRESS,
        "price": "100",
        "amount": "90",
        "payout": None,
        "payees": [{"payee": "0x" + "05" * 20, "share": 10_000, "amount": "90"}],
    }
    liar.payments = {"items": [payment | {"note": ESCAPE}]}
    picture = await picture_of(world.contracts, await world.certificate())
    assert picture.payments == (payment,)
