"""StreamingEscrow.record: cumulative statements; what they add moves, once, and nothing else."""

import pytest
from outcomes import said
from plays import DEVICE, ETH, ONE, Skip, fund, signed
from split_cases import fresh
from works import NOBODY, Visibility, certify, work

UNKNOWN = b"\x07" * 32


@pytest.fixture(scope="module")
def payouts():
    return fresh(2, "payout of plays")


@pytest.fixture(scope="module")
def songs(registry, author, payouts):
    """Three works: two of the first payout, one of the second; in the order of registration."""
    a, b = payouts
    works = [work("a 1", payout=a), work("a 2", payout=a), work("b 1", payout=b)]
    certify(registry, author, *works)
    return [w.work_hash for w in works]


@pytest.fixture
def play(escrow, buyer, stranger):
    """Records one statement of the buyer's device; what the escrow says of it."""

    def record(*entries, token=ETH):
        statement = signed(escrow, buyer, list(entries), token)
        return said(escrow.record([statement], sender=stranger), escrow)

    return record


def account(buyer, token=ETH):
    return {"listener": buyer.address, "device": DEVICE, "token": token}


def recorded(buyer, *usages, token=ETH):
    return ("UsageRecorded", {**account(buyer, token), "usages": [list(u) for u in usages]})


def skipped(buyer, certificate, reason, token=ETH):
    return (
        "EntrySkipped",
        {**account(buyer, token), "certificate": certificate, "reason": reason},
    )


def state(escrow, buyer, certificate, token=ETH):
    balance = escrow.accountOf(buyer, DEVICE, token)[0]
    return balance, tuple(escrow.recordedOf(buyer, DEVICE, token, certificate))


def test_an_unknown_certificate_is_skipped(escrow, buyer, play):
    fund(escrow, buyer, ONE)
    assert play((UNKNOWN, 1, 5)) == [skipped(buyer, UNKNOWN, Skip.UNKNOWN_CERTIFICATE)]
    assert state(escrow, buyer, UNKNOWN) == (ONE, (0, 0))


def test_of_several_reasons_the_first(escrow, buyer, songs, play):
    assert play((UNKNOWN, 0, 0), (UNKNOWN, 1, 5)) == [
        skipped(buyer, UNKNOWN, Skip.UNKNOWN_CERTIFICATE),
        skipped(buyer, UNKNOWN, Skip.UNKNOWN_CERTIFICATE),
    ]
    play((songs[0], 5, 0))
    assert play((songs[0], 4, 5)) == [skipped(buyer, songs[0], Skip.NOT_MORE)]


@pytest.mark.parametrize(
    ("plays", "amount"), [(3, 30), (2, 30), (3, 29), (2, 29), (2, 31), (4, 29), (0, 0)]
)
def test_not_more_is_skipped(escrow, buyer, songs, play, plays, amount):
    fund(escrow, buyer, ONE)
    play((songs[0], 3, 30))
    assert play((songs[0], plays, amount)) == [skipped(buyer, songs[0], Skip.NOT_MORE)]
    assert state(escrow, buyer, songs[0]) == (ONE - 30, (3, 30))


@pytest.mark.parametrize(("plays", "amount"), [(4, 30), (3, 31), (4, 31)])
def test_one_of_them_more_is_enough(escrow, buyer, songs, payouts, play, plays, amount):
    fund(escrow, buyer, ONE)
    play((songs[0], 3, 30))
    more = (songs[0], plays - 3, amount - 30, payouts[0])
    assert play((songs[0], plays, amount)) == [recorded(buyer, more)]
    assert state(escrow, buyer, songs[0]) == (ONE - amount, (plays, amount))
    assert escrow.accruedOf(payouts[0], ETH) == amount


def test_what_the_account_does_not_hold_is_skipped_and_claimable(
    escrow, buyer, songs, payouts, play
):
    fund(escrow, buyer, 10)
    entry = (songs[0], 1, 11)
    assert play(entry) == [skipped(buyer, songs[0], Skip.BALANCE_TOO_LOW)]
    assert state(escrow, buyer, songs[0]) == (10, (0, 0))
    assert escrow.accruedOf(payouts[0], ETH) == 0
    fund(escrow, buyer, 1)
    assert play(entry) == [recorded(buyer, (*entry, payouts[0]))]
    assert state(escrow, buyer, songs[0]) == (0, (1, 11))


def test_plays_without_money(escrow, buyer, songs, payouts, play):
    """An account that was never funded pays nothing; plays that cost nothing are still told."""
    assert play((songs[0], 2, 0)) == [recorded(buyer, (songs[0], 2, 0, payouts[0]))]
    assert play((songs[0], 2, 1)) == [skipped(buyer, songs[0], Skip.BALANCE_TOO_LOW)]
    assert state(escrow, buyer, songs[0]) == (0, (2, 0))
    assert escrow.accruedOf(payouts[0], ETH) == 0


def test_entries_are_taken_in_order(escrow, buyer, songs, payouts, play):
    """The second does not fit into what the first left; the third does."""
    fund(escrow, buyer, 10)
    assert play((songs[0], 1, 6), (songs[1], 1, 5), (songs[2], 1, 4)) == [
        skipped(buyer, songs[1], Skip.BALANCE_TOO_LOW),
        recorded(buyer, (songs[0], 1, 6, payouts[0]), (songs[2], 1, 4, payouts[1])),
    ]
    assert [escrow.accruedOf(payout, ETH) for payout in payouts] == [6, 4]


def test_doubles_in_one_statement(escrow, buyer, songs, payouts, play):
    fund(escrow, buyer, 100)
    song = songs[0]
    assert play((song, 1, 10), (song, 1, 10), (song, 3, 15), (song, 2, 20)) == [
        skipped(buyer, song, Skip.NOT_MORE),
        skipped(buyer, song, Skip.NOT_MORE),
        recorded(buyer, (song, 1, 10, payouts[0]), (song, 2, 5, payouts[0])),
    ]
    assert state(escrow, buyer, song) == (85, (3, 15))
    assert escrow.accruedOf(payouts[0], ETH) == 15


def test_payouts_that_alternate(escrow, buyer, songs, payouts, play):
    fund(escrow, buyer, 100)
    a1, a2, b1 = songs
    play((a1, 1, 1), (b1, 1, 2), (a2, 1, 4), (a1, 2, 9), (b1, 2, 18), (UNKNOWN, 1, 1))
    assert [escrow.accruedOf(payout, ETH) for payout in payouts] == [13, 18]
    assert escrow.accountOf(buyer, DEVICE, ETH)[0] == 100 - 31


def test_replay_changes_nothing(escrow, buyer, stranger, songs, payouts):
    fund(escrow, buyer, 100)
    entries = [(songs[0], 1, 10), (songs[2], 2, 20)]
    statement = signed(escrow, buyer, entries)
    escrow.record([statement], sender=stranger)
    for batch in ([statement], [statement, statement]):
        receipt = escrow.record(batch, sender=stranger)
        assert said(receipt, escrow) == len(batch) * [
            skipped(buyer, certificate, Skip.NOT_MORE) for certificate, _, _ in entries
        ]
    assert escrow.accountOf(buyer, DEVICE, ETH)[0] == 70
    assert [escrow.accruedOf(payout, ETH) for payout in payouts] == [10, 20]


def test_a_later_statement_includes_an_earlier_that_was_lost(escrow, buyer, songs, play):
    fund(escrow, buyer, 100)
    play((songs[0], 7, 70))
    assert play((songs[0], 3, 30)) == [skipped(buyer, songs[0], Skip.NOT_MORE)]
    assert state(escrow, buyer, songs[0]) == (30, (7, 70))


def test_the_widest_numbers(escrow, buyer, songs, payouts, token, play):
    fund(escrow, buyer, 2**128 - 1, token)
    widest = (songs[0], 2**64 - 1, 2**128 - 1)
    assert play(widest, token=token.address) == [
        recorded(buyer, (*widest, payouts[0]), token=token.address)
    ]
    assert state(escrow, buyer, songs[0], token) == (0, widest[1:])
    fund(escrow, buyer, 2**128 - 1, token)
    assert play((songs[1], 1, 2**128 - 1), token=token.address) != []
    assert escrow.accruedOf(payouts[0], token) == 2 * (2**128 - 1)


def test_money_of_one_token_pays_nothing_in_another(escrow, buyer, songs, token, play):
    fund(escrow, buyer, 100, token)
    assert play((songs[0], 1, 5)) == [skipped(buyer, songs[0], Skip.BALANCE_TOO_LOW)]
    play((songs[0], 1, 5), token=token.address)
    assert state(escrow, buyer, songs[0], token) == (95, (1, 5))
    assert state(escrow, buyer, songs[0]) == (0, (0, 0))


def test_without_a_payout_the_owner_of_the_moment(escrow, registry, author, buyer, operator, play):
    (song,) = certify(registry, author, work("of its owner", payout=NOBODY))
    fund(escrow, buyer, 100)
    play((song, 1, 10))
    registry.transferFrom(author, operator, int.from_bytes(song), sender=author)
    assert play((song, 2, 30)) == [recorded(buyer, (song, 1, 20, operator.address))]
    assert escrow.accruedOf(author, ETH) == 10
    assert escrow.accruedOf(operator, ETH) == 20


def test_who_may_hear_it_does_not_matter(escrow, registry, author, buyer, songs, payouts, play):
    """What was played was played."""
    fund(escrow, buyer, 100)
    registry.setVisibility(songs[0], Visibility.WITHDRAWN, sender=author)
    assert play((songs[0], 1, 10)) == [recorded(buyer, (songs[0], 1, 10, payouts[0]))]


def test_nothing_says_nothing(escrow, buyer, stranger, play):
    assert play() == []
    assert said(escrow.record([], sender=stranger), escrow) == []
    assert tuple(escrow.accountOf(buyer, DEVICE, ETH)) == (0, 0, 0)
