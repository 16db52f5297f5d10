"""What a release holds, from its blocks: whose it is, how large, and which files matter apart."""

from dataclasses import dataclass
from typing import Final

from immurtal.content.cid import DAG_PB, RAW, Cid, check_block, parse_cid, release_cid
from immurtal.content.encoding import hex32
from immurtal.content.metadata import METADATA, METADATA_LIMIT, decode_metadata
from immurtal.content.strict_json import JSON_LIMIT
from immurtal.content.unixfs import (
    LEAF,
    GetBlockAsync,
    Link,
    leaves_of_async,
    plan_directory,
    resolve_async,
    run_async,
)
from immurtal.errors import BadInput
from immurtal.storage.backend import PinBackend
from immurtal.storage.desired import Content

KEYS: Final = "keys.json"
_TREE_BYTES: Final = 4096
"""What the nodes above the leaves of a file of at most 1 MiB may take."""
_SMALL_BLOCKS: Final = 4096
"""Blocks of a release that need not be whole leaves: of its directories and small files."""
_BIGGEST_SIZE: Final = 2**63 - 1  # what the databases can hold


@dataclass(frozen=True, slots=True)
class Registry:
    """The registry that certificates are of; `address` in lower case."""

    chain_id: int
    address: str


def most_blocks(size: int) -> int:
    """How many blocks a release of so many bytes has at most; as many links lead to them. Whole
    leaves and the nodes above them are the bulk: what has more is none, and wears the node down."""
    return 2 * size // LEAF + _SMALL_BLOCKS


def local_blocks(backend: PinBackend) -> GetBlockAsync:
    """Blocks that are here; raises `NotHere`."""

    async def get(cid: Cid) -> bytes:
        return await backend.get_block(cid.text)

    return get


def found_blocks(backend: PinBackend, seconds: float) -> GetBlockAsync:
    """Blocks from here or from peers, each within `seconds`; raises `NotHere`."""

    async def get(cid: Cid) -> bytes:
        return await backend.get_block(cid.text, within=seconds)

    return get


async def examine(get: GetBlockAsync, release: str, registry: Registry) -> Content:
    """Looks into a release (`0x` digest). One that is not as FORMATS says counts for nothing.

    Raises what `get` raises, and `IntegrityError` for a block that does not match its CID.
    """
    root = parse_cid(release_cid(bytes.fromhex(release[2:])))
    size = 0

    async def get_counted(cid: Cid) -> bytes:
        nonlocal size
        block = await get(cid)
        size = len(block) if cid == root else size
        return block

    try:
        links = await run_async(plan_directory(root), get_counted)
    except BadInput:
        return Content(release, None, None, None, size)
    size = min(size + sum(link.tsize for link in links.values()), _BIGGEST_SIZE)
    metadata, keys = links.get(METADATA), links.get(KEYS)
    if metadata is None or metadata.tsize > METADATA_LIMIT + _TREE_BYTES:
        return Content(release, None, None, None, size)
    try:
        raw = await read_leaves(get, metadata.cid, METADATA_LIMIT)
    except BadInput:
        return Content(release, None, None, None, size)
    return Content(release, _named(raw, registry), metadata.cid.text, _keys_cid(keys), size)


async def read_path(get: GetBlockAsync, release: str, path: str, limit: int) -> bytes:
    """The file at `path` of a release, of at most `limit` bytes.

    Raises `NotFound`: no such file, or not all of it here. `BadInput`: larger, or no such file.
    `IntegrityError`: a block that does not match its CID.
    """
    root = Cid(DAG_PB, bytes.fromhex(release[2:]))
    return await read_leaves(get, await resolve_async(root, path, get), limit)


async def read_leaves(get: GetBlockAsync, file: Cid, limit: int) -> bytes:
    """The bytes of the file `file`. Raises as `read_path`."""
    data = bytearray()
    for leaf in await leaves_of_async(file, get):
        block = await get(leaf)
        check_block(leaf, block)
        data += block
        if len(data) > limit:
            raise BadInput(f"File {file} has more than {limit} bytes.")
    return bytes(data)


def _named(metadata: bytes, registry: Registry) -> str | None:
    """The one certificate of this registry that the metadata is of."""
    try:
        binding = decode_metadata(metadata).binding
    except BadInput:
        return None
    if (binding.chain_id, binding.registry) != (registry.chain_id, registry.address):
        return None
    return hex32(binding.work_hash)


def _keys_cid(keys: Link | None) -> str | None:
    if keys is None or keys.cid.codec != RAW or keys.tsize > JSON_LIMIT:
        return None
    return keys.cid.text
