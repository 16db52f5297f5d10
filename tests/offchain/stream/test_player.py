"""Playing: what comes out equals what was published, whatever some of the nodes do."""

import hashlib
import io
import time

import pytest
from stream_world import (
    FakeNode,
    Reply,
    Stage,
    cuts,
    drips,
    fails,
    floods,
    hangs,
    honest,
    is_damaged,
    lacks,
    lies,
    make_work,
)

from immurtal.chain.contracts import Visibility
from immurtal.content.cid import Cid
from immurtal.errors import AccessRefused, DiskFull, IntegrityError, NotFound, Unreachable


async def played(stage: Stage, **options: object) -> bytes:
    out = io.BytesIO()
    async with stage.listener(**options) as listener:
        opened = await listener.open(stage.certificate)
        key = await listener.unlock(opened)
        result = await listener.play(opened, key, out)
    assert result.sha256 == "0x" + hashlib.sha256(out.getvalue()).hexdigest()
    assert result.bytes == len(out.getvalue())
    return out.getvalue()


async def test_what_is_played_equals_what_was_published(stage: Stage) -> None:
    async with stage.listener() as listener:
        opened = await listener.open(stage.certificate)
        key = await listener.unlock(opened)
        result = await listener.play_to_file(opened, key, stage.folder / "out.wav")
    assert (stage.folder / "out.wav").read_bytes() == stage.work.audio
    assert result.details is not None
    assert result.details.title == "A Song"
    blocks = stage.recorder.blocks
    assert sorted(index for _, index, _ in blocks) == list(range(7))
    assert {node_id for node_id, _, _ in blocks} == {n.node_id for n in stage.work.nodes}
    assert sum(size for _, _, size in blocks) == result.variant.cipher_bytes
    assert sum(s.blocks for s in result.served.values()) > len(blocks)
    assert stage.recorder.progress[-1] == (len(stage.work.audio), len(stage.work.audio))
    assert stage.recorder.trouble == {}


async def test_nodes_are_found_in_the_registry_where_none_is_named(stage: Stage) -> None:
    assert await played(stage, nodes=()) == stage.work.audio


@pytest.mark.parametrize("fault", [lies, lacks, fails, is_damaged, cuts, floods, hangs, drips])
async def test_two_of_three_gateways_fail_and_it_plays(stage: Stage, fault: object) -> None:
    bad = stage.work.nodes[:2]
    for node in bad:
        node.fault = fault
    assert await played(stage) == stage.work.audio
    honest_id = stage.work.nodes[2].node_id
    assert {node_id for node_id, _, _ in stage.recorder.blocks} == {honest_id}


async def test_a_liar_is_named_and_never_asked_again(stage: Stage) -> None:
    liar = stage.work.nodes[0]
    liar.fault = lies
    asked_when_named: list[int] = []
    hear = stage.recorder.on_trouble

    def count(node_id: str, reason: str) -> None:
        hear(node_id, reason)
        asked_when_named.append(liar.asked["blocks"])

    stage.recorder.on_trouble = count  # type: ignore[method-assign]
    assert await played(stage, window=1) == stage.work.audio
    assert "are not block" in stage.recorder.trouble[liar.node_id]
    assert asked_when_named == [liar.asked["blocks"]]


async def test_a_node_is_killed_after_serving_and_the_play_goes_on(stage: Stage) -> None:
    killed = ""
    hear = stage.recorder.on_block

    async def kill_the_first(node_id: str, index: int, size: int) -> None:
        nonlocal killed
        await hear(node_id, index, size)
        if not killed:
            killed = node_id
            await stage.kill(node_id)

    stage.recorder.on_block = kill_the_first  # type: ignore[method-assign]
    assert await played(stage, window=1) == stage.work.audio
    served = [node_id for node_id, _, _ in stage.recorder.blocks]
    assert served.count(killed) == 1
    assert "cannot be reached" in stage.recorder.trouble[killed]


async def test_a_lie_everywhere_is_an_integrity_error_and_leaves_no_file(stage: Stage) -> None:
    victim = next(c for c in stage.work.built.leaves if len(stage.work.blocks[c]) == 262_144)

    async def lies_about_one(node: FakeNode, cid: Cid) -> Reply:
        return await lies(node, cid) if cid == victim else honest(node, cid)

    for node in stage.work.nodes:
        node.fault = lies_about_one
    out = stage.folder / "out.wav"
    async with stage.listener() as listener:
        opened = await listener.open(stage.certificate)
        key = await listener.unlock(opened)
        with pytest.raises(IntegrityError, match="No node gave") as caught:
            await listener.play_to_file(opened, key, out)
    assert not list(stage.folder.glob("*out.wav*"))
    for node in stage.work.nodes:
        assert node.node_id[:10] in caught.value.what


async def test_a_block_that_every_node_calls_damaged_is_an_integrity_error(stage: Stage) -> None:
    victim = next(c for c in stage.work.built.leaves if len(stage.work.blocks[c]) == 262_144)

    async def damaged_at_one_place(node: FakeNode, cid: Cid) -> Reply:
        return await is_damaged(node, cid) if cid == victim else honest(node, cid)

    async def has_that_one_alone(node: FakeNode, cid: Cid) -> Reply:
        return honest(node, cid) if cid == victim else await lacks(node, cid)

    first, *others = stage.work.nodes
    first.fault = damaged_at_one_place
    for node in others:
        node.fault = has_that_one_alone
    assert await played(stage, window=1) == stage.work.audio, "its other blocks are still good"
    for node in others:
        node.fault = damaged_at_one_place
    with pytest.raises(IntegrityError, match=r"its copy of block .* is damaged") as caught:
        await played(stage)
    for node in stage.work.nodes:
        assert node.node_id[:10] in caught.value.what


async def test_one_that_was_down_for_a_moment_is_asked_again(stage: Stage) -> None:
    async def once_down(node: FakeNode, cid: Cid) -> Reply:
        return await fails(node, cid) if node.asked["blocks"] == 2 else honest(node, cid)

    for node in stage.work.nodes:
        node.fault = once_down
    assert await played(stage) == stage.work.audio


async def test_all_gone_is_unreachable_and_names_all(stage: Stage) -> None:
    for node in stage.work.nodes:
        await stage.kill(node.node_id)
    async with stage.listener() as listener:
        with pytest.raises(Unreachable, match="No node gave") as caught:
            await listener.open(stage.certificate)
    for node in stage.work.nodes:
        assert node.node_id[:10] in caught.value.what


async def test_a_release_that_nobody_has_is_not_found(stage: Stage) -> None:
    for node in stage.work.nodes:
        node.blocks = {}
    async with stage.listener() as listener:
        with pytest.raises(NotFound, match="No node gave"):
            await listener.open(stage.certificate)


async def test_a_release_of_another_work_does_not_count(stage: Stage) -> None:
    (stage.folder / "other").mkdir()
    binding = stage.work.binding
    other = make_work(
        stage.folder / "other", size=1000, registry=binding.registry, author=binding.author
    )
    for node in stage.work.nodes:
        node.blocks = other.blocks
    await stage.send("CopyrightRegistry", "publishRelease", stage.certificate, other.release)
    async with stage.listener() as listener:
        with pytest.raises(IntegrityError, match="says that it is of another work"):
            await listener.open(stage.certificate)


async def test_withdrawn_is_refused_before_anything_is_fetched(stage: Stage) -> None:
    await stage.send("CopyrightRegistry", "setVisibility", stage.certificate, Visibility.WITHDRAWN)
    async with stage.listener() as listener:
        with pytest.raises(AccessRefused, match="is withdrawn"):
            await listener.open(stage.certificate)
        opened = await listener.open(stage.certificate, stage.sender.wallet.address)
    assert opened.certificate.visibility is Visibility.WITHDRAWN


async def test_the_wrong_key_plays_nothing(stage: Stage) -> None:
    out = io.BytesIO()
    async with stage.listener() as listener:
        opened = await listener.open(stage.certificate)
        with pytest.raises(IntegrityError, match="does not decrypt"):
            await listener.play(opened, b"\1" * 32, out)
    assert out.getvalue() == b""


async def test_an_unknown_variant_lists_what_there_is(stage: Stage) -> None:
    async with stage.listener() as listener:
        opened = await listener.open(stage.certificate)
        assert opened.variant("best") == opened.variant("audio/1.enc") == opened.variant()
        with pytest.raises(NotFound) as caught:
            opened.variant("vinyl")
    assert "wav (audio/1.enc)" in caught.value.do


async def test_a_full_disk_is_told_and_leaves_no_file(stage: Stage) -> None:
    (stage.folder / ".out.wav.partial").symlink_to("/dev/full")
    async with stage.listener() as listener:
        opened = await listener.open(stage.certificate)
        key = await listener.unlock(opened)
        with pytest.raises(DiskFull):
            await listener.play_to_file(opened, key, stage.folder / "out.wav")
    assert not list(stage.folder.glob("*out.wav*"))


@pytest.mark.parametrize("size", [20_000_000])
async def test_never_more_than_the_window_is_fetched_ahead(stage: Stage, size: int) -> None:
    """A writer that takes nothing stops the fetching: memory stays the window's."""
    written = 0
    most = 0

    class Slow(io.BytesIO):
        def write(self, data: bytes) -> int:  # type: ignore[override]
            nonlocal written, most
            time.sleep(0.02)  # time enough to fetch too much
            most = max(most, len(stage.recorder.blocks) - written)
            written += 1
            return super().write(data)

    out = Slow()
    async with stage.listener(window=4) as listener:
        opened = await listener.open(stage.certificate)
        key = await listener.unlock(opened)
        await listener.play(opened, key, out)
    assert out.getvalue() == stage.work.audio
    assert 1 < most <= 5  # four fetched ahead, and the one that is written


@pytest.mark.parametrize("private", [True])
async def test_private_metadata_open_with_the_key(stage: Stage, private: bool) -> None:
    async with stage.listener() as listener:
        opened = await listener.open(stage.certificate)
        assert opened.metadata.details is None
        key = await listener.unlock(opened)
        result = await listener.play(opened, key, io.BytesIO())
    assert result.details is not None
    assert result.details.title == "A Song"
