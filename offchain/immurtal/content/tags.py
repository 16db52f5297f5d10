"""What a recording says of itself, and covers: JPEG and PNG by their own bytes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import mutagen
from mutagen.flac import FLAC, Picture
from mutagen.id3 import ID3
from mutagen.mp3 import MP3
from mutagen.wave import WAVE

from immurtal.content.audio_formats import Format
from immurtal.content.strict_json import printable
from immurtal.errors import BadInput, NotFound

COVER_LIMIT: Final = 5 * 1024 * 1024
"""Bytes of a cover."""

_MAGIC: Final = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
_FRONT: Final = 3  # the picture type "front cover", in FLAC and ID3 alike
_TAG_LIMIT: Final = 1000
_ISRC: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}\Z")
_ID3: Final = {"title": "TIT2", "artist": "TPE1", "album": "TALB", "track": "TRCK", "isrc": "TSRC"}


@dataclass(frozen=True, slots=True)
class Cover:
    """`mime`: `image/jpeg` or `image/png`; `data`: the file."""

    mime: str
    data: bytes

    @property
    def name(self) -> str:
        """Its name in a release."""
        return "cover.png" if self.mime == "image/png" else "cover.jpg"


@dataclass(frozen=True, slots=True)
class Tags:
    """What the file says; what it does not say is None."""

    title: str | None = None
    artists: tuple[str, ...] = ()
    album: str | None = None
    track: int | None = None
    isrc: str | None = None
    cover: Cover | None = None


def read_cover(path: Path) -> Cover:
    """A cover from a file; raises `BadInput` unless it is a JPEG or PNG of at most 5 MiB."""
    try:
        with path.open("rb") as stream:
            data = stream.read(COVER_LIMIT + 1)
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {path}.") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    return make_cover(data, str(path))


def make_cover(data: bytes, name: str = "the cover") -> Cover:
    """A cover from its bytes; raises `BadInput` as `read_cover`."""
    if len(data) > COVER_LIMIT:
        raise BadInput(
            f"{name} is larger than {COVER_LIMIT // 2**20} MiB.", do="Give a smaller picture."
        )
    for magic, mime in _MAGIC.items():
        if data.startswith(magic):
            return Cover(mime, data)
    raise BadInput(f"{name} is neither a JPEG nor a PNG.", do="Give a picture in one of these.")


def read_tags(path: Path, format: Format, fallback: Mapping[str, str]) -> Tags:
    """The tags of a recording; `fallback`: what the decoder found, for what mutagen does not read.

    Unreadable tags are no tags: the recording is whole without them, and the artist can say more.
    """
    try:
        found, pictures = _from_flac(path) if format is Format.FLAC else _from_id3(path, format)
    except mutagen.MutagenError:
        found, pictures = {}, []
    lower = {name.lower(): value for name, value in fallback.items()}
    values = {name: found.get(name) or [lower.get(name, "")] for name in _ID3}
    first = {name: next(iter(_clean(texts)), None) for name, texts in values.items()}
    return Tags(
        title=first["title"],
        artists=tuple(_clean(values["artist"])),
        album=first["album"],
        track=_number(first["track"]),
        isrc=_isrc(first["isrc"]),
        cover=_front_cover(pictures),
    )


def _from_flac(path: Path) -> tuple[dict[str, list[str]], list[tuple[int, bytes]]]:
    file = FLAC(path)
    tags: Any = file.tags or {}
    names = {name: name for name in _ID3} | {"track": "tracknumber"}
    pictures: list[Picture] = file.pictures
    return (
        {name: list(tags.get(key, [])) for name, key in names.items()},
        [(picture.type, picture.data) for picture in pictures],
    )


def _from_id3(path: Path, format: Format) -> tuple[dict[str, list[str]], list[tuple[int, bytes]]]:
    tags: ID3 | None = (MP3 if format is Format.MP3 else WAVE)(path).tags
    if tags is None:
        return {}, []
    return (
        {
            name: [str(text) for frame in tags.getall(key) for text in frame.text]
            for name, key in _ID3.items()
        },
        [(int(frame.type), frame.data) for frame in tags.getall("APIC")],
    )


def _clean(texts: list[str]) -> list[str]:
    cleaned = (" ".join(printable(text[:_TAG_LIMIT]).split()) for text in texts)
    return [text for text in cleaned if text]


def _number(text: str | None) -> int | None:
    digits = (text or "").split("/")[0].strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else None


def _isrc(text: str | None) -> str | None:
    code = re.sub(r"[\s-]", "", text or "").upper()
    return code if _ISRC.match(code) else None


def _front_cover(pictures: list[tuple[int, bytes]]) -> Cover | None:
    """The front cover, else the first picture; one that a release cannot carry is left out."""
    for _, data in sorted(pictures, key=lambda picture: picture[0] != _FRONT):
        try:
            return make_cover(data)
        except BadInput:
            continue
    return None
