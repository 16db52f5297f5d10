"""Recordings are looked at to their end; what comes out is what went in, in Opus."""

import resource

import av
import numpy as np
import pytest
import sounds
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, TALB, TIT2, TPE1, TRCK, TSRC
from mutagen.mp3 import MP3
from mutagen.wave import WAVE

from immurtal.content.audio import preview_opus, probe, transcode_opus
from immurtal.content.audio_formats import mp3_frame_bytes
from immurtal.content.tags import COVER_LIMIT, Cover, Tags, make_cover, read_cover
from immurtal.errors import BadInput, DiskFull, NotFound

MAKERS = {"wav": sounds.wav, "flac": sounds.flac, "mp3": sounds.mp3}


@pytest.fixture(params=MAKERS)
def recording(request, tmp_path):
    """A recording of two seconds in each of the three formats."""
    return MAKERS[request.param](tmp_path / f"take.{request.param}")


def tag_flac(path, cover):
    file = FLAC(path)
    file["title"], file["artist"] = "Nachtmusik", ["Änne", "Bo"]
    file["album"], file["tracknumber"], file["isrc"] = "Erstes", "3/12", "QZ-ABC-24-00001"
    back, front = Picture(), Picture()
    back.type, back.data = 4, sounds.JPEG
    front.type, front.data = 3, cover
    file.add_picture(back)
    file.add_picture(front)
    file.save()


def tag_id3(path, cover, kind):
    file = kind(path)
    if file.tags is None:
        file.add_tags()
    file.tags.add(TIT2(encoding=3, text="Nachtmusik"))
    file.tags.add(TPE1(encoding=3, text=["Änne", "Bo"]))
    file.tags.add(TALB(encoding=3, text="Erstes"))
    file.tags.add(TRCK(encoding=3, text="3/12"))
    file.tags.add(TSRC(encoding=3, text="QZABC2400001"))
    file.tags.add(APIC(encoding=3, mime="image/jpeg", type=4, desc="back", data=sounds.JPEG))
    file.tags.add(APIC(encoding=3, mime="image/png", type=3, desc="front", data=cover))
    file.save()


def tag(path, cover=sounds.PNG):
    if path.suffix == ".flac":
        tag_flac(path, cover)
    else:
        tag_id3(path, cover, MP3 if path.suffix == ".mp3" else WAVE)


def refused(path, match, **bounds):
    with pytest.raises(BadInput, match=match) as caught:
        probe(path, **bounds)
    assert caught.value.do
    return caught.value


def test_what_a_recording_is(recording):
    found = probe(recording)
    assert found.codec == recording.suffix[1:]
    assert (found.duration_ms, found.sample_rate, found.channels) == (2000, 44_100, 2)
    assert found.bytes == recording.stat().st_size
    assert found.bitrate == found.bytes * 8 // 2
    assert found.tags == Tags()


def test_tags_are_read(recording):
    tag(recording)
    cover = Cover("image/png", sounds.PNG)
    assert probe(recording).tags == Tags(
        "Nachtmusik", ("Änne", "Bo"), "Erstes", 3, "QZABC2400001", cover
    )
    assert cover.name == "cover.png"


def test_a_tagged_recording_is_as_long_as_before(recording):
    tag(recording, sounds.PNG + bytes(200_000))
    assert probe(recording).duration_ms == 2000


def test_a_cover_that_a_release_cannot_carry_is_left_out(recording):
    tag(recording, b"GIF89a" + bytes(99))
    assert probe(recording).tags.cover == Cover("image/jpeg", sounds.JPEG)


def test_tags_of_a_wav_in_riff_info(tmp_path):
    plain = sounds.wav(tmp_path / "plain.wav")
    path = tmp_path / "info.wav"
    with av.open(str(plain)) as source, av.open(str(path), "w", format="wav") as out:
        out.metadata["title"], out.metadata["artist"] = "Nachtmusik", "Bo"
        stream = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    assert probe(path).tags == Tags("Nachtmusik", ("Bo",))


def test_tags_cannot_reach_the_terminal(tmp_path):
    path = sounds.flac(tmp_path / "take.flac")
    file = FLAC(path)
    file["title"], file["isrc"], file["tracknumber"] = "a\x1b[2J\nb" + "x" * 5000, "none", "A1"
    file.save()
    tags = probe(path).tags
    assert tags.title.startswith("a[2J bxxx")
    assert len(tags.title) <= 1000
    assert (tags.isrc, tags.track) == (None, None)


def test_progress_is_told_to_the_end(recording, tmp_path):
    for work in (
        lambda tell: probe(recording, progress=tell),
        lambda tell: transcode_opus(recording, tmp_path / "o.opus", progress=tell),
    ):
        told = []
        work(told.append)
        assert told == sorted(told)
        assert told[-1] == 1.0
        assert len(told) > 3
        assert all(0 <= fraction <= 1 for fraction in told)


@pytest.mark.parametrize("missing", [1, 100, 20_000])
def test_a_recording_that_is_cut_off(recording, missing):
    recording.write_bytes(recording.read_bytes()[:-missing])
    error = refused(recording, "is damaged")
    assert "Nothing was sent" in error.saved


def test_an_mp3_that_lost_whole_frames(tmp_path):
    path = sounds.mp3(tmp_path / "take.mp3")
    data = path.read_bytes()
    last = data.rindex(data[data.index(b"\xff\xfb") :][:2])
    assert mp3_frame_bytes(data[last : last + 4]) == len(data) - last
    path.write_bytes(data[:last])
    refused(path, f"cut off: {len(data) - last} bytes are missing")


def test_an_mp3_without_a_xing_header_that_is_cut_off(tmp_path):
    path = sounds.mp3(tmp_path / "take.mp3", write_xing="0", id3v2_version="0")
    assert 2000 <= probe(path).duration_ms < 2100
    path.write_bytes(path.read_bytes()[:-100])
    refused(path, "cut off: 100 bytes are missing")


def test_a_flac_with_a_changed_byte(tmp_path):
    path = sounds.flac(tmp_path / "take.flac")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    refused(path, "is damaged")


def test_an_mp3_with_a_ruined_part(tmp_path):
    path = sounds.mp3(tmp_path / "take.mp3")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 6000] = bytes(b ^ 0x55 for b in data[middle : middle + 6000])
    path.write_bytes(data)
    refused(path, "is damaged")


def test_a_wav_from_a_pipe_says_no_size(tmp_path):
    path = sounds.wav(tmp_path / "take.wav")
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff" * 4
    path.write_bytes(data)
    assert probe(path).duration_ms == 2000


def test_what_is_no_recording(tmp_path):
    path = tmp_path / "take.wav"
    playlist = f"#EXTM3U\n#EXTINF:1,\n{sounds.wav(tmp_path / 'other.wav')}\n".encode()
    for data in (
        b"just text " * 5000,
        bytes(100_000),
        np.random.default_rng(3).bytes(100_000),
        playlist,
        sounds.PNG * 100,
        b"RIFF\0\0\0\0AVI LIST" + bytes(1000),
        b"ID3\4\0\0\0\0\0\0" + b"text " * 1000,
    ):
        path.write_bytes(data)
        refused(path, "is not WAV, FLAC or MP3")


@pytest.mark.parametrize(("codec", "format"), [("libopus", "ogg"), ("aac", "mp4"), ("mp2", "mp2")])
def test_other_sound_is_not_taken(tmp_path, codec, format):
    source = sounds.wav(tmp_path / "s.wav", rate=48_000)
    refused(sounds.encoded(tmp_path / "take", source, codec, format), "is not WAV, FLAC or MP3")


def test_headers_with_nothing_behind(recording):
    recording.write_bytes(recording.read_bytes()[:44])
    with pytest.raises(BadInput):
        probe(recording)


def test_a_wav_with_something_else_inside(tmp_path):
    path = sounds.encoded(
        tmp_path / "take.wav", sounds.wav(tmp_path / "s.wav"), "adpcm_ima_wav", "wav"
    )
    refused(path, "a WAV with adpcm_ima_wav inside")


def test_files_that_are_refused_before_they_are_read(tmp_path):
    empty = tmp_path / "empty.wav"
    empty.touch()
    refused(empty, "is empty")
    refused(tmp_path, "is not a file")
    refused(sounds.wav(tmp_path / "take.wav"), "more than the 1000 that are taken", limit=1000)
    with pytest.raises(NotFound, match="There is no file"):
        probe(tmp_path / "nothing.wav")


def test_the_opus_variant_sounds_the_same(recording, tmp_path):
    out = tmp_path / "out.opus"
    transcode_opus(recording, out)
    with av.open(str(out)) as container:
        assert container.format.name == "ogg"
        assert container.streams.audio[0].codec_context.name == "opus"
        assert container.streams.audio[0].codec_context.channels == 2
    before, after = sounds.samples(recording), sounds.samples(out)
    assert before.shape == after.shape == (2, 96_000)
    for channel in range(2):
        assert np.corrcoef(before[channel], after[channel])[0, 1] > 0.98


def test_the_opus_variant_is_the_same_each_time_and_carries_the_tags(tmp_path):
    path = sounds.flac(tmp_path / "take.flac")
    tag(path)
    transcode_opus(path, tmp_path / "1.opus")
    transcode_opus(path, tmp_path / "2.opus")
    assert (tmp_path / "1.opus").read_bytes() == (tmp_path / "2.opus").read_bytes()
    assert b"title=Nachtmusik" in (tmp_path / "1.opus").read_bytes()


def test_bitrate_is_taken(tmp_path):
    path = sounds.wav(tmp_path / "take.wav", seconds=4)
    transcode_opus(path, tmp_path / "low.opus", bitrate=32_000)
    transcode_opus(path, tmp_path / "high.opus", bitrate=160_000)
    low, high = ((tmp_path / name).stat().st_size for name in ("low.opus", "high.opus"))
    assert low * 2 < high


@pytest.mark.parametrize(("channels", "heard"), [(1, 1), (6, 2)])
def test_mono_stays_mono_and_more_become_two(tmp_path, channels, heard):
    path = sounds.wav(tmp_path / "take.wav", channels=channels)
    assert probe(path).channels == channels
    transcode_opus(path, tmp_path / "out.opus")
    with av.open(str(tmp_path / "out.opus")) as container:
        assert container.streams.audio[0].codec_context.channels == heard


def test_a_preview_is_the_part_asked_for(tmp_path):
    path = sounds.wav(tmp_path / "take.wav", seconds=4)
    tag(path)
    preview_opus(path, tmp_path / "preview.opus", 1000, 1500)
    part = sounds.samples(tmp_path / "preview.opus")
    assert part.shape == (2, 72_000)
    whole = sounds.samples(path)[:, 48_000:120_000]
    assert np.corrcoef(whole[0], part[0])[0, 1] > 0.98
    assert b"Nachtmusik" not in (tmp_path / "preview.opus").read_bytes()


def test_a_preview_ends_with_the_recording(tmp_path):
    path = sounds.wav(tmp_path / "take.wav", seconds=2)
    preview_opus(path, tmp_path / "preview.opus", 1500)
    assert sounds.samples(tmp_path / "preview.opus").shape[1] == 24_000


@pytest.mark.parametrize(("start", "length"), [(-1, 1000), (0, 0), (0, 60_001)])
def test_previews_that_cannot_be(tmp_path, start, length):
    path = sounds.wav(tmp_path / "take.wav")
    with pytest.raises(BadInput, match="cannot be"):
        preview_opus(path, tmp_path / "preview.opus", start, length)


def test_a_preview_beyond_the_end_leaves_nothing(tmp_path):
    path = sounds.wav(tmp_path / "take.wav")
    with pytest.raises(BadInput, match="ends before 5 s"):
        preview_opus(path, tmp_path / "preview.opus", 5000)
    assert [file.name for file in tmp_path.iterdir()] == ["take.wav"]


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path):
    path = sounds.wav(tmp_path / "take.wav", seconds=10)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(DiskFull, match="There is no room"):
            transcode_opus(path, tmp_path / "out.opus")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [file.name for file in tmp_path.iterdir()] == ["take.wav"]


def test_covers(tmp_path):
    path = tmp_path / "cover"
    path.write_bytes(sounds.JPEG)
    assert read_cover(path) == Cover("image/jpeg", sounds.JPEG)
    assert read_cover(path).name == "cover.jpg"
    with pytest.raises(BadInput, match="neither a JPEG nor a PNG"):
        make_cover(b"<svg onload=alert(1)>")
    with pytest.raises(BadInput, match="larger than 5 MiB"):
        make_cover(sounds.PNG + bytes(COVER_LIMIT))
    with pytest.raises(NotFound):
        read_cover(tmp_path / "nothing")
    with pytest.raises(BadInput, match="cannot be read"):
        read_cover(tmp_path)
