"""Building a release in a folder: what lies there afterwards is the release, file by file.

metadata.json is written last, so a folder that has one is whole, and an interrupted publish goes on
with `open_release` instead of encrypting again.
"""

import io
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from immurtal.content.archive import car_size, car_stream, write_car
from immurtal.content.cipher import Header, cipher_size, encrypt_stream
from immurtal.content.keys_file import decode_keys_file
from immurtal.content.layout import (
    AUDIO,
    COVERS,
    KEYS,
    PREVIEW,
    BuiltFile,
    BuiltRelease,
    LayingFile,
    Layout,
    LeafAt,
    cover_uri,
    lay_rest,
    open_release,
)
from immurtal.content.metadata import (
    METADATA,
    METADATA_ENC,
    Binding,
    Details,
    Metadata,
    Variant,
    encrypt_metadata,
)
from immurtal.content.streams import Readable
from immurtal.content.tags import Cover
from immurtal.content.unixfs import Link, build_file
from immurtal.content.writing import write_whole, writing
from immurtal.errors import BadInput, DiskFull, IntegrityError, NotFound

__all__ = [
    "BuiltFile",
    "BuiltRelease",
    "LeafAt",
    "VariantSource",
    "build_release",
    "car_size",
    "car_stream",
    "is_built",
    "open_release",
    "rebuild_with",
    "write_car",
]

PREVIEW_LIMIT: Final = 5 * 1024 * 1024
"""Bytes of a preview."""

Progress = Callable[[float], None]
"""Is told what fraction of the encryption is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class VariantSource:
    """A plaintext to be encrypted. `bitrate`: bits a second."""

    source: Path
    codec: str
    bitrate: int


def is_built(work_dir: Path) -> bool:
    """Whether a release was built in `work_dir` to its end."""
    return (work_dir / METADATA).is_file()


def build_release(
    work_dir: Path,
    *,
    variants: Sequence[VariantSource],
    details: Details,
    keys_json: bytes,
    content_key: bytes,
    key_id: bytes,
    chain_id: int,
    registry: str,
    work_hash: bytes,
    cover: Cover | None = None,
    preview: Path | None = None,
    private: bool = False,
    progress: Progress | None = None,
) -> BuiltRelease:
    """Encrypts the variants into `work_dir` and writes the rest of the release beside them.

    One variant must be the recording itself: the SHA-256 of its file is the work hash, else it
    has changed meanwhile and `IntegrityError` is raised. Cover and preview are public, so a
    private release takes neither. `details.image` and `details.preview` are worked out here.
    Raises `BadInput` if there is a finished release in `work_dir` already, `DiskFull`.
    """
    _check_new(work_dir, keys_json, key_id)
    _check_public(private, cover, preview, {})
    sizes = [_size(source.source) for source in variants]
    if not sizes or 0 in sizes:
        raise BadInput("A release needs at least one variant, and none that is empty.")
    _check_room(work_dir, sum(map(cipher_size, sizes)))
    binding = Binding(chain_id, registry, work_hash)
    layout = Layout()
    advance = _advancing(sum(sizes), progress)
    encrypted = tuple(
        _encrypt(layout, work_dir, f"{AUDIO}/{number}.enc", source, binding, content_key, advance)
        for number, source in enumerate(variants, 1)
    )
    if work_hash not in (variant.sha256 for variant in encrypted):
        raise IntegrityError(
            "No variant is the recording whose hash is to be registered: the file has changed.",
            saved="Nothing was sent.",
            do="Leave the file alone and start again.",
        )
    metadata = Metadata(binding, key_id, encrypted, details)
    written = _write_rest(work_dir, metadata, keys_json, content_key, cover, preview, private, {})
    return lay_rest(layout, work_dir, written, {})


def rebuild_with(
    work_dir: Path,
    *,
    existing: Mapping[str, Link],
    metadata: Metadata,
    keys_json: bytes,
    content_key: bytes | None = None,
    cover: Cover | None = None,
    preview: Path | None = None,
    private: bool = False,
) -> BuiltRelease:
    """The next release of a work under the same key, where its audio is not at hand.

    `existing`: the entries kept from the current release, by name: `audio`, and `cover.jpg`,
    `cover.png` or `preview.opus` where they stay (`plan_directory` gives them). `metadata`: the
    whole, its variants as they are. A private release needs the content key. Nodes have what is
    kept, so the archive holds new blocks only.
    """
    _check_new(work_dir, keys_json, metadata.key_id)
    _check_public(private, cover, preview, existing)
    if AUDIO not in existing or not existing.keys() <= {AUDIO, PREVIEW, *COVERS}:
        raise BadInput(
            "A new release keeps the audio of the one before, its cover and its preview:"
            f" not {sorted(existing)}."
        )
    written = _write_rest(
        work_dir, metadata, keys_json, content_key, cover, preview, private, existing
    )
    return lay_rest(Layout(), work_dir, written, existing)


def _check_new(work_dir: Path, keys_json: bytes, key_id: bytes) -> None:
    if is_built(work_dir):
        raise BadInput(
            f"There is a finished release in {work_dir}.",
            saved="It is unchanged.",
            do="Go on with it, or choose another folder.",
        )
    if decode_keys_file(keys_json).key_id != key_id:
        raise BadInput("keys.json is for another content key.")


def _check_public(
    private: bool, cover: Cover | None, preview: Path | None, existing: Mapping[str, Link]
) -> None:
    kept = existing.keys() & {PREVIEW, *COVERS}
    if private and (cover or preview or kept):
        raise BadInput(
            "A private release would show its cover and preview to everyone.",
            saved="Nothing was written.",
            do="Leave cover and preview out.",
        )
    if preview and _size(preview) > PREVIEW_LIMIT:
        raise BadInput(f"{preview} is larger than {PREVIEW_LIMIT // 2**20} MiB.")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error


def _check_room(work_dir: Path, needed: int) -> None:
    work_dir.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(work_dir).free
    if needed > free:
        raise DiskFull(
            f"The release needs {needed} bytes in {work_dir}, and {free} are free.",
            saved="Nothing was written.",
            do="Make room, or choose a folder on another disk.",
        )


def _advancing(total: int, progress: Progress | None) -> Callable[[int], None]:
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(min(1.0, done / total))

    return advance


def _encrypt(
    layout: Layout,
    work_dir: Path,
    name: str,
    source: VariantSource,
    binding: Binding,
    key: bytes,
    advance: Callable[[int], None],
) -> Variant:
    """One pass: plaintext read and hashed, segments written, their CIDs laid out."""
    header = Header.fresh()
    aad = binding.associated_data(name)
    laying = LayingFile(layout, work_dir / name)
    with source.source.open("rb") as plain, writing(work_dir / name) as partial:
        hashing = _Hashing(plain, advance)
        with partial.open("wb") as out:
            for segment in encrypt_stream(key, aad, hashing, header):
                out.write(segment)
                laying.feed(segment)
    return Variant(
        name,
        source.codec,
        source.bitrate,
        hashing.count,
        hashing.sha256.digest(),
        laying.finish(name).size,
        header,
    )


class _Hashing:
    """A stream that hashes and counts what is read from it."""

    def __init__(self, stream: Readable, advance: Callable[[int], None]) -> None:
        self._stream = stream
        self._advance = advance
        self.sha256 = sha256()
        self.count = 0

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self.sha256.update(data)
        self.count += len(data)
        self._advance(len(data))
        return data


def _write_rest(
    work_dir: Path,
    metadata: Metadata,
    keys_json: bytes,
    key: bytes | None,
    cover: Cover | None,
    preview: Path | None,
    private: bool,
    existing: Mapping[str, Link],
) -> Metadata:
    """Writes everything but the audio, metadata.json last; returns what that one says."""
    if metadata.details is None:
        raise BadInput("A release is built from its whole metadata, not from their public part.")
    image = _write_cover(work_dir, cover, existing)
    if preview and preview.resolve() != (work_dir / PREVIEW).resolve():
        write_whole(work_dir / PREVIEW, preview.read_bytes())
    shown = PREVIEW if preview or PREVIEW in existing else None
    whole = replace(metadata, details=replace(metadata.details, image=image, preview=shown))
    write_whole(work_dir / KEYS, keys_json)
    if private:
        if key is None:
            raise BadInput("A private release needs its content key.")
        write_whole(work_dir / METADATA_ENC, encrypt_metadata(whole, key))
        whole = whole.public_part()
    write_whole(work_dir / METADATA, whole.encode())
    return whole


def _write_cover(work_dir: Path, cover: Cover | None, existing: Mapping[str, Link]) -> str | None:
    """The cover's URI: of a new one, else of the one kept."""
    if cover:
        write_whole(work_dir / cover.name, cover.data)
        return cover_uri(build_file(io.BytesIO(cover.data), lambda *_: None))
    return next((cover_uri(existing[name]) for name in COVERS if name in existing), None)
