"""Keys and releases of a publish that is not on chain yet."""

from dataclasses import replace
from pathlib import Path

import pytest
from publish_world import PASSPHRASE, World, details

from immurtal.chain.contracts import ZERO_ADDRESS, Visibility
from immurtal.content.encoding import hex32
from immurtal.errors import BadInput, IntegrityError
from immurtal.keys import hpke
from immurtal.keys.at_rest import Passphrase
from immurtal.keys.keyfile import ArtistKey, read_key_file
from immurtal.keys.sealing import Binding, NodeKey, open_share
from immurtal.publish.build import BuiltTrack, build_track, prepare_key, reopen_track
from immurtal.publish.home import ArtistHome
from immurtal.publish.job import Choices, Job, Sale
from immurtal.publish.recordings import Track, look_at

PRIVATE = [hpke.generate() for _ in range(2)]
NODES = tuple(NodeKey(hex32(bytes([n]) * 32), key.public) for n, key in enumerate(PRIVATE, 1))
RECOVERY = hpke.generate().public


@pytest.fixture
def track(tmp_path: Path) -> Track:
    path = World.recording(World(*([None] * 2), tmp_path, *([None] * 5)))  # type: ignore[arg-type]
    return look_at([path], details(), lambda name, done: None)[0]


@pytest.fixture
def choices(track: Track) -> Choices:
    return Choices(
        chain_id=31337,
        registry="0x" + "aa" * 20,
        author="0x" + "bb" * 20,
        sources=(track.source,),
        nodes=tuple(node.node_id for node in NODES),
        threshold=2,
        replicas=2,
        visibility=Visibility.PRIVATE,
        payout=ZERO_ADDRESS,
        split=(),
        sale=Sale(None, None, 0, False, 0, ""),
        details=details(),
    )


@pytest.fixture
def home(tmp_path: Path) -> ArtistHome:
    return ArtistHome(tmp_path / "artist")


def key_for(
    choices: Choices, track: Track, home: ArtistHome, nodes: tuple[NodeKey, ...] = NODES
) -> ArtistKey:
    return prepare_key(choices, track, nodes, RECOVERY, home, PASSPHRASE)


def build(job: Job, track: Track, key: ArtistKey) -> BuiltTrack:
    return build_track(job, 1, track, key, lambda done: None)


def test_the_content_key_stays_whatever_else_changes(
    choices: Choices, track: Track, home: ArtistHome
) -> None:
    first = key_for(choices, track, home)
    others = (NODES[0], NodeKey(NODES[1].node_id, hpke.generate().public))
    second = key_for(choices, track, home, others)
    assert (second.key_id, second.content_key) == (first.key_id, first.content_key)
    path = home.key_file(31337, track.source.work_hash)
    assert read_key_file(path, Passphrase(PASSPHRASE)).nodes == others
    assert path.stat().st_mode & 0o077 == 0


def test_a_wrong_passphrase_or_another_author_is_named(
    choices: Choices, track: Track, home: ArtistHome
) -> None:
    key_for(choices, track, home)
    with pytest.raises(BadInput, match="does not open"):
        prepare_key(choices, track, NODES, RECOVERY, home, "wrong")
    with pytest.raises(BadInput, match="is of author 0xbb"):
        key_for(replace(choices, author="0x" + "cc" * 20), track, home)
    with pytest.raises(BadInput, match="in registry 0xaa"):
        key_for(replace(choices, registry="0x" + "cc" * 20), track, home)


def test_a_build_that_was_cut_off_starts_again_and_a_whole_one_is_kept(
    tmp_path: Path, choices: Choices, track: Track, home: ArtistHome
) -> None:
    job, key = Job.open(tmp_path / "job", choices), key_for(choices, track, home)
    told: list[float] = []

    def cut(done: float) -> None:
        told.append(done)
        if done > 0.75:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_track(job, 1, track, key, cut)
    assert told
    whole = build(job, track, key)
    assert build(job, track, key).release == whole.release
    binding = Binding(31337, choices.registry, track.source.work_hash, choices.author)
    for private in PRIVATE:
        assert len(open_share(whole.keys_file, private, binding)) == 33
    assert not (job.track_folder(1) / "streaming.opus").exists(), "plain audio is not left behind"


def test_a_release_sealed_to_a_key_that_a_node_no_longer_announces_is_sealed_anew(
    tmp_path: Path, choices: Choices, track: Track, home: ArtistHome
) -> None:
    job = Job.open(tmp_path / "job", choices)
    old = build(job, track, key_for(choices, track, home))
    fresh = hpke.generate()
    key = key_for(choices, track, home, (NODES[0], NodeKey(NODES[1].node_id, fresh.public)))
    new = build(job, track, key)
    assert new.release != old.release
    assert new.keys_file.nodes[1].key == fresh.public.key
    assert new.keys_file.key_id == old.keys_file.key_id


@pytest.mark.parametrize("name", ["keys.json", "audio/1.enc", "metadata.json"])
def test_damage_before_the_registration_is_built_over(
    tmp_path: Path, choices: Choices, track: Track, home: ArtistHome, name: str
) -> None:
    job, key = Job.open(tmp_path / "job", choices), key_for(choices, track, home)
    build(job, track, key)
    path = job.track_folder(1) / name
    path.write_bytes(path.read_bytes()[:-1])
    build(job, track, key)
    assert path.stat().st_size > 100


@pytest.mark.parametrize("name", ["keys.json", "audio/2.enc", "metadata.json"])
def test_damage_after_it_is_told(
    tmp_path: Path, choices: Choices, track: Track, home: ArtistHome, name: str
) -> None:
    """The chain names a release that cannot be built a second time."""
    job = Job.open(tmp_path / "job", choices)
    built = build(job, track, key_for(choices, track, home))
    job = job.reveal([built.release])
    assert reopen_track(job, 1, track).release == built.release
    path = job.track_folder(1) / name
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match="is not the one that was registered any more"):
        reopen_track(job, 1, track)
    path.unlink()
    with pytest.raises(IntegrityError, match="is not the one that was registered any more"):
        reopen_track(job, 1, track)


def test_a_recording_that_changed_meanwhile_is_refused(
    tmp_path: Path, choices: Choices, track: Track, home: ArtistHome
) -> None:
    data = bytearray(track.source.path.read_bytes())
    data[-1] ^= 1
    track.source.path.write_bytes(data)
    job = Job.open(tmp_path / "job", choices)
    with pytest.raises(IntegrityError, match="the file has changed"):
        build(job, track, key_for(choices, track, home))
