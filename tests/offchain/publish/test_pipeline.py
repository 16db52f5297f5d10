"""A publish from first to last on a real chain: what may fail, and what leaves when."""

import json

import pytest
from local_server import Reply, Seen
from publish_world import PASSPHRASE, StandIn, World, down, refusal, said

from immurtal.chain.contracts import Visibility
from immurtal.content.unixfs import resolve
from immurtal.errors import (
    BadInput,
    InsufficientFunds,
    IntegrityError,
    KeySharesMissing,
    NotAccepted,
    NotFound,
    Unreachable,
)
from immurtal.keys.at_rest import Passphrase
from immurtal.keys.keyfile import read_key_file
from immurtal.publish.registering import Registration


async def test_a_work_is_certified_offered_stored_and_proved(world: World) -> None:
    path = world.recording()
    done = await world.publish(path)
    (track,) = done.tracks
    known = await world.contracts.certificate(track.certificate.id)
    assert (known.author, known.version) == (world.wallet.address, 1)
    assert known.visibility is Visibility.LICENSED
    offer = await world.contracts.offer(track.offer)
    assert (offer.price, offer.certificates, offer.open) == (1000, (known.id,), True)
    assert [step for step, _ in done.transactions] == ["commit", "register", "offer"]
    assert all(proof.share and proof.pinned for proof in track.proofs)
    assert len(track.proofs) == 3
    assert all(node.terms == {offer.terms} for node in world.nodes)
    assert len(world.words[0].split()) == 24


async def test_nothing_that_names_the_work_leaves_before_the_registration(world: World) -> None:
    """Not to a node, and not to the chain's endpoint either: whoever has the hash could commit and
    register first."""
    tracks = world.tracks(world.recording())
    name = tracks[0].source.work_hash[2:].encode()
    publication = world.publication(tracks)
    registration = publication.registration
    told: list[str] = []
    before = type(registration)._find_all

    async def watched(self: Registration) -> object:
        if not told:
            assert not any(name in body for body in world.asked)
            assert not any(
                name in seen.body + seen.target.encode() for n in world.nodes for seen in n.seen
            )
            assert self.job.load(self.job.folder).revealed
            age = await world.contracts.committed_at(_commitment(publication))
            assert age > 0
            told.append("first question about the work")
        return await before(self)

    registration._find_all = watched.__get__(registration)  # type: ignore[method-assign]
    await publication.run()
    assert told
    sent = [i for i, body in enumerate(world.asked) if name in body]
    assert sent, "the registration names it"
    for node in world.nodes:
        assert next(seen.target for seen in node.seen) == "/v1/node"


def _commitment(publication: object) -> str:
    from immurtal.publish.actions import commitment

    job = publication.job  # type: ignore[attr-defined]
    return commitment(job.choices.author, job.choices.work_hashes, job.salt)


async def test_the_key_is_on_disk_before_anything_is_sent(world: World) -> None:
    tracks = world.tracks(world.recording())
    path = world.home.key_file(31337, tracks[0].source.work_hash)
    publication = world.publication(tracks)
    found: list[bytes] = []

    async def spied(value: str) -> object:
        found.append(read_key_file(path, Passphrase(PASSPHRASE)).content_key)
        return await type(publication.actions).commit(publication.actions, value)

    publication.actions.commit = spied  # type: ignore[method-assign, assignment]
    await publication.run()
    assert len(found[0]) == 32


async def test_no_money_is_told_before_anything_is_made(world: World) -> None:
    world.anvil.rpc("anvil_setBalance", world.wallet.address, hex(10**9))
    with pytest.raises(InsufficientFunds) as told:
        await world.publish(world.recording())
    assert "Nothing was sent." in told.value.saved
    assert not (world.home.folder / "keys").exists()
    assert world.words == []


async def test_a_registration_that_cannot_be_paid_for_shows_nobody_the_work(world: World) -> None:
    tracks = world.tracks(world.recording())
    publication = world.publication(tracks)
    commit = publication.registration.commit

    async def then_broke() -> int:
        at = await commit()
        world.anvil.rpc("anvil_setBalance", world.wallet.address, hex(10**9))
        return at

    publication.registration.commit = then_broke  # type: ignore[method-assign]
    with pytest.raises(InsufficientFunds):
        await publication.run()
    name = tracks[0].source.work_hash[2:].encode()
    assert not any(name in body for body in world.asked)
    assert not publication.job.load(publication.job.folder).revealed


async def test_a_node_that_is_down_is_a_warning_while_enough_are_left(world: World) -> None:
    world.nodes[2].fault = down
    done = await world.publish(world.recording())
    shown = {proof.node: proof for proof in done.tracks[0].proofs}
    assert not shown[world.nodes[2].id].share
    assert "502" in shown[world.nodes[2].id].problem
    assert sum(proof.share and proof.pinned for proof in shown.values()) == 2
    assert any("502" in warning for warning in done.warnings)
    world.nodes[2].fault = None
    again = await world.publish(world.recording("other.wav"))
    assert all(proof.share for proof in again.tracks[0].proofs)


async def test_too_few_nodes_are_told_before_anything_is_sent(world: World) -> None:
    for node in world.nodes[1:]:
        node.fault = down
    world.asked.clear()
    with pytest.raises(Unreachable, match="2 of the 3 nodes named do not answer, and 2 must"):
        await world.publish(world.recording())
    assert not any(b"eth_sendRawTransaction" in body for body in world.asked)


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ({"policy": {"takesShares": False}}, NotAccepted, "takes no key shares"),
        (
            {"policy": {"takesShares": True, "maxReleaseBytes": 100}},
            NotAccepted,
            "at most 100 bytes",
        ),
        ({"node": "0x" + "11" * 32}, IntegrityError, "is not node"),
        ({"keys": ["x", {"nodeKey": 7}]}, IntegrityError, "is not node"),
        ({"keys": "x"}, IntegrityError, "is not node"),
        ({"chain": "x"}, IntegrityError, "another chain"),
        ({"chain": {"chainId": 1}}, IntegrityError, "another chain"),
        ({"v": 2}, IntegrityError, "version 2"),
    ],
)
async def test_a_node_that_is_not_what_it_should_be_is_refused(
    world: World, fault: dict[str, object], error: type[Exception], words: str
) -> None:
    def lying(node: StandIn, seen: Seen) -> Reply | None:
        if seen.target != "/v1/node":
            return None
        return said(json.loads(node.node(seen, "").body) | fault)

    world.nodes[0].fault = lying
    with pytest.raises(error, match=words):
        await world.publish(world.recording())


async def test_a_node_that_has_retired_is_refused(world: World) -> None:
    await world.send("NodeRegistry", "retire", world.nodes[0].id)
    with pytest.raises(NotFound, match="has retired"):
        await world.publish(world.recording())


async def test_a_work_that_somebody_else_registered_is_refused(world: World) -> None:
    path = world.recording()
    (track,) = world.tracks(path)
    thief = world.rich()
    await world.register(thief, track.source.work_hash, "0x" + "22" * 32)
    with pytest.raises(BadInput, match=f"was registered by {thief.address} before"):
        await world.publish(path)
    assert not any(node.asked("POST", "/v1/store") for node in world.nodes)


async def test_one_taken_work_does_not_stop_the_album(world: World) -> None:
    """R6: the rest is certified, sold alone and together, and stored."""
    paths = [world.recording(f"{n}.wav") for n in range(3)]
    taken = world.tracks(paths[1])[0].source.work_hash
    thief = world.rich()
    await world.register(thief, taken, "0x" + "22" * 32)
    sale = world.choices([]).sale
    sale = type(sale)(1000, 2500, 0, False, 0, "")
    done = await world.publish(*paths, sale=sale)
    first, second, third = done.tracks
    assert thief.address in second.left_out
    assert (second.offer, second.proofs) == ("", ())
    album = await world.contracts.offer(done.album_offer)
    assert album.certificates == tuple(sorted((first.certificate.id, third.certificate.id)))
    assert album.price == 2500
    for track in (first, third):
        assert (track.left_out, len(track.proofs)) == ("", 3)
        assert (await world.contracts.offer(track.offer)).price == 1000
    assert any(thief.address in warning for warning in done.warnings)


async def test_a_work_published_before_joins_the_album_as_it_is(world: World) -> None:
    paths = [world.recording(f"{n}.wav") for n in range(2)]
    alone = await world.publish(paths[0])
    sale = type(world.choices([]).sale)(1000, 2500, 0, False, 0, "")
    done = await world.publish(*paths, sale=sale)
    assert "was published before and stands at version 1" in done.tracks[0].left_out
    assert done.tracks[0].certificate.release == alone.tracks[0].certificate.release
    assert len((await world.contracts.offer(done.album_offer)).certificates) == 2


async def test_too_few_good_shares_say_who_lacks_what_and_a_second_run_mends_it(
    world: World,
) -> None:
    def refuses(node: StandIn, seen: Seen) -> Reply | None:
        return refusal("not-accepted") if seen.target == "/v1/store" else None

    for node in world.nodes[1:]:
        node.fault = refuses
    path = world.recording()
    with pytest.raises(KeySharesMissing) as told:
        await world.publish(path)
    assert "1 nodes of 2 needed gave a good share, and 1 of 2 hold its pins" in told.value.what
    assert "not-accepted" in told.value.what
    assert "run the same command again" in told.value.saved
    for node in world.nodes:
        node.fault = None
    done = await world.publish(path)
    assert done.transactions == ()
    assert sum(proof.share for proof in done.tracks[0].proofs) == 3


async def test_a_node_that_announced_a_new_key_meanwhile_still_counts(world: World) -> None:
    """It keeps the old key, to which the release is sealed."""
    path, node = world.recording(), world.nodes[0]
    tracks = world.tracks(path)
    publication = world.publication(tracks)
    send = publication.registration._send

    async def rotate(*arguments: object) -> None:
        await send(*arguments)  # type: ignore[arg-type]
        from immurtal.keys import hpke

        node.keys.append(hpke.generate())
        await world.announce(node, "change")

    publication.registration._send = rotate  # type: ignore[method-assign, assignment]
    done = await publication.run()
    assert all(proof.share for proof in done.tracks[0].proofs)
    again = await world.publish(path)  # the record on chain now has the new key
    assert all(proof.share for proof in again.tracks[0].proofs)


async def test_the_split_is_made_once_and_paid(world: World) -> None:
    payees = tuple(sorted((world.rich().address, share) for share in (4000, 6000)))
    done = await world.publish(world.recording(), split=payees)
    split = await world.contracts.split(done.payout)
    assert dict(zip(split.payees, split.shares, strict=True)) == dict(payees)
    assert done.tracks[0].certificate.payout == done.payout
    again = await world.publish(world.recording("b.wav"), split=payees)
    assert again.payout == done.payout


async def test_a_private_release_shows_no_title(world: World) -> None:
    path = world.recording("a secret name.wav")
    tracks = world.tracks(path, private=True)
    from publish_world import details

    publication = world.publication(tracks, details=details(private=True))
    done = await publication.run()
    node = world.nodes[0]
    root = next(cid for cid in node.blocks if cid.text == done.tracks[0].cid)
    public = node.blocks[resolve(root, "metadata.json", node.blocks.__getitem__)]
    assert b"secret" not in public
    assert done.album_offer == ""
