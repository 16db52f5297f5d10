"""LicenseManager.purchase: who gets what, who is paid, and what refuses it."""

from dataclasses import replace

import ape
import pytest
from ape import chain
from eth_utils import keccak
from outcomes import reverts as ends_in
from outcomes import said
from split_cases import fresh
from works import (
    NOBODY,
    Kind,
    Offer,
    Refusal,
    Visibility,
    as_tuple,
    certify,
    offer_id,
    work,
)

PRICE = 10**16
LAVISH = 2**256 - 1


def balance(account):
    return chain.provider.get_balance(str(getattr(account, "address", account)))


@pytest.fixture(scope="module")
def songs(registry, author):
    return certify(registry, author, *[work(f"song {i}") for i in range(3)])


@pytest.fixture(scope="module")
def payees():
    return fresh(2, "payee of a purchase")


@pytest.fixture(scope="module")
def split(create_split, payees):
    return create_split({payees[0]: 2500, payees[1]: 7500})


@pytest.fixture(scope="module")
def create(licenses, author):
    def send(offer, price=PRICE, max_supply=0):
        return offer_id(licenses.createOffer(as_tuple(offer), price, max_supply, sender=author))

    return send


@pytest.fixture(scope="module")
def buy(licenses, buyer):
    def send(offer, recipient=buyer, referrer=NOBODY, most=LAVISH, value=PRICE, **options):
        return licenses.purchase(
            offer, recipient, referrer, most, value=value, sender=buyer, **options
        )

    return send


@pytest.fixture(autouse=True)
def _holds_nothing(licenses):
    """L3: whatever a test does, the contract never holds value."""
    yield
    assert balance(licenses) == 0


def paid_by(receipt, licenses):
    """The payments of a purchase, in order: payout and amount."""
    return [
        (args["payout"], args["amount"]) for name, args in said(receipt, licenses) if name == "Paid"
    ]


class TestOneSong:
    def test_everything_it_says(self, registry, licenses, create, buy, author, buyer, songs, split):
        registry.setPayout(songs[0], split, sender=author)
        recipient, referrer = fresh(2, "recipient")
        offer = create(Offer(songs[:1], referral_bps=1000))
        receipt = buy(offer, recipient=recipient, referrer=referrer)
        assert said(receipt, licenses) == [
            (
                "TransferSingle",
                {
                    "operator": buyer.address,
                    "from": NOBODY,
                    "to": recipient,
                    "id": offer,
                    "amount": 1,
                },
            ),
            (
                "Purchased",
                {
                    "offerId": offer,
                    "recipient": recipient,
                    "payer": buyer.address,
                    "referrer": referrer,
                    "price": PRICE,
                    "referral": PRICE // 10,
                    "expiry": 0,
                },
            ),
            (
                "Paid",
                {
                    "offerId": offer,
                    "payout": split.address,
                    "token": NOBODY,
                    "amount": PRICE - PRICE // 10,
                },
            ),
        ]
        assert licenses.balanceOf(recipient, offer) == 1
        assert licenses.balanceOf(buyer, offer) == 0
        assert licenses.hasAccess(songs[0], recipient, offer)

    def test_a_split_is_paid_out_at_once(self, registry, create, buy, author, songs, split, payees):
        registry.setPayout(songs[0], split, sender=author)
        receipt = buy(create(Offer(songs[:1])))
        assert [balance(payee) for payee in payees] == [PRICE // 4, PRICE * 3 // 4]
        assert balance(split) == 0
        assert said(receipt, split) == [("Distributed", {"token": NOBODY, "amount": PRICE})]

    def test_what_the_split_cannot_share_waits_in_the_split(
        self, registry, create, buy, author, songs, split, payees
    ):
        registry.setPayout(songs[0], split, sender=author)
        buy(create(Offer(songs[:1]), price=7), value=7)
        assert [balance(payee) for payee in payees] == [1, 3]
        assert balance(split) == 3

    def test_without_a_payout_the_owner_is_paid(
        self, registry, licenses, create, buy, author, stranger, songs
    ):
        offer = create(Offer(songs[:1]))
        before = balance(author)
        assert paid_by(buy(offer), licenses) == [(author.address, PRICE)]
        assert balance(author) == before + PRICE

    def test_another_factory_s_split_is_paid_but_not_distributed(
        self, project, registry, create, buy, author, deployer, songs, payees
    ):
        other = project.RoyaltySplitFactory.deploy(sender=deployer)
        foreign = other.create(payees, [5000, 5000], sender=deployer).return_value
        registry.setPayout(songs[0], foreign, sender=author)
        buy(create(Offer(songs[:1])))
        assert balance(foreign) == PRICE

    def test_a_split_to_be_is_paid_and_waits(
        self, project, registry, factory, create, buy, author, deployer, songs
    ):
        payees = fresh(2, "payee to be")
        split = factory.predict(payees, [5000, 5000])
        registry.setPayout(songs[0], split, sender=author)
        offer = create(Offer(songs[:1]))
        buy(offer)
        assert balance(split) == PRICE
        factory.create(payees, [5000, 5000], sender=deployer)
        buy(offer)
        assert [balance(payee) for payee in payees] == [PRICE, PRICE]

    def test_for_nothing_nobody_is_called(
        self, project, registry, licenses, create, buy, author, deployer, songs
    ):
        refuser = project.SwitchPayee.deploy(sender=deployer)
        registry.setPayout(songs[0], refuser, sender=author)
        offer = create(Offer(songs[:1], referral_bps=5000), price=0)
        receipt = buy(offer, referrer=refuser, value=0)
        events = said(receipt, licenses)
        assert [name for name, _ in events] == ["TransferSingle", "Purchased"]
        assert (events[1][1]["price"], events[1][1]["referral"]) == (0, 0)

    def test_again_gives_another_unit(self, licenses, create, buy, buyer, songs):
        offer = create(Offer(songs[:1]))
        buy(offer)
        buy(offer)
        assert licenses.balanceOf(buyer, offer) == 2
        assert licenses.offerOf(offer)[1][3] == 2

    def test_the_most_may_be_the_price(self, create, buy, songs):
        buy(create(Offer(songs[:1])), most=PRICE)


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


class TestReferral:
    @pytest.mark.parametrize(
        ("price", "bps", "share"),
        [(10_000, 1, 1), (9_999, 1, 0), (999, 333, 33), (101, 5000, 50), (1, 5000, 0)],
    )
    def test_is_rounded_down(self, licenses, create, buy, author, songs, price, bps, share):
        (referrer,) = fresh(1, f"referrer {price} {bps}")
        offer = create(Offer(songs, referral_bps=bps), price=price)
        receipt = buy(offer, referrer=referrer, value=price)
        assert balance(referrer) == share
        assert said(receipt, licenses)[1][1]["referral"] == share
        assert paid_by(receipt, licenses) == [(author.address, price - share)]

    def test_stays_with_the_payouts_where_nobody_is_named(
        self, licenses, create, buy, author, songs
    ):
        receipt = buy(create(Offer(songs, referral_bps=5000)))
        assert said(receipt, licenses)[1][1]["referral"] == 0
        assert paid_by(receipt, licenses) == [(author.address, PRICE)]

    @pytest.mark.parametrize("name", ["SwitchPayee", "GasBurningPayee", "ReturnBombPayee"])
    def test_who_cannot_be_paid_loses_it_to_the_payouts(
        self, project, licenses, create, buy, author, deployer, songs, name
    ):
        referrer = getattr(project, name).deploy(sender=deployer)
        receipt = buy(create(Offer(songs, referral_bps=5000)), referrer=referrer)
        _, purchased = said(receipt, licenses)[1]
        assert (purchased["referrer"], purchased["referral"]) == (referrer.address, 0)
        assert paid_by(receipt, licenses) == [(author.address, PRICE)]
        assert balance(referrer) == 0
        assert receipt.gas_used < 300_000

    def test_the_contract_itself_cannot_be_paid(self, licenses, create, buy, author, songs):
        receipt = buy(create(Offer(songs, referral_bps=5000)), referrer=licenses)
        assert paid_by(receipt, licenses) == [(author.address, PRICE)]

    def test_no_gas_limit_cheats_the_referrer(
        self, project, licenses, create, buyer, deployer, songs
    ):
        """The referrer wants all of 100,000 gas: whatever the limit, they or nobody are paid."""
        referrer = project.HungryPayee.deploy(sender=deployer)
        probe = project.PurchaseProbe.deploy(sender=deployer)
        offer = create(Offer(songs, referral_bps=5000))
        outcomes = {
            tuple(probe.purchase.call(licenses, offer, referrer, limit, value=PRICE, sender=buyer))
            for limit in range(150_000, 350_000, 1_009)
        }
        assert outcomes == {(False, 0), (True, PRICE // 2)}

    def test_too_little_gas_says_so(self, project, licenses, create, buy, deployer, songs):
        referrer = project.HungryPayee.deploy(sender=deployer)
        offer = create(Offer(songs[:1], referral_bps=5000))
        with ends_in(licenses, "LicenseManager_TooLittleGas"):
            buy(offer, referrer=referrer, gas_limit=200_000)


class TestRefuses:
    @pytest.fixture(scope="class")
    def offer(self, create, songs):
        return create(Offer(songs, salt=b"\x02" * 32))

    @pytest.fixture
    def refused(self, licenses, buy):
        def attempt(offer, why, **how):
            with ends_in(
                licenses, "LicenseManager_CannotPurchase", offerId=offer, refusal=int(why)
            ):
                buy(offer, **how)

        return attempt

    def test_an_unknown_offer(self, refused):
        refused(7, Refusal.UNKNOWN_OFFER)

    def test_a_closed_offer(self, licenses, author, offer, refused):
        licenses.closeOffer(offer, sender=author)
        refused(offer, Refusal.CLOSED)

    def test_a_paused_offer(self, licenses, author, offer, refused):
        licenses.updateOffer(offer, PRICE, 0, False, sender=author)
        refused(offer, Refusal.PAUSED)

    def test_what_the_seller_does_not_own_any_more(
        self, registry, author, stranger, songs, offer, refused, buy
    ):
        registry.transferFrom(author, stranger, int.from_bytes(songs[1]), sender=author)
        refused(offer, Refusal.SELLER_NOT_OWNER)
        registry.transferFrom(stranger, author, int.from_bytes(songs[1]), sender=stranger)
        buy(offer)

    @pytest.mark.parametrize("visibility", [v for v in Visibility if v != Visibility.LICENSED])
    def test_what_is_not_licensed(self, registry, author, songs, offer, refused, buy, visibility):
        registry.setVisibility(songs[2], visibility, sender=author)
        refused(offer, Refusal.NOT_LICENSED)
        registry.setVisibility(songs[2], Visibility.LICENSED, sender=author)
        buy(offer)

    def test_what_is_sold_out(self, create, songs, refused, buy):
        offer = create(Offer(songs[:1]), max_supply=1)
        buy(offer)
        refused(offer, Refusal.SOLD_OUT)

    def test_what_is_paid_by_the_play(self, create, songs, refused):
        refused(create(Offer(songs, kind=Kind.PER_PLAY)), Refusal.PER_PLAY)

    def test_more_than_the_buyer_s_most(self, licenses, buy, offer):
        with ends_in(
            licenses,
            "LicenseManager_PriceTooHigh",
            offerId=offer,
            price=PRICE,
            maxPrice=PRICE - 1,
        ):
            buy(offer, most=PRICE - 1)

    def test_a_price_that_was_raised_meanwhile(self, licenses, author, buy, offer):
        licenses.updateOffer(offer, PRICE + 1, 0, True, sender=author)
        with ends_in(
            licenses,
            "LicenseManager_PriceTooHigh",
            offerId=offer,
            price=PRICE + 1,
            maxPrice=PRICE,
        ):
            buy(offer, most=PRICE, value=PRICE + 1)

    @pytest.mark.parametrize("value", [0, PRICE - 1, PRICE + 1])
    def test_other_than_the_exact_price(self, licenses, buy, offer, value):
        with ends_in(licenses, "LicenseManager_WrongPayment", expected=PRICE, received=value):
            buy(offer, value=value)

    def test_nobody_as_recipient(self, licenses, buy, offer):
        with ends_in(licenses, "LicenseManager_ZeroRecipient"):
            buy(offer, recipient=NOBODY)

    def test_a_payout_that_does_not_take_its_money(
        self, project, registry, licenses, create, buy, author, buyer, deployer, songs
    ):
        refuser = project.SwitchPayee.deploy(sender=deployer)
        registry.setPayout(songs[0], refuser, sender=author)
        offer = create(Offer(songs[:1]))
        with ends_in(
            licenses,
            "LicenseManager_PaymentFailed",
            payout=refuser.address,
            amount=PRICE,
        ):
            buy(offer)
        assert licenses.balanceOf(buyer, offer) == 0
        refuser.setRefuses(False, sender=deployer)
        buy(offer)
        assert balance(refuser) == PRICE

    def test_the_contract_itself_as_payout(self, registry, licenses, create, buy, author, songs):
        registry.setPayout(songs[0], licenses, sender=author)
        with ends_in(
            licenses,
            "LicenseManager_PaymentFailed",
            payout=licenses.address,
            amount=PRICE,
        ):
            buy(create(Offer(songs[:1])))

    def test_a_recipient_that_knows_no_licences(self, project, licenses, buy, deployer, offer):
        deaf = project.HungryPayee.deploy(sender=deployer)
        with ends_in(licenses, "TransferToNonERC1155ReceiverImplementer"):
            buy(offer, recipient=deaf)

    def test_a_recipient_that_refuses(self, project, buy, deployer, offer):
        refuser = project.RefusingRecipient.deploy(sender=deployer)
        with ends_in(refuser, "RefusingRecipient_Refuses"):
            buy(offer, recipient=refuser)

    def test_but_not_one_that_accepts(self, project, licenses, buy, deployer, offer):
        recipient = project.AcceptingRecipient.deploy(sender=deployer)
        buy(offer, recipient=recipient)
        assert licenses.balanceOf(recipient, offer) == 1

    def test_plain_money(self, licenses, buyer):
        """It would be nobody's."""
        with ape.reverts():
            buyer.transfer(licenses, 1)


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
