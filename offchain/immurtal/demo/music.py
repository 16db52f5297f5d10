"""The demo's own album: two short pieces, composed and rendered here, the same bytes every time.

Scores are lists of (MIDI note or None for a rest, beats). Each voice is additive synthesis with an
envelope; the voices are panned, summed and lightly echoed. Needs numpy.
"""

import struct
import wave
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import mutagen.flac
import mutagen.id3
import mutagen.wave
import numpy as np
from numpy.typing import NDArray

RATE = 44_100
Samples = NDArray[np.float64]
Score = Sequence[tuple[int | None, float]]


@dataclass(frozen=True, slots=True)
class Voice:
    """One instrument's part. `partials`: loudness of each harmonic; `decay` in seconds;
    `pan` from 0 (left) to 1 (right)."""

    score: Score
    partials: tuple[float, ...]
    attack: float
    decay: float
    loudness: float
    pan: float


@dataclass(frozen=True, slots=True)
class Piece:
    title: str
    tempo: float
    voices: tuple[Voice, ...]


def _arpeggio(chords: Sequence[Sequence[int]], pattern: Sequence[int], beats: float) -> Score:
    return [(chord[step % len(chord)], beats) for chord in chords for step in pattern]


BELL = (1.0, 0.05, 0.45, 0.02, 0.2)
REED = (1.0, 0.5, 0.33, 0.25, 0.2, 0.1)
SOFT = (1.0, 0.3, 0.08)

_HARBOUR = [(57, 60, 64, 69), (53, 57, 60, 65), (48, 55, 60, 64), (55, 59, 62, 67)]
_EMBER = [(50, 57, 62, 65), (46, 53, 58, 62), (53, 57, 60, 65), (48, 52, 55, 60)]
_UP_AND_DOWN = (0, 1, 2, 3, 2, 1, 3, 2)
_BROKEN = (0, 2, 1, 3, 2, 3, 1, 2)
_MELODY: Score = [
    *((76, 1.5), (74, 0.5), (72, 1), (69, 1), (72, 1), (74, 1), (72, 2)),
    *((67, 1.5), (69, 0.5), (72, 1), (76, 1), (74, 2), (None, 2)),
]
_ANSWER: Score = [
    *((74, 1), (77, 1), (81, 2), (79, 1), (77, 1), (74, 2)),
    *((72, 1), (74, 1), (77, 2), (76, 3), (None, 1)),
]

ALBUM = (
    Piece(
        "First Light over the Harbour",
        96,
        (
            Voice(_arpeggio(_HARBOUR * 4, _UP_AND_DOWN, 0.5), BELL, 0.005, 0.9, 0.5, 0.3),
            Voice([(c[0] - 12, 4.0) for c in _HARBOUR * 4], SOFT, 0.08, 3.0, 0.7, 0.5),
            Voice([(None, 16.0), *_MELODY, *_MELODY], REED, 0.03, 1.4, 0.32, 0.7),
        ),
    ),
    Piece(
        "Embers",
        120,
        (
            Voice(_arpeggio(_EMBER * 4, _BROKEN, 0.5), SOFT, 0.004, 0.5, 0.6, 0.65),
            Voice([(c[0] - 12, 4.0) for c in _EMBER * 4], REED, 0.01, 1.2, 0.4, 0.4),
            Voice([(None, 16.0), *_ANSWER, *_ANSWER, *_ANSWER], BELL, 0.01, 1.8, 0.4, 0.35),
        ),
    ),
)
ALBUM_TITLE = "The Demonstration Tapes"
ARTIST = "The Immurtal Ensemble"


def render_album(folder: Path) -> list[Path]:
    """Writes the album, a FLAC and a WAV with tags and cover; returns the files in order."""
    folder.mkdir(parents=True, exist_ok=True)
    cover = _cover()
    files = []
    for number, piece in enumerate(ALBUM, start=1):
        pcm = _render(piece)
        if number % 2:
            files.append(_write_flac(folder / f"{number:02} {piece.title}.flac", pcm))
            _tag_flac(files[-1], piece.title, number, cover)
        else:
            files.append(_write_wav(folder / f"{number:02} {piece.title}.wav", pcm))
            _tag_wav(files[-1], piece.title, number, cover)
    return files


def _render(piece: Piece) -> NDArray[np.int16]:
    """16-bit stereo, shape (samples, 2)."""
    beat = 60 / piece.tempo
    length = max(sum(beats for _, beats in voice.score) for voice in piece.voices) * beat + 3
    mix = np.zeros((int(length * RATE), 2))
    for voice in piece.voices:
        line = _play(voice, beat, len(mix))
        mix[:, 0] += line * np.sqrt(1 - voice.pan)
        mix[:, 1] += line * np.sqrt(voice.pan)
    echo = int(0.31 * RATE)
    mix[echo:] += 0.28 * mix[:-echo, ::-1]
    mix *= 0.85 / np.abs(mix).max()
    fade = int(2.5 * RATE)
    mix[-fade:] *= np.linspace(1, 0, fade)[:, None] ** 2
    pcm: NDArray[np.int16] = np.round(mix * 32_767).astype(np.int16)
    return pcm


def _play(voice: Voice, beat: float, length: int) -> Samples:
    line = np.zeros(length)
    at = 0.0
    for note, beats in voice.score:
        if note is not None:
            start = int(at * RATE)
            tone = _tone(voice, note, min(beats * beat + voice.decay, 6.0))[: length - start]
            line[start : start + len(tone)] += tone
        at += beats * beat
    return voice.loudness * line


def _tone(voice: Voice, note: int, seconds: float) -> Samples:
    time = np.arange(int(seconds * RATE)) / RATE
    pitch = 440 * 2 ** ((note - 69) / 12)
    sound = np.zeros_like(time)
    for number, loudness in enumerate(voice.partials, start=1):
        if number * pitch < RATE / 2.2:
            sound += loudness * np.sin(2 * np.pi * number * pitch * time)
    envelope = np.minimum(1, time / voice.attack) * np.exp(-3 * time / (voice.decay + 1e-9))
    tone: Samples = sound * envelope / sum(voice.partials)
    return tone


def _write_wav(path: Path, pcm: NDArray[np.int16]) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm.tobytes())
    return path


def _write_flac(path: Path, pcm: NDArray[np.int16]) -> Path:
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE, layout="stereo")
        for start in range(0, len(pcm), 4096):
            piece = np.ascontiguousarray(pcm[start : start + 4096].reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="stereo")
            frame.sample_rate, frame.pts = RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _tag_flac(path: Path, title: str, number: int, cover: bytes) -> None:
    tags = mutagen.flac.FLAC(path)
    tags["title"], tags["artist"], tags["album"] = title, ARTIST, ALBUM_TITLE
    tags["tracknumber"] = str(number)
    picture = mutagen.flac.Picture()
    picture.type, picture.mime, picture.data = 3, "image/png", cover
    tags.add_picture(picture)
    tags.save()


def _tag_wav(path: Path, title: str, number: int, cover: bytes) -> None:
    tags = mutagen.wave.WAVE(path)
    tags.add_tags()
    tags["TIT2"] = mutagen.id3.TIT2(text=title)
    tags["TPE1"] = mutagen.id3.TPE1(text=ARTIST)
    tags["TALB"] = mutagen.id3.TALB(text=ALBUM_TITLE)
    tags["TRCK"] = mutagen.id3.TRCK(text=str(number))
    tags["APIC"] = mutagen.id3.APIC(mime="image/png", type=3, data=cover)
    tags.save()


def _cover(side: int = 512) -> bytes:
    """A sunrise over water, as PNG (PNG specification, section 5)."""
    y, x = np.mgrid[0:side, 0:side] / side
    sun = np.hypot(x - 0.5, y - 0.48)
    glow = np.exp(-3.2 * sun)
    ripple = 0.08 * np.sin(90 * y**2 + 6 * np.sin(9 * x)) * (y > 0.55) * np.exp(-6 * abs(x - 0.5))
    red = np.clip(0.10 + 0.95 * glow + ripple, 0, 1)
    green = np.clip(0.12 + 0.55 * glow**1.6 + ripple, 0, 1)
    blue = np.clip(0.26 + 0.28 * glow**2 + 0.12 * (1 - y), 0, 1)
    image = np.stack([red, green, blue], axis=-1)
    image[sun < 0.11] = (1.0, 0.86, 0.62)
    image[(y > 0.55)] *= 0.8
    rows = np.round(image * 255).astype(np.uint8)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
