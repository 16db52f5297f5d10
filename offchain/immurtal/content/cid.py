"""CIDs as this project uses them: version 1, SHA-256, base32; codecs raw and dag-pb.

Source: https://github.com/multiformats/cid. Anything else that IPFS knows is refused: a release has
one name only.
"""

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from immurtal.errors import BadInput, IntegrityError

RAW: Final = 0x55
DAG_PB: Final = 0x70
CID_BYTES: Final = 36

_TEXT_LENGTH: Final = 1 + 58  # the multibase prefix, and 36 bytes in base32


@dataclass(frozen=True, slots=True)
class Cid:
    """`digest`: the SHA-256 (32 bytes) of the block that this names."""

    codec: int
    digest: bytes

    def __post_init__(self) -> None:
        if self.codec not in (RAW, DAG_PB):
            raise BadInput(f"A CID has codec raw (0x55) or dag-pb (0x70), not {self.codec:#x}.")
        if len(self.digest) != 32:
            raise BadInput(f"A CID's digest has 32 bytes, not {len(self.digest)}.")

    @property
    def bytes(self) -> bytes:
        """The binary form, 36 bytes."""
        return b"\x01" + self.codec.to_bytes(1, "big") + b"\x12\x20" + self.digest

    @property
    def text(self) -> str:
        """The text form, base32 lower case, 59 characters."""
        return "b" + base64.b32encode(self.bytes).decode().rstrip("=").lower()

    def __str__(self) -> str:
        return self.text


def raw_cid(digest: bytes) -> str:
    """The text of the CID of the raw block with this SHA-256."""
    return Cid(RAW, digest).text


def dag_pb_cid(digest: bytes) -> str:
    """The text of the CID of the dag-pb block with this SHA-256."""
    return Cid(DAG_PB, digest).text


def release_cid(release: bytes) -> str:
    """The text of a release's CID from the 32 bytes that stand on chain."""
    return dag_pb_cid(release)


def cid_of(codec: int, block: bytes | memoryview) -> Cid:
    """The CID that names `block`."""
    return Cid(codec, sha256(block).digest())


def parse_cid(text: str) -> Cid:
    """A CID from its text; raises `BadInput` for any other version, base, hash or codec."""
    if not isinstance(text, str) or len(text) != _TEXT_LENGTH or not text.startswith("b"):
        raise BadInput(
            f"Not a CID this project uses: {str(text)[:80]!r}.",
            do="Give a CIDv1 in base32 with SHA-256, as `ipfs cid base32` prints it.",
        )
    if text != text.lower():
        raise BadInput(f"A CID is lower case: {text!r}.")
    try:
        binary = base64.b32decode(text[1:].upper() + "=" * (-(len(text) - 1) % 8))
    except (binascii.Error, ValueError) as error:
        raise BadInput(f"Not base32: {text!r}.") from error
    cid = cid_from_bytes(binary)
    if cid.text != text:
        raise BadInput(f"Not a CID in its one spelling: {text!r}.")
    return cid


def cid_from_bytes(binary: bytes) -> Cid:
    """A CID from its 36 bytes; raises `BadInput`."""
    if len(binary) != CID_BYTES or binary[0] != 1 or binary[2:4] != b"\x12\x20":
        raise BadInput("Not a CIDv1 with SHA-256.")
    return Cid(binary[1], bytes(binary[4:]))


def check_block(cid: Cid, data: bytes | memoryview) -> None:
    """Raises `IntegrityError` unless `data` is the block that `cid` names."""
    if sha256(data).digest() != cid.digest:
        raise IntegrityError(
            f"The bytes received are not block {cid.text}.",
            do="Fetch the block from another node.",
        )
