"""dag-pb nodes that carry UnixFS files and directories, in the one spelling that Kubo writes.

Sources: https://ipld.io/specs/codecs/dag-pb/spec/ and https://specs.ipfs.tech/unixfs/. Only what
FORMATS pins down exists here: no HAMT, no inline data, no mode, no mtime.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from immurtal.content.cid import Cid, cid_from_bytes
from immurtal.errors import BadInput

NODE_LIMIT: Final = 2 * 1024 * 1024
"""Bytes of one node: what IPFS itself moves as one block."""


class Kind(IntEnum):
    """UnixFS `Data.Type`."""

    DIRECTORY = 1
    FILE = 2


class NodeLink(NamedTuple):
    """`tsize`: bytes of all blocks below, the linked one included. `name`: empty inside a file."""

    name: str
    cid: Cid
    tsize: int


@dataclass(frozen=True, slots=True)
class Node:
    """`sizes`: for a file, the file bytes below each link; for a directory empty."""

    kind: Kind
    links: tuple[NodeLink, ...]
    sizes: tuple[int, ...] = ()

    @property
    def file_size(self) -> int:
        """Bytes of the file below this node."""
        return sum(self.sizes)


def encode_node(node: Node) -> bytes:
    """The block of `node`. Links come before data, as dag-pb demands."""
    links = b"".join(_field(2, _encode_link(link)) for link in node.links)
    data = _tag(1, 0) + varint(node.kind)
    if node.kind is Kind.FILE:
        data += _tag(3, 0) + varint(node.file_size)
        data += b"".join(_tag(4, 0) + varint(size) for size in node.sizes)
    return links + _field(1, data)


def decode_node(block: bytes) -> Node:
    """The node in `block`; raises `BadInput` for anything that `encode_node` would not write."""
    if len(block) > NODE_LIMIT:
        raise BadInput(f"A node has {len(block)} bytes, more than {NODE_LIMIT}.")
    links: list[NodeLink] = []
    data = b""
    at = 0
    while at < len(block):
        field, value, at = _read_field(block, at)
        if field == 2 and isinstance(value, bytes):
            links.append(_decode_link(value))
        elif field == 1 and isinstance(value, bytes):
            data = value
        else:
            raise BadInput("Not a dag-pb node: unknown field.")
    kind, sizes = _decode_data(data)
    if kind is Kind.FILE and len(sizes) != len(links):
        raise BadInput("A file node needs one size for each link.")
    if kind is Kind.DIRECTORY:
        _check_names(links)
    node = Node(kind, tuple(links), sizes)
    if encode_node(node) != block:
        raise BadInput("A node is not in the one spelling that Kubo writes.")
    return node


def _check_names(links: list[NodeLink]) -> None:
    names = [link.name.encode() for link in links]
    if names != sorted(set(names)) or b"" in names:
        raise BadInput("A directory's names must be distinct, not empty, and in order.")


def _encode_link(link: NodeLink) -> bytes:
    return (
        _field(1, link.cid.bytes) + _field(2, link.name.encode()) + _tag(3, 0) + varint(link.tsize)
    )


def _decode_link(block: bytes) -> NodeLink:
    values: dict[int, int | bytes] = {}
    at = 0
    while at < len(block):
        field, value, at = _read_field(block, at)
        values[field] = value
    binary, name, tsize = values.get(1), values.get(2), values.get(3)
    if (
        not isinstance(binary, bytes)
        or not isinstance(name, bytes)
        or not isinstance(tsize, int)
        or len(values) != 3
    ):
        raise BadInput("A link needs a CID, a name and a size.")
    try:
        return NodeLink(name.decode(), cid_from_bytes(binary), tsize)
    except UnicodeDecodeError as error:
        raise BadInput("A link's name is not UTF-8.") from error


def _decode_data(data: bytes) -> tuple[Kind, tuple[int, ...]]:
    kind = 0
    sizes: list[int] = []
    at = 0
    while at < len(data):
        field, value, at = _read_field(data, at)
        if not isinstance(value, int):
            raise BadInput("A UnixFS node with inline data is not used here.")
        if field == 1:
            kind = value
        elif field == 4:
            sizes.append(value)
        elif field != 3:
            raise BadInput(f"UnixFS field {field} is not used here.")
    if kind not in (Kind.DIRECTORY, Kind.FILE):
        raise BadInput(f"UnixFS type {kind} is not used here.")
    return Kind(kind), tuple(sizes)


def varint(value: int) -> bytes:
    """Unsigned LEB128, as protobuf and multiformats write it."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at` and where it ends; raises `BadInput` beyond 2**63 or if it is cut off."""
    value = shift = 0
    for position in range(at, min(at + 9, len(data))):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position + 1
        shift += 7
    raise BadInput("A number is cut off or too large.")


def _tag(field: int, wire: int) -> bytes:
    return bytes([field << 3 | wire])


def _field(field: int, value: bytes) -> bytes:
    return _tag(field, 2) + varint(len(value)) + value


def _read_field(data: bytes, at: int) -> tuple[int, int | bytes, int]:
    tag, at = read_varint(data, at)
    value, at = read_varint(data, at)
    if tag & 7 == 0:
        return tag >> 3, value, at
    if tag & 7 != 2 or at + value > len(data):
        raise BadInput("Not a dag-pb node.")
    return tag >> 3, bytes(data[at : at + value]), at + value
