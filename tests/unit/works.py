"""What the tests of certificates and licences share: works and offers."""

from dataclasses import astuple, dataclass, replace
from enum import IntEnum
from hashlib import sha256
from typing import Any

from ape import chain
from eth_abi import encode
from eth_utils import keccak

NOBODY = "0x0000000000000000000000000000000000000000"
SALT = keccak(text="salt")


class Visibility(IntEnum):
    PRIVATE = 0
    LICENSED = 1
    OPEN = 2
    WITHDRAWN = 3


class Kind(IntEnum):
    PERPETUAL = 0
    PASS = 1
    PER_PLAY = 2


class Refusal(IntEnum):
    NONE = 0
    UNKNOWN_OFFER = 1
    CLOSED = 2
    PAUSED = 3
    SELLER_NOT_OWNER = 4
    NOT_LICENSED = 5
    SOLD_OUT = 6
    PER_PLAY = 7


@dataclass(frozen=True, slots=True)
class Work:
    work_hash: bytes
    release: bytes
    visibility: int = Visibility.LICENSED
    payout: str = NOBODY


@dataclass(frozen=True, slots=True)
class Offer:
    certificates: list[bytes]
    kind: int = Kind.PERPETUAL
    token: str = NOBODY
    duration: int = 0
    transferable: bool = False
    referral_bps: int = 0
    terms: bytes = sha256(b"terms").digest()
    salt: bytes = bytes(32)

    def id(self, seller: Any) -> int:
        """The id that FORMATS gives it, computed without the contract."""
        types = ["address", "bytes32[]", "uint8", "address", "uint64", "bool", "uint16"]
        values = [address(seller), *as_tuple(self)]
        return int.from_bytes(keccak(encode([*types, "bytes32", "bytes32"], values)))

    def but(self, **changes: Any) -> "Offer":
        return replace(self, **changes)


def as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(int(v) if isinstance(v, IntEnum) else v for v in astuple(value))


def address(account: Any) -> str:
    return str(getattr(account, "address", account))


def work(name: str, **fields: Any) -> Work:
    return Work(sha256(name.encode()).digest(), sha256(f"{name} 1".encode()).digest(), **fields)


def commitment(author: Any, works: list[Work], salt: bytes = SALT) -> bytes:
    """As FORMATS says, computed without the contract."""
    hashes = keccak(b"".join(w.work_hash for w in works))
    return keccak(encode(["address", "bytes32", "bytes32"], [address(author), hashes, salt]))


def commit(registry: Any, author: Any, works: list[Work], salt: bytes = SALT) -> Any:
    """Commits, and lets the commitment age."""
    receipt = registry.commit(commitment(author, works, salt), sender=author)
    chain.mine(1, deltatime=registry.minAge())
    return receipt


def register(registry: Any, author: Any, works: list[Work], salt: bytes = SALT) -> Any:
    """Registers works that were committed to."""
    return registry.register([as_tuple(w) for w in works], salt, sender=author)


def certify(registry: Any, author: Any, *works: Work) -> list[bytes]:
    """Commits and registers; the certificates in ascending order, as offers want them."""
    commit(registry, author, list(works))
    register(registry, author, list(works))
    return sorted(w.work_hash for w in works)


def offer_id(receipt: Any) -> int:
    return int(receipt.return_value)
