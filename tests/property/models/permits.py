"""What payers sign (EIP-712): EIP-2612 permits of the mock tokens, and Permit2 with the witness
that ILicenseManager names."""

from dataclasses import dataclass

from eth_utils import keccak

from models.money import PERMIT2
from models.registry import word

_PERMIT = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
_PURCHASE = "Purchase(uint256 offerId,address recipient,address referrer,uint256 maxPrice)"
_PERMITTED = "TokenPermissions(address token,uint256 amount)"
_TRANSFER = (
    "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,"
    f"uint256 deadline,Purchase witness){_PURCHASE}{_PERMITTED}"
)


@dataclass(frozen=True, slots=True)
class Order:
    """One purchase; the interface's struct."""

    offer: int
    recipient: str
    referrer: str
    most: int

    def plain(self) -> tuple[int, str, str, int]:
        return self.offer, self.recipient, self.referrer, self.most


def _struct(kind: str, *fields: int | str | bytes) -> bytes:
    return keccak(keccak(text=kind) + b"".join(map(word, fields)))


def _digest(domain: bytes, struct: bytes) -> bytes:
    return keccak(b"\x19\x01" + domain + struct)


def permit_digest(
    chain: int, token: str, owner: str, spender: str, value: int, nonce: int, deadline: int
) -> bytes:
    """EIP-2612, of a token whose name is Mock and whose version is 1."""
    kind = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    names = keccak(text="Mock"), keccak(text="1")
    domain = _struct(kind, *names, chain, token)
    return _digest(domain, _struct(_PERMIT, owner, spender, value, nonce, deadline))


def permit2_digest(
    chain: int, spender: str, token: str, order: Order, nonce: int, deadline: int
) -> bytes:
    """`permitWitnessTransferFrom` of Permit2; `order` is the witness."""
    kind = "EIP712Domain(string name,uint256 chainId,address verifyingContract)"
    domain = _struct(kind, keccak(text="Permit2"), chain, PERMIT2)
    permitted = _struct(_PERMITTED, token, order.most)
    witness = _struct(_PURCHASE, *order.plain())
    return _digest(domain, _struct(_TRANSFER, permitted, spender, nonce, deadline, witness))
