"""From the files of a release to its CIDs, and where each of its blocks lies on disk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from immurtal.content.cid import DAG_PB, Cid
from immurtal.content.cipher import HEADER_BYTES
from immurtal.content.keys_file import decode_keys_file
from immurtal.content.metadata import (
    METADATA,
    METADATA_ENC,
    METADATA_LIMIT,
    Metadata,
    decode_metadata,
)
from immurtal.content.streams import read_up_to
from immurtal.content.unixfs import LEAF, FileBuilder, Link, build_directory
from immurtal.errors import BadInput, IntegrityError

KEYS: Final = "keys.json"
PREVIEW: Final = "preview.opus"
COVERS: Final = ("cover.jpg", "cover.png")
AUDIO: Final = "audio"


@dataclass(frozen=True, slots=True)
class LeafAt:
    """Where the bytes of a leaf lie: `size` bytes at `offset` of the file at `path`."""

    path: Path
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A file of the release. `size`: its bytes; `leaves`: its raw blocks, in order."""

    link: Link
    size: int
    leaves: tuple[Cid, ...]


@dataclass(frozen=True, slots=True)
class BuiltRelease:
    """A release whose CIDs are known.

    `files`: by path, those that are at hand; `nodes`: its dag-pb blocks at hand; `leaves`: where
    each raw block lies; `size`: bytes of all its blocks, those not at hand included; `metadata`:
    as metadata.json says it.
    """

    root_cid: Cid
    files: Mapping[str, BuiltFile]
    nodes: Mapping[Cid, bytes]
    leaves: Mapping[Cid, LeafAt]
    size: int
    metadata: Metadata

    @property
    def root(self) -> bytes:
        """The 32 bytes that stand on chain."""
        return self.root_cid.digest

    @property
    def cid(self) -> str:
        """The release's CID as text."""
        return self.root_cid.text


@dataclass(slots=True)
class Layout:
    """Collects the files of a release as they are written or read."""

    files: dict[str, BuiltFile] = field(default_factory=dict)
    nodes: dict[Cid, bytes] = field(default_factory=dict)
    leaves: dict[Cid, LeafAt] = field(default_factory=dict)

    def add(self, folder: Path, name: str) -> BuiltFile:
        """Takes in the file `name` of a release in `folder`."""
        laying = LayingFile(self, folder / name)
        try:
            with (folder / name).open("rb") as stream:
                while leaf := read_up_to(stream, LEAF):
                    laying.feed(leaf)
        except OSError as error:
            raise IntegrityError(
                f"{folder / name} cannot be read: {error.strerror}.",
                do="Build the release again.",
            ) from error
        return laying.finish(name)

    def assemble(self, metadata: Metadata, existing: Mapping[str, Link]) -> BuiltRelease:
        """The release of all that was taken in and of the entries that `existing` keeps."""
        entries = dict(existing) | {name: file.link for name, file in self.files.items()}
        root = build_directory(entries, self.nodes.__setitem__)
        return BuiltRelease(root.cid, self.files, self.nodes, self.leaves, root.tsize, metadata)


class LayingFile:
    """One file on its way into a layout: leaf by leaf, while it is written to `path` or read."""

    def __init__(self, layout: Layout, path: Path) -> None:
        self._layout = layout
        self._path = path
        self._size = 0
        self._leaves: list[Cid] = []
        self._builder = FileBuilder(self._keep_node)

    def feed(self, leaf: bytes) -> None:
        """Takes the next leaf."""
        cid = self._builder.feed(leaf)
        self._leaves.append(cid)
        self._layout.leaves.setdefault(cid, LeafAt(self._path, self._size, len(leaf)))
        self._size += len(leaf)

    def finish(self, name: str) -> BuiltFile:
        """Closes the file and puts it into the layout as `name`."""
        if not self._size:
            raise BadInput(f"{self._path} is empty: a release has no empty files.")
        built = BuiltFile(self._builder.finish(), self._size, tuple(self._leaves))
        self._layout.files[name] = built
        return built

    def _keep_node(self, cid: Cid, block: bytes) -> None:
        if cid.codec == DAG_PB:
            self._layout.nodes[cid] = block


def open_release(work_dir: Path, existing: Mapping[str, Link] | None = None) -> BuiltRelease:
    """A finished release from its folder, without encrypting anything again.

    `existing` as it was given to `rebuild_with`. Raises `BadInput` if no release was finished
    there, `IntegrityError` if its files are not what its metadata say.
    """
    metadata = decode_metadata(_read(work_dir, METADATA))
    keys = decode_keys_file(_read(work_dir, KEYS))
    if keys.key_id != metadata.key_id:
        raise IntegrityError(f"keys.json and metadata.json in {work_dir} name different keys.")
    kept = dict(existing or {})
    layout = Layout()
    if AUDIO not in kept:
        _check_variants(work_dir, metadata)
        for variant in metadata.variants:
            layout.add(work_dir, variant.path)
    return lay_rest(layout, work_dir, metadata, kept)


def lay_rest(
    layout: Layout, work_dir: Path, metadata: Metadata, existing: Mapping[str, Link]
) -> BuiltRelease:
    """Adds to a layout that has the audio what else metadata.json says is in the release."""
    kept = dict(existing)
    layout.add(work_dir, METADATA)
    layout.add(work_dir, KEYS)
    if metadata.details is None:
        layout.add(work_dir, METADATA_ENC)
    elif metadata.details.preview is None:
        kept.pop(PREVIEW, None)
    elif (work_dir / PREVIEW).is_file() or PREVIEW not in kept:
        layout.add(work_dir, PREVIEW)
    _lay_cover(layout, work_dir, metadata, kept)
    return layout.assemble(metadata, kept)


def _lay_cover(layout: Layout, work_dir: Path, metadata: Metadata, kept: dict[str, Link]) -> None:
    """The cover is the one whose CID the metadata name, on disk or kept; no other goes along."""
    image = metadata.details.image if metadata.details else None
    for name in COVERS:
        if name in kept and cover_uri(kept[name]) != image:
            del kept[name]
    if image is None or any(name in kept for name in COVERS):
        return
    for name in COVERS:
        if (work_dir / name).is_file():
            if cover_uri(layout.add(work_dir, name).link) == image:
                return
            del layout.files[name]
    raise IntegrityError(f"The cover that metadata.json names is not in {work_dir}.")


def cover_uri(link: Link) -> str:
    """How metadata.json names a cover."""
    return f"ipfs://{link.cid}"


def _check_variants(work_dir: Path, metadata: Metadata) -> None:
    for variant in metadata.variants:
        path = work_dir / variant.path
        try:
            with path.open("rb") as stream:
                header = stream.read(HEADER_BYTES)
            size = path.stat().st_size
        except OSError as error:
            raise IntegrityError(f"{path} cannot be read: {error.strerror}.") from error
        if (size, header) != (variant.cipher_bytes, variant.header.bytes):
            raise IntegrityError(
                f"{path} is not the file that metadata.json speaks of.",
                do="Build the release again in another folder.",
            )


def _read(work_dir: Path, name: str) -> bytes:
    try:
        with (work_dir / name).open("rb") as stream:
            return stream.read(METADATA_LIMIT + 1)
    except OSError as error:
        raise BadInput(
            f"There is no finished release in {work_dir}: {name} cannot be read.",
            do="Build it first.",
        ) from error
