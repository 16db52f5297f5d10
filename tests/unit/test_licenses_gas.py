"""What purchases cost, and the goals of two of them: paid at once to a split of two payees."""

import sys
from pathlib import Path

import pytest
from ape import chain
from licence_cases import permit2_signature, permit_signature
from split_cases import fresh
from works import NOBODY, Kind, Offer, as_tuple, certify, offer_id, work

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from permit2 import PERMIT2_ADDRESS, permit2_code

PRICE = 10**16
NEVER = 2**63
PERPETUAL_GOAL = 125_000
PASS_GOAL = 150_000
BY_ALLOWANCE = 127_000
BY_PERMIT = 156_000
BY_PERMIT2 = 154_000


@pytest.fixture(scope="module")
def song(registry, author, create_split, deployer, token):
    """Its payees have had money before."""
    payees = fresh(2, "payee of gas")
    split = create_split({payees[0]: 2500, payees[1]: 7500})
    for payee in payees:
        deployer.transfer(payee, 1)
        token.mint(payee, 1, sender=deployer)
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


@pytest.fixture(scope="module")
def coin(token, buyer, stranger, licenses):
    for account in (buyer, stranger):
        token.mint(account, 10 * PRICE, sender=account)
        token.approve(licenses, 2 * PRICE, sender=account)
    return token


class TestInTokens:
    """No goals of their own: reviewed figures, so that a change is seen."""

    @pytest.fixture
    def order(self, licenses, create, coin, buyer, stranger):
        offer = create(token=coin.address)
        licenses.purchase(offer, stranger, NOBODY, PRICE, sender=stranger)
        return (offer, buyer.address, NOBODY, PRICE)

    def test_by_allowance(self, licenses, order, buyer):
        assert licenses.purchase(*order, sender=buyer).gas_used <= BY_ALLOWANCE

    def test_by_permit(self, licenses, order, coin, buyer):
        coin.approve(licenses, 0, sender=buyer)
        permit = permit_signature(buyer, coin, licenses, PRICE, NEVER)
        receipt = licenses.purchaseWithPermit(order, NEVER, *permit, sender=buyer)
        assert receipt.gas_used <= BY_PERMIT

    def test_by_permit2(self, licenses, order, coin, buyer, stranger):
        chain.provider.set_code(PERMIT2_ADDRESS, permit2_code())
        for nonce, recipient in enumerate((stranger, buyer)):
            signed = (order[0], recipient.address, *order[2:])
            signature = permit2_signature(buyer, licenses, coin, signed, nonce, NEVER)
            attempt = (signed, buyer, nonce, NEVER, signature)
            receipt = licenses.purchaseWithPermit2(*attempt, sender=stranger)
        assert receipt.gas_used <= BY_PERMIT2


def test_a_batch_of_three(licenses, create, buyer):
    offers = [create(salt=bytes([i]) * 32) for i in range(3)]
    orders = [(offer, buyer, NOBODY, PRICE) for offer in offers]
    receipt = licenses.purchaseBatch(orders, value=3 * PRICE, sender=buyer)
    assert receipt.gas_used <= 3 * PERPETUAL_GOAL
