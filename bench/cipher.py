"""Encrypting and decrypting 64 MiB as releases are, beside the library alone and beside Tink.

`python -m bench.cipher`, from the checkout's root. All sides run on one core. Seconds are those of
the processor, the sides take turns, and the best turn counts: others' work can only slow one down.
"""

import io
import os
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, Final

import tink_judge
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, Hash

from bench.results import Row, load_average, report
from immurtal.content.cid import RAW, check_block, cid_of
from immurtal.content.cipher import SEGMENT, Header, SegmentDecryptor, encrypt_stream
from immurtal.content.unixfs import FileBuilder

SIZE: Final = 64 * 1024 * 1024
TURNS: Final = 9
OF_LIBRARY: Final = 0.8
KEY: Final = bytes(range(32))
AAD: Final = b"immurtal/segment/1"
NONCE: Final = bytes(12)

Sides = tuple[Callable[[], None], Callable[[], None], Callable[[], None]]
"""Ours, the library alone, Tink."""


class Source(io.BytesIO):
    """A file that may be hashed as it is read, as `publish` reads a recording."""

    def __init__(self, data: bytes, hashed: bool) -> None:
        super().__init__(data)
        self._hash = sha256() if hashed else None

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if self._hash:
            self._hash.update(data)
        return data


class Sink(io.RawIOBase):
    """Takes everything and keeps nothing."""

    def __init__(self, hashed: bool) -> None:
        self._hash = sha256() if hashed else None

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        view = memoryview(data)
        if self._hash:
            self._hash.update(view)
        return view.nbytes


def encrypting(plain: bytes, hashed: bool) -> Sides:
    """hashed: as a release is built, with the plaintext's hash, each segment's CID and the DAG."""

    def ours() -> None:
        file = FileBuilder(lambda *_: None)
        for segment in encrypt_stream(KEY, AAD, Source(plain, hashed)):
            if hashed:
                file.feed(segment)

    def library() -> None:
        aead, whole = AESGCM(KEY), Hash(SHA256())
        for piece in pieces(plain):
            sealed = aead.encrypt(NONCE, piece, None)
            if hashed:
                whole.update(piece)
                digest(sealed)

    def peer() -> None:
        whole, sink = sha256(), Sink(hashed)
        with tink_judge.primitive(KEY).new_encrypting_stream(sink, AAD) as stream:
            for piece in pieces(plain):
                stream.write(piece)
                if hashed:
                    whole.update(piece)

    return ours, library, peer


def decrypting(plain: bytes, hashed: bool) -> Sides:
    """hashed: as a recording is played, each segment's CID checked, and the plaintext's hash."""
    header = Header.fresh()
    segments = list(encrypt_stream(KEY, AAD, io.BytesIO(plain), header))
    cids = [cid_of(RAW, segment) for segment in segments]
    ciphertext = b"".join(segments)
    sealed = [AESGCM(KEY).encrypt(NONCE, piece, None) for piece in pieces(plain)]

    def ours() -> None:
        decryptor, whole = SegmentDecryptor(KEY, AAD, header, len(ciphertext)), sha256()
        for i, segment in enumerate(segments):
            if hashed:
                check_block(cids[i], segment)
            opened = decryptor.decrypt(i, segment)
            if hashed:
                whole.update(opened)

    def library() -> None:
        aead, whole = AESGCM(KEY), Hash(SHA256())
        for piece in sealed:
            if hashed:
                digest(piece)
            opened = aead.decrypt(NONCE, piece, None)
            if hashed:
                whole.update(opened)

    def peer() -> None:
        whole, source = sha256(), Source(ciphertext, hashed)
        with tink_judge.primitive(KEY).new_decrypting_stream(source, AAD) as stream:
            while opened := stream.read(SEGMENT):
                if hashed:
                    whole.update(opened)

    return ours, library, peer


def pieces(data: bytes) -> Iterator[memoryview]:
    view = memoryview(data)
    return (view[at : at + SEGMENT] for at in range(0, len(data), SEGMENT))


def digest(data: bytes) -> bytes:
    hashing = Hash(SHA256())
    hashing.update(data)
    return hashing.finalize()


def speeds(sides: Sides) -> list[float]:
    """Megabytes that each side gets through in a second of the processor's."""
    best = [float("inf")] * len(sides)
    for _ in range(TURNS):
        for i, side in enumerate(sides):
            start = time.process_time()
            side()
            best[i] = min(best[i], time.process_time() - start)
    return [round(SIZE / 1e6 / seconds, 1) for seconds in best]


def measure(what: str, sides: Sides, of_library: float) -> Row:
    ours, library, tink = speeds(sides)
    goal = max(round(of_library * library, 1), tink)
    return Row(what, "MB/s", ours, peer=tink, limit=library, goal=goal, better="higher")


def main() -> int:
    load = load_average()
    plain = os.urandom(SIZE)
    rows = [
        measure("encrypt with hashing", encrypting(plain, True), OF_LIBRARY),
        measure("decrypt and verify", decrypting(plain, True), OF_LIBRARY),
        measure("encrypt alone", encrypting(plain, False), 0),
        measure("decrypt alone", decrypting(plain, False), 0),
    ]
    about = {
        "bytes": SIZE,
        "turns": TURNS,
        "seconds": "of the processor, on one core; the best turn",
        "peer": "Tink's streaming AEAD, with as many hashes over the same bytes",
        "limit": "AES-GCM and SHA-256 of cryptography alone on pieces of 256 KiB",
        "goal": f"{OF_LIBRARY} of the limit, and above the peer; alone: above the peer",
    }
    return report("cipher", rows, load, about)


if __name__ == "__main__":
    raise SystemExit(main())
