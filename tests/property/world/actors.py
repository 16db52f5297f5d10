"""Accounts with known keys: those of anvil's and ape's test mnemonic, so that a scenario's accounts
are `accounts[i]` of an ape test."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak

MNEMONIC = "test test test test test test test test test test test junk"
COUNT = 20
NAMES = (
    *("deployer", "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan"),
    *("judy", "mallory", "niaj", "olivia", "peggy", "rupert", "sybil", "trent", "victor", "walter"),
)


@dataclass(frozen=True, slots=True, repr=False)
class Actor:
    """A plain account. index: of ape's `accounts`."""

    index: int
    name: str
    key: bytes
    address: str

    def __repr__(self) -> str:
        return self.name


@cache
def actors() -> Sequence[Actor]:
    """The first only deploys."""
    Account.enable_unaudited_hdwallet_features()
    found = []
    for index in range(COUNT):
        account = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
        found.append(Actor(index, NAMES[index], account.key, account.address.lower()))
    return found


_signatures: dict[tuple[bytes, bytes], bytes] = {}


def sign_typed(actor: Actor, typed: dict[str, Any]) -> bytes:
    """65 bytes r ‖ s ‖ v over EIP-712 data; kept, since signing takes milliseconds."""
    message = encode_typed_data(full_message=typed)
    return sign_digest(actor, _digest(message))


def sign_digest(actor: Actor, digest: bytes) -> bytes:
    """65 bytes r ‖ s ‖ v over a digest; kept."""
    signature = _signatures.get((actor.key, digest))
    if signature is None:
        signature = bytes(Account.unsafe_sign_hash(digest, actor.key).signature)
        _signatures[actor.key, digest] = signature
    return signature


def _digest(message: Any) -> bytes:
    return keccak(b"\x19" + message.version + message.header + message.body)
