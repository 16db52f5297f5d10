"""Short recordings, made here."""

import wave
from pathlib import Path

import av
import numpy as np

RATE = 44_100
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 9
JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 9


def wav(path: Path, seconds: float = 2.0, channels: int = 2, rate: int = RATE) -> Path:
    times = np.arange(int(seconds * rate)) / rate
    voices = [np.sin(2 * np.pi * 220 * (i + 1) * times) for i in range(channels)]
    noise = np.random.default_rng(1).normal(0, 0.02, (len(times), channels))
    samples = ((np.stack(voices, 1) * 0.4 + noise) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.tobytes())
    return path


def encoded(path: Path, source: Path, codec: str, format: str, **options: str) -> Path:
    with (
        av.open(str(source)) as given,
        av.open(str(path), "w", format=format, options=options) as out,
    ):
        layout = LAYOUTS[given.streams.audio[0].codec_context.channels]
        rate = given.streams.audio[0].codec_context.sample_rate
        stream = out.add_stream(codec, rate=rate, layout=layout)
        for frame in given.decode(audio=0):
            frame.pts = None
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def flac(path: Path, seconds: float = 2.0, **shape: int) -> Path:
    return encoded(path, wav(path.with_suffix(".source"), seconds, **shape), "flac", "flac")


def mp3(path: Path, seconds: float = 2.0, **options: str) -> Path:
    return encoded(path, wav(path.with_suffix(".source"), seconds), "libmp3lame", "mp3", **options)


def samples(path: Path, rate: int = 48_000, layout: str = "stereo") -> "np.ndarray":
    """What a player would hear, one row a channel."""
    resampler = av.AudioResampler("fltp", layout, rate)
    with av.open(str(path)) as given:
        frames = [f for frame in given.decode(audio=0) for f in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
