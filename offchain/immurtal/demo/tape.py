"""Which music the demo publishes: one's own, or the project's, and who it is credited to."""

from dataclasses import dataclass
from pathlib import Path

from immurtal.content.audio_formats import sniff
from immurtal.content.tags import read_tags
from immurtal.demo.music import ARTIST, render_album
from immurtal.publish.recordings import find

ENOUGH_BYTES = 2 * 2**20
"""Of a second track, so that a node can die in the middle of it: 8 blocks."""


@dataclass(frozen=True, slots=True)
class Tape:
    """`artist`: whom to credit, empty where every file names its own; `remarks`: for a person."""

    files: tuple[Path, ...]
    artist: str
    remarks: tuple[str, ...]


def choose(folder: Path, music: Path | None) -> Tape:
    """One's own music, with the demo's second piece for company where the story needs it.

    Raises NotFound, BadInput as `publish` does.
    """
    if music is None:
        return Tape(tuple(render_album(folder)), "", ())
    files, remarks = list(find([music])), []
    if max((path.stat().st_size for path in files[1:]), default=0) < ENOUGH_BYTES:
        own = render_album(folder)[-1]
        files.append(own)
        remarks.append(
            f"{own.stem!r}, a piece of the project's own, goes with it: the demo needs a second "
            "track, long enough for a node to die in the middle."
        )
    named = [_artists(path) for path in files]
    if all(named):
        return Tape(tuple(files), "", tuple(remarks))
    artist = next((names[0] for names in named if names), ARTIST)
    remarks.append(f"Some of the files name no artist: all are credited to {artist!r}.")
    return Tape(tuple(files), artist, tuple(remarks))


def _artists(path: Path) -> tuple[str, ...]:
    format = sniff(path)
    return read_tags(path, format, {}).artists if format else ()
