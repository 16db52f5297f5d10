"""Opening a release: from its 32 bytes on chain to documents that are checked, and their nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from immurtal.chain.contracts import Certificate, Contracts, Node
from immurtal.content.cid import DAG_PB, Cid
from immurtal.content.cipher import cipher_size
from immurtal.content.keys_file import KeysFile, decode_keys_file
from immurtal.content.metadata import (
    METADATA,
    METADATA_ENC,
    METADATA_LIMIT,
    Details,
    Metadata,
    Variant,
    counts_for,
    decode_metadata,
    decrypt_metadata,
)
from immurtal.content.strict_json import JSON_LIMIT
from immurtal.content.unixfs import plan_leaves, plan_path
from immurtal.errors import BadInput, IntegrityError, NotFound
from immurtal.keys.sealing import Binding
from immurtal.stream.blocks import Blocks
from immurtal.stream.providers import release_nodes, starting_nodes

KEYS: Final = "keys.json"
STREAMED: Final = "opus"
"""The codec that is played where nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A certificate's release, as far as it is public. nodes: records of those in keys.json."""

    certificate: Certificate
    root: Cid
    metadata: Metadata
    keys_file: KeysFile
    nodes: Mapping[str, Node]
    binding: Binding

    def variant(self, wanted: str | None = None) -> Variant:
        """By path or codec, or `best` (most bits a second); None: what is made for streaming.

        Raises NotFound that lists what there is.
        """
        variants = self.metadata.variants
        if wanted is None:
            return next((v for v in variants if v.codec == STREAMED), variants[0])
        if wanted == "best":
            return max(variants, key=lambda v: v.bitrate)
        for variant in variants:
            if wanted in (variant.path, variant.codec):
                return variant
        there = ", ".join(f"{v.codec} ({v.path})" for v in variants)
        raise NotFound(f"This recording has no variant {wanted!r}.", do=f"It has: {there}.")


async def open_release(
    contracts: Contracts, blocks: Blocks, certificate: Certificate, named: Sequence[str] = ()
) -> Opened:
    """Finds the certificate's current release and reads what is public of it.

    named: node ids to look at first; none: those of the registry. The release's own nodes join
    `blocks`. Raises NotFound, Unreachable, and IntegrityError where the release is malformed or
    is not of this certificate.
    """
    blocks.add(await starting_nodes(contracts, named))
    root = Cid(DAG_PB, bytes.fromhex(certificate.release[2:]))
    await blocks.discover(root)
    try:
        keys_file = decode_keys_file(await _file(blocks, root, KEYS, JSON_LIMIT))
        found = await release_nodes(contracts, keys_file)
        blocks.add(found.nodes.values())
        metadata = decode_metadata(await _file(blocks, root, METADATA, METADATA_LIMIT))
    except BadInput as error:
        raise _malformed(certificate, error) from error
    _check(certificate, contracts, metadata, keys_file)
    deployment = contracts.deployment
    binding = Binding(deployment.chain_id, deployment.registry, certificate.id, certificate.author)
    return Opened(certificate, root, metadata, keys_file, found.nodes, binding)


async def details(blocks: Blocks, opened: Opened, key: bytes) -> Details | None:
    """Title, artists and the rest; of a private release from metadata.enc, by the content key."""
    if opened.metadata.details is not None:
        return opened.metadata.details
    sealed = await _file(blocks, opened.root, METADATA_ENC, cipher_size(METADATA_LIMIT))
    try:
        return decrypt_metadata(opened.metadata, sealed, key).details
    except BadInput as error:
        raise _malformed(opened.certificate, error) from error


async def audio_leaves(blocks: Blocks, opened: Opened, variant: Variant) -> list[Cid]:
    """The variant's leaves, in order; each is one segment of its ciphertext."""
    try:
        file = await blocks.plan(plan_path(opened.root, variant.path))
        return await blocks.plan(plan_leaves(file, variant.cipher_bytes))
    except BadInput as error:
        raise _malformed(opened.certificate, error) from error


async def _file(blocks: Blocks, root: Cid, path: str, limit: int) -> bytes:
    return await blocks.read(await blocks.plan(plan_path(root, path)), limit)


def _check(
    certificate: Certificate, contracts: Contracts, metadata: Metadata, keys_file: KeysFile
) -> None:
    here = contracts.deployment
    work_hash = bytes.fromhex(certificate.id[2:])
    if not counts_for(metadata, work_hash, here.registry, here.chain_id):
        raise IntegrityError(
            f"The release of certificate {certificate.id} says that it is of another work, "
            "registry or chain.",
            do="Its owner must publish a release of this work.",
        )
    if metadata.key_id != keys_file.key_id:
        raise IntegrityError(
            f"metadata.json and keys.json of certificate {certificate.id} name different keys.",
            do="Its owner must publish a whole release.",
        )


def _malformed(certificate: Certificate, error: BadInput) -> IntegrityError:
    return IntegrityError(
        f"The release of certificate {certificate.id} is malformed: {error.what}",
        do="Its owner must publish a whole release.",
    )
