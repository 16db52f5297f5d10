"""CopyrightRegistry.contest: an older commitment is proved and told; nothing moves."""

import pytest
from ape import chain
from outcomes import plain, reverts, said
from works import SALT, certify, commit, commitment, work

SONG = work("song")
CLAIM = [work("before"), SONG, work("behind")]


@pytest.fixture
def contest(registry, stranger):
    def send(work_hash=SONG.work_hash, works=CLAIM, salt=SALT, sender=stranger):
        hashes = [w.work_hash for w in works]
        return registry.contest(work_hash, hashes, salt, sender=sender)

    return send


@pytest.fixture
def claimed(registry, stranger, author):
    """The stranger committed; then the author committed and registered."""
    commit(registry, stranger, CLAIM)
    certify(registry, author, SONG)


def test_an_unknown_work(registry, stranger, contest):
    commit(registry, stranger, CLAIM)
    unknown = {"certificate": SONG.work_hash}
    with reverts(registry, "CopyrightRegistry_UnknownCertificate", **unknown):
        contest()


def test_needs_the_claimant_s_own_commitment(registry, author, stranger, claimed, contest):
    for works, salt, sender in (
        (CLAIM, bytes(32), stranger),
        (CLAIM[::-1], SALT, stranger),
        (CLAIM[:2], SALT, stranger),
        ([], SALT, stranger),
        (CLAIM, SALT, author),
    ):
        wanted = commitment(sender, works, salt)
        with reverts(registry, "CopyrightRegistry_NoCommitment", commitment=wanted):
            contest(works=works, salt=salt, sender=sender)


@pytest.mark.parametrize("works", [[CLAIM[0], CLAIM[2]], []])
def test_a_work_that_was_not_committed_to(registry, author, stranger, contest, works):
    commit(registry, stranger, works)
    certify(registry, author, SONG)
    with reverts(
        registry,
        "CopyrightRegistry_NotInCommitment",
        workHash=SONG.work_hash,
        commitment=commitment(stranger, works),
    ):
        contest(works=works)


@pytest.mark.parametrize("later", [0, 1])
def test_a_commitment_must_be_older_by_a_second(registry, author, stranger, contest, later):
    registry.commit(commitment(author, [SONG]), sender=author)
    certified = registry.committedAt(commitment(author, [SONG]))
    chain.pending_timestamp = certified + later
    registry.commit(commitment(stranger, CLAIM), sender=stranger)
    mine = registry.committedAt(commitment(stranger, CLAIM))
    assert mine == certified + later
    chain.mine(1, deltatime=5)
    registry.register(
        [(SONG.work_hash, SONG.release, SONG.visibility, SONG.payout)], SALT, sender=author
    )
    with reverts(
        registry,
        "CopyrightRegistry_CommitmentNotOlder",
        commitment=commitment(stranger, CLAIM),
        claimed=mine,
        certified=certified,
    ):
        contest()


def test_the_author_s_own_commitment_is_not_older(registry, author, claimed, contest):
    at = registry.committedAt(commitment(author, [SONG]))
    with reverts(
        registry,
        "CopyrightRegistry_CommitmentNotOlder",
        commitment=commitment(author, [SONG]),
        claimed=at,
        certified=at,
    ):
        contest(works=[SONG], sender=author)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_older_commitment_is_told_wherever_the_work_is_in_it(
    registry, author, stranger, contest, place
):
    works = [work("x"), work("y")]
    works.insert(place, SONG)
    commit(registry, stranger, works)
    certify(registry, author, SONG)
    receipt = contest(works=works)
    assert said(receipt, registry) == [
        (
            "Contested",
            {
                "workHash": SONG.work_hash,
                "claimant": stranger.address,
                "committedAt": registry.committedAt(commitment(stranger, works)),
            },
        )
    ]


def test_it_moves_nothing_and_may_be_said_again(registry, author, stranger, claimed, contest):
    before = plain(registry.certificateOf(SONG.work_hash))
    first, second = (said(contest(), registry) for _ in range(2))
    assert first == second != []
    assert plain(registry.certificateOf(SONG.work_hash)) == before
    assert registry.ownerOf(int.from_bytes(SONG.work_hash)) == author.address


def test_a_transfer_ends_no_claim(registry, author, buyer, claimed, contest):
    number = int.from_bytes(SONG.work_hash)
    registry.transferFrom(author, buyer, number, sender=author)
    registry.setVisibility(SONG.work_hash, 3, sender=buyer)
    ((name, _),) = said(contest(), registry)
    assert name == "Contested"
