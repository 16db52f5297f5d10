"""What is to be published: recordings found, looked at to their end and hashed, before anything
else happens."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from immurtal.content.audio import Recording, probe
from immurtal.errors import BadInput, NotFound
from immurtal.publish.job import Details, Source

SUFFIXES = frozenset({".wav", ".flac", ".mp3"})
MAX_ALBUM = 100
PIECE = 1 << 20

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Track:
    """One recording with what is known of it. `number`: place on the album, 0: none."""

    source: Source
    recording: Recording
    title: str
    artists: tuple[tuple[str, str], ...]
    album: str
    number: int


def find(paths: Sequence[Path]) -> list[Path]:
    """The recordings that were named: files, or all in a folder in the order of their names.

    Raises NotFound, BadInput: none, too many, or the same file twice.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if _is_recording(p))
            if not inside:
                raise NotFound(f"There is no WAV, FLAC or MP3 in {path}.")
            found += inside
        else:
            found.append(path)
    if len(found) > MAX_ALBUM:
        raise BadInput(
            f"{len(found)} recordings are more than one publish takes.",
            do=f"Publish at most {MAX_ALBUM} at once.",
        )
    if len({path.resolve() for path in found}) != len(found):
        raise BadInput("The same file was named twice.")
    return [path.resolve() for path in found]


def _is_recording(path: Path) -> bool:
    """By its name; hidden files are other programs' notes (`._song.mp3`)."""
    is_shown = not path.name.startswith(".")
    return is_shown and path.suffix.lower() in SUFFIXES and path.is_file()


def look_at(paths: Sequence[Path], details: Details, progress: Progress) -> list[Track]:
    """Decodes and hashes each recording. Raises what `probe` raises; BadInput for two files of the
    same bytes, or a preview that starts after the end."""
    tracks = [_look_at(path, details, len(paths), progress) for path in paths]
    hashes = [track.source.work_hash for track in tracks]
    for track in tracks:
        if hashes.count(track.source.work_hash) > 1:
            raise BadInput(f"{track.source.path} has the same bytes as another file named.")
        start = details.preview_start_ms
        if start is not None and start >= track.recording.duration_ms:
            raise BadInput(
                f"{track.source.path.name} ends before {start / 1000:g} s.",
                do="Start the preview earlier.",
            )
    return tracks


def _look_at(path: Path, details: Details, of: int, progress: Progress) -> Track:
    recording = probe(path, progress=lambda done: progress(path.name, done))
    tags = recording.tags
    artists = details.artists or tuple((name, "main") for name in tags.artists)
    if not artists:
        raise BadInput(
            f"{path.name} names no artist.", do="Tag the file, or give --artist NAME[=ROLE]."
        )
    return Track(
        source=Source(path, _sha256(path)),
        recording=recording,
        title=(details.title if of == 1 else "") or tags.title or _title_of(path),
        artists=artists,
        album=details.album or tags.album or "",
        number=tags.track or 0,
    )


def _title_of(path: Path) -> str:
    """The file's name, without a track number before it."""
    name = path.stem.encode(errors="replace").decode()  # a name may hold bytes that are no UTF-8
    return re.sub(r"^\d+[\s._-]+", "", name) or name


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return "0x" + digest.hexdigest()
