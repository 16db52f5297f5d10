"""HPKE (RFC 9180), base mode, HKDF-SHA256, AES-256-GCM, empty AAD; output is `enc ‖ ct`.

The KEM travels with every key. X25519 is the one there is; hybrids with ML-KEM join `_KEMS` by
their registered numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from eth_utils.crypto import keccak

from immurtal.errors import BadInput, IntegrityError

KEM_X25519: Final = 0x0020
"""DHKEM(X25519, HKDF-SHA256), RFC 9180 section 7.1."""


@dataclass(frozen=True, slots=True)
class _Kem:
    suite: Suite
    public_bytes: int
    generate: Callable[[], bytes]
    load_public: Callable[[bytes], Any]
    load_private: Callable[[bytes], Any]
    public_of: Callable[[bytes], bytes]


_KEMS: Final = {
    KEM_X25519: _Kem(
        suite=Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
        public_bytes=32,
        generate=lambda: X25519PrivateKey.generate().private_bytes_raw(),
        load_public=X25519PublicKey.from_public_bytes,
        load_private=X25519PrivateKey.from_private_bytes,
        public_of=lambda secret: (
            X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
        ),
    )
}


def _kem(number: int) -> _Kem:
    if number not in _KEMS:
        raise BadInput(
            f"The key's KEM 0x{number:04x} is not known to this version.",
            do="Update Immurtal, or ask for a key of KEM 0x0020 (X25519).",
        )
    return _KEMS[number]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key with its KEM's number; its length is right for that KEM, else BadInput."""

    kem: int
    key: bytes

    def __post_init__(self) -> None:
        due = _kem(self.kem).public_bytes
        if len(self.key) != due:
            raise BadInput(
                f"A public key of KEM 0x{self.kem:04x} has {due} bytes, not {len(self.key)}."
            )

    @property
    def hash(self) -> str:
        return node_key_hash(self.kem, self.key)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key with its KEM's number; `repr` keeps it to itself."""

    kem: int
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        try:
            _kem(self.kem).load_private(self.secret)
        except ValueError as error:
            raise BadInput(f"This is no private key of KEM 0x{self.kem:04x}.") from error

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.kem, _kem(self.kem).public_of(self.secret))


def generate(kem: int = KEM_X25519) -> PrivateKey:
    return PrivateKey(kem, _kem(kem).generate())


def node_key_hash(kem: int, key: bytes) -> str:
    """keccak(uint16 kem ‖ key bytes) as `0x` text: `nodeKey`, and the hash of a session key."""
    return "0x" + keccak(kem.to_bytes(2) + key).hex()


def seal(public: PublicKey, plaintext: bytes, info: bytes) -> bytes:
    """`enc ‖ ct`. Raises BadInput if the key is one that no honest person has (all zero)."""
    kem = _kem(public.kem)
    try:
        return kem.suite.encrypt(plaintext, kem.load_public(public.key), info=info)
    except ValueError as error:
        raise BadInput("This public key cannot be sealed to: it is of low order.") from error


def open_sealed(private: PrivateKey, sealed: bytes, info: bytes) -> bytes:
    """The plaintext of `enc ‖ ct`. Raises IntegrityError: other key, other info, or changed."""
    kem = _kem(private.kem)
    try:
        return kem.suite.decrypt(sealed, kem.load_private(private.secret), info=info)
    except (InvalidTag, ValueError) as error:
        raise IntegrityError(
            "A sealed envelope does not open: it was changed, or sealed for another key, work, "
            "author, chain or node."
        ) from error
