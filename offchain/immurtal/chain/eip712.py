"""Every struct that is signed, and its EIP-712 digest: one definition for signers,
verifiers and wallets. The type strings are those of FORMATS (Signatures), to the letter.

In Python addresses and bytes32 are lower-case `0x` text, `bytes` and `bytes16` are bytes, integers
are int; a field is the Solidity name in snake case.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from eth_abi.abi import encode
from eth_abi.exceptions import EncodingError
from eth_utils.crypto import keccak

from immurtal.errors import BadInput

PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3"
"""Uniswap's Permit2, at the same address on every chain."""

MAX_SESSION_SECONDS = 7 * 24 * 3600
MAX_STATEMENT_ENTRIES = 256


@dataclass(frozen=True, slots=True)
class Domain:
    """Whose structs they are; the chain and the contract come with each signature. A domain without
    a version has no such field (EIP-712: unused fields are left out of the type)."""

    name: str
    version: str | None = None

    @property
    def type(self) -> str:
        version = "" if self.version is None else "string version,"
        return f"EIP712Domain(string name,{version}uint256 chainId,address verifyingContract)"


OURS = Domain("Immurtal", "1")


class Struct:
    """Base of what can be signed; `TYPE` is the EIP-712 type with all that it refers to behind it,
    alphabetically."""

    __slots__ = ()
    TYPE: ClassVar[str]
    DOMAIN: ClassVar[Domain] = OURS


@dataclass(frozen=True, slots=True)
class Work(Struct):
    """What an author registers; `release` is the digest of its CID, `visibility` 0 to 3."""

    TYPE = "Work(bytes32 workHash,bytes32 release,uint8 visibility,address payout)"
    work_hash: str
    release: str
    visibility: int
    payout: str


@dataclass(frozen=True, slots=True)
class Register(Struct):
    """An author's leave to register works for them until `deadline` (seconds)."""

    TYPE = "Register(address author,Work[] works,bytes32 salt,uint64 deadline)" + Work.TYPE
    author: str
    works: tuple[Work, ...]
    salt: str
    deadline: int


@dataclass(frozen=True, slots=True)
class Session(Struct):
    """An account's leave for a device key and an HPKE session key; times in seconds.

    For Open works the account is the zero address and the device signs.
    """

    TYPE = (
        "Session(address account,address device,uint16 kem,bytes sessionKey,"
        "uint64 notBefore,uint64 expires)"
    )
    account: str
    device: str
    kem: int
    session_key: bytes
    not_before: int
    expires: int


@dataclass(frozen=True, slots=True)
class KeyRequest(Struct):
    """A device's request for one key share of one node, at `time` (seconds)."""

    TYPE = (
        "KeyRequest(bytes32 nodeKey,bytes32 certificate,bytes32 release,bytes16 keyId,"
        "bytes32 offerId,uint64 time)"
    )
    node_key: str
    certificate: str
    release: str
    key_id: bytes
    offer_id: str
    time: int


@dataclass(frozen=True, slots=True)
class Store(Struct):
    """A certificate owner's request that one node hold its current release of `size` bytes."""

    TYPE = "Store(bytes32 nodeKey,bytes32 certificate,bytes32 release,uint64 size,uint64 time)"
    node_key: str
    certificate: str
    release: str
    size: int
    time: int


@dataclass(frozen=True, slots=True)
class Entry(Struct):
    """Plays, and the amount for them in base units, of one certificate; both cumulative."""

    TYPE = "Entry(bytes32 certificate,uint64 plays,uint128 amount)"
    certificate: str
    plays: int
    amount: int


@dataclass(frozen=True, slots=True)
class Statement(Struct):
    """A play statement; its verifying contract is StreamingEscrow, not CopyrightRegistry."""

    TYPE = "Statement(address listener,address token,Entry[] entries)" + Entry.TYPE
    listener: str
    token: str
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        if len(self.entries) > MAX_STATEMENT_ENTRIES:
            raise BadInput(f"A play statement has at most {MAX_STATEMENT_ENTRIES} entries.")


@dataclass(frozen=True, slots=True)
class Purchase(Struct):
    """What a payer buys; `max_price` in base units of the offer's token. Signed as the witness of a
    Permit2 transfer only, see PermitWitnessTransferFrom."""

    TYPE = "Purchase(uint256 offerId,address recipient,address referrer,uint256 maxPrice)"
    offer_id: int
    recipient: str
    referrer: str
    max_price: int


@dataclass(frozen=True, slots=True)
class TokenPermissions(Struct):
    """The most that Permit2 may take of an ERC-20 token, base units."""

    TYPE = "TokenPermissions(address token,uint256 amount)"
    token: str
    amount: int


@dataclass(frozen=True, slots=True)
class PermitWitnessTransferFrom(Struct):
    """A payer's leave, to Permit2, that `spender` takes tokens for exactly this purchase.

    The nonce is Permit2's, unordered (any that was not used); the deadline in seconds. The
    verifying contract is PERMIT2.
    """

    TYPE = (
        "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,"
        "uint256 deadline,Purchase witness)" + Purchase.TYPE + TokenPermissions.TYPE
    )
    DOMAIN = Domain("Permit2")
    permitted: TokenPermissions
    spender: str
    nonce: int
    deadline: int
    witness: Purchase


def purchase_permit(
    spender: str, token: str, order: Purchase, nonce: int, deadline: int
) -> PermitWitnessTransferFrom:
    """What a payer signs for LicenseManager's `purchaseWithPermit2`: `spender` is LicenseManager,
    `token` the offer's. Sign it with `PERMIT2` as verifying contract."""
    permitted = TokenPermissions(token, order.max_price)
    return PermitWitnessTransferFrom(permitted, spender, nonce, deadline, order)


@dataclass(frozen=True, slots=True)
class Field:
    """One member of a struct: its Solidity type, its name there, and its name here."""

    type: str
    name: str
    attribute: str


def digest(struct: Struct, chain_id: int, verifying_contract: str) -> bytes:
    """The 32 bytes that are signed: keccak(0x1901 ‖ domain separator ‖ struct hash), EIP-712.

    Raises BadInput if a value does not fit its type.
    """
    try:
        separator = domain_separator(struct.DOMAIN, chain_id, verifying_contract)
        return keccak(b"\x19\x01" + separator + hash_struct(struct))
    except (EncodingError, ValueError, TypeError) as error:
        raise BadInput(f"A {type(struct).__name__} cannot be signed: {error}.") from error


@cache
def domain_separator(domain: Domain, chain_id: int, verifying_contract: str) -> bytes:
    """The hash of a domain on a chain, for a contract."""
    names = [
        keccak(text=text) for text in (domain.type, domain.name, domain.version) if text is not None
    ]
    types = ["bytes32"] * len(names) + ["uint256", "address"]
    return keccak(encode(types, [*names, chain_id, verifying_contract]))


def hash_struct(struct: Struct) -> bytes:
    """keccak(type hash ‖ encoded members), EIP-712."""
    words = [keccak(text=struct.TYPE)]
    words += [_word(field.type, getattr(struct, field.attribute)) for field in fields(type(struct))]
    return keccak(b"".join(words))


def _word(solidity_type: str, value: Any) -> bytes:
    if solidity_type.endswith("[]"):
        return keccak(b"".join(hash_struct(item) for item in value))
    if isinstance(value, Struct):
        return hash_struct(value)
    if solidity_type == "bytes":
        return keccak(value)
    if solidity_type.startswith("bytes"):
        return encode([solidity_type], [_exact_bytes(value, int(solidity_type[5:]))])
    return encode([solidity_type], [value])


def _exact_bytes(value: str | bytes, size: int) -> bytes:
    """Fixed bytes of exactly their size: ABI coding alone would pad shorter ones in silence."""
    data = bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else value
    if len(data) != size:
        raise ValueError(f"{len(data)} bytes where {size} are due")
    return data


def typed_data(struct: Struct, chain_id: int, verifying_contract: str) -> dict[str, Any]:
    """The same struct as JSON for `eth_signTypedData_v4`: bytes as hex, integers as decimal text
    (JavaScript's numbers end at 2^53)."""
    types = {
        name: [{"name": field.name, "type": field.type} for field in _parse(members)]
        for name, members in _declarations(struct.DOMAIN.type + struct.TYPE)
    }
    domain = {"name": struct.DOMAIN.name}
    if struct.DOMAIN.version is not None:
        domain["version"] = struct.DOMAIN.version
    return {
        "types": types,
        "primaryType": type(struct).__name__,
        "domain": domain | {"chainId": chain_id, "verifyingContract": verifying_contract},
        "message": _message(struct),
    }


def _message(struct: Struct) -> dict[str, Any]:
    return {field.name: _json(getattr(struct, field.attribute)) for field in fields(type(struct))}


def _json(value: Any) -> Any:
    match value:
        case bytes():
            return "0x" + value.hex()
        case int():
            return str(value)
        case tuple():
            return [_message(item) for item in value]
        case Struct():
            return _message(value)
    return value


def fields(struct: type[Struct]) -> tuple[Field, ...]:
    """The members of a struct, in the order in which they are signed."""
    return _parse(_declarations(struct.TYPE)[0][1])


@cache
def _declarations(type_string: str) -> list[tuple[str, str]]:
    return re.findall(r"(\w+)\(([^)]*)\)", type_string)


@cache
def _parse(members: str) -> tuple[Field, ...]:
    pairs = (member.split(" ") for member in members.split(","))
    return tuple(Field(kind, name, _snake_case(name)) for kind, name in pairs)


def _snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
