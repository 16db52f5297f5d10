"""LicenseManager.purchaseWithPermit: EIP-2612, tried; what counts is the allowance."""

import pytest
from ape import chain
from licence_cases import PRICE, error_data, paid_by, permit_signature, purchased, selector
from outcomes import reverts
from works import NOBODY, Offer, Refusal, certify, work

NEVER = 2**63
MOST = PRICE * 2


@pytest.fixture(scope="module")
def songs(registry, author):
    return certify(registry, author, work("permitted song"))


@pytest.fixture(scope="module")
def order(create, songs, token, buyer):
    token.mint(buyer, 10 * PRICE, sender=buyer)
    return (create(Offer(songs, token=token.address)), buyer.address, NOBODY, MOST)


@pytest.fixture
def permit(licenses, buyer, token):
    def sign(signer=buyer, value=MOST, deadline=NEVER):
        return permit_signature(signer, token, licenses, value, deadline)

    return sign


def test_in_one_transaction(licenses, token, order, permit, author, buyer):
    assert token.allowance(buyer, licenses) == 0
    receipt = licenses.purchaseWithPermit(order, NEVER, *permit(), sender=buyer)
    assert purchased(receipt, licenses)["payer"] == buyer.address
    assert paid_by(receipt, licenses) == [(author.address, PRICE)]
    assert token.balanceOf(author) == PRICE
    assert token.balanceOf(licenses) == 0
    assert token.allowance(buyer, licenses) == MOST - PRICE


def test_a_permit_that_a_front_runner_sent_already(licenses, token, order, permit, buyer, stranger):
    signature = permit()
    token.permit(buyer, licenses, MOST, NEVER, *signature, sender=stranger)
    licenses.purchaseWithPermit(order, NEVER, *signature, sender=buyer)
    assert licenses.balanceOf(buyer, order[0]) == 1


def test_without_a_valid_permit_the_allowance_counts(licenses, token, order, buyer):
    token.approve(licenses, PRICE, sender=buyer)
    licenses.purchaseWithPermit(order, NEVER, 27, bytes(32), bytes(32), sender=buyer)
    assert token.allowance(buyer, licenses) == 0


def test_with_neither(licenses, order, buyer):
    arguments = (order, NEVER, 27, bytes(32), bytes(32))
    assert error_data(licenses.purchaseWithPermit, *arguments, sender=buyer) == selector(
        "TransferFromFailed()"
    )


def test_a_permit_for_less_than_the_most_is_none(licenses, order, permit, buyer):
    arguments = (order, NEVER, *permit(value=MOST - 1))
    assert error_data(licenses.purchaseWithPermit, *arguments, sender=buyer) == selector(
        "TransferFromFailed()"
    )


def test_an_expired_permit_is_none(licenses, order, permit, buyer):
    deadline = chain.blocks.head.timestamp - 1
    arguments = (order, deadline, *permit(deadline=deadline))
    assert error_data(licenses.purchaseWithPermit, *arguments, sender=buyer) == selector(
        "TransferFromFailed()"
    )


def test_nobody_spends_another_s_permit(licenses, token, order, permit, buyer, stranger):
    """L4: it is tried in the caller's name, and the caller pays."""
    signature = permit()
    arguments = (order, NEVER, *signature)
    assert error_data(licenses.purchaseWithPermit, *arguments, sender=stranger) == selector(
        "TransferFromFailed()"
    )
    token.permit(buyer, licenses, MOST, NEVER, *signature, sender=stranger)
    assert error_data(licenses.purchaseWithPermit, *arguments, sender=stranger) == selector(
        "TransferFromFailed()"
    )
    assert token.balanceOf(buyer) == 10 * PRICE


def test_a_token_without_permit(project, licenses, create, songs, buyer):
    token = project.PermitlessToken.deploy(sender=buyer)
    token.mint(buyer, PRICE, sender=buyer)
    token.approve(licenses, PRICE, sender=buyer)
    order = (create(Offer(songs, token=token.address)), buyer.address, NOBODY, MOST)
    licenses.purchaseWithPermit(order, 0, 0, bytes(32), bytes(32), sender=buyer)
    assert token.balanceOf(buyer) == 0


@pytest.mark.parametrize("price", [0, PRICE])
def test_an_offer_in_eth(licenses, create, songs, buyer, price):
    order = (create(Offer(songs), price=price), buyer.address, NOBODY, MOST)
    with reverts(licenses, "LicenseManager_PricedInEth", offerId=order[0]):
        licenses.purchaseWithPermit(order, 0, 0, bytes(32), bytes(32), sender=buyer)


def test_an_unknown_offer(licenses, buyer):
    order = (7, buyer.address, NOBODY, MOST)
    refusal = int(Refusal.UNKNOWN_OFFER)
    with reverts(licenses, "LicenseManager_CannotPurchase", offerId=7, refusal=refusal):
        licenses.purchaseWithPermit(order, 0, 0, bytes(32), bytes(32), sender=buyer)


def test_a_price_above_the_most(licenses, author, order, permit, buyer):
    licenses.updateOffer(order[0], MOST + 1, 0, True, sender=author)
    error = {"offerId": order[0], "price": MOST + 1, "maxPrice": MOST}
    with reverts(licenses, "LicenseManager_PriceTooHigh", **error):
        licenses.purchaseWithPermit(order, NEVER, *permit(), sender=buyer)
