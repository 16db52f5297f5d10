"""LicenseManager.purchase in ETH: who gets what, who is paid, and what refuses it."""

import pytest
from ape import chain
from licence_cases import PRICE, balance, paid_by
from outcomes import reverts as ends_in
from outcomes import said
from split_cases import fresh
from works import NOBODY, Kind, Offer, Refusal, Visibility, certify, work

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
        call = {"from": buyer.address, "to": licenses.address, "value": "0x1"}
        answer = chain.provider.web3.provider.make_request("eth_call", [call, "latest"])
        assert answer["error"]["data"] == "0x"


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
