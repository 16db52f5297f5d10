"""LicenseManager.quote: the price, and the first reason why not; it never reverts."""

import pytest
from ape import chain
from works import NOBODY, Kind, Offer, Refusal, Visibility, certify, work

PRICE = 10**16


@pytest.fixture(scope="module")
def songs(registry, author):
    return certify(registry, author, *[work(f"song {i}") for i in range(3)])


@pytest.fixture(scope="module")
def offer(create, songs):
    return create(Offer(songs))


@pytest.fixture
def refusal_of(licenses, buyer):
    return lambda offer: Refusal(licenses.quote(offer, buyer).refusal)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("money", ["ETH", "token"])
def test_price_and_token_of_every_kind(licenses, create, buyer, token, songs, kind, money):
    coin = token.address if money == "token" else NOBODY
    duration = 3600 if kind == Kind.PASS else 0
    offer = create(Offer(songs, kind=kind, token=coin, duration=duration), price=2**128 - 1)
    why = Refusal.PER_PLAY if kind == Kind.PER_PLAY else Refusal.NONE
    assert licenses.quote(offer, buyer) == (2**128 - 1, coin, why)


def test_an_unknown_offer(licenses, buyer):
    for number in (0, 7, 2**256 - 1):
        assert licenses.quote(number, buyer) == (0, NOBODY, Refusal.UNKNOWN_OFFER)


def test_a_closed_offer_still_tells_its_price(licenses, author, buyer, offer):
    licenses.closeOffer(offer, sender=author)
    assert licenses.quote(offer, buyer) == (PRICE, NOBODY, Refusal.CLOSED)


def test_a_paused_offer_and_back(licenses, author, offer, refusal_of):
    licenses.updateOffer(offer, PRICE, 0, False, sender=author)
    assert refusal_of(offer) == Refusal.PAUSED
    licenses.updateOffer(offer, PRICE, 0, True, sender=author)
    assert refusal_of(offer) == Refusal.NONE


@pytest.mark.parametrize("position", [0, 1, 2])
def test_sleeps_while_one_certificate_is_not_the_seller_s(
    registry, author, stranger, songs, offer, refusal_of, position
):
    number = int.from_bytes(songs[position])
    registry.transferFrom(author, stranger, number, sender=author)
    assert refusal_of(offer) == Refusal.SELLER_NOT_OWNER
    registry.transferFrom(stranger, author, number, sender=stranger)
    assert refusal_of(offer) == Refusal.NONE


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("visibility", [v for v in Visibility if v != Visibility.LICENSED])
def test_sleeps_while_one_certificate_is_not_licensed(
    registry, author, songs, offer, refusal_of, position, visibility
):
    registry.setVisibility(songs[position], visibility, sender=author)
    assert refusal_of(offer) == Refusal.NOT_LICENSED
    registry.setVisibility(songs[position], Visibility.LICENSED, sender=author)
    assert refusal_of(offer) == Refusal.NONE


@pytest.mark.parametrize("hidden", [0, 2])
def test_not_to_own_one_comes_before_another_that_is_not_licensed(
    registry, author, stranger, songs, offer, refusal_of, hidden
):
    """Of several reasons the first of the list, whichever certificate gives it."""
    registry.setVisibility(songs[hidden], Visibility.PRIVATE, sender=author)
    assert refusal_of(offer) == Refusal.NOT_LICENSED
    registry.transferFrom(author, stranger, int.from_bytes(songs[1]), sender=author)
    assert refusal_of(offer) == Refusal.SELLER_NOT_OWNER


def test_a_play_offer_sleeps_like_any(registry, licenses, create, author, songs, refusal_of):
    """So that PerPlay means: nothing else stands against it."""
    offer = create(Offer(songs, kind=Kind.PER_PLAY))
    assert refusal_of(offer) == Refusal.PER_PLAY
    registry.setVisibility(songs[1], Visibility.WITHDRAWN, sender=author)
    assert refusal_of(offer) == Refusal.NOT_LICENSED
    licenses.updateOffer(offer, PRICE, 0, False, sender=author)
    assert refusal_of(offer) == Refusal.PAUSED
    licenses.closeOffer(offer, sender=author)
    assert refusal_of(offer) == Refusal.CLOSED


def test_sold_out_counts_units_ever_sold(licenses, create, author, buyer, songs, refusal_of):
    offer = create(Offer(songs, transferable=True), price=0, max_supply=2)
    for left in (1, 0):
        assert refusal_of(offer) == Refusal.NONE
        licenses.purchase(offer, buyer, NOBODY, 0, sender=buyer)
        assert licenses.offerOf(offer)[1][3] == 2 - left
    assert refusal_of(offer) == Refusal.SOLD_OUT
    licenses.updateOffer(offer, 0, 3, True, sender=author)
    assert refusal_of(offer) == Refusal.NONE
    licenses.updateOffer(offer, 0, 1, True, sender=author)
    assert refusal_of(offer) == Refusal.SOLD_OUT
    licenses.updateOffer(offer, 0, 0, True, sender=author)
    assert refusal_of(offer) == Refusal.NONE


def test_supply_does_not_stand_against_a_renewal(licenses, create, buyer, stranger, songs):
    offer = create(Offer(songs, kind=Kind.PASS, duration=60), max_supply=1)
    licenses.purchase(offer, buyer, NOBODY, PRICE, value=PRICE, sender=buyer)
    assert licenses.quote(offer, stranger) == (PRICE, NOBODY, Refusal.SOLD_OUT)
    assert licenses.quote(offer, buyer) == (PRICE, NOBODY, Refusal.NONE)
    chain.mine(deltatime=3600)  # ended, and still there to be renewed
    assert licenses.quote(offer, buyer) == (PRICE, NOBODY, Refusal.NONE)
