"""What a node holds follows the chain, on a real Kubo: the unhappy ways first."""

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from storage_world import QUICK, Chain, Node, leaf, make_release, run_node, terms_of

from immurtal.errors import NotAccepted, NotFound
from immurtal.storage.backend import BackendError
from immurtal.storage.desired import Visibility

FOREIGN = b"somebody else's block"


async def state_of(node: Node, cid: str) -> str:
    return (await node.storage.status(cid)).state


class TestWhatMustNotBeHeld:
    async def test_a_release_that_names_another_work_leaves_only_its_metadata(
        self, node: Node, chain: Chain
    ) -> None:
        mine = make_release("mine")
        wrapped = make_release("theirs", named=mine.certificate)
        chain.name(wrapped)
        chain.finalise()
        await node.storage.accept(wrapped.certificate, wrapped.release)
        await node.put(wrapped)
        await node.settle()
        assert await node.names() == {wrapped.metadata.text: "immurtal:metadata"}
        await node.backend.collect()
        assert not any([await node.holds(cid) for cid in wrapped.audio])

    async def test_a_withdrawal_is_not_undone_by_naming_the_release_elsewhere(
        self, node: Node, chain: Chain
    ) -> None:
        made = make_release("song")
        chain.name(made)
        await node.take(made)
        chain.withdraw(made.certificate)
        other = make_release("other").certificate
        chain.name(made, certificate=other)
        chain.finalise()
        await node.storage.accept(other, made.release)
        await node.settle()
        assert set(await node.names()) == {made.keys.text, made.metadata.text}
        assert not any([await node.holds(cid) for cid in made.audio])

    async def test_a_release_larger_than_its_limit_is_not_fetched(
        self, tmp_path: Path, chain: Chain
    ) -> None:
        made = make_release("long")
        chain.name(made)
        async with run_node(tmp_path / "small", chain, release_bytes=100_000) as node:
            await node.storage.accept(made.certificate, made.release)
            await node.put(made)
            await node.settle()
            status = await node.storage.status(made.cid)
            assert status.state == "failed"
            assert status.reason is not None
            assert "this node takes 100000 at most" in status.reason
            assert made.cid not in await node.names()

    async def test_terms_larger_than_a_leaf_are_not_pinned(self, node: Node, chain: Chain) -> None:
        made, large = make_release("song"), b"x" * 300_000
        chain.name(made, terms=(terms_of(large),))
        await put_raw(node, large)
        await node.take(made)
        await node.settle()
        status = await node.storage.status(leaf(large).text)
        assert (status.state, status.attempts) == ("failed", 1)
        assert leaf(large).text not in await node.names()

    async def test_nobody_asked_for_it(self, node: Node, chain: Chain) -> None:
        made = make_release("song")
        chain.name(made)
        await node.put(made)
        await node.settle()
        assert await node.names() == {}
        assert await state_of(node, made.cid) == "unknown"


class TestWhatIsNotThereYet:
    async def test_it_waits_in_backoff_with_a_reason(self, node: Node, chain: Chain) -> None:
        made = make_release("song")
        chain.name(made)
        await node.storage.accept(made.certificate, made.release)
        await node.settle()
        status = await node.storage.status(made.cid)
        assert status.state == "failed"
        assert status.reason == "Not uploaded here yet, and no peer has it."
        assert status.attempts >= 1
        assert status.next_retry is not None

    async def test_a_missing_leaf_stalls_and_is_tried_again(self, node: Node, chain: Chain) -> None:
        made = make_release("song")
        chain.name(made)
        await node.storage.accept(made.certificate, made.release)
        await node.put(made, without=(made.audio[0],))
        await node.storage.reconciler.pass_once()
        await node.storage.reconciler.settle()
        status = await node.storage.status(made.cid)
        assert status.state == "failed"
        assert status.reason is not None
        assert "arrived for 4 seconds" in status.reason
        await put_raw(node, made.blocks[made.audio[0]])
        await asyncio.sleep(1.3)  # the backoff is by the wall clock
        await node.settle()
        assert await state_of(node, made.cid) == "pinned"

    async def test_it_is_fetched_from_a_peer_and_pinned(
        self, node: Node, chain: Chain, tmp_path: Path
    ) -> None:
        made = make_release("song")
        chain.name(made)
        await node.take(made)

        def peers() -> list[str]:
            return ["/ip4/127.0.0.1/tcp/1/p2p/" + node.daemon.peer_id, node.daemon.swarm_address]

        async with run_node(tmp_path / "second", chain, peers=peers) as second:
            await second.storage.accept(made.certificate, made.release)
            await second.settle()
            assert await state_of(second, made.cid) == "pinned"
            assert all([await second.holds(cid) for cid in made.blocks])


class TestLettingGo:
    async def test_what_is_withdrawn_is_gone_when_that_is_final_and_not_before(
        self, node: Node, chain: Chain
    ) -> None:
        made = make_release("song")
        chain.name(made)
        chain.finalise()
        await node.take(made)
        await node.settle()
        assert await node.names() == {
            made.cid: "immurtal:release",
            made.keys.text: "immurtal:keys",
        }
        chain.withdraw(made.certificate)
        await node.settle()
        assert await state_of(node, made.cid) == "pinned"
        assert all([await node.holds(cid) for cid in made.blocks])

        chain.finalise()
        await node.settle()
        assert await state_of(node, made.cid) == "released"
        gone = set(made.blocks) - {made.keys}
        assert not any([await node.holds(cid) for cid in gone])
        assert await node.holds(made.keys)
        assert (
            await node.storage.keys_json(made.certificate, made.release) == made.blocks[made.keys]
        )
        with pytest.raises(NotFound):
            await node.storage.read_file(made.release, "metadata.json", 1 << 20)

    async def test_a_withdrawal_that_a_reorganisation_takes_back_lets_nothing_go(
        self, node: Node, chain: Chain
    ) -> None:
        made = make_release("song")
        chain.name(made)
        chain.finalise()
        await node.take(made)
        chain.withdraw(made.certificate)
        await node.settle()
        chain.head -= 1
        chain.seen = dict(chain.settled)
        await node.settle()
        chain.head += 5
        chain.finalise()
        await node.settle()
        assert await state_of(node, made.cid) == "pinned"

    async def test_a_registration_that_flickers_keeps_its_upload(
        self, node: Node, chain: Chain
    ) -> None:
        made = make_release("song")
        chain.name(made)
        await node.take(made)
        await node.settle()
        seen, chain.seen = chain.seen, {}  # taken back as far as the chain is final
        chain.head, head = chain.final, chain.head
        await node.settle()
        chain.head, chain.seen = head, seen
        chain.finalise()
        await node.settle()
        assert await state_of(node, made.cid) == "pinned"
        assert all([await node.holds(cid) for cid in made.blocks])

    async def test_nothing_goes_within_the_grace_period(self, tmp_path: Path, chain: Chain) -> None:
        now = 1_000_000
        made = make_release("song")
        chain.name(made)
        pace = replace(QUICK, grace=3600)
        async with run_node(tmp_path / "kind", chain, pace=pace, clock=lambda: now) as node:
            await node.take(made)
            chain.withdraw(made.certificate)
            chain.finalise()
            await node.settle()
            now += 3599
            await node.settle()
            assert await state_of(node, made.cid) == "pinned"
            now += 1
            await node.settle()
            assert await state_of(node, made.cid) == "released"
            assert not await node.holds(made.root)

    async def test_content_that_another_release_shares_stays(
        self, node: Node, chain: Chain
    ) -> None:
        audio = b"shared" * 100_000
        first, second = make_release("first", audio), make_release("second", audio)
        for made in (first, second):
            chain.name(made)
            await node.take(made)
        chain.withdraw(first.certificate)
        chain.finalise()
        await node.settle()
        assert await state_of(node, first.cid) == "released"
        assert await state_of(node, second.cid) == "pinned"
        assert not await node.holds(first.root)
        assert all([await node.holds(cid) for cid in second.blocks])

    async def test_an_older_release_goes_and_what_the_new_one_shares_stays(
        self, node: Node, chain: Chain
    ) -> None:
        old, new = make_release("song"), make_release("song", note=" (remastered credits)")
        chain.name(old)
        await node.take(old)
        chain.name(new)
        chain.finalise()
        data = new.car(without=new.audio)
        await node.storage.accept(new.certificate, new.release)
        upload = await node.storage.open_upload(new.certificate, new.release, len(data))
        assert upload is not None
        await node.settle()  # the old one would go now, but the upload counts on its audio
        assert await node.holds(old.audio[0])

        async def rest() -> AsyncIterator[bytes]:
            yield data

        await node.storage.append_upload(upload.id, upload.token, 0, rest())
        await node.settle()
        assert await state_of(node, new.cid) == "pinned"
        assert await state_of(node, old.cid) == "released"
        assert all([await node.holds(cid) for cid in new.blocks])
        assert not await node.holds(old.root)

    async def test_terms_go_with_the_last_certificate_of_their_offer(
        self, node: Node, chain: Chain
    ) -> None:
        terms = b'{"name": "licence"}'
        one, two = make_release("one"), make_release("two")
        for made in (one, two):
            chain.name(made, terms=(terms_of(terms),))
            await node.take(made)
        await put_raw(node, terms)
        await node.settle()
        assert (await node.names())[leaf(terms).text] == "immurtal:terms"
        for made, held in ((one, True), (two, False)):
            chain.withdraw(made.certificate)
            chain.finalise()
            await node.settle()
            assert await node.holds(leaf(terms)) is held

    async def test_terms_that_were_handed_in_stay_only_with_their_offer(
        self, node: Node, chain: Chain
    ) -> None:
        made = make_release("song")
        named, unnamed = b'{"name": "licence"}', b'{"name": "of no offer"}'
        chain.name(made, terms=(terms_of(named),))
        chain.finalise()
        await node.take(made)
        for terms in (named, unnamed):
            assert await node.storage.take_terms(terms) == leaf(terms).text
            assert await state_of(node, leaf(terms).text) == "pinned"
        await node.settle()
        assert await node.holds(leaf(named))
        assert not await node.holds(leaf(unnamed))

    async def test_what_is_retracted_goes_keys_and_all(self, node: Node, chain: Chain) -> None:
        made = make_release("song")
        chain.name(made)
        chain.finalise()
        await node.take(made)
        await node.settle()
        await node.storage.retract(made.certificate, made.release)
        await node.settle()
        assert await node.names() == {}
        assert not await node.holds(made.keys)

    async def test_a_withdrawn_release_accepted_anew_brings_its_keys_alone(
        self, node: Node, chain: Chain, tmp_path: Path
    ) -> None:
        made = make_release("song")
        chain.name(made)
        await node.take(made)
        chain.withdraw(made.certificate)  # not final: the first node still has it all

        async with run_node(
            tmp_path / "second", chain, peers=lambda: [node.daemon.swarm_address]
        ) as second:
            await second.storage.accept(made.certificate, made.release)
            await second.settle()
            assert await second.names() == {made.keys.text: "immurtal:keys"}
            assert not any([await second.holds(cid) for cid in made.audio])


class TestForeignPins:
    async def test_foreign_pins_survive_and_keep_their_names(
        self, node: Node, chain: Chain
    ) -> None:
        made = make_release("song")
        await node.put(made)
        await put_raw(node, FOREIGN)
        await node.backend.pin(made.cid, "mine, not yours")
        await node.backend.pin(leaf(FOREIGN).text, "")
        chain.name(made)
        chain.finalise()
        await node.storage.accept(made.certificate, made.release)
        await node.settle()
        assert await state_of(node, made.cid) == "pinned"
        chain.withdraw(made.certificate)
        chain.finalise()
        await node.settle()
        assert (await node.names())[made.cid] == "mine, not yours"
        assert all([await node.holds(cid) for cid in (*made.blocks, leaf(FOREIGN))])

    async def test_an_existing_kubo_is_never_collected(self, tmp_path: Path, chain: Chain) -> None:
        made = make_release("song")
        chain.name(made)
        chain.finalise()
        async with run_node(tmp_path / "guest", chain, owned=False) as node:
            await put_raw(node, FOREIGN)  # not pinned: a collection would remove it
            await node.take(made)
            await node.settle()
            chain.withdraw(made.certificate)
            chain.finalise()
            await node.settle()
            assert await state_of(node, made.cid) == "released"
            assert set(await node.names()) == {made.keys.text}
            assert await node.holds(leaf(FOREIGN))
            with pytest.raises(BackendError, match="not this node's to collect"):
                await node.backend.collect()

    async def test_a_pin_that_somebody_removed_comes_back(self, node: Node, chain: Chain) -> None:
        made = make_release("song")
        chain.name(made)
        await node.take(made)
        await node.backend.unpin(made.cid)
        await node.settle()
        assert (await node.names())[made.cid] == "immurtal:release"


class TestTheLoop:
    async def test_it_follows_when_it_is_woken_and_stops_when_it_is_told(
        self, node: Node, chain: Chain
    ) -> None:
        stop, made = asyncio.Event(), make_release("song")
        loop = asyncio.create_task(node.storage.run(stop))
        chain.name(made)
        chain.finalise()
        await node.take(made)
        await until(node, made.cid, "pinned")
        chain.withdraw(made.certificate)
        chain.finalise()
        node.storage.wake()
        await until(node, made.cid, "released")
        stop.set()
        await asyncio.wait_for(loop, 5)

    async def test_it_outlives_a_kubo_that_dies(self, node: Node, chain: Chain) -> None:
        stop, made = asyncio.Event(), make_release("song")
        loop = asyncio.create_task(node.storage.run(stop))
        assert node.daemon.pid is not None
        os.kill(node.daemon.pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            while not node.daemon.running or node.daemon.restarts == 0:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        chain.name(made)
        await node.take(made)
        await until(node, made.cid, "pinned")
        assert node.storage.problem == ""
        stop.set()
        await asyncio.wait_for(loop, 5)

    async def test_a_release_of_another_certificate_gives_no_keys(
        self, node: Node, chain: Chain
    ) -> None:
        made, other = make_release("song"), make_release("other")
        chain.name(made)
        await node.take(made)
        with pytest.raises(NotAccepted, match="does not count"):
            await node.storage.keys_json(other.certificate, made.release)

    async def test_the_visibility_of_a_private_work_keeps_it_held(
        self, node: Node, chain: Chain
    ) -> None:
        made = make_release("song")
        chain.name(made, Visibility.PRIVATE)
        chain.finalise()
        await node.take(made)
        await node.settle()
        assert await state_of(node, made.cid) == "pinned"


async def until(node: Node, cid: str, state: str) -> None:
    async with asyncio.timeout(15):
        while await state_of(node, cid) != state:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def put_raw(node: Node, data: bytes) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(
            f"{node.daemon.api_url}/api/v0/block/put?cid-codec=raw",
            files={"data": io.BytesIO(data)},
        )
        assert answer.json()["Key"] == leaf(data).text
