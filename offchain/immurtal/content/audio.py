"""Recordings: looked at to their end before anything else happens, and turned into Ogg/Opus.

FFmpeg does the decoding and encoding (PyAV), a frame at a time; mutagen reads the tags.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import av

from immurtal.content.audio_formats import Format, flac_missing, mp3_missing, sniff, wav_missing
from immurtal.content.tags import Tags, read_tags
from immurtal.content.writing import writing
from immurtal.errors import BadInput, NotFound

SIZE_LIMIT: Final = 4 * 2**30
"""Bytes of a recording, unless the caller says otherwise."""
PREVIEW_LIMIT_MS: Final = 60_000
OPUS_BITRATE: Final = 128_000
"""Bits a second of the streaming variant."""

_OPUS_RATE: Final = 48_000
_OPUS_FRAME: Final = 960  # samples: 20 ms
_CHANNELS_LIMIT: Final = 8
_MP3_BAD_PACKETS: Final = 0.01  # decoders stumble at the cut of an honest MP3; more is damage

Progress = Callable[[float], None]
"""Is told what fraction of the work is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Recording:
    """`codec`: `wav`, `flac` or `mp3`; `bitrate`: bits a second over the file; `bytes`: of it."""

    codec: str
    bitrate: int
    duration_ms: int
    sample_rate: int
    channels: int
    bytes: int
    tags: Tags


@dataclass(slots=True)
class _Heard:
    """What decoding to the end has shown."""

    rate: int
    channels: int
    codec: str
    metadata: dict[str, str]
    samples: int = 0
    packets: int = 0
    bad_packets: int = 0
    last_packet: bytes = field(default=b"", repr=False)


def probe(path: Path, limit: int = SIZE_LIMIT, progress: Progress | None = None) -> Recording:
    """Decodes a recording to its end and says what it is.

    Raises `NotFound` if there is no such file, `BadInput` if it is empty, larger than `limit`
    bytes, not WAV, FLAC or MP3, or not all there.
    """
    path = Path(path)
    size = _size(path, limit)
    format = _format(path)
    heard = _listen(path, format, size, progress)
    if heard.bad_packets > (_MP3_BAD_PACKETS * heard.packets if format is Format.MP3 else 0):
        raise _corrupt(path, f"{heard.bad_packets} of {heard.packets} packets do not decode")
    if heard.samples == 0:
        raise BadInput(f"{path} holds no sound.", do="Give a recording that has some.")
    if missing := _missing(path, format, heard):
        raise _corrupt(path, f"it is cut off: {missing} are missing at its end")
    if format is Format.WAV and not heard.codec.startswith("pcm_"):
        raise BadInput(f"{path} is a WAV with {heard.codec} inside.", do="Give plain PCM or FLAC.")
    if heard.channels > _CHANNELS_LIMIT:
        raise BadInput(f"{path} has {heard.channels} channels, more than {_CHANNELS_LIMIT}.")
    duration_ms = max(1, round(heard.samples * 1000 / heard.rate))
    return Recording(
        codec=format.value,
        bitrate=size * 8000 // duration_ms,
        duration_ms=duration_ms,
        sample_rate=heard.rate,
        channels=heard.channels,
        bytes=size,
        tags=read_tags(path, format, heard.metadata),
    )


def transcode_opus(
    path: Path, out: Path, bitrate: int = OPUS_BITRATE, progress: Progress | None = None
) -> None:
    """Writes the recording as Ogg/Opus, mono or stereo; the same input gives the same bytes."""
    _encode_opus(Path(path), Path(out), bitrate, 0, None, progress)


def preview_opus(
    path: Path,
    out: Path,
    start_ms: int,
    length_ms: int = PREVIEW_LIMIT_MS,
    bitrate: int = OPUS_BITRATE,
) -> None:
    """Writes at most 60 s from `start_ms` on as Ogg/Opus without tags, exact to 20 ms."""
    if not 0 < length_ms <= PREVIEW_LIMIT_MS or start_ms < 0:
        raise BadInput(
            f"A preview of {length_ms} ms from {start_ms} ms on cannot be.",
            do=f"Give a start within the recording and at most {PREVIEW_LIMIT_MS // 1000} s.",
        )
    _encode_opus(Path(path), Path(out), bitrate, start_ms, length_ms, None)


def _size(path: Path, limit: int) -> int:
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise BadInput(f"{path} is not a file.", do="Name one recording.")
        with path.open("rb"):
            pass
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {path}.", do="Check the name.") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    if size == 0:
        raise BadInput(f"{path} is empty.", do="Give a recording that has sound.")
    if size > limit:
        raise BadInput(
            f"{path} has {size} bytes, more than the {limit} that are taken.",
            do="Give a shorter recording, or FLAC instead of WAV.",
        )
    return size


def _format(path: Path) -> Format:
    format = sniff(path)
    if format is None:
        raise BadInput(f"{path} is not WAV, FLAC or MP3.", do="Export it as one of these.")
    return format


def _corrupt(path: Path, why: str) -> BadInput:
    return BadInput(
        f"{path} is damaged: {why}.",
        saved="Nothing was sent.",
        do="Export or copy it again from its source.",
    )


@contextmanager
def _opened(path: Path, format: Format) -> Iterator[tuple[Any, Any]]:
    """FFmpeg's container and its audio stream; what FFmpeg dislikes becomes `BadInput`."""
    try:
        with av.open(str(path.resolve()), format=format.value) as container:
            if not container.streams.audio:
                raise BadInput(f"{path} holds no sound.", do="Give a recording that has some.")
            yield container, container.streams.audio[0]
    except av.FFmpegError as error:
        raise _corrupt(path, f"it does not decode ({error.strerror})") from error


def _listen(path: Path, format: Format, size: int, progress: Progress | None) -> _Heard:
    with _opened(path, format) as (container, stream):
        context = stream.codec_context
        if format is not Format.MP3:
            context.options = {"err_detect": "crccheck+explode"}
        heard = _Heard(context.sample_rate, context.channels, context.name, container.metadata)
        for packet in container.demux(stream):
            if packet.size:
                heard.packets += 1
                heard.last_packet = bytes(packet)
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                heard.bad_packets += 1
                continue
            for frame in frames:
                if (frame.sample_rate, frame.layout.nb_channels) != (heard.rate, heard.channels):
                    raise _corrupt(path, "its sample rate or its channels change on the way")
                heard.samples += frame.samples
            if progress and packet.pos is not None:
                progress(min(1.0, packet.pos / size))
    if progress:
        progress(1.0)
    return heard


def _missing(path: Path, format: Format, heard: _Heard) -> str:
    """What is missing at the end, in words; empty if nothing is."""
    if format is Format.FLAC:
        samples = flac_missing(path, heard.samples)
        return f"{samples} samples" if samples else ""
    lost = wav_missing(path) if format is Format.WAV else mp3_missing(path, heard.last_packet)
    return f"{lost} bytes" if lost else ""


def _encode_opus(
    path: Path,
    out: Path,
    bitrate: int,
    start_ms: int,
    length_ms: int | None,
    progress: Progress | None,
) -> None:
    with (
        _opened(path, _format(path)) as (source, stream),
        writing(out) as partial,
        # bitexact: without it every run draws another Ogg serial number
        av.open(str(partial), "w", format="ogg", options={"fflags": "+bitexact"}) as target,
    ):
        layout = "mono" if stream.codec_context.channels == 1 else "stereo"
        encoder = target.add_stream("libopus", rate=_OPUS_RATE, layout=layout)
        encoder.bit_rate = bitrate
        if length_ms is None:
            target.metadata.update(source.metadata)
        total = float(stream.duration * stream.time_base) if stream.duration else 0.0
        first = start_ms * _OPUS_RATE // (1000 * _OPUS_FRAME)
        end = None if length_ms is None else first + length_ms * _OPUS_RATE // (1000 * _OPUS_FRAME)
        written = 0
        for number, frame in enumerate(_opus_frames(source, stream, layout)):
            if number < first:
                continue
            if end is not None and number >= end:
                break
            frame.pts = written * _OPUS_FRAME
            target.mux(encoder.encode(frame))
            written += 1
            if progress and total:
                progress(min(1.0, (number + 1) * _OPUS_FRAME / _OPUS_RATE / total))
        if not written:
            raise BadInput(
                f"{path} ends before {start_ms / 1000:g} s.", do="Start the preview earlier."
            )
        target.mux(encoder.encode(None))
    if progress:
        progress(1.0)


def _opus_frames(source: Any, stream: Any, layout: str) -> Iterator[Any]:
    """The recording in frames of 20 ms at 48 kHz; the last may be shorter."""
    resampler = av.AudioResampler("s16", layout, _OPUS_RATE, frame_size=_OPUS_FRAME)
    for packet in source.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:  # as a player would; `probe` is who judges
            continue
        for frame in frames:
            frame.pts = None
            yield from resampler.resample(frame)
    yield from resampler.resample(None)
