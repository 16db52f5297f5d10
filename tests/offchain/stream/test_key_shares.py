"""Key shares: any two of three are enough; whoever refuses, hangs or lies is named."""

import pytest
from stream_world import (
    Stage,
    babbles,
    gives_share,
    hangs_on_shares,
    lies_about_share,
    refuses,
)

from immurtal.errors import IntegrityError, NotFound
from immurtal.stream.shares import SharesMissing, SharesRefused


async def unlocked(stage: Stage, **options: object) -> bytes:
    async with stage.listener(**options) as listener:
        opened = await listener.open(stage.certificate)
        return await listener.unlock(opened)


@pytest.mark.parametrize(
    "bad", [lies_about_share, babbles, hangs_on_shares, refuses("access-refused")]
)
async def test_one_bad_node_does_not_matter(stage: Stage, bad: object) -> None:
    stage.work.nodes[1].share = bad
    assert await unlocked(stage) == stage.work.content_key
    assert stage.work.nodes[1].node_id not in stage.recorder.shares


@pytest.mark.parametrize("bad", [lies_about_share, babbles])
async def test_liars_are_named(stage: Stage, bad: object) -> None:
    for node in stage.work.nodes[:2]:
        node.share = bad
    with pytest.raises(SharesMissing, match="1 good key shares of 2 needed") as caught:
        await unlocked(stage)
    liars = {node.node_id for node in stage.work.nodes[:2]}
    assert set(caught.value.problems) == liars
    assert all(type(e) is IntegrityError for e in caught.value.problems.values())
    assert stage.recorder.refusals == dict.fromkeys(liars, "integrity")


async def test_a_stranger_is_refused_with_every_nodes_reason(stage: Stage) -> None:
    for node in stage.work.nodes:
        node.share = refuses("access-refused")
    with pytest.raises(SharesRefused, match="access-refused") as caught:
        await unlocked(stage)
    assert caught.value.reason == "access-refused"
    assert caught.value.exit_code == 7
    assert stage.recorder.refusals == {node.node_id: "access-refused" for node in stage.work.nodes}


async def test_mixed_reasons_are_missing_shares_and_each_is_named(stage: Stage) -> None:
    stage.work.nodes[0].share = refuses("access-refused")
    stage.work.nodes[1].share = refuses("not-accepted")
    await stage.kill(stage.work.nodes[2].node_id)
    with pytest.raises(SharesMissing, match="0 good key shares of 2") as caught:
        await unlocked(stage)
    kinds = [caught.value.problems[node.node_id].kind for node in stage.work.nodes]
    assert kinds == ["access-refused", "not-accepted", "unreachable"]
    assert caught.value.exit_code == 8


async def test_it_waits_until_the_access_is_deep_enough(stage: Stage) -> None:
    for node in stage.work.nodes:
        node.share = refuses("access-not-deep-yet", times=1, retryAfter=1)
    assert await unlocked(stage) == stage.work.content_key
    assert {seconds for _, seconds in stage.recorder.waits} == {1}


async def test_patience_ends(stage: Stage) -> None:
    for node in stage.work.nodes:
        node.share = refuses("access-not-deep-yet", retryAfter=60)
    with pytest.raises(SharesRefused) as caught:
        await unlocked(stage, patience=2)
    assert caught.value.reason == "access-not-deep-yet"


async def test_a_node_that_is_behind_is_asked_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("immurtal.stream.shares.PASSING_PAUSE", 0.05)
    for node in stage.work.nodes:
        node.share = refuses("chain-lagging", times=2)
    assert await unlocked(stage) == stage.work.content_key


async def test_a_session_that_nodes_do_not_honour_is_signed_anew(stage: Stage) -> None:
    for node in stage.work.nodes:
        node.share = refuses("session-expired", times=1)
    assert await unlocked(stage) == stage.work.content_key


async def test_a_node_that_is_in_no_registry_is_named(stage: Stage) -> None:
    unknown = stage.work.nodes[0].node_id
    stage.work.nodes[1].share = refuses("access-refused")
    async with stage.listener() as listener:
        opened = await listener.open(stage.certificate)
        del opened.nodes[unknown]  # type: ignore[attr-defined]
        with pytest.raises(SharesMissing) as caught:
            await listener.unlock(opened)
        stage.work.nodes[1].share = gives_share
        assert await listener.unlock(opened) == stage.work.content_key
    assert type(caught.value.problems[unknown]) is NotFound
