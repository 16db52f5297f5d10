"""One recording's release: key made and kept first, then transcoded, encrypted and laid out."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from immurtal.content import metadata as meta
from immurtal.content.audio import OPUS_BITRATE, PREVIEW_LIMIT_MS, preview_opus, transcode_opus
from immurtal.content.encoding import hex_decode
from immurtal.content.keys_file import KEY_ID_BYTES, KeysFile, decode_keys_file
from immurtal.content.metadata import METADATA
from immurtal.content.release import (
    BuiltRelease,
    VariantSource,
    build_release,
    car_size,
    car_stream,
    is_built,
    open_release,
)
from immurtal.content.tags import Cover, read_cover
from immurtal.errors import BadInput, ImmurtalError, IntegrityError
from immurtal.keys.at_rest import Passphrase
from immurtal.keys.hpke import PublicKey
from immurtal.keys.keyfile import ArtistKey, read_key_file, write_key_file
from immurtal.keys.sealing import Binding, NodeKey, seal_keys_file
from immurtal.keys.shares import KEY_BYTES
from immurtal.publish.home import ArtistHome
from immurtal.publish.job import Choices, Job
from immurtal.publish.recordings import Track

KEYS = "keys.json"
STREAMING = "streaming.opus"
PREVIEW = "preview.opus"
TRANSCODING_PART = 0.7  # of a track's work, roughly

Progress = Callable[[float], None]


@dataclass(slots=True)
class ReleaseCar:
    """A built release as one archive of `size` bytes, read from any offset, in order or not."""

    built: BuiltRelease
    size: int = 0
    _at: int = field(default=-1, repr=False)
    _rest: bytearray = field(default_factory=bytearray, repr=False)
    _pieces: Iterator[bytes] = field(default_factory=lambda: iter(()), repr=False)

    def __post_init__(self) -> None:
        self.size = car_size(self.built)

    def read(self, offset: int, size: int) -> bytes:
        if offset != self._at:
            self._pieces, self._rest = car_stream(self.built, offset), bytearray()
        while len(self._rest) < size and (piece := next(self._pieces, b"")):
            self._rest += piece
        found = bytes(self._rest[:size])
        del self._rest[:size]
        self._at = offset + len(found)
        return found


@dataclass(frozen=True, slots=True)
class BuiltTrack:
    """`release`: the digest that goes on chain; `size`: bytes of all blocks."""

    title: str
    release: str
    cid: str
    size: int
    keys_file: KeysFile
    built: BuiltRelease

    @classmethod
    def of(cls, title: str, folder: Path, built: BuiltRelease) -> "BuiltTrack":
        keys_file = decode_keys_file((folder / KEYS).read_bytes())
        release = "0x" + built.root.hex()
        return cls(title, release, built.cid, built.size, keys_file, built)

    def car(self) -> ReleaseCar:
        """A reading of its own for each node."""
        return ReleaseCar(self.built)


def prepare_key(
    choices: Choices,
    track: Track,
    nodes: Sequence[NodeKey],
    recovery: PublicKey,
    home: ArtistHome,
    passphrase: str,
) -> ArtistKey:
    """The work's content key, for these nodes; on return it is in its encrypted file on disk.

    A key file that is there keeps its content key for ever; nodes, threshold and recovery key in
    it are those of the latest build. Raises BadInput: it does not open, or belongs to another
    author or registry; DiskFull.
    """
    path = home.key_file(choices.chain_id, track.source.work_hash)
    secret = Passphrase(passphrase)
    binding = Binding(choices.chain_id, choices.registry, track.source.work_hash, choices.author)
    if not path.exists():
        key = ArtistKey(
            binding=binding,
            key_id=os.urandom(KEY_ID_BYTES),
            content_key=os.urandom(KEY_BYTES),
            threshold=choices.threshold,
            nodes=tuple(nodes),
            recovery=recovery,
        )
        write_key_file(path, key, secret)
        return key
    known = read_key_file(path, secret)
    if known.binding != binding:
        raise BadInput(
            f"The key file {path} is of author {known.binding.author} in registry "
            f"{known.binding.registry}, not of {choices.author} in {choices.registry}.",
            saved="Nothing was sent.",
            do="Publish with that account, or keep this one's keys in another folder (--home).",
        )
    key = dataclasses.replace(
        known, threshold=choices.threshold, nodes=tuple(nodes), recovery=recovery
    )
    if key != known:
        write_key_file(path, key, secret, replace=True)
    return key


def build_track(
    job: Job, position: int, track: Track, key: ArtistKey, progress: Progress
) -> BuiltTrack:
    """Builds the release in the job's folder, unless it was built there for this key before.

    `progress` may raise, to stop. Raises BadInput, DiskFull, IntegrityError (the recording changed
    meanwhile).
    """
    folder = job.track_folder(position)
    built = _built_before(folder, key)
    if built is None:
        (folder / METADATA).unlink(missing_ok=True)
        built = _build(folder, job.choices, track, key, progress)
    (folder / STREAMING).unlink(missing_ok=True)
    progress(1.0)
    return BuiltTrack.of(track.title, folder, built)


def reopen_track(job: Job, position: int, track: Track) -> BuiltTrack:
    """The release that the registration names, from the job's folder.

    Raises IntegrityError where it is not there as it was: it cannot be built a second time.
    """
    folder, release = job.track_folder(position), job.releases[position - 1]
    lost = IntegrityError(
        f"The release of {track.title} in {folder} is not the one that was registered any more.",
        saved="The certificate and the key file are unharmed.",
        do="Restore that folder from a backup, so that nodes get what the chain names.",
    )
    try:
        built = open_release(folder)
    except ImmurtalError as error:
        raise lost from error
    if "0x" + built.root.hex() != release:
        raise lost
    return BuiltTrack.of(track.title, folder, built)


def _built_before(folder: Path, key: ArtistKey) -> BuiltRelease | None:
    """None: not built yet, not whole, or sealed to others."""
    if not is_built(folder):
        return None
    try:
        built = open_release(folder)
        sealed = decode_keys_file((folder / KEYS).read_bytes())
    except ImmurtalError:
        return None
    return built if _is_sealed_for(sealed, key) else None


def _is_sealed_for(sealed: KeysFile, key: ArtistKey) -> bool:
    nodes = tuple(
        NodeKey("0x" + share.node.hex(), PublicKey(share.kem, share.key)) for share in sealed.nodes
    )
    recovery = PublicKey(sealed.recovery.kem, sealed.recovery.key)
    return (sealed.key_id, sealed.threshold, nodes, recovery) == (
        key.key_id,
        key.threshold,
        key.nodes,
        key.recovery,
    )


def _build(
    folder: Path, choices: Choices, track: Track, key: ArtistKey, progress: Progress
) -> BuiltRelease:
    said, source = choices.details, track.source.path
    streaming = folder / STREAMING
    transcode_opus(source, streaming, progress=lambda done: progress(TRANSCODING_PART * done))
    preview = None
    if said.preview_start_ms is not None and not said.private:
        preview = folder / PREVIEW
        preview_opus(source, preview, said.preview_start_ms, PREVIEW_LIMIT_MS)
    recording = track.recording
    built = build_release(
        folder,
        variants=[
            VariantSource(source, recording.codec, recording.bitrate),
            VariantSource(streaming, "opus", OPUS_BITRATE),
        ],
        details=_details(choices, track),
        keys_json=_keys_json(key),
        content_key=key.content_key,
        key_id=key.key_id,
        chain_id=choices.chain_id,
        registry=choices.registry,
        work_hash=hex_decode(track.source.work_hash, 32),
        cover=None if said.private else _cover(choices, track),
        preview=preview,
        private=said.private,
        progress=lambda done: progress(TRANSCODING_PART + (1 - TRANSCODING_PART) * done),
    )
    return _read_back(folder, built)


def _read_back(folder: Path, built: BuiltRelease) -> BuiltRelease:
    """What goes on chain for ever is what lies on the disk, as a stranger will read it."""
    read = open_release(folder)
    if read.root != built.root:
        raise IntegrityError(
            f"The files in {folder} are not what was written there.",
            saved="Nothing that names the work was sent.",
            do="Check that disk, and run the same command again.",
        )
    return read


def _keys_json(key: ArtistKey) -> bytes:
    """keys.json, sealed anew: its release goes on chain only once it is whole."""
    return seal_keys_file(
        key.content_key, key.key_id, key.threshold, key.nodes, key.recovery, key.binding
    ).encode()


def _cover(choices: Choices, track: Track) -> Cover | None:
    if choices.details.cover is not None:
        return read_cover(choices.details.cover)
    return track.recording.tags.cover


def _details(choices: Choices, track: Track) -> meta.Details:
    recording = track.recording
    return meta.Details(
        title=track.title,
        artists=tuple(meta.Artist(name, role) for name, role in track.artists),
        isrc=recording.tags.isrc,
        duration_ms=recording.duration_ms,
        album=track.album or None,
        track=track.number or None,
        description=choices.details.description or None,
    )
