"""Passes: one unit an account, renewed from max(now, expiry), whoever pays."""

import pytest
from ape import chain
from licence_cases import LAVISH, PRICE, purchased
from outcomes import reverts, said
from works import NOBODY, Kind, Offer, Refusal, as_tuple, certify, offer_id, work

HOUR = 3600
FOREVER = 2**64 - 1


@pytest.fixture(scope="module")
def song(registry, author):
    return certify(registry, author, work("song of passes"))[0]


@pytest.fixture(scope="module")
def create(licenses, author, song):
    def send(duration=HOUR, max_supply=0, price=PRICE, salt=bytes(32)):
        offer = Offer([song], kind=Kind.PASS, duration=duration, salt=salt)
        return offer_id(licenses.createOffer(as_tuple(offer), price, max_supply, sender=author))

    return send


@pytest.fixture(scope="module")
def buy(licenses, buyer):
    def send(offer, recipient=buyer, payer=buyer):
        return licenses.purchase(offer, recipient, NOBODY, LAVISH, value=PRICE, sender=payer)

    return send


def sold(licenses, offer):
    return licenses.offerOf(offer)[1][3]


def test_sold_out_to_who_has_none(licenses, create, buy, buyer, stranger):
    offer = create(max_supply=1)
    buy(offer)
    why = int(Refusal.SOLD_OUT)
    with reverts(licenses, "LicenseManager_CannotPurchase", offerId=offer, refusal=why):
        buy(offer, recipient=stranger)
    assert licenses.expiryOf(offer, stranger) == 0
    buy(offer)  # but who has one renews it
    assert (licenses.balanceOf(buyer, offer), sold(licenses, offer)) == (1, 1)


def test_a_recipient_that_refuses_gets_no_time(project, licenses, create, buyer, deployer):
    refuser = project.RefusingRecipient.deploy(sender=deployer)
    offer = create(price=0)
    with reverts(refuser, "RefusingRecipient_Refuses"):
        licenses.purchase(offer, refuser, NOBODY, 0, sender=buyer)
    assert (licenses.expiryOf(offer, refuser), sold(licenses, offer)) == (0, 0)


def test_the_first(licenses, create, buy, buyer, song):
    offer = create()
    receipt = buy(offer)
    ends = chain.blocks.head.timestamp + HOUR
    names = [name for name, _ in said(receipt, licenses)]
    assert names == ["TransferSingle", "Purchased", "Paid"]
    assert purchased(receipt, licenses)["expiry"] == licenses.expiryOf(offer, buyer) == ends
    assert (licenses.balanceOf(buyer, offer), sold(licenses, offer)) == (1, 1)
    assert licenses.hasAccess(song, buyer, offer)


def test_a_renewal_before_it_ends_adds_to_it(licenses, create, buy, buyer):
    offer = create()
    buy(offer)
    ends = licenses.expiryOf(offer, buyer)
    receipt = buy(offer)
    assert purchased(receipt, licenses)["expiry"] == licenses.expiryOf(offer, buyer) == ends + HOUR
    names = [name for name, _ in said(receipt, licenses)]
    assert names == ["Purchased", "Paid"]
    assert (licenses.balanceOf(buyer, offer), sold(licenses, offer)) == (1, 1)


def test_a_renewal_after_it_ended_starts_now(licenses, create, buy, buyer, song):
    offer = create()
    buy(offer)
    chain.mine(deltatime=10 * HOUR)
    assert not licenses.hasAccess(song, buyer, offer)
    buy(offer)
    assert licenses.expiryOf(offer, buyer) == chain.blocks.head.timestamp + HOUR
    assert (licenses.balanceOf(buyer, offer), sold(licenses, offer)) == (1, 1)
    assert licenses.hasAccess(song, buyer, offer)


def test_anyone_renews_another_s(licenses, create, buy, buyer, stranger):
    offer = create()
    buy(offer)
    ends = licenses.expiryOf(offer, buyer)
    receipt = buy(offer, payer=stranger)
    assert purchased(receipt, licenses)["payer"] == stranger.address
    assert licenses.expiryOf(offer, buyer) == ends + HOUR
    assert licenses.expiryOf(offer, stranger) == 0


def test_each_account_has_its_own(licenses, create, buy, buyer, stranger):
    offer = create()
    buy(offer)
    chain.mine(deltatime=100)
    buy(offer, recipient=stranger)
    assert licenses.expiryOf(offer, stranger) > licenses.expiryOf(offer, buyer)
    assert sold(licenses, offer) == 2


def test_the_end_of_time_is_the_latest(licenses, create, buy, buyer, song):
    offer = create(duration=FOREVER)
    for _ in range(2):
        assert purchased(buy(offer), licenses)["expiry"] == FOREVER
    assert licenses.hasAccess(song, buyer, offer)


def test_reaches_the_end_of_time_exactly(licenses, create, buy, buyer):
    now = chain.blocks.head.timestamp
    offer = create(duration=(FOREVER - now) // 2)
    buy(offer)
    assert licenses.expiryOf(offer, buyer) < FOREVER
    buy(offer)
    assert licenses.expiryOf(offer, buyer) <= FOREVER
    buy(offer)
    assert licenses.expiryOf(offer, buyer) == FOREVER


def test_several_at_once_in_a_batch(licenses, create, buyer):
    offer = create()
    order = (offer, buyer.address, NOBODY, PRICE)
    receipt = licenses.purchaseBatch([order] * 3, value=3 * PRICE, sender=buyer)
    now = chain.blocks.head.timestamp
    ends = [args["expiry"] for name, args in said(receipt, licenses) if name == "Purchased"]
    assert ends == [now + HOUR, now + 2 * HOUR, now + 3 * HOUR]
    assert (licenses.balanceOf(buyer, offer), sold(licenses, offer)) == (1, 1)


def test_a_renewal_calls_no_recipient(project, licenses, create, buy, deployer):
    """Only a unit is received, and there is none."""
    recipient = project.ReenteringRecipient.deploy(sender=deployer)
    offer = create()
    target = project.SwitchPayee.deploy(sender=deployer)
    recipient.aim(target, target.setRefuses.encode_input(False), sender=deployer)
    buy(offer, recipient=recipient)
    assert not target.refuses()
    target.setRefuses(True, sender=deployer)
    buy(offer, recipient=recipient)
    assert target.refuses()
    assert licenses.balanceOf(recipient, offer) == 1
