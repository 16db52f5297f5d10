"""What purchases cost, and the goals of two of them: paid at once to a split of two payees."""

import pytest
from split_cases import fresh
from works import NOBODY, Kind, Offer, as_tuple, certify, offer_id, work

PRICE = 10**16
PERPETUAL_GOAL = 125_000
PASS_GOAL = 150_000


@pytest.fixture(scope="module")
def song(registry, author, create_split, deployer):
    """Its payees have had money before, and so has its author's referrer."""
    payees = fresh(2, "payee of gas")
    split = create_split({payees[0]: 2500, payees[1]: 7500})
    for payee in payees:
        deployer.transfer(payee, 1)
    (song,) = certify(registry, author, work("song of gas", payout=split.address))
    return song


@pytest.fixture(scope="module")
def create(licenses, author, buyer, song):
    """An offer that somebody bought before."""

    def send(**fields):
        offer = Offer([song], **fields)
        return offer_id(licenses.createOffer(as_tuple(offer), PRICE, 0, sender=author))

    return send


def test_a_perpetual_licence(licenses, create, buyer, stranger):
    offer = create()
    licenses.purchase(offer, stranger, NOBODY, PRICE, value=PRICE, sender=stranger)
    receipt = licenses.purchase(offer, buyer, NOBODY, PRICE, value=PRICE, sender=buyer)
    assert receipt.gas_used <= PERPETUAL_GOAL


def test_a_pass_and_its_renewal(licenses, create, buyer, stranger):
    offer = create(kind=Kind.PASS, duration=3600)
    licenses.purchase(offer, stranger, NOBODY, PRICE, value=PRICE, sender=stranger)
    first = licenses.purchase(offer, buyer, NOBODY, PRICE, value=PRICE, sender=buyer)
    renewal = licenses.purchase(offer, buyer, NOBODY, PRICE, value=PRICE, sender=buyer)
    assert first.gas_used <= PASS_GOAL
    assert renewal.gas_used < first.gas_used


def test_a_batch_of_three(licenses, create, buyer):
    offers = [create(salt=bytes([i]) * 32) for i in range(3)]
    orders = [(offer, buyer, NOBODY, PRICE) for offer in offers]
    receipt = licenses.purchaseBatch(orders, value=3 * PRICE, sender=buyer)
    assert receipt.gas_used <= 3 * PERPETUAL_GOAL
