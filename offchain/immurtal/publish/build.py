"""One recording's release: key made and kept first, then transcoded, encrypted and laid out."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from immurtal.chain.files import write_over
from immurtal.content import metadata as meta
from immurtal.content.audio import OPUS_BITRATE, PREVIEW_LIMIT_MS, preview_opus, transcode_opus
from immurtal.content.encoding import hex_decode
from immurtal.content.keys_file import KEY_ID_BYTES, KeysFile, decode_keys_file
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
from immurtal.errors import BadInput
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

    def car(self) -> ReleaseCar:
        """A reading of its own for each node."""
        return ReleaseCar(self.built)


def build_track(
    job: Job,
    position: int,
    track: Track,
    nodes: Sequence[NodeKey],
    recovery: PublicKey,
    home: ArtistHome,
    passphrase: str,
    progress: Progress,
) -> BuiltTrack:
    """Builds the release in the job's folder, or opens the one that was built there before.

    The content key is in its encrypted file on disk before anything is encrypted with it. Raises
    BadInput, DiskFull, IntegrityError (the recording changed meanwhile).
    """
    folder = job.track_folder(position)
    if is_built(folder):
        built = open_release(folder)
        progress(1.0)
    else:
        key = _key(job.choices, track, nodes, recovery, home, passphrase)
        built = _build(folder, job.choices, track, key, progress)
    return BuiltTrack(
        title=track.title,
        release="0x" + built.root.hex(),
        cid=built.cid,
        size=built.size,
        keys_file=decode_keys_file((folder / KEYS).read_bytes()),
        built=built,
    )


def _key(
    choices: Choices,
    track: Track,
    nodes: Sequence[NodeKey],
    recovery: PublicKey,
    home: ArtistHome,
    passphrase: str,
) -> ArtistKey:
    """The work's key file: the one on disk, or a new one, written now."""
    path = home.key_file(choices.chain_id, track.source.work_hash)
    secret = Passphrase(passphrase)
    if path.exists():
        key = read_key_file(path, secret)
        if key.nodes != tuple(nodes) or key.threshold != choices.threshold:
            raise BadInput(
                f"The key file {path} was made for other nodes than these.",
                saved="Nothing was sent.",
                do="Name the same nodes as before. If one of them has announced a new key "
                "meanwhile, move the key file away: a new content key is made then.",
            )
        return key
    binding = Binding(choices.chain_id, choices.registry, track.source.work_hash, choices.author)
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
        keys_json=_keys_json(folder, key),
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
    streaming.unlink()
    return built


def _keys_json(folder: Path, key: ArtistKey) -> bytes:
    """keys.json, sealed once: an interrupted build goes on with the same envelopes."""
    path = folder / KEYS
    if path.exists():
        raw = path.read_bytes()
        if decode_keys_file(raw).key_id == key.key_id:
            return raw
    sealed = seal_keys_file(
        key.content_key, key.key_id, key.threshold, key.nodes, key.recovery, key.binding
    )
    write_over(path, sealed.encode())
    return sealed.encode()


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
