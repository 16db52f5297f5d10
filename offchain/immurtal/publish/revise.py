"""A new release of a work under the same key: changed metadata or credits, the same audio CIDs."""

import asyncio
import dataclasses
import hashlib
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from immurtal.chain.contracts import Certificate
from immurtal.chain.files import read_bounded, write_over
from immurtal.chain.gateway import fetch_block
from immurtal.chain.http import HttpClient
from immurtal.chain.wallet import Wallet
from immurtal.config import DEVELOPMENT_CHAIN
from immurtal.content.cid import DAG_PB, Cid, parse_cid
from immurtal.content.encoding import hex32_decode
from immurtal.content.keys_file import decode_keys_file
from immurtal.content.metadata import (
    METADATA,
    METADATA_ENC,
    Artist,
    Metadata,
    decode_metadata,
    decrypt_metadata,
)
from immurtal.content.release import BuiltRelease, is_built, open_release, rebuild_with
from immurtal.content.tags import read_cover
from immurtal.content.unixfs import Link, plan_directory, plan_leaves, run_async
from immurtal.errors import BadInput, ImmurtalError, KeySharesMissing, NotFound
from immurtal.keys.at_rest import Passphrase
from immurtal.keys.keyfile import ArtistKey, read_key_file
from immurtal.publish.actions import Actions
from immurtal.publish.build import KEYS, ReleaseCar
from immurtal.publish.home import ArtistHome
from immurtal.publish.nodes import ChosenNode, look_at
from immurtal.publish.proof import NodeProof, owner_session, prove
from immurtal.publish.storing import Delivery, store

MAX_FILE_LEAVES = 8  # metadata is at most 1 MiB
BASIS = "basis.json"
KEPT = ("audio", "preview.opus")
COVERS = ("cover.jpg", "cover.png")


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be said anew; None or empty: as before."""

    title: str | None
    artists: tuple[tuple[str, str], ...]
    description: str | None
    cover: Path | None

    @property
    def id(self) -> str:
        """The same changes are the same revision, so that an interrupted one goes on."""
        cover = self.cover.read_bytes() if self.cover else b""
        said = [self.title, list(self.artists), self.description]
        return hashlib.sha256(json.dumps(said).encode() + b"\0" + cover).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Revised:
    certificate: str
    version: int
    cid: str
    proofs: tuple[NodeProof, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "certificate": self.certificate,
            "version": self.version,
            "release": self.cid,
            "nodes": [dataclasses.asdict(proof) for proof in self.proofs],
        }


async def revise(
    actions: Actions,
    wallet: Wallet,
    *,
    home: ArtistHome,
    passphrase: str,
    certificate: str,
    changes: Changes,
) -> Revised:
    """Builds the new release, names it on chain, and hands it to the work's nodes.

    Raises NotFound (no such certificate, no key file), BadInput, KeySharesMissing (it is on chain,
    but too few nodes took it: run it again).
    """
    contracts = actions.contracts
    known = await contracts.certificate(certificate)
    key_file = home.key_file(contracts.deployment.chain_id, certificate)
    key = read_key_file(key_file, Passphrase(passphrase))
    nodes = await look_at(contracts, [node.node_id for node in key.nodes])
    folder = home.folder / "releases" / certificate / changes.id
    built = await _built(folder, known, key, nodes, changes)
    release = "0x" + built.root.hex()
    if release != known.release:
        await actions.publish_release(certificate, release)
    return await _hand_out(actions, wallet, nodes, key, built, certificate)


async def _built(
    folder: Path,
    known: Certificate,
    key: ArtistKey,
    nodes: Sequence[ChosenNode],
    changes: Changes,
) -> BuiltRelease:
    """The release of these changes: from the folder where it was built already, and either stands
    on chain now or was built on what stands there; else built now."""
    async with AsyncExitStack() as stack:
        local = key.binding.chain_id == DEVELOPMENT_CHAIN
        reader = await _Reader.open(stack, nodes, known.release, local)
        if is_built(folder):
            basis = json.loads(read_bounded(folder / BASIS, 4096))
            kept = {name: _link(link) for name, link in basis["kept"].items()}
            built = open_release(folder, kept)
            if known.release in ("0x" + built.root.hex(), basis["release"]):
                return built
            folder = folder.with_name(f"{folder.name}-{known.version + 1}")
            if is_built(folder):
                raise BadInput(
                    f"Another revision is half done in {folder}.", do="Move that folder away."
                )
        return await _build(folder, known, key, reader, changes)


async def _build(
    folder: Path, known: Certificate, key: ArtistKey, reader: "_Reader", changes: Changes
) -> BuiltRelease:
    links = await reader.directory()
    public = decode_metadata(await reader.file(links, METADATA))
    private = METADATA_ENC in links
    whole = public
    if private:
        sealed = await reader.file(links, METADATA_ENC)
        whole = decrypt_metadata(public, sealed, key.content_key)
    cover = read_cover(changes.cover) if changes.cover else None
    names = KEPT if cover else KEPT + COVERS
    kept = {name: link for name, link in links.items() if name in names}
    basis = {
        "release": known.release,
        "kept": {name: [link.cid.text, link.tsize] for name, link in kept.items()},
    }
    write_over(folder / BASIS, json.dumps(basis).encode())
    return rebuild_with(
        folder,
        existing=kept,
        metadata=_changed(whole, changes),
        keys_json=await reader.file(links, KEYS),
        content_key=key.content_key,
        cover=cover,
        private=private,
    )


def _changed(whole: Metadata, changes: Changes) -> Metadata:
    if whole.details is None:
        raise BadInput("The current release says nothing that could be changed.")
    credits = tuple(Artist(name, role) for name, role in changes.artists)
    details = dataclasses.replace(
        whole.details,
        title=changes.title or whole.details.title,
        artists=credits or whole.details.artists,
        description=(
            whole.details.description if changes.description is None else changes.description
        ),
    )
    return dataclasses.replace(whole, details=details)


async def _hand_out(
    actions: Actions,
    wallet: Wallet,
    nodes: Sequence[ChosenNode],
    key: ArtistKey,
    built: BuiltRelease,
    certificate: str,
) -> Revised:
    contracts = actions.contracts
    known = await contracts.certificate(certificate)
    at = contracts.deployment
    deliveries = [
        store(
            wallet,
            node,
            Delivery(at.chain_id, at.registry, certificate, known.release, ReleaseCar(built)),
        )
        for node in nodes
    ]
    refused = [
        answer
        for answer in await asyncio.gather(*deliveries, return_exceptions=True)
        if isinstance(answer, BaseException)
    ]
    for error in refused:
        if not isinstance(error, ImmurtalError):
            raise error
    session = owner_session(wallet, at.chain_id, at.registry)
    keys_file = decode_keys_file(_keys_json(built))
    proofs = await prove(nodes, keys_file, known.release, key.binding, session)
    if sum(proof.share for proof in proofs) < key.threshold:
        problems = "; ".join(proof.problem for proof in proofs if proof.problem)
        raise KeySharesMissing(
            f"The new release is on chain, but too few nodes took it ({problems}).",
            do="Run the same command again when the nodes are well.",
        )
    return Revised(certificate, known.version, built.cid, tuple(proofs))


def _keys_json(built: BuiltRelease) -> bytes:
    (leaf,) = built.files[KEYS].leaves
    place = built.leaves[leaf]
    return place.path.read_bytes()


def _link(stored: Sequence[Any]) -> Link:
    return Link(parse_cid(str(stored[0])), int(stored[1]))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Small files of one release, verified, from whichever of its nodes has them."""

    gateways: Sequence[HttpClient]
    root: Cid

    @classmethod
    async def open(
        cls, stack: AsyncExitStack, nodes: Sequence[ChosenNode], release: str, local: bool
    ) -> "_Reader":
        gateways = [
            await stack.enter_async_context(HttpClient(node.record.gateway_url, allow_local=local))
            for node in nodes
        ]
        return cls(gateways, Cid(DAG_PB, hex32_decode(release)))

    async def directory(self) -> dict[str, Link]:
        return await run_async(plan_directory(self.root), self._block)

    async def file(self, links: dict[str, Link], name: str) -> bytes:
        if name not in links:
            raise NotFound(f"The current release has no {name}.")
        leaves = await run_async(plan_leaves(links[name].cid), self._block)
        if len(leaves) > MAX_FILE_LEAVES:
            raise BadInput(f"{name} of the current release is too large.")
        return b"".join([await self._block(leaf) for leaf in leaves])

    async def _block(self, cid: Cid) -> bytes:
        problems = []
        for gateway in self.gateways:
            try:
                return await fetch_block(gateway, cid)
            except ImmurtalError as error:
                problems.append(error.what)
        raise NotFound(
            f"No node of this work gives its current release ({'; '.join(problems)}).",
            do="Try again when they are well.",
        )
