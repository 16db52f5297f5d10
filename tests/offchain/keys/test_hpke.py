"""HPKE: judged by the specification written out below, itself judged by a published vector."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from immurtal.errors import BadInput, IntegrityError
from immurtal.keys.hpke import (
    KEM_X25519,
    PrivateKey,
    PublicKey,
    generate,
    node_key_hash,
    open_sealed,
    seal,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/hpke.json").read_text())
KEM_SUITE = b"KEM" + (0x0020).to_bytes(2)
SUITE = b"HPKE" + (0x0020).to_bytes(2) + (1).to_bytes(2) + (2).to_bytes(2)


def extract(salt: bytes, suite: bytes, label: bytes, material: bytes) -> bytes:
    """LabeledExtract, RFC 9180 section 4."""
    return HKDF.extract(SHA256(), salt or bytes(32), b"HPKE-v1" + suite + label + material)


def expand(secret: bytes, suite: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """LabeledExpand, RFC 9180 section 4."""
    labelled = length.to_bytes(2) + b"HPKE-v1" + suite + label + info
    return HKDFExpand(SHA256(), length, labelled).derive(secret)


def seal_by_the_book(
    ephemeral: X25519PrivateKey, public: bytes, info: bytes, aad: bytes, plaintext: bytes
) -> bytes:
    """Encap (section 4.1), KeySchedule in base mode (5.1), Seal of message 0 (5.2)."""
    enc = ephemeral.public_key().public_bytes_raw()
    exchanged = ephemeral.exchange(X25519PublicKey.from_public_bytes(public))
    eae = extract(b"", KEM_SUITE, b"eae_prk", exchanged)
    shared = expand(eae, KEM_SUITE, b"shared_secret", enc + public, 32)
    context = (
        b"\0" + extract(b"", SUITE, b"psk_id_hash", b"") + extract(b"", SUITE, b"info_hash", info)
    )
    secret = extract(shared, SUITE, b"secret", b"")
    key = expand(secret, SUITE, b"key", context, 32)
    nonce = expand(secret, SUITE, b"base_nonce", context, 12)
    return enc + AESGCM(key).encrypt(nonce, plaintext, aad)


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def test_the_book_is_read_right() -> None:
    """The published vector of this suite, whose messages have AAD (ours have none)."""
    vector = VECTORS["published"]
    ephemeral = X25519PrivateKey.from_private_bytes(unhex(vector["skE"]))
    sealed = seal_by_the_book(
        ephemeral, *(unhex(vector[name]) for name in ("pkR", "info", "aad", "plaintext"))
    )
    assert sealed[32:] == unhex(vector["ciphertext"])


@pytest.mark.parametrize("vector", VECTORS["cases"], ids=lambda v: v["about"])
def test_vectors(vector: dict) -> None:
    private = PrivateKey(vector["kem"], unhex(vector["private"]))
    assert private.public.key == unhex(vector["public"])
    assert private.public.hash == vector["nodeKey"]
    ephemeral = X25519PrivateKey.from_private_bytes(unhex(vector["ephemeral"]))
    info, plaintext, sealed = (unhex(vector[name]) for name in ("info", "plaintext", "sealed"))
    assert seal_by_the_book(ephemeral, private.public.key, info, b"", plaintext) == sealed
    assert open_sealed(private, sealed, info) == plaintext


KEY = generate()
SEALED = seal(KEY.public, b"a share", b"for this")


@pytest.mark.parametrize(
    "sealed",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(SEALED[:32], id="enc alone"),
        pytest.param(SEALED[:-1], id="cut"),
        pytest.param(SEALED + b"\0", id="longer"),
        pytest.param(bytes(32) + SEALED[32:], id="enc of low order"),
    ],
)
def test_what_does_not_open(sealed: bytes) -> None:
    with pytest.raises(IntegrityError, match="does not open"):
        open_sealed(KEY, sealed, b"for this")


@given(at=st.integers(0, len(SEALED) * 8 - 1))
def test_no_bit_can_be_flipped(at: int) -> None:
    """Whichever bit of an envelope changes, it does not open.

    The one exception is X25519's: it ignores the top bit of `enc` (RFC 7748, section 5), but HPKE
    hashes `enc` into the key, so that bit counts too.
    """
    changed = bytearray(SEALED)
    changed[at // 8] ^= 1 << at % 8
    with pytest.raises(IntegrityError):
        open_sealed(KEY, bytes(changed), b"for this")


def test_other_info_or_key_does_not_open() -> None:
    with pytest.raises(IntegrityError):
        open_sealed(KEY, SEALED, b"for that")
    with pytest.raises(IntegrityError):
        open_sealed(generate(), SEALED, b"for this")
    assert open_sealed(KEY, SEALED, b"for this") == b"a share"


def test_keys_that_are_none() -> None:
    with pytest.raises(BadInput, match="KEM 0x0021 is not known"):
        PublicKey(0x0021, bytes(32))
    with pytest.raises(BadInput, match="has 32 bytes, not 31"):
        PublicKey(KEM_X25519, bytes(31))
    with pytest.raises(BadInput, match="no private key of KEM 0x0020"):
        PrivateKey(KEM_X25519, bytes(31))
    with pytest.raises(BadInput, match="low order"):
        seal(PublicKey(KEM_X25519, bytes(32)), b"", b"")


def test_a_private_key_keeps_itself_to_itself() -> None:
    assert repr(KEY) == "PrivateKey(kem=32)"


def test_a_node_key_covers_the_kem() -> None:
    assert node_key_hash(0x20, bytes(32)) != node_key_hash(0x21, bytes(32))
