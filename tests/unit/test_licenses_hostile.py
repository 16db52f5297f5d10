"""Purchases among those who would block, re-enter or divert them."""

from dataclasses import replace

import pytest
from ape import chain
from eth_utils import keccak
from licence_cases import PRICE, balance, paid_by
from split_cases import fresh
from works import NOBODY, Offer, certify, work

pytestmark = pytest.mark.usefixtures("holds_nothing")

BURNS_ALL = bytes.fromhex("fe")
"""INVALID: all gas that it is called with is gone."""


@pytest.fixture(scope="module")
def songs(registry, author):
    return certify(registry, author, *[work(f"song {i}") for i in range(3)])


class TestNobodyGetsInTheWay:
    """L6 and the guard: what others do while they are called changes nothing for the rest."""

    def test_a_payee_that_cannot_be_paid(
        self, project, registry, create_split, create, buy, author, deployer, songs
    ):
        (good,) = fresh(1, "good payee")
        bad = project.GasBurningPayee.deploy(sender=deployer)
        split = create_split({good: 5000, bad.address: 5000})
        registry.setPayout(songs[0], split, sender=author)
        buy(create(Offer(songs[:1])))
        assert balance(good) == PRICE // 2
        assert split.creditOf(NOBODY, bad) == PRICE // 2

    def test_100_payees_of_two_splits_that_alternate_over_64_songs(
        self, registry, licenses, create_split, create, buy, author
    ):
        """All of them take their money, and burn all the gas they get."""
        payees = fresh(100, "costly payee")
        for payee in payees:
            # loops until no more than 500 gas are left, and stops
            chain.provider.set_code(payee, bytes.fromhex("5b5a6101f41060005700"))
        halves = payees[:50], payees[50:]
        splits = [create_split(dict.fromkeys(half, 200)) for half in halves]
        works = sorted((work(f"long album {i}") for i in range(64)), key=lambda w: w.work_hash)
        payouts = [split.address for split in splits] * 32
        box = certify(
            registry, author, *[replace(w, payout=p) for w, p in zip(works, payouts, strict=True)]
        )
        receipt = buy(create(Offer(box), price=640_000), value=640_000, gas_limit=16_777_216)
        assert paid_by(receipt, licenses) == [(payout, 10_000) for payout in payouts]
        assert {balance(payee) for payee in payees} == {6400}

    def test_90_payees_of_64_splits_who_burn_all_gas(
        self, registry, licenses, create_split, create, buy, author
    ):
        """The bound of L6, on cold accounts, where each has never been paid, nor the referrer."""
        *burners, referrer = fresh(91, "burner")
        for burner in (*burners, referrer):
            chain.provider.set_code(burner, BURNS_ALL)
        groups = [burners[i::64] for i in range(64)]
        splits = [create_split(dict.fromkeys(g, 10_000 // len(g))) for g in groups]
        songs = certify(
            registry, author, *[work(f"burnt {i}", payout=s.address) for i, s in enumerate(splits)]
        )
        offer = create(Offer(sorted(songs), referral_bps=5000))
        receipt = buy(offer, referrer=referrer, gas_limit=2**24)
        assert licenses.balanceOf(receipt.sender, offer) == 1
        assert sum(split.totalCredit(NOBODY) for split in splits) == PRICE

    def test_a_recipient_that_buys_again_inside(
        self, project, licenses, create, buy, deployer, songs
    ):
        recipient = project.ReenteringRecipient.deploy(sender=deployer)
        free = create(Offer(songs, salt=b"\x01" * 32), price=0)
        again = licenses.purchase.encode_input(free, recipient, NOBODY, 0)
        recipient.aim(licenses, again, sender=deployer)
        buy(create(Offer(songs)), recipient=recipient)
        assert not recipient.succeeded()
        assert bytes(recipient.answer()) == keccak(text="Reentrancy()")[:4]
        assert licenses.balanceOf(recipient, free) == 0

    def test_an_owner_who_moves_the_payout_meanwhile(
        self, project, registry, licenses, create, buy, author, deployer, songs
    ):
        """The recipient is the owner's operator, and sets another payout while it is called."""
        first, second = fresh(2, "moving payout")
        recipient = project.ReenteringRecipient.deploy(sender=deployer)
        registry.setApprovalForAll(recipient, True, sender=author)
        registry.setPayout(songs[0], first, sender=author)
        move = registry.setPayout.encode_input(songs[0], second)
        recipient.aim(registry, move, sender=deployer)
        receipt = buy(create(Offer(songs[:1])), recipient=recipient)
        assert recipient.succeeded()
        assert registry.payoutOf(songs[0]) == second
        assert paid_by(receipt, licenses) == [(first, PRICE)]

    def test_a_referrer_that_reenters_is_only_not_paid(
        self, project, licenses, create, buy, author, deployer, songs
    ):
        referrer = project.ReenteringPayee.deploy(sender=deployer)
        free = create(Offer(songs, salt=b"\x01" * 32), price=0)
        again = licenses.purchase.encode_input(free, author, NOBODY, 0)
        referrer.aim(licenses, again, True, sender=deployer)
        receipt = buy(create(Offer(songs, referral_bps=5000)), referrer=referrer)
        assert paid_by(receipt, licenses) == [(author.address, PRICE)]
        assert licenses.balanceOf(author, free) == 0

    def test_the_guard_opens_again(self, create, buy, songs):
        offer = create(Offer(songs[:1]))
        for _ in range(3):
            buy(offer)
