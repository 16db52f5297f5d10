"""`release`: changed words under the same key, cut off anywhere."""

from pathlib import Path

import pytest
from local_server import Reply, Seen
from publish_world import PASSPHRASE, StandIn, World, cid_of, details, down, refusal

from immurtal.content.cid import Cid
from immurtal.content.metadata import decode_metadata, decrypt_metadata
from immurtal.content.unixfs import plan_directory, resolve, run
from immurtal.errors import BadInput, KeySharesMissing, NotFound
from immurtal.keys.at_rest import Passphrase
from immurtal.keys.keyfile import read_key_file
from immurtal.publish.pipeline import Published
from immurtal.publish.revise import Changes, Revised, revise

PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 9


@pytest.fixture
async def published(world: World) -> Published:
    return await world.publish(world.recording())


def work_of(published: Published) -> str:
    return published.tracks[0].certificate.id


def changes(title: str | None = "New", cover: Path | None = None) -> Changes:
    return Changes(title, (("Somebody Else", "composer"),), "Said anew", cover)


async def again(world: World, published: Published, said: Changes) -> Revised:
    return await revise(
        world.actions,
        world.wallet,
        home=world.home,
        passphrase=PASSPHRASE,
        certificate=work_of(published),
        changes=said,
        report=world.hear,
    )


def links(node: StandIn, cid: str) -> dict[str, Cid]:
    root = next(known for known in node.blocks if known.text == cid)
    found = run(plan_directory(root), node.blocks.__getitem__)
    return {name: link.cid for name, link in found.items()}


def metadata(node: StandIn, cid: str) -> bytes:
    root = next(known for known in node.blocks if known.text == cid)
    return node.blocks[resolve(root, "metadata.json", node.blocks.__getitem__)]


async def version(world: World, published: Published) -> int:
    return (await world.contracts.certificate(work_of(published))).version


async def test_words_change_and_the_audio_stays(world: World, published: Published) -> None:
    done = await again(world, published, changes())
    node = world.nodes[0]
    before, after = links(node, published.tracks[0].cid), links(node, done.cid)
    assert after["audio"] == before["audio"]
    assert after["keys.json"] == before["keys.json"]
    said = decode_metadata(metadata(node, done.cid)).details
    assert said is not None
    assert (said.title, said.artists[0].name, said.description) == (
        "New",
        "Somebody Else",
        "Said anew",
    )
    assert (done.version, await version(world, published)) == (2, 2)
    assert all(proof.share and proof.pinned for proof in done.proofs)
    uploads = [len(seen.body) for seen in node.asked("PATCH", "/v1/uploads/")]
    assert uploads[-1] < uploads[0] / 10, "the audio is not sent again"


async def test_the_same_again_changes_nothing(world: World, published: Published) -> None:
    first = await again(world, published, changes())
    assert (await again(world, published, changes())).cid == first.cid
    assert await version(world, published) == 2


async def test_one_revision_after_another_and_back(world: World, published: Published) -> None:
    first = await again(world, published, changes("First"))
    second = await again(world, published, changes("Second"))
    third = await again(world, published, changes("First"))
    assert [first.version, second.version, third.version] == [2, 3, 4]
    assert decode_metadata(metadata(world.nodes[0], third.cid)).details.title == "First"  # type: ignore[union-attr]


async def test_a_cover_takes_the_place_of_the_old_one(
    world: World, published: Published, tmp_path: Path
) -> None:
    picture = tmp_path / "new.png"
    picture.write_bytes(PNG)
    done = await again(world, published, changes(cover=picture))
    assert "cover.png" in links(world.nodes[0], done.cid)
    kept = await again(world, published, changes("Another"))
    assert links(world.nodes[0], kept.cid)["cover.png"]
    picture.write_bytes(b"GIF89a")
    with pytest.raises(BadInput, match="neither a JPEG nor a PNG"):
        await again(world, published, changes(cover=picture))


async def test_cut_off_before_the_chain_knew(
    world: World, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("immurtal.publish.actions.Actions.publish_release", cut)
        with pytest.raises(KeyboardInterrupt):
            await again(world, published, changes())
    assert await version(world, published) == 1
    assert (await again(world, published, changes())).version == 2


async def test_cut_off_after_the_chain_knew(
    world: World, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("immurtal.publish.revise.hand_out", cut)
        with pytest.raises(KeyboardInterrupt):
            await again(world, published, changes())
    assert await version(world, published) == 2
    done = await again(world, published, changes())
    assert (done.version, await version(world, published)) == (2, 2)
    assert all(proof.pinned for proof in done.proofs)


@pytest.mark.parametrize("name", ["basis.json", "keys.json", "metadata.json"])
async def test_half_built_is_built_anew(
    world: World, published: Published, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("immurtal.publish.actions.Actions.publish_release", cut)
        with pytest.raises(KeyboardInterrupt):
            await again(world, published, changes())
    (found,) = world.home.folder.glob(f"releases/*/*/{name}")
    found.write_bytes(b"{")
    assert (await again(world, published, changes())).version == 2


async def test_another_revision_after_one_that_was_cut_off_builds_on_the_chains(
    world: World, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("immurtal.publish.actions.Actions.publish_release", cut)
        with pytest.raises(KeyboardInterrupt):
            await again(world, published, changes("Never named"))
    await again(world, published, Changes("Named", (), None, None))
    said = await again(world, published, changes("Never named"))
    assert said.version == 3


async def test_a_node_that_let_the_audio_go_gets_it_again(
    world: World, published: Published
) -> None:
    """Between naming the release and handing it out, the old one stops being current."""
    node = world.nodes[1]

    def forget(node: StandIn, seen: Seen) -> Reply | None:
        if seen.target == "/v1/store" and not node.spools:
            node.blocks.clear()
        return None

    node.fault = forget
    done = await again(world, published, changes())
    shown = next(proof for proof in done.proofs if proof.node == node.id)
    assert (shown.share, shown.pinned) == (True, True)
    assert links(node, done.cid)["audio"] in node.blocks


async def test_it_is_read_from_whichever_node_has_it(world: World, published: Published) -> None:
    world.nodes[0].fault = down
    done = await again(world, published, changes())
    assert sum(proof.share for proof in done.proofs) == 2
    assert any("502" in step.text for step in world.steps if step.name == "warning")


async def test_too_few_takers_are_told_and_a_second_run_mends_it(
    world: World, published: Published
) -> None:
    def refuses(node: StandIn, seen: Seen) -> Reply | None:
        return refusal("not-accepted") if seen.target == "/v1/store" else None

    for node in world.nodes[1:]:
        node.fault = refuses
    with pytest.raises(KeySharesMissing, match="1 nodes of 2 needed gave a good share"):
        await again(world, published, changes())
    for node in world.nodes:
        node.fault = None
    assert len((await again(world, published, changes())).proofs) == 3
    assert await version(world, published) == 2


async def test_nobody_gives_the_current_release(world: World, published: Published) -> None:
    for node in world.nodes:
        node.fault = down
    with pytest.raises(NotFound, match="No node gives the current release"):
        await again(world, published, changes())
    assert await version(world, published) == 1


async def test_without_its_key_file_it_is_told_where_that_should_be(
    world: World, published: Published
) -> None:
    world.home.key_file(31337, work_of(published)).unlink()
    with pytest.raises(NotFound, match="no key file of this work"):
        await again(world, published, changes())


async def test_a_private_release_stays_private(world: World, tmp_path: Path) -> None:
    tracks = world.tracks(world.recording(), private=True)
    published = await world.publication(tracks, details=details(private=True)).run()
    done = await again(world, published, changes("A secret"))
    node = world.nodes[0]
    public = decode_metadata(metadata(node, done.cid))
    assert public.details is None
    assert b"secret" not in metadata(node, done.cid)
    path = world.home.key_file(31337, work_of(published))
    key = read_key_file(path, Passphrase(PASSPHRASE)).content_key
    sealed = node.blocks[links(node, done.cid)["metadata.enc"]]
    assert decrypt_metadata(public, sealed, key).details.title == "A secret"  # type: ignore[union-attr]
    picture = tmp_path / "new.png"
    picture.write_bytes(PNG)
    with pytest.raises(BadInput, match="would show its cover"):
        await again(world, published, changes(cover=picture))
    assert cid_of(done_release(world, done)) == done.cid


def done_release(world: World, done: Revised) -> str:
    return "0x" + next(c for c in world.nodes[0].blocks if c.text == done.cid).digest.hex()
