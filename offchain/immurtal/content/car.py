"""CARv1 archives with one root: how a release travels to a node.

Source: https://ipld.io/specs/transport/car/carv1/. The header is the one DAG-CBOR spelling of
`{"roots": [root], "version": 1}`.
"""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from immurtal.content.cid import CID_BYTES, Cid, check_block, cid_from_bytes
from immurtal.content.dag_pb import NODE_LIMIT, varint
from immurtal.content.streams import read_up_to
from immurtal.errors import BadInput

_BEFORE_ROOT: Final = b"\xa2\x65roots\x81\xd8\x2a\x58\x25\x00"
_AFTER_ROOT: Final = b"\x67version\x01"
_HEADER_BYTES: Final = len(_BEFORE_ROOT) + CID_BYTES + len(_AFTER_ROOT)


def car_header(root: Cid) -> bytes:
    """The first bytes of an archive whose root is `root`."""
    return varint(_HEADER_BYTES) + _BEFORE_ROOT + root.bytes + _AFTER_ROOT


def block_prefix(cid: Cid, size: int) -> bytes:
    """What stands before a block of `size` bytes."""
    return varint(CID_BYTES + size) + cid.bytes


def write_car(root: Cid, blocks: Iterable[tuple[Cid, bytes]], out: BinaryIO) -> int:
    """Writes an archive of `blocks` and returns its bytes."""
    written = out.write(car_header(root))
    for cid, block in blocks:
        written += out.write(block_prefix(cid, len(block)))
        written += out.write(block)
    return written


def read_car(
    stream: BinaryIO, max_block: int = NODE_LIMIT
) -> tuple[tuple[Cid, ...], Iterator[tuple[Cid, bytes]]]:
    """The roots (one) and the blocks of an archive; each block is checked before it is handed out.

    Blocks have at most `max_block` bytes. Raises `BadInput` for what is no such archive or is cut
    off, here or while iterating, and `IntegrityError` for a block that does not match its CID.
    """
    size = _read_size(stream)
    if size != _HEADER_BYTES:
        raise BadInput("Not a CARv1 archive with one root.")
    header = _read_exactly(stream, size)
    if not (header.startswith(_BEFORE_ROOT) and header.endswith(_AFTER_ROOT)):
        raise BadInput("Not a CARv1 archive with one root.")
    root = cid_from_bytes(header[len(_BEFORE_ROOT) :][:CID_BYTES])
    return (root,), _read_blocks(stream, max_block)


def _read_blocks(stream: BinaryIO, max_block: int) -> Iterator[tuple[Cid, bytes]]:
    while (size := _read_size(stream)) is not None:
        if not CID_BYTES <= size <= CID_BYTES + max_block:
            raise BadInput(f"A block in the archive has {size} bytes, at most {max_block} fit.")
        entry = _read_exactly(stream, size)
        cid, block = cid_from_bytes(entry[:CID_BYTES]), entry[CID_BYTES:]
        check_block(cid, block)
        yield cid, block


def _read_size(stream: BinaryIO) -> int | None:
    """The next length (LEB128, in its shortest spelling), or None at the archive's end."""
    value = shift = 0
    while byte := stream.read(1):
        value |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            if byte[0] == 0 and shift > 7:
                break
            return value
        if shift > 28:
            break
    if shift == 0:
        return None
    raise BadInput("The archive has a length that is cut off or too large.")


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    data = read_up_to(stream, size)
    if len(data) < size:
        raise BadInput("The archive is cut off in the middle of a block.")
    return data
