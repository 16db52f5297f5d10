"""A complete upload: every block is checked before the backend is given any of them.

An archive may hold only what is new; what the node has already completes the release.
"""

import asyncio
import io
from dataclasses import dataclass
from pathlib import Path

from immurtal.content.car import read_car, write_car
from immurtal.content.cid import DAG_PB, RAW, Cid, check_block, cid_of, release_cid
from immurtal.content.dag_pb import decode_node
from immurtal.content.unixfs import GetBlockAsync
from immurtal.errors import BadInput, IntegrityError, NotAccepted
from immurtal.storage.backend import NotHere, PinBackend
from immurtal.storage.desired import Content, Kind, Wanted
from immurtal.storage.examine import Registry, examine, local_blocks, most_blocks
from immurtal.storage.ledger import Ledger
from immurtal.storage.obtain import Obtain


@dataclass(frozen=True, slots=True)
class Archive:
    """What a CAR holds: its blocks, and of those that are nodes the links."""

    root: Cid
    blocks: frozenset[Cid]
    links: dict[Cid, tuple[Cid, ...]]


class Arrival:
    """`keep`: held while blocks are here that no pin protects yet."""

    def __init__(
        self,
        backend: PinBackend,
        ledger: Ledger,
        obtain: Obtain,
        registry: Registry,
        keep: asyncio.Lock,
    ) -> None:
        self._backend = backend
        self._ledger = ledger
        self._obtain = obtain
        self._registry = registry
        self._keep = keep

    async def import_archive(self, path: Path, certificate: str, release: str) -> Content:
        """Takes the archive in and pins the release.

        Raises `IntegrityError`: it is not what was announced, or not whole. `NotAccepted`: the
        release does not count for the certificate, or is too large. Then nothing is pinned.
        """
        archive = await asyncio.to_thread(read_archive, path)
        if archive.root.text != _root(release):
            raise IntegrityError(
                f"The upload's root is {archive.root}, not the announced {_root(release)}."
            )
        lacking = await blocks_beside(archive, local_blocks(self._backend))
        async with self._keep:
            with await asyncio.to_thread(path.open, "rb") as car:
                await self._backend.import_car(car, path.stat().st_size)
            if lacking and not await self._backend.has_all(archive.root.text):
                raise IntegrityError(
                    f"The release is not whole: {min(map(str, lacking))} or another of"
                    f" {len(lacking)} blocks is neither in the upload nor here.",
                    do="Send every block that is new.",
                )
            return await self._pin_whole(certificate, release)

    async def pin_present(self, certificate: str, release: str) -> Content | None:
        """Pins the release if every block is here already; else None. Raises `NotAccepted`."""
        async with self._keep:
            if not await self._backend.has_all(_root(release)):
                return None
            return await self._pin_whole(certificate, release)

    async def take_leaf(self, data: bytes, kind: Kind) -> str:
        """Takes a file of one raw leaf in and pins it; its CID."""
        cid, car = cid_of(RAW, data), io.BytesIO()
        size = write_car(cid, [(cid, data)], car)
        car.seek(0)
        async with self._keep:
            await self._backend.import_car(car, size)
            await self._obtain.pin_here(Wanted(cid.text, kind, frozenset(), True, 0))
        return cid.text

    async def _pin_whole(self, certificate: str, release: str) -> Content:
        content = await examine(local_blocks(self._backend), release, self._registry)
        if content.certificate != certificate:
            raise NotAccepted(
                "The release's metadata.json does not name this certificate.",
                do="Build the release for this certificate, registry and chain.",
            )
        self._obtain.check_size(content)
        whose = frozenset({certificate})
        await self._obtain.pin_here(Wanted(_root(release), Kind.RELEASE, whose, True, 0))
        await self._ledger.save_content(content)
        return content


def read_archive(path: Path) -> Archive:
    """Reads a CAR once, each block checked against its CID. Raises `IntegrityError`."""
    blocks: set[Cid] = set()
    links: dict[Cid, tuple[Cid, ...]] = {}
    left = most_blocks(path.stat().st_size)
    left_links = left
    try:
        with path.open("rb") as file:
            (root,), entries = read_car(file)
            for cid, block in entries:
                blocks.add(cid)
                if cid.codec == DAG_PB:
                    links[cid] = tuple(link.cid for link in decode_node(block).links)
                    left_links -= len(links[cid])
                left -= 1
                if min(left, left_links) < 0:
                    raise BadInput("It has more blocks than a release of its size.")
    except BadInput as error:
        raise IntegrityError(
            f"The upload is not the archive of a release: {error.what}",
            saved="Nothing of it was kept.",
            do="Build the release again and send it anew.",
        ) from error
    return Archive(root, frozenset(blocks), links)


async def blocks_beside(archive: Archive, get_local: GetBlockAsync) -> set[Cid]:
    """The blocks of the release that the archive leaves out.

    Raises `IntegrityError` for a block that the root does not lead to, and for a node on the way
    that is neither in the archive nor here.
    """
    reached: set[Cid] = set()
    ahead = [archive.root]
    while ahead:
        cid = ahead.pop()
        if cid in reached:
            continue
        reached.add(cid)
        if cid.codec != RAW:
            ahead.extend(await _links(cid, archive, get_local))
    if extra := archive.blocks - reached:
        raise IntegrityError(
            f"The upload has {len(extra)} blocks that are not of the release,"
            f" {min(map(str, extra))} among them."
        )
    return reached - archive.blocks


async def _links(cid: Cid, archive: Archive, get_local: GetBlockAsync) -> tuple[Cid, ...]:
    if cid in archive.links:
        return archive.links[cid]
    try:
        block = await get_local(cid)
        check_block(cid, block)
        return tuple(link.cid for link in decode_node(block).links)
    except (NotHere, BadInput) as error:
        raise IntegrityError(f"The upload lacks block {cid}, which is not here either.") from error


def _root(release: str) -> str:
    return release_cid(bytes.fromhex(release[2:]))
