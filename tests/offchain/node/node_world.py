"""What the node's tests do on a chain whose time is in their hands."""

import secrets
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from local_chain import Anvil

from immurtal.chain import abi
from immurtal.chain.contracts import ZERO_ADDRESS, Contracts, OfferKind, Visibility
from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import RpcPool
from immurtal.chain.transactions import Receipt, Sender
from immurtal.chain.wallet import LocalKey


class ChainClock:
    """The node's clock in tests: the chain's time, moved with it, and by hand."""

    def __init__(self, anvil: Anvil) -> None:
        self._anvil = anvil
        self.ahead = 0

    def now(self) -> int:
        head = self._anvil.rpc("eth_getBlockByNumber", "latest", False)
        return int(head["timestamp"], 16) + self.ahead


@dataclass(frozen=True)
class World:
    """Contracts on a chain that mines when it is told something; accounts by number."""

    anvil: Anvil
    deployment: Deployment
    rpc: RpcPool
    clock: ChainClock

    @property
    def contracts(self) -> Contracts:
        return Contracts(self.rpc, self.deployment)

    def wallet(self, account: int) -> LocalKey:
        return self.anvil.wallet(account)

    async def send(
        self, account: int, contract: str, function: str, *args: object, value: int = 0
    ) -> Receipt:
        sender = Sender(self.rpc, self.wallet(account), self.deployment.chain_id)
        data = abi.encode_call(contract, function, *args)
        return await sender.send(self.deployment.addresses[contract], data, value)

    async def register(
        self, account: int, visibility: Visibility, *, work: bytes, release: str
    ) -> str:
        """The id of the new certificate: the work hash."""
        salt = secrets.token_bytes(32)
        author = self.wallet(account).address
        commitment = keccak(encode(["address", "bytes32", "bytes32"], [author, keccak(work), salt]))
        await self.send(account, "CopyrightRegistry", "commit", commitment)
        self.anvil.mine(2, 2)
        works = [
            {
                "workHash": work,
                "release": release,
                "visibility": visibility,
                "payout": ZERO_ADDRESS,
            }
        ]
        await self.send(account, "CopyrightRegistry", "register", works, salt)
        return "0x" + work.hex()

    async def offer(
        self, account: int, certificate: str, price: int = 1000, digest: str = "0x" + "22" * 32
    ) -> str:
        """The id of a new perpetual offer."""
        terms = {
            "certificates": [certificate],
            "kind": OfferKind.PERPETUAL,
            "token": ZERO_ADDRESS,
            "duration": 0,
            "transferable": True,
            "referralBps": 0,
            "terms": digest,
            "salt": secrets.token_bytes(32),
        }
        receipt = await self.send(account, "LicenseManager", "createOffer", terms, price, 0)
        (created,) = receipt.events("LicenseManager", "OfferCreated")
        return abi.id_text(created.args["offerId"])

    async def buy(self, account: int, offer: str, price: int = 1000) -> None:
        buyer = self.wallet(account).address
        arguments = (abi.id_number(offer), buyer, ZERO_ADDRESS, price)
        await self.send(account, "LicenseManager", "purchase", *arguments, value=price)
