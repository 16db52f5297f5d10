"""The cipher: Tink's streaming AEAD AES256-GCM-HKDF-SHA256 with 256 KiB ciphertext segments.

Source: https://developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming. A ciphertext is a
40-byte header and segments, each plaintext and a 16-byte tag under one derived key, with nonce
prefix ‖ uint32 segment ‖ last. Header and first segment fill one IPFS leaf together, every further
segment but the last fills one, so a segment is fetched, checked and decrypted alone.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from immurtal.content.encoding import address, hex_decode
from immurtal.content.streams import Readable, read_up_to
from immurtal.errors import BadInput, IntegrityError

SEGMENT: Final = 262_144
"""Ciphertext bytes of every segment but the last; the first counts the header in."""
KEY_BYTES: Final = 32
HEADER_BYTES: Final = 40
TAG_BYTES: Final = 16

_PLAIN: Final = SEGMENT - TAG_BYTES
_FIRST_PLAIN: Final = _PLAIN - HEADER_BYTES
_SEGMENTS_LIMIT: Final = 2**32


@dataclass(frozen=True, slots=True)
class Header:
    """What a ciphertext begins with. `salt`: 32 bytes; `nonce_prefix`: 7 bytes."""

    salt: bytes
    nonce_prefix: bytes

    def __post_init__(self) -> None:
        if len(self.salt) != 32 or len(self.nonce_prefix) != 7:
            raise BadInput("A cipher header has 32 bytes of salt and 7 of nonce prefix.")

    @classmethod
    def fresh(cls) -> Self:
        return cls(os.urandom(32), os.urandom(7))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The header in its 40 bytes; raises `BadInput`."""
        if len(data) != HEADER_BYTES or data[0] != HEADER_BYTES:
            raise BadInput("Not a cipher header of 40 bytes.")
        return cls(bytes(data[1:33]), bytes(data[33:]))

    @property
    def bytes(self) -> bytes:
        """The 40 bytes: their number, salt, nonce prefix."""
        return HEADER_BYTES.to_bytes(1, "big") + self.salt + self.nonce_prefix


def associated_data(chain_id: int, registry: str, work_hash: bytes, path: str) -> bytes:
    """What binds a ciphertext to its place: chain, registry, work and path (FORMATS, Cipher)."""
    if not 0 < chain_id < 2**256 or len(work_hash) != 32:
        raise BadInput("A ciphertext is bound to a chain id above zero and a 32-byte work hash.")
    return b"".join(
        (
            b"immurtal/segment/1",
            chain_id.to_bytes(32, "big"),
            hex_decode(address(registry), 20),
            work_hash,
            path.encode(),
        )
    )


def cipher_size(plain: int) -> int:
    """Bytes of the ciphertext of `plain` bytes."""
    if plain < 0:
        raise BadInput("A size is not negative.")
    segments = max(1, -(-(plain + HEADER_BYTES) // _PLAIN))
    if segments > _SEGMENTS_LIMIT:
        raise BadInput(f"{plain} bytes are more than the cipher can number.")
    return plain + HEADER_BYTES + segments * TAG_BYTES


def plain_size(cipher_bytes: int) -> int:
    """Bytes of the plaintext of a ciphertext; raises `BadInput` for a size that none has."""
    segments = -(-cipher_bytes // SEGMENT)
    plain = cipher_bytes - HEADER_BYTES - segments * TAG_BYTES
    if plain < 0 or cipher_size(plain) != cipher_bytes:
        raise BadInput(f"No ciphertext has {cipher_bytes} bytes.")
    return plain


def segment_for_offset(offset: int) -> int:
    """The segment that holds the plaintext byte at `offset`."""
    if offset < 0:
        raise BadInput("An offset is not negative.")
    return (offset + HEADER_BYTES) // _PLAIN


def encrypt_stream(
    key: bytes, aad: bytes, source: Readable, header: Header | None = None
) -> Iterator[bytes]:
    """The segments of the ciphertext of `source`, in order; the first begins with the header.

    `header` is for test vectors only: under one key it must never serve two plaintexts.
    """
    header = header or Header.fresh()
    aead = _derive(key, aad, header)
    index = 0
    plain = read_up_to(source, _FIRST_PLAIN)
    while True:
        following = read_up_to(source, _PLAIN)
        sealed = aead.encrypt(_nonce(header, index, last=not following), plain, None)
        yield header.bytes + sealed if index == 0 else sealed
        if not following:
            return
        plain = following
        index += 1


class SegmentDecryptor:
    """Decrypts segments of one ciphertext, in any order.

    `header` is the one announced in the metadata; `cipher_bytes` the size announced there. A
    ciphertext of another size, another header, or with segments moved fails at every segment that
    this touches.
    """

    def __init__(self, key: bytes, aad: bytes, header: Header, cipher_bytes: int) -> None:
        self.plain_bytes: Final = plain_size(cipher_bytes)
        self.cipher_bytes: Final = cipher_bytes
        self.segments: Final = -(-cipher_bytes // SEGMENT)
        self._header = header
        self._aead = _derive(key, aad, header)

    def decrypt(self, i: int, segment: bytes) -> bytes:
        """The plaintext of segment `i`; raises `IntegrityError` if it is not what was encrypted."""
        self._check_index(i)
        last = i == self.segments - 1
        size = self.cipher_bytes - i * SEGMENT if last else SEGMENT
        if len(segment) != size:
            raise IntegrityError(f"Segment {i} has {len(segment)} bytes, not {size}.")
        sealed: bytes | memoryview = segment
        if i == 0:
            if segment[:HEADER_BYTES] != self._header.bytes:
                raise IntegrityError("The ciphertext's header is not the one announced.")
            sealed = memoryview(segment)[HEADER_BYTES:]
        try:
            return self._aead.decrypt(_nonce(self._header, i, last=last), sealed, None)
        except InvalidTag as error:
            raise IntegrityError(
                f"Segment {i} does not decrypt: another key, or changed bytes.",
                do="Fetch it from another node, or ask for the key again.",
            ) from error

    def plain_range(self, i: int) -> tuple[int, int]:
        """Where the plaintext of segment `i` begins and ends, in bytes."""
        self._check_index(i)
        start = max(0, i * _PLAIN - HEADER_BYTES)
        return start, min(self.plain_bytes, (i + 1) * _PLAIN - HEADER_BYTES)

    def _check_index(self, i: int) -> None:
        if not 0 <= i < self.segments:
            raise BadInput(f"There is no segment {i}: the ciphertext has {self.segments}.")


def _derive(key: bytes, aad: bytes, header: Header) -> AESGCM:
    if len(key) != KEY_BYTES:
        raise BadInput(f"A content key has {KEY_BYTES} bytes, not {len(key)}.")
    return AESGCM(HKDF(SHA256(), KEY_BYTES, salt=header.salt, info=aad).derive(key))


def _nonce(header: Header, index: int, *, last: bool) -> bytes:
    return header.nonce_prefix + index.to_bytes(4, "big") + (b"\1" if last else b"\0")
