"""Which of the three formats a file is, by its own bytes, and whether it is all there.

A decoder alone does not say: FFmpeg plays a file that was cut off without a word, and opens
whatever it recognises, playlists that name other files included. So the format is settled here and
the decoder is told.
"""

import struct
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final

import mutagen
from mutagen.flac import FLAC
from mutagen.mp3 import MP3

_UNKNOWN_SIZES: Final = (0, 0xFFFFFFFF)  # what a WAV says that was written to a pipe
_MP3_JUNK: Final = 4096  # bytes tolerated between the tag and the first frame
_MPEG1_RATES: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_RATES: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_SAMPLE_RATES: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


class Format(StrEnum):
    """The value is what FFmpeg calls the format, and what metadata call the codec."""

    WAV = "wav"
    FLAC = "flac"
    MP3 = "mp3"


def sniff(path: Path) -> Format | None:
    """The format of a file, or None if it is none of the three."""
    with path.open("rb") as stream:
        after_tag = _skip_id3(stream)
        start = stream.read(12)
    if after_tag == 0 and start[:4] == b"RIFF" and start[8:] == b"WAVE":
        return Format.WAV
    if start[:4] == b"fLaC":
        return Format.FLAC
    try:
        info = MP3(path).info
    except mutagen.MutagenError:
        return None
    near = info.frame_offset - after_tag <= _MP3_JUNK
    return Format.MP3 if near and info.layer == 3 and not info.sketchy else None


def wav_missing(path: Path) -> int:
    """Bytes that the header of a WAV promises beyond the end of the file."""
    end = path.stat().st_size
    with path.open("rb") as stream:
        at = 12
        while at + 8 <= end:
            stream.seek(at)
            name, size = struct.unpack("<4sI", stream.read(8))
            if name == b"data":
                return 0 if size in _UNKNOWN_SIZES else max(0, at + 8 + size - end)
            at += 8 + size + size % 2
    return 0


def flac_missing(path: Path, samples: int) -> int:
    """Samples that the header of a FLAC promises beyond the `samples` that were decoded."""
    return max(0, int(FLAC(path).info.total_samples) - samples)


def mp3_missing(path: Path, last_frame: bytes) -> int:
    """Bytes that an MP3 promises beyond the end of the file; `last_frame`: as it was found."""
    frame = mp3_frame_bytes(last_frame)
    return max(_xing_missing(path), frame - len(last_frame) if frame else 0)


def mp3_frame_bytes(frame: bytes) -> int:
    """The bytes that a Layer III frame says it has, 0 if it is none or does not say."""
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:
        return 0
    version, rate, sample_rate = frame[1] >> 3 & 3, frame[2] >> 4, frame[2] >> 2 & 3
    if version == 1 or rate in (0, 15) or sample_rate == 3:
        return 0
    rates, coefficient = (_MPEG1_RATES, 144_000) if version == 3 else (_MPEG2_RATES, 72_000)
    return coefficient * rates[rate] // _SAMPLE_RATES[version][sample_rate] + (frame[2] >> 1 & 1)


def _xing_missing(path: Path) -> int:
    """The same from the header that encoders put into a silent first frame (Xing, Info)."""
    start: int = MP3(path).info.frame_offset
    with path.open("rb") as stream:
        stream.seek(start)
        frame = stream.read(64)
    for at in (13, 21, 36):
        if frame[at : at + 4] in (b"Xing", b"Info"):
            flags, *numbers = struct.unpack(">3I", frame[at + 4 : at + 16])
            counts_bytes = flags & 2
            size: int = numbers[1 if flags & 1 else 0] if counts_bytes else 0
            return max(0, start + size - path.stat().st_size)
    return 0


def _skip_id3(stream: BinaryIO) -> int:
    """Moves past an ID3v2 tag at the start and returns its bytes."""
    head = stream.read(10)
    size = 0
    if head[:3] == b"ID3" and len(head) == 10 and max(head[6:]) < 0x80:
        size = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
        size += 10 if head[5] & 0x10 else 0
    stream.seek(size)
    return size
