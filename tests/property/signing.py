"""Signatures in microseconds, for statements and orders by the thousand.

ECDSA over secp256k1 with the nonce 1, so that r is always that of the generator: good signatures,
which tell everybody the key. Nothing hangs on these keys, and no contract can tell the difference.
"""

from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, derive_private_key
from eth_utils import keccak

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
GENERATOR_X = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798
_INVERSE_R = pow(GENERATOR_X, -1, ORDER)


class Signature(NamedTuple):
    """s: either of the twins. odd: of the generator's y, which is even; the twin's is odd."""

    s: int
    odd: bool

    @property
    def twin(self) -> "Signature":
        """The other signature that says the same."""
        return Signature(ORDER - self.s, not self.odd)

    @property
    def plain(self) -> bytes:
        """65 bytes r ‖ s ‖ v."""
        return GENERATOR_X.to_bytes(32) + self.s.to_bytes(32) + bytes([27 + self.odd])

    @property
    def compact(self) -> bytes:
        """64 bytes (ERC-2098), which only the twin of the lower s has."""
        low = min(self, self.twin)
        return GENERATOR_X.to_bytes(32) + (low.s | low.odd << 255).to_bytes(32)


def sign(key: bytes, digest: bytes) -> Signature:
    s = (int.from_bytes(digest) + GENERATOR_X * int.from_bytes(key)) % ORDER
    return Signature(s, False)


def signer(digest: bytes, signature: Signature) -> str:
    """Whose signature of this digest it is: always somebody's."""
    s = ORDER - signature.s if signature.odd else signature.s
    return address((s - int.from_bytes(digest)) * _INVERSE_R % ORDER)


def address(key: int) -> str:
    point = derive_private_key(key, SECP256K1()).public_key().public_numbers()
    return "0x" + keccak(point.x.to_bytes(32) + point.y.to_bytes(32))[12:].hex()
