"""A purchase of many certificates: how one price is divided over their payouts."""

import pytest
from licence_cases import balance, paid_by
from outcomes import said
from split_cases import fresh
from works import NOBODY, Offer, certify, work

pytestmark = pytest.mark.usefixtures("holds_nothing")


@pytest.fixture(scope="module")
def songs(registry, author):
    return certify(registry, author, *[work(f"song {i}") for i in range(3)])


@pytest.fixture(scope="module")
def payees():
    return fresh(2, "payee of a purchase")


@pytest.fixture(scope="module")
def split(create_split, payees):
    return create_split({payees[0]: 2500, payees[1]: 7500})


class TestAlbum:
    def test_is_divided_equally_the_remainder_to_the_first(
        self, registry, licenses, create, buy, author, songs
    ):
        payouts = fresh(3, "three payouts")
        for song, payout in zip(songs, payouts, strict=True):
            registry.setPayout(song, payout, sender=author)
        receipt = buy(create(Offer(songs), price=101), value=101)
        assert paid_by(receipt, licenses) == list(zip(payouts, [35, 33, 33], strict=True))
        assert [balance(payout) for payout in payouts] == [35, 33, 33]

    def test_equal_neighbours_are_paid_at_once(
        self, registry, licenses, create, buy, author, songs
    ):
        one, other = fresh(2, "two payouts")
        for song, payout in zip(songs, [one, one, other], strict=True):
            registry.setPayout(song, payout, sender=author)
        receipt = buy(create(Offer(songs), price=100), value=100)
        assert paid_by(receipt, licenses) == [(one, 67), (other, 33)]

    def test_equals_that_are_no_neighbours_are_paid_apart(
        self, registry, licenses, create, buy, author, songs
    ):
        one, other = fresh(2, "two payouts apart")
        for song, payout in zip(songs, [one, other, one], strict=True):
            registry.setPayout(song, payout, sender=author)
        receipt = buy(create(Offer(songs), price=100), value=100)
        assert paid_by(receipt, licenses) == [(one, 34), (other, 33), (one, 33)]

    def test_a_split_that_is_paid_twice_is_distributed_once(
        self, registry, licenses, create, buy, author, songs, split, payees
    ):
        (other,) = fresh(1, "between")
        for song, payout in zip(songs, [split, other, split], strict=True):
            registry.setPayout(song, payout, sender=author)
        receipt = buy(create(Offer(songs), price=308), value=308)
        assert paid_by(receipt, licenses) == [
            (split.address, 104),
            (other, 102),
            (split.address, 102),
        ]
        assert said(receipt, split) == [("Distributed", {"token": NOBODY, "amount": 204})]
        assert [balance(payee) for payee in payees] == [51, 153]
        assert balance(split) == 2

    def test_a_split_whose_second_part_is_nothing_is_distributed_too(
        self, registry, create, buy, author, songs, split, payees
    ):
        (other,) = fresh(1, "between nothing")
        for song, payout in zip(songs, [split, other, split], strict=True):
            registry.setPayout(song, payout, sender=author)
        offer = create(Offer(songs, referral_bps=5000), price=3)
        buy(offer, value=3, referrer=other)
        buy(offer, value=3, referrer=other)
        assert [balance(payee) for payee in payees] == [1, 3]

    def test_one_split_for_all_is_distributed_once(
        self, registry, licenses, create, buy, author, songs, split, payees
    ):
        for song in songs:
            registry.setPayout(song, split, sender=author)
        receipt = buy(create(Offer(songs), price=1000), value=1000)
        assert paid_by(receipt, licenses) == [(split.address, 1000)]
        assert [balance(payee) for payee in payees] == [250, 750]

    def test_less_than_one_wei_each_goes_to_the_first(
        self, registry, licenses, create, buy, author, songs
    ):
        payouts = fresh(3, "hardly anything")
        for song, payout in zip(songs, payouts, strict=True):
            registry.setPayout(song, payout, sender=author)
        receipt = buy(create(Offer(songs), price=2), value=2)
        assert paid_by(receipt, licenses) == [(payouts[0], 2)]

    def test_of_64_with_64_payouts(self, registry, licenses, create, buy, author):
        payouts = fresh(64, "box")
        box = certify(registry, author, *[work(f"box {i}", payout=payouts[i]) for i in range(64)])
        receipt = buy(create(Offer(box), price=6400 + 63), value=6400 + 63)
        amounts = [amount for _, amount in paid_by(receipt, licenses)]
        assert amounts == [163] + [100] * 63
        assert receipt.gas_used < 16_777_216 // 4  # a quarter of what a transaction may have
