"""A built release as one archive (CAR), streamed from disk, from any byte on.

Blocks come depth first, each once, in the order in which Kubo exports them; what is not at hand is
left out: the node has it. The bytes are the same every time, so an upload goes on where it was cut.
"""

from collections.abc import Iterator
from typing import BinaryIO

from immurtal.content.car import block_prefix, car_header
from immurtal.content.cid import Cid, check_block
from immurtal.content.dag_pb import decode_node
from immurtal.content.layout import BuiltRelease
from immurtal.errors import BadInput, IntegrityError


def car_size(built: BuiltRelease) -> int:
    """Bytes of the archive; reads nothing from disk."""
    blocks = sum(len(block_prefix(cid, size)) + size for cid, size in _blocks(built))
    return len(car_header(built.root_cid)) + blocks


def car_stream(built: BuiltRelease, offset: int = 0) -> Iterator[bytes]:
    """The archive from byte `offset` on, in pieces of at most one block.

    Raises `IntegrityError` if a file has changed since it was built.
    """
    if offset < 0:
        raise BadInput("An offset is not negative.")
    at = 0
    header = car_header(built.root_cid)
    if offset < len(header):
        yield header[offset:]
    at = len(header)
    for cid, size in _blocks(built):
        prefix = block_prefix(cid, size)
        end = at + len(prefix) + size
        if end > offset:
            yield (prefix + _read(built, cid))[max(0, offset - at) :]
        at = end


def write_car(built: BuiltRelease, out: BinaryIO) -> int:
    """Writes the archive and returns its bytes."""
    return sum(out.write(piece) for piece in car_stream(built))


def _blocks(built: BuiltRelease) -> Iterator[tuple[Cid, int]]:
    """Every block at hand once, depth first, with its bytes."""
    seen: set[Cid] = set()
    waiting = [built.root_cid]
    while waiting:
        cid = waiting.pop()
        if cid in seen:
            continue
        seen.add(cid)
        if cid in built.leaves:
            yield cid, built.leaves[cid].size
        elif cid in built.nodes:
            block = built.nodes[cid]
            yield cid, len(block)
            waiting += [link.cid for link in reversed(decode_node(block).links)]


def _read(built: BuiltRelease, cid: Cid) -> bytes:
    if cid in built.nodes:
        return built.nodes[cid]
    place = built.leaves[cid]
    try:
        with place.path.open("rb") as stream:
            stream.seek(place.offset)
            block = stream.read(place.size)
        check_block(cid, block)
    except (OSError, IntegrityError) as error:
        raise IntegrityError(
            f"{place.path} is not what it was when the release was built.",
            do="Put the file back, or build the release again.",
        ) from error
    return block
