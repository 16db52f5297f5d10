"""A new release of a work under the same key: changed metadata or credits, the same audio CIDs."""

import asyncio
import dataclasses
import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from immurtal.chain.contracts import Certificate, Contracts, Node
from immurtal.chain.files import read_bounded, write_over
from immurtal.chain.gateway import fetch_block
from immurtal.chain.http import HttpClient
from immurtal.chain.wallet import Wallet
from immurtal.config import DEVELOPMENT_CHAIN
from immurtal.content.cid import DAG_PB, Cid, parse_cid
from immurtal.content.encoding import hex32, hex32_decode
from immurtal.content.keys_file import decode_keys_file
from immurtal.content.metadata import (
    METADATA,
    METADATA_ENC,
    METADATA_LIMIT,
    Artist,
    Metadata,
    decode_metadata,
    decrypt_metadata,
)
from immurtal.content.release import BuiltRelease, is_built, open_release, rebuild_with
from immurtal.content.tags import read_cover
from immurtal.content.unixfs import Link, plan_directory, plan_leaves, run_async
from immurtal.errors import BadInput, ImmurtalError, NotFound, Unreachable
from immurtal.keys.at_rest import Passphrase
from immurtal.keys.keyfile import ArtistKey, read_key_file
from immurtal.keys.sealing import Binding
from immurtal.publish.actions import Actions
from immurtal.publish.build import KEYS, ReleaseCar
from immurtal.publish.folder import discard, locked
from immurtal.publish.handing import Package, hand_out, shortfall, too_few
from immurtal.publish.home import ArtistHome
from immurtal.publish.nodes import look_at, warnings
from immurtal.publish.proof import NodeProof
from immurtal.publish.step import Report, Step

MAX_FILE_LEAVES = 8  # metadata is at most 1 MiB
MOST_ASKED = 32  # announced nodes, where those of the key file do not help
BASIS = "basis.json"
MAX_BASIS_BYTES = 4096
KEPT = ("audio", "preview.opus")
COVERS = ("cover.jpg", "cover.png")
SEEN_SECONDS = 60.0
POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be said anew; None or empty: as before."""

    title: str | None
    artists: tuple[tuple[str, str], ...]
    description: str | None
    cover: Path | None

    @property
    def id(self) -> str:
        """The same changes are the same revision, so that an interrupted one goes on. Raises
        BadInput, NotFound for a cover that cannot be used."""
        cover = read_cover(self.cover).data if self.cover else b""
        said = [self.title, list(self.artists), self.description]
        return hashlib.sha256(json.dumps(said).encode() + b"\0" + cover).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Revised:
    """`version` and release as they stand on chain now."""

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
    report: Report,
) -> Revised:
    """Builds the new release, names it on chain, and hands it to the work's nodes. Interrupted, the
    same changes go on where they were.

    Raises NotFound (no such certificate, no key file), BadInput, KeySharesMissing or DiskFull
    (it is on chain, but too few nodes took it: run it again).
    """
    folder = home.folder / "releases" / certificate / changes.id
    with locked(folder.parent):
        await actions.sender.settled()
        known = await actions.contracts.certificate(certificate)
        key = _key(home, actions.contracts.deployment.chain_id, known, passphrase)
        built = await _built(actions.contracts, folder, known, key, changes, report)
        release = hex32(built.root)
        if release != known.release:
            report(Step("release", "naming the new release on chain"))
            await actions.publish_release(certificate, release)
        known = await _seen(actions.contracts, certificate, release)
        return await _hand_out(actions, wallet, home, built, known, report)


def _key(home: ArtistHome, chain_id: int, known: Certificate, passphrase: str) -> ArtistKey:
    path = home.key_file(chain_id, known.id)
    if not path.exists():
        raise NotFound(
            f"There is no key file of this work at {path}.",
            do="Name the folder that it was published from with --home, or restore it.",
        )
    return read_key_file(path, Passphrase(passphrase))


async def _built(
    contracts: Contracts,
    folder: Path,
    known: Certificate,
    key: ArtistKey,
    changes: Changes,
    report: Report,
) -> BuiltRelease:
    """The release of these changes: built before, if it is the current one or was built on it; else
    built now, on the current one."""
    built = _built_before(folder, known)
    if built is not None:
        return built
    discard(folder)
    report(Step("build", "building the new release"))
    async with AsyncExitStack() as stack:
        reader = _Reader(contracts, stack, known.release, [node.node_id for node in key.nodes])
        return await _build(folder, known, key, reader, changes)


def _built_before(folder: Path, known: Certificate) -> BuiltRelease | None:
    if not is_built(folder):
        return None
    try:
        basis = json.loads(read_bounded(folder / BASIS, MAX_BASIS_BYTES))
        kept = {name: _link(link) for name, link in basis["kept"].items()}
        built = open_release(folder, kept)
        return built if known.release in (hex32(built.root), basis["release"]) else None
    except (ImmurtalError, AttributeError, KeyError, IndexError, TypeError, ValueError):
        return None


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
            whole.details.description
            if changes.description is None
            else changes.description or None
        ),
    )
    return dataclasses.replace(whole, details=details)


async def _seen(contracts: Contracts, certificate: str, release: str) -> Certificate:
    """The certificate with that release; an endpoint may see it later than another."""
    until = time.monotonic() + SEEN_SECONDS
    while (known := await contracts.certificate(certificate)).release != release:
        if time.monotonic() > until:
            raise Unreachable(
                "The new release is in a block, but the RPC endpoint does not show it.",
                do="Run the same command again, with another --rpc if this stays so.",
            )
        await asyncio.sleep(POLL_SECONDS)
    return known


async def _hand_out(
    actions: Actions,
    wallet: Wallet,
    home: ArtistHome,
    built: BuiltRelease,
    known: Certificate,
    report: Report,
) -> Revised:
    """To the nodes that the release itself names. They have the audio; where one let it go already
    (the old release is no longer current), it gets the audio too, if it is still here."""
    at = actions.contracts.deployment
    keys_file = decode_keys_file(_keys_json(built))
    nodes = await look_at(actions.contracts, [hex32(share.node) for share in keys_file.nodes])
    for worry in warnings(nodes):
        report(Step("warning", worry))
    package = Package(
        title=known.id[:10] + "…",
        release=known.release,
        binding=Binding(at.chain_id, at.registry, known.id, known.author),
        keys_file=keys_file,
        cars=(lambda: ReleaseCar(built), lambda: ReleaseCar(_whole(home, built))),
    )
    (proofs,) = await hand_out(wallet, nodes, [package], report)
    missing = shortfall(package, proofs, keys_file.threshold, 1)
    if missing:
        raise too_few(proofs)(
            f"The new release is on chain, but too few nodes took it. {missing}",
            saved="It is kept here, and the nodes keep the audio.",
            do="Run the same command again when they are well.",
        )
    return Revised(known.id, known.version, built.cid, proofs)


def _whole(home: ArtistHome, built: BuiltRelease) -> BuiltRelease:
    """With the audio from where it was first published. Raises NotFound: it is not here."""
    binding, key_id = built.metadata.binding, built.metadata.key_id
    for folder in home.folder.glob("jobs/*/track-*"):
        if not is_built(folder):
            continue
        try:
            said = decode_metadata(read_bounded(folder / METADATA, METADATA_LIMIT))
            if (said.binding, said.key_id) != (binding, key_id):
                continue
            first = open_release(folder)
        except ImmurtalError:
            continue
        if set(first.metadata.variants) == set(built.metadata.variants):
            return dataclasses.replace(
                built,
                nodes={**first.nodes, **built.nodes},
                leaves={**first.leaves, **built.leaves},
            )
    raise NotFound("The audio of this work is not on this machine any more.")


def _keys_json(built: BuiltRelease) -> bytes:
    (leaf,) = built.files[KEYS].leaves
    place = built.leaves[leaf]
    return place.path.read_bytes()


def _link(stored: Sequence[Any]) -> Link:
    return Link(parse_cid(str(stored[0])), int(stored[1]))


class _Reader:
    """Small files of one release, verified, from whichever node has them: first those named."""

    def __init__(
        self, contracts: Contracts, stack: AsyncExitStack, release: str, named: Sequence[str]
    ) -> None:
        self._contracts = contracts
        self._stack = stack
        self._root = Cid(DAG_PB, hex32_decode(release))
        self._unasked = [list(named), None]  # None: those that are announced
        self._gateways: list[HttpClient] = []

    async def directory(self) -> dict[str, Link]:
        return await run_async(plan_directory(self._root), self._block)

    async def file(self, links: dict[str, Link], name: str) -> bytes:
        if name not in links:
            raise NotFound(f"The current release has no {name}.")
        leaves = await run_async(plan_leaves(links[name].cid), self._block)
        if len(leaves) > MAX_FILE_LEAVES:
            raise BadInput(f"{name} of the current release is too large.")
        return b"".join([await self._block(leaf) for leaf in leaves])

    async def _block(self, cid: Cid) -> bytes:
        problems: list[str] = []
        tried = 0
        while True:
            for gateway in self._gateways[tried:]:
                try:
                    return await fetch_block(gateway, cid)
                except ImmurtalError as error:
                    problems.append(error.what)
            tried = len(self._gateways)
            if not self._unasked:
                raise NotFound(
                    f"No node gives the current release ({' '.join(problems)}).",
                    do="Try again when the nodes of this work are well.",
                )
            await self._ask_more(self._unasked.pop(0))

    async def _ask_more(self, ids: list[str] | None) -> None:
        if ids is None:
            ids = (await self._contracts.node_ids())[::-1][:MOST_ASKED]
        found = await asyncio.gather(*(self._record(node_id) for node_id in ids))
        local = self._contracts.deployment.chain_id == DEVELOPMENT_CHAIN
        for node in found:
            if node is not None:
                client = HttpClient(node.gateway_url, allow_local=local)
                self._gateways.append(await self._stack.enter_async_context(client))

    async def _record(self, node_id: str) -> Node | None:
        try:
            return await self._contracts.node(node_id)
        except ImmurtalError:
            return None
