"""A release is what lies in its folder: Kubo names it the same, and it can be taken up again."""

import hashlib
import io
import json
import shutil
import tracemalloc
from dataclasses import replace

import pytest
import sounds
import tink_judge
from hypothesis import given, settings
from hypothesis import strategies as st

from immurtal.content import release as room
from immurtal.content.car import read_car
from immurtal.content.cipher import SEGMENT, cipher_size
from immurtal.content.keys_file import KeysFile, RecoveryEnvelope, SealedShare
from immurtal.content.metadata import (
    Artist,
    Binding,
    Details,
    decode_metadata,
    decrypt_metadata,
)
from immurtal.content.release import (
    VariantSource,
    build_release,
    car_size,
    car_stream,
    is_built,
    open_release,
    rebuild_with,
    write_car,
)
from immurtal.content.tags import Cover
from immurtal.content.unixfs import plan_directory, resolve, run
from immurtal.errors import BadInput, DiskFull, IntegrityError, NotFound

KEY = bytes(range(32))
KEY_ID = b"\6" * 16
REGISTRY = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
ORIGINAL = hashlib.shake_256(b"original").digest(3 * SEGMENT + 1234)
STREAMING = hashlib.shake_256(b"streaming").digest(SEGMENT // 2)
WORK = hashlib.sha256(ORIGINAL).digest()
KEYS = KeysFile(
    KEY_ID,
    2,
    tuple(
        SealedShare(bytes([i]) * 32, 0x20, bytes(32), i, bytes(81), bytes(32)) for i in (1, 2, 3)
    ),
    RecoveryEnvelope(0x20, bytes(32), bytes(80)),
).encode()
DETAILS = Details("Nachtmusik", (Artist("Änne"),), duration_ms=2000, album="Erstes", track=1)
COVER = Cover("image/png", sounds.PNG + bytes(SEGMENT + 5))
PLACE = {"chain_id": 31337, "registry": REGISTRY, "work_hash": WORK}


@pytest.fixture
def sources(tmp_path):
    (tmp_path / "take.flac").write_bytes(ORIGINAL)
    (tmp_path / "take.opus").write_bytes(STREAMING)
    (tmp_path / "part.opus").write_bytes(b"OggS" + bytes(500))
    return tmp_path


def build(sources, folder="release", **changes):
    given = {
        "variants": [
            VariantSource(sources / "take.flac", "flac", 900_000),
            VariantSource(sources / "take.opus", "opus", 128_000),
        ],
        "details": DETAILS,
        "keys_json": KEYS,
        "content_key": KEY,
        "key_id": KEY_ID,
        **PLACE,
    }
    return build_release(sources / folder, **(given | changes))


def car(built):
    out = io.BytesIO()
    assert write_car(built, out) == len(out.getvalue()) == car_size(built)
    return out.getvalue()


def test_kubo_names_the_folder_the_same_and_exports_the_same_archive(kubo, sources):
    built = build(sources, cover=COVER, preview=sources / "part.opus")
    assert kubo.add(sources / "release") == built.cid
    assert kubo("dag", "export", "--progress=false", built.cid) == car(built)
    stat = json.loads(kubo("files", "stat", "--enc=json", f"/ipfs/{built.cid}"))
    assert built.size == stat["CumulativeSize"]
    for path, file in built.files.items():
        assert resolve(built.root_cid, path, lambda cid: kubo("block", "get", cid.text)) == (
            file.link.cid
        )
        assert file.size == (sources / "release" / path).stat().st_size


def test_the_archive_holds_each_block_once_and_nothing_else(sources):
    built = build(sources, cover=COVER)
    roots, blocks = read_car(io.BytesIO(car(built)))
    cids = [cid for cid, _ in blocks]
    assert roots == (built.root_cid,)
    assert len(cids) == len(set(cids))
    assert set(cids) == built.leaves.keys() | built.nodes.keys()


def test_tink_opens_each_variant(sources):
    built = build(sources)
    for variant, plain in zip(built.metadata.variants, (ORIGINAL, STREAMING), strict=True):
        ciphertext = (sources / "release" / variant.path).read_bytes()
        aad = Binding(**PLACE).associated_data(variant.path)
        assert tink_judge.decrypt(KEY, aad, ciphertext) == plain
        assert variant.sha256 == hashlib.sha256(plain).digest()
        assert (variant.plain_bytes, variant.cipher_bytes) == (len(plain), len(ciphertext))
        assert ciphertext[:40] == variant.header.bytes
        leaves = built.files[variant.path].leaves
        assert [leaf.digest for leaf in leaves] == [
            hashlib.sha256(ciphertext[at : at + SEGMENT]).digest()
            for at in range(0, len(ciphertext), SEGMENT)
        ]


def test_metadata_name_the_cover_and_the_preview(sources):
    built = build(sources, cover=COVER, preview=sources / "part.opus")
    details = built.metadata.details
    assert details == replace(
        DETAILS, image=f"ipfs://{built.files['cover.png'].link.cid}", preview="preview.opus"
    )
    assert set(built.files) == {
        "audio/1.enc", "audio/2.enc", "metadata.json", "keys.json", "cover.png", "preview.opus"
    }  # fmt: skip
    assert decode_metadata((sources / "release/metadata.json").read_bytes()) == built.metadata


def test_no_plaintext_and_no_key_lies_in_the_folder(sources):
    build(sources, private=True)
    everything = b"".join(
        file.read_bytes() for file in (sources / "release").rglob("*") if file.is_file()
    )
    for secret in (KEY, ORIGINAL[:64], STREAMING[-64:], b"Nachtmusik"):
        assert secret not in everything


def test_a_private_release(kubo, sources):
    built = build(sources, private=True)
    assert kubo.add(sources / "release") == built.cid
    assert built.metadata.details is None
    assert set(built.files) == {
        "audio/1.enc", "audio/2.enc", "metadata.json", "metadata.enc", "keys.json"
    }  # fmt: skip
    sealed = (sources / "release/metadata.enc").read_bytes()
    assert decrypt_metadata(built.metadata, sealed, KEY).details == DETAILS
    assert open_release(sources / "release") == built


@pytest.mark.parametrize("public", [{"cover": COVER}, {"preview": True}])
def test_a_private_release_takes_nothing_that_everyone_sees(sources, public):
    if "preview" in public:
        public = {"preview": sources / "part.opus"}
    with pytest.raises(BadInput, match="to everyone"):
        build(sources, private=True, **public)
    assert not (sources / "release").exists()


@pytest.mark.parametrize("extras", [False, True])
def test_a_finished_release_opens_again_without_encrypting(sources, extras):
    given = {"cover": COVER, "preview": sources / "part.opus"} if extras else {}
    built = build(sources, **given)
    for name in ("take.flac", "take.opus", "part.opus"):
        (sources / name).unlink()
    again = open_release(sources / "release")
    assert again == built
    assert car(again) == car(built)


def test_a_finished_release_is_never_overwritten(sources):
    built = build(sources)
    before = car(built)
    with pytest.raises(BadInput, match="a finished release"):
        build(sources)
    assert car(open_release(sources / "release")) == before


def test_an_interrupted_build_is_not_a_release_and_can_be_repeated(sources, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(room, "encrypt_metadata", killed)
    with pytest.raises(KeyboardInterrupt):
        build(sources, private=True)
    assert not is_built(sources / "release")
    with pytest.raises(BadInput, match="no finished release"):
        open_release(sources / "release")
    assert open_release(build(sources, cover=COVER) and sources / "release").metadata.details


def test_an_interrupted_encryption_leaves_no_half_file(sources):
    def stop(fraction):
        if fraction > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(sources, progress=stop)
    assert [file for file in (sources / "release").rglob("*") if file.is_file()] == []


def test_what_an_earlier_attempt_left_is_not_in_the_release(kubo, sources):
    (sources / "release").mkdir()
    (sources / "release/cover.jpg").write_bytes(b"stale")
    (sources / "release/preview.opus").write_bytes(b"stale")
    built = build(sources, cover=COVER)
    assert "cover.jpg" not in built.files
    assert "preview.opus" not in built.files
    assert open_release(sources / "release") == built
    cids = {cid for cid, _ in read_car(io.BytesIO(car(built)))[1]}
    assert hashlib.sha256(b"stale").digest() not in {cid.digest for cid in cids}


def test_progress_is_told(sources):
    told = []
    build(sources, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 4


@pytest.fixture(scope="module")
def archived(tmp_path_factory):
    """A release and its whole archive."""
    folder = tmp_path_factory.mktemp("archived")
    (folder / "take.flac").write_bytes(ORIGINAL)
    (folder / "take.opus").write_bytes(STREAMING)
    built = build(folder)
    return built, car(built)


@settings(max_examples=40)
@given(data=st.data())
def test_an_archive_goes_on_from_any_byte(archived, data):
    """Whatever the offset, the stream from there is the rest of the whole archive."""
    built, whole = archived
    offset = data.draw(st.integers(0, len(whole)))
    assert b"".join(car_stream(built, offset)) == whole[offset:]


def test_memory_stays_bounded_however_long_the_recording(tmp_path):
    size = 60 * SEGMENT
    (tmp_path / "take.flac").write_bytes(bytes(size))
    work_hash = hashlib.sha256(bytes(size)).digest()
    source = VariantSource(tmp_path / "take.flac", "flac", 1)
    tracemalloc.start()
    built = build(tmp_path, variants=[source], work_hash=work_hash)
    sent = sum(map(len, car_stream(built)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sent == car_size(built) > size
    assert peak < 8 * SEGMENT


def test_offsets_that_cannot_be(sources):
    built = build(sources)
    assert list(car_stream(built, car_size(built) + 5)) == []
    with pytest.raises(BadInput, match="not negative"):
        list(car_stream(built, -1))


def test_a_file_that_changed_since_is_named(sources):
    built = build(sources)
    path = sources / "release/audio/1.enc"
    data = bytearray(path.read_bytes())
    data[SEGMENT + 5] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"audio/1\.enc is not what it was"):
        list(car_stream(built))
    path.unlink()
    with pytest.raises(IntegrityError, match=r"audio/1\.enc is not what it was"):
        list(car_stream(built))


@pytest.mark.parametrize(
    ("name", "change", "match"),
    [
        ("audio/1.enc", lambda data: data[:-1], "not the file that metadata"),
        ("audio/2.enc", lambda data: b"\x28" + bytes(39) + data[40:], "not the file that metadata"),
        ("audio/2.enc", None, "cannot be read"),
        ("cover.png", lambda data: data + b"x", "cover that metadata"),
        ("cover.png", None, "cover that metadata"),
        ("preview.opus", None, "cannot be read"),
        ("keys.json", lambda data: data.replace(b"06" * 16, b"07" * 16), "different keys"),
    ],
)
def test_a_damaged_folder_is_not_taken_up_again(sources, name, change, match):
    build(sources, cover=COVER, preview=sources / "part.opus")
    path = sources / "release" / name
    if change:
        path.write_bytes(change(path.read_bytes()))
    else:
        path.unlink()
    with pytest.raises(IntegrityError, match=match):
        open_release(sources / "release")


def test_a_recording_that_changed_meanwhile_is_not_published(sources):
    (sources / "take.flac").write_bytes(ORIGINAL[:-1] + b"x")
    with pytest.raises(IntegrityError, match="the file has changed"):
        build(sources)
    assert not is_built(sources / "release")


def test_inputs_that_cannot_be(sources):
    with pytest.raises(BadInput, match="another content key"):
        build(sources, key_id=b"\7" * 16)
    with pytest.raises(BadInput, match="32 bytes, not 31"):
        build(sources, content_key=bytes(31))
    with pytest.raises(BadInput, match="at least one variant"):
        build(sources, variants=[])
    with pytest.raises(NotFound, match="nothing"):
        build(sources, variants=[VariantSource(sources / "nothing", "flac", 1)])
    (sources / "empty").touch()
    with pytest.raises(BadInput, match="none that is empty"):
        build(sources, variants=[VariantSource(sources / "empty", "flac", 1)])
    with pytest.raises(BadInput, match=r"keys\.json is not JSON"):
        build(sources, keys_json=b"{")
    (sources / "part.opus").write_bytes(bytes(room.PREVIEW_LIMIT + 1))
    with pytest.raises(BadInput, match="larger than 5 MiB"):
        build(sources, preview=sources / "part.opus")
    assert not is_built(sources / "release")


def test_want_of_room_is_found_before_anything_is_written(sources, monkeypatch):
    usage = shutil.disk_usage(sources)._replace(free=cipher_size(len(ORIGINAL)))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DiskFull, match="are free"):
        build(sources)
    assert list((sources / "release").iterdir()) == []


def entries(built):
    return run(plan_directory(built.root_cid), built.nodes.__getitem__)


def test_new_metadata_keep_the_audio_that_is_not_at_hand(kubo, sources):
    first = build(sources, cover=COVER, preview=sources / "part.opus")
    kubo("dag", "import", stdin=car(first))
    kept = {k: v for k, v in entries(first).items() if k not in ("metadata.json", "keys.json")}
    details = replace(first.metadata.details, title="Andere Nachtmusik")
    given = {"existing": kept, "metadata": replace(first.metadata, details=details)}
    second = rebuild_with(sources / "next", keys_json=KEYS, **given)
    assert second.root != first.root
    assert entries(second)["audio"] == entries(first)["audio"]
    assert second.metadata.details == details
    archive = car(second)
    assert len(archive) < 10_000
    kubo("dag", "import", stdin=archive)
    read = kubo("cat", f"/ipfs/{second.cid}/audio/1.enc")
    assert read == (sources / "release/audio/1.enc").read_bytes()
    stat = json.loads(kubo("files", "stat", "--enc=json", f"/ipfs/{second.cid}"))
    assert second.size == stat["CumulativeSize"]
    assert open_release(sources / "next", kept) == second


def test_new_metadata_may_replace_or_drop_the_cover(sources):
    first = build(sources, cover=COVER, preview=sources / "part.opus")
    kept = {k: v for k, v in entries(first).items() if k not in ("metadata.json", "keys.json")}
    new = Cover("image/jpeg", sounds.JPEG)
    given = {"metadata": first.metadata, "keys_json": KEYS}
    replaced = rebuild_with(sources / "replaced", existing=kept, cover=new, **given)
    assert set(entries(replaced)) == {
        "audio", "cover.jpg", "preview.opus", "metadata.json", "keys.json"
    }  # fmt: skip
    assert replaced.metadata.details.image == f"ipfs://{entries(replaced)['cover.jpg'].cid}"
    assert open_release(sources / "replaced", kept) == replaced
    bare = rebuild_with(sources / "bare", existing={"audio": kept["audio"]}, **given)
    assert set(entries(bare)) == {"audio", "metadata.json", "keys.json"}
    assert bare.metadata.details == DETAILS


def test_new_private_metadata(sources):
    first = build(sources, private=True)
    kept = {"audio": entries(first)["audio"]}
    whole = replace(first.metadata, details=replace(DETAILS, title="Anders"))
    given = {"existing": kept, "metadata": whole, "keys_json": KEYS, "private": True}
    with pytest.raises(BadInput, match="needs its content key"):
        rebuild_with(sources / "next", **given)
    second = rebuild_with(sources / "next", content_key=KEY, **given)
    sealed = (sources / "next/metadata.enc").read_bytes()
    assert decrypt_metadata(second.metadata, sealed, KEY) == whole
    assert open_release(sources / "next", kept) == second


def test_a_rebuild_that_cannot_be(sources):
    first = build(sources, cover=COVER)
    kept = {k: v for k, v in entries(first).items() if k not in ("metadata.json", "keys.json")}
    given = {"metadata": first.metadata, "keys_json": KEYS}
    with pytest.raises(BadInput, match="keeps the audio"):
        rebuild_with(sources / "next", existing={}, **given)
    with pytest.raises(BadInput, match="keeps the audio"):
        rebuild_with(sources / "next", existing=entries(first), **given)
    with pytest.raises(BadInput, match="to everyone"):
        rebuild_with(sources / "next", existing=kept, private=True, content_key=KEY, **given)
    with pytest.raises(BadInput, match="a finished release"):
        rebuild_with(sources / "release", existing=kept, **given)
    with pytest.raises(BadInput, match="whole metadata"):
        rebuild_with(
            sources / "next", existing=kept, metadata=first.metadata.public_part(), keys_json=KEYS
        )
