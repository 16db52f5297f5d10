"""Typed reads of the contracts. Every `block` is a tag, a number, or a block hash (EIP-1898)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, TypeVar

from eth_utils.crypto import keccak

from immurtal.chain import abi
from immurtal.chain.deployment import Deployment
from immurtal.chain.logs import LogScan
from immurtal.chain.rpc import RpcError, RpcLike, printable
from immurtal.errors import IntegrityError, NotFound, WrongNetwork

ZERO_ADDRESS: Final = "0x" + "00" * 20
ZERO_ID: Final = "0x" + "00" * 32

Block = str | int
E = TypeVar("E", bound=IntEnum)


class Visibility(IntEnum):
    PRIVATE = 0
    LICENSED = 1
    OPEN = 2
    WITHDRAWN = 3


class OfferKind(IntEnum):
    PERPETUAL = 0
    PASS = 1
    PER_PLAY = 2


class Refusal(IntEnum):
    """Why an offer cannot be bought."""

    NONE = 0
    UNKNOWN_OFFER = 1
    CLOSED = 2
    PAUSED = 3
    SELLER_NOT_OWNER = 4
    NOT_LICENSED = 5
    SOLD_OUT = 6
    PER_PLAY = 7


@dataclass(frozen=True, slots=True)
class Certificate:
    """id: the work hash. payout: where money goes; zero: to the owner. Times in seconds."""

    id: str
    owner: str
    author: str
    committed_at: int
    registered_at: int
    release: str
    version: int
    visibility: Visibility
    payout: str
    payout_locked: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """price: base units of `token` (zero: wei). duration: seconds. max_supply 0: no cap."""

    id: str
    seller: str
    certificates: tuple[str, ...]
    kind: OfferKind
    token: str
    duration: int
    transferable: bool
    referral_bps: int
    terms: str
    salt: str
    price: int
    max_supply: int
    sold: int
    open: bool
    closed: bool


@dataclass(frozen=True, slots=True)
class Quote:
    """What a licence costs an account now, in base units of `token`, and why not, if not."""

    price: int
    token: str
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Node:
    """A registry entry. node_key = keccak(uint16 kem ‖ key). region: ISO 3166-1 alpha-2."""

    id: str
    operator: str
    api_url: str
    gateway_url: str
    peer: str
    kem: int
    key: bytes
    node_key: str
    region: str
    domain: str
    retired: bool
    updated_block: int


@dataclass(frozen=True, slots=True)
class Split:
    """shares: basis points in the order of payees, 10,000 together."""

    address: str
    payees: tuple[str, ...]
    shares: tuple[int, ...]


class Contracts:
    """Reads at one deployment. All raise RpcError, Unreachable, IntegrityError, WrongNetwork."""

    def __init__(self, rpc: RpcLike, deployment: Deployment) -> None:
        self.rpc = rpc
        self.deployment = deployment

    async def certificate(self, certificate: str, block: Block = "latest") -> Certificate:
        """Raises NotFound."""
        try:
            found = await self._registry("certificateOf", certificate, block=block)
        except NotFound as error:
            raise _unknown_certificate(certificate) from error
        if found["owner"] == ZERO_ADDRESS:
            raise _unknown_certificate(certificate)
        return Certificate(
            id=certificate.lower(),
            owner=found["owner"],
            author=found["author"],
            committed_at=found["committedAt"],
            registered_at=found["registeredAt"],
            release=found["release"],
            version=found["version"],
            visibility=_member(Visibility, found["visibility"]),
            payout=found["payout"],
            payout_locked=found["payoutLocked"],
        )

    async def access(
        self, certificate: str, block: Block = "latest"
    ) -> tuple[str, Visibility] | None:
        """Owner and visibility; None where there is no such certificate."""
        owner, visibility = await self._registry("access", certificate, block=block)
        return None if owner == ZERO_ADDRESS else (owner, _member(Visibility, visibility))

    async def payout_of(self, certificate: str, block: Block = "latest") -> str:
        """Where money for this certificate goes now (the owner, where none is set)."""
        return str(await self._registry("payoutOf", certificate, block=block))

    async def committed_at(self, commitment: str, block: Block = "latest") -> int:
        """Seconds; 0: never committed."""
        return int(await self._registry("committedAt", commitment, block=block))

    async def min_age(self, block: Block = "latest") -> int:
        """Seconds that a commitment must have before it is revealed."""
        return int(await self._registry("minAge", block=block))

    async def has_access(
        self, certificate: str, account: str, offer_id: str = ZERO_ID, block: Block = "latest"
    ) -> bool:
        """offer_id: the offer relied on; zero: owner, Open or grant (DESIGN 4.2)."""
        arguments = (certificate, account, abi.id_number(offer_id))
        return bool(await self._manager("hasAccess", *arguments, block=block))

    async def quote(self, offer_id: str, account: str, block: Block = "latest") -> Quote:
        price, token, refusal = await self._manager(
            "quote", abi.id_number(offer_id), account, block=block
        )
        return Quote(price, token, _member(Refusal, refusal))

    async def offer(self, offer_id: str, block: Block = "latest") -> Offer:
        """Raises NotFound."""
        missing = NotFound(
            f"There is no offer {offer_id}.",
            do="Check the id, and that it was created on this network.",
        )
        try:
            terms, state = await self._manager("offerOf", abi.id_number(offer_id), block=block)
        except NotFound as error:
            raise missing from error
        if state["seller"] == ZERO_ADDRESS:
            raise missing
        return _offer(offer_id.lower(), terms, state)

    async def is_granted(self, certificate: str, account: str, block: Block = "latest") -> bool:
        return bool(await self._manager("isGranted", certificate, account, block=block))

    async def expiry_of(self, offer_id: str, account: str, block: Block = "latest") -> int:
        """Seconds; 0: no pass."""
        arguments = (abi.id_number(offer_id), account)
        return int(await self._manager("expiryOf", *arguments, block=block))

    async def licences(self, offer_id: str, account: str, block: Block = "latest") -> int:
        """Units of this offer that the account holds."""
        arguments = (account, abi.id_number(offer_id))
        return int(await self._manager("balanceOf", *arguments, block=block))

    async def is_split(self, address: str, block: Block = "latest") -> bool:
        return bool(await self._factory("isSplit", address, block=block))

    async def predict_split(
        self, payees: list[str], shares: list[int], block: Block = "latest"
    ) -> str:
        """Address of the split of these, made already or not. Raises NotFound with the reason
        where the factory refuses them."""
        return str(await self._factory("predict", payees, shares, block=block))

    async def split(self, address: str, block: Block = "latest") -> Split:
        """Raises NotFound where the address is no split of our factory."""
        if not await self.is_split(address, block):
            raise NotFound(f"{address} is no royalty split of this deployment.")
        payees, shares = await self.read("RoyaltySplit", address, "payees", block=block)
        return Split(address.lower(), tuple(payees), tuple(shares))

    async def credit_of(self, split: str, token: str, payee: str, block: Block = "latest") -> int:
        """Base units of `token` that wait for the payee's withdrawal."""
        return int(await self.read("RoyaltySplit", split, "creditOf", token, payee, block=block))

    async def node(self, node_id: str, block: Block = "latest") -> Node:
        """State and the record from its own log. Raises NotFound."""
        missing = NotFound(
            f"There is no node {node_id} in the registry.",
            do="Check the id, and that the node was announced on this network.",
        )
        address = self.deployment.node_registry
        try:
            state = await self.read("NodeRegistry", address, "nodeOf", node_id, block=block)
        except NotFound as error:
            raise missing from error
        if state["operator"] == ZERO_ADDRESS:
            raise missing
        return _node(node_id.lower(), state, await self._record(node_id, state))

    async def node_ids(self) -> list[str]:
        """Every node that was ever announced, retired ones too, oldest first."""
        topics = abi.event_topics("NodeRegistry")
        logs = LogScan(self.rpc, self.deployment.node_registry, [topics["NodeAnnounced"]])
        found: dict[str, None] = {}
        async for log in logs.newest_first(self.deployment.first_block):
            event = abi.decode_log(log, "NodeRegistry")
            if event is not None:
                found.setdefault(event.args["nodeId"])
        return list(reversed(found))

    async def _record(self, node_id: str, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """The newest record whose key hashes to the state's: from the block that the state names,
        else (chains where block.number is another chain's) by search from the head down."""
        topics = abi.event_topics("NodeRegistry")
        wanted = [[topics["NodeAnnounced"], topics["NodeChanged"]], node_id]
        logs = LogScan(self.rpc, self.deployment.node_registry, wanted)
        named = await logs.between(state["updatedBlock"], state["updatedBlock"])
        for log in reversed(named):
            record = _record_in(log, node_id, state["nodeKey"])
            if record is not None:
                return record
        async for log in logs.newest_first(self.deployment.first_block):
            record = _record_in(log, node_id, state["nodeKey"])
            if record is not None:
                return record
        raise IntegrityError(
            f"The RPC endpoint gives no record of node {node_id} that matches its key on chain.",
            do="Try another RPC endpoint: this one may have dropped old logs.",
        )

    async def read(
        self, contract: str, address: str, function: str, *args: Any, block: Block = "latest"
    ) -> Any:
        """One view call. Raises NotFound with the contract's own error where it reverts."""
        call = {"to": address, "data": "0x" + abi.encode_call(contract, function, *args).hex()}
        try:
            result = await self.rpc.call("eth_call", [call, block_parameter(block)])
        except RpcError as error:
            data = revert_data(error)
            if data is None:
                raise
            reason = abi.decode_error(data) or "no reason given"
            raise NotFound(f"{contract}.{function} answers: {reason}.") from error
        if result == "0x":
            raise WrongNetwork(
                f"There is no {contract} at {address} on this chain.",
                do="Check that the RPC endpoint and the deployment file are of the same network.",
            )
        return abi.decode_result(contract, function, result)

    async def _registry(self, function: str, *args: Any, block: Block) -> Any:
        address = self.deployment.registry
        return await self.read("CopyrightRegistry", address, function, *args, block=block)

    async def _manager(self, function: str, *args: Any, block: Block) -> Any:
        address = self.deployment.license_manager
        return await self.read("LicenseManager", address, function, *args, block=block)

    async def _factory(self, function: str, *args: Any, block: Block) -> Any:
        address = self.deployment.split_factory
        return await self.read("RoyaltySplitFactory", address, function, *args, block=block)


def block_parameter(block: Block) -> Any:
    """What JSON-RPC takes for a tag, a number or a block hash (of the canonical chain only)."""
    if isinstance(block, int):
        return hex(block)
    return {"blockHash": block, "requireCanonical": True} if len(block) == 66 else block


def revert_data(error: RpcError) -> bytes | None:
    """What a reverted call returned; None if the error is of another kind."""
    data = error.data.get("data") if isinstance(error.data, dict) else error.data
    if isinstance(data, str):
        at = data.find("0x")  # some endpoints write "Reverted 0x…"
        try:
            return bytes.fromhex(data[at + 2 :]) if at >= 0 else b""
        except ValueError:
            return b""
    return b"" if error.code == 3 or "revert" in error.message.lower() else None


def _member(kind: type[E], value: int) -> E:
    try:
        return kind(value)
    except ValueError:
        raise IntegrityError(
            f"The chain speaks of a {kind.__name__} {value}, which is none."
        ) from None


def _unknown_certificate(certificate: str) -> NotFound:
    return NotFound(
        f"There is no certificate {certificate}.",
        do="Check the id, and that it was registered on this network.",
    )


def _offer(offer_id: str, terms: Mapping[str, Any], state: Mapping[str, Any]) -> Offer:
    return Offer(
        id=offer_id,
        seller=state["seller"],
        certificates=tuple(terms["certificates"]),
        kind=_member(OfferKind, terms["kind"]),
        token=terms["token"],
        duration=terms["duration"],
        transferable=terms["transferable"],
        referral_bps=terms["referralBps"],
        terms=terms["terms"],
        salt=terms["salt"],
        price=state["price"],
        max_supply=state["maxSupply"],
        sold=state["sold"],
        open=state["open"],
        closed=state["closed"],
    )


def _record_in(log: Mapping[str, Any], node_id: str, node_key: str) -> Mapping[str, Any] | None:
    event = abi.decode_log(log, "NodeRegistry")
    if event is None or event.args.get("nodeId") != node_id.lower():
        return None
    record: Mapping[str, Any] = event.args["record"]
    packed = record["kem"].to_bytes(2, "big") + record["key"]
    return record if "0x" + keccak(packed).hex() == node_key else None


def _node(node_id: str, state: Mapping[str, Any], record: Mapping[str, Any]) -> Node:
    """Its texts are anybody's: nothing in them reaches a terminal but what can be printed."""
    return Node(
        id=node_id,
        operator=state["operator"],
        api_url=printable(record["apiUrl"]),
        gateway_url=printable(record["gatewayUrl"]),
        peer=printable(record["peer"]),
        kem=record["kem"],
        key=record["key"],
        node_key=state["nodeKey"],
        region=printable(bytes.fromhex(record["region"][2:]).decode("ascii", "replace")),
        domain=printable(record["domain"]),
        retired=state["retired"],
        updated_block=state["updatedBlock"],
    )
