"""CopyrightRegistry.register: certificates come from aged commitments, and nothing else."""

import ape
import pytest
from ape import chain
from outcomes import plain, reverts, said
from works import (
    NOBODY,
    SALT,
    Visibility,
    Work,
    as_tuple,
    certify,
    commit,
    commitment,
    register,
    work,
)

SONG = work("song")
ALBUM = [
    work("one", visibility=Visibility.PRIVATE),
    work("two", visibility=Visibility.OPEN),
    work("three", visibility=Visibility.WITHDRAWN),
]


@pytest.fixture(scope="module")
def patient(project, deployer, factory):
    """A registry that wants commitments a minute old, as on real chains."""
    return project.CopyrightRegistry.deploy(60, factory, sender=deployer)


def test_one_work(registry, author, stranger):
    song = work("song", visibility=Visibility.LICENSED, payout=stranger.address)
    commit(registry, author, [song])
    committed = registry.committedAt(commitment(author, [song]))
    receipt = register(registry, author, [song])
    now = chain.blocks.head.timestamp

    number = int.from_bytes(song.work_hash)
    assert said(receipt, registry) == [
        ("Transfer", {"from": NOBODY, "to": author.address, "id": number}),
        (
            "Registered",
            {
                "workHash": song.work_hash,
                "author": author.address,
                "committedAt": committed,
                "registeredAt": now,
                "release": song.release,
                "visibility": Visibility.LICENSED,
                "payout": stranger.address,
            },
        ),
    ]
    assert plain(registry.certificateOf(song.work_hash)) == {
        "owner": author.address,
        "author": author.address,
        "committedAt": committed,
        "registeredAt": now,
        "release": song.release,
        "version": 1,
        "visibility": Visibility.LICENSED,
        "payout": stranger.address,
        "payoutLocked": False,
    }
    assert committed < now
    assert registry.ownerOf(number) == author.address
    assert registry.balanceOf(author) == 1


def test_an_album_under_one_commitment_keeps_its_order(registry, author):
    commit(registry, author, ALBUM)
    receipt = register(registry, author, ALBUM)
    registered = [args for name, args in said(receipt, registry) if name == "Registered"]
    assert [args["workHash"] for args in registered] == [w.work_hash for w in ALBUM]
    assert [args["visibility"] for args in registered] == [w.visibility for w in ALBUM]
    for track in ALBUM:
        assert registry.access(track.work_hash) == (author.address, track.visibility)
        assert registry.certificateOf(track.work_hash).version == 1
    assert registry.balanceOf(author) == 3


def test_a_registered_work_is_skipped_and_said(registry, author, stranger):
    certify(registry, stranger, ALBUM[1])
    commit(registry, author, ALBUM)
    receipt = register(registry, author, ALBUM)
    events = said(receipt, registry)
    assert [name for name, _ in events] == [
        "Transfer",
        "Registered",
        "Skipped",
        "Transfer",
        "Registered",
    ]
    assert events[2][1] == {"workHash": ALBUM[1].work_hash, "author": author.address}
    assert registry.certificateOf(ALBUM[1].work_hash).author == stranger.address
    assert registry.certificateOf(ALBUM[1].work_hash).visibility == Visibility.OPEN
    assert registry.balanceOf(author) == 2


def test_a_double_in_one_call_is_skipped(registry, author):
    double = work("song", visibility=Visibility.OPEN)
    commit(registry, author, [SONG, double])
    receipt = register(registry, author, [SONG, double])
    names = [name for name, _ in said(receipt, registry)]
    assert names == ["Transfer", "Registered", "Skipped"]
    assert registry.certificateOf(SONG.work_hash).visibility == Visibility.LICENSED
    assert registry.balanceOf(author) == 1


def test_a_commitment_serves_again_but_finds_nothing_left(registry, author):
    certify(registry, author, *ALBUM)
    with reverts(registry, "CopyrightRegistry_NothingToRegister"):
        register(registry, author, ALBUM)


def test_nothing_is_nothing_to_register(registry, author):
    commit(registry, author, [])
    with reverts(registry, "CopyrightRegistry_NothingToRegister"):
        register(registry, author, [])


def test_needs_a_commitment(registry, author):
    with reverts(registry, "CopyrightRegistry_NoCommitment", commitment=commitment(author, [SONG])):
        register(registry, author, [SONG])


def test_a_commitment_is_no_good_for_another_author_salt_order_or_work(registry, author, stranger):
    commit(registry, author, ALBUM)
    for account, works, salt in (
        (stranger, ALBUM, SALT),
        (author, ALBUM, bytes(32)),
        (author, ALBUM[::-1], SALT),
        (author, ALBUM[:2], SALT),
        (author, [*ALBUM, SONG], SALT),
    ):
        wanted = commitment(account, works, salt)
        with reverts(registry, "CopyrightRegistry_NoCommitment", commitment=wanted):
            register(registry, account, works, salt)


def test_release_visibility_and_payout_are_free_until_the_reveal(registry, author, stranger):
    commit(registry, author, [SONG])
    changed = work("song", visibility=Visibility.OPEN, payout=stranger.address)
    register(registry, author, [changed])
    assert registry.payoutOf(SONG.work_hash) == stranger.address


def test_a_commitment_must_be_old_enough_to_the_second(patient, author):
    value = commitment(author, [SONG])
    patient.commit(value, sender=author)
    old_enough = patient.committedAt(value) + 60
    chain.pending_timestamp = old_enough - 1
    with reverts(
        patient,
        "CopyrightRegistry_CommitmentTooYoung",
        commitment=value,
        registrableAt=old_enough,
    ):
        register(patient, author, [SONG])
    chain.pending_timestamp = max(old_enough, chain.blocks.head.timestamp)
    register(patient, author, [SONG])
    assert patient.ownerOf(int.from_bytes(SONG.work_hash)) == author.address


def test_who_copies_the_reveal_cannot_take_the_work(patient, author, stranger):
    commit(patient, author, [SONG])
    value = commitment(stranger, [SONG])
    patient.commit(value, sender=stranger)
    too_early = patient.committedAt(value) + 60
    with reverts(
        patient,
        "CopyrightRegistry_CommitmentTooYoung",
        commitment=value,
        registrableAt=too_early,
    ):
        register(patient, stranger, [SONG])
    register(patient, author, [SONG])
    assert patient.certificateOf(SONG.work_hash).author == author.address


def test_refuses_a_zero_work_hash(registry, author):
    nothing = work("x")
    nothing = type(nothing)(bytes(32), nothing.release)
    commit(registry, author, [SONG, nothing])
    with reverts(registry, "CopyrightRegistry_ZeroWorkHash"):
        register(registry, author, [SONG, nothing])


def test_refuses_a_visibility_that_is_none(registry, author):
    commit(registry, author, [SONG])
    call = bytes(registry.register.encode_input([as_tuple(SONG)], SALT))
    word = call.index(SONG.release) + 32
    assert int.from_bytes(call[word : word + 32]) == SONG.visibility
    with ape.reverts():
        author.transfer(registry, 0, data=call[:word] + (4).to_bytes(32) + call[word + 32 :])
    author.transfer(registry, 0, data=call)
    assert registry.ownerOf(int.from_bytes(SONG.work_hash)) == author.address


def test_refuses_a_zero_release(registry, author):
    empty = type(SONG)(SONG.work_hash, bytes(32))
    commit(registry, author, [empty])
    with reverts(registry, "CopyrightRegistry_ZeroRelease", certificate=SONG.work_hash):
        register(registry, author, [empty])


def test_ids_that_are_close_share_nothing(registry, author, buyer, stranger):
    """Ids are of anyone's choosing, and ownership stands at twice the id plus a hash."""
    base = 2**255 + 5
    ids = [base - 1, base, base + 1, base + 2, base - 2**255, base + 2**32]
    works = [Work(n.to_bytes(32), n.to_bytes(32), visibility=i % 4) for i, n in enumerate(ids)]
    certify(registry, author, *works)
    before = {n: registry.certificateOf(n.to_bytes(32)) for n in ids}
    registry.approve(stranger, base, sender=author)
    assert [n for n in ids if registry.getApproved(n) != NOBODY] == [base]
    registry.transferFrom(author, buyer, base, sender=stranger)
    registry.setVisibility(base.to_bytes(32), Visibility.WITHDRAWN, sender=buyer)
    assert [n for n in ids if registry.certificateOf(n.to_bytes(32)) != before[n]] == [base]


def test_mints_to_a_contract_without_calling_it(project, registry, deployer):
    """The author is a contract with no ERC-721 receiver: it has only what it needs to call."""
    author = project.SwitchPayee.deploy(sender=deployer)
    registry.commit(commitment(author, [SONG]), sender=deployer)
    chain.mine(1, deltatime=registry.minAge())
    call = registry.register.encode_input([(SONG.work_hash, SONG.release, 0, NOBODY)], SALT)
    author.execute(registry, call, sender=deployer)
    assert registry.ownerOf(int.from_bytes(SONG.work_hash)) == author.address
