"""LicenseManager.purchaseBatch: all or nothing, in order, exact to the wei."""

import pytest
from licence_cases import PRICE, balance, error_data, paid_by, selector
from outcomes import reverts, said
from split_cases import fresh
from works import NOBODY, Offer, Refusal, as_tuple, certify, work


@pytest.fixture(scope="module")
def payouts():
    return fresh(3, "payout of a batch")


@pytest.fixture(scope="module")
def songs(registry, author, payouts):
    works = [work(f"batch song {i}", payout=payout) for i, payout in enumerate(payouts)]
    certify(registry, author, *works)
    return [w.work_hash for w in works]


@pytest.fixture(scope="module")
def offers(create, songs):
    """Prices of one, two and three."""
    return [create(Offer([song]), price=(i + 1) * PRICE) for i, song in enumerate(songs)]


@pytest.fixture
def orders(offers, buyer):
    return [(o, buyer.address, NOBODY, (i + 1) * PRICE) for i, o in enumerate(offers)]


@pytest.fixture(autouse=True)
def _holds_nothing(licenses, token):
    """L3"""
    yield
    assert (balance(licenses), token.balanceOf(licenses)) == (0, 0)


@pytest.fixture
def nothing_happened(licenses, offers, payouts, buyer):
    def check():
        assert [licenses.balanceOf(buyer, offer) for offer in offers] == [0, 0, 0]
        assert [balance(payout) for payout in payouts] == [0, 0, 0]

    return check


def test_an_empty_one(licenses, buyer):
    for value in (0, 1):
        with reverts(licenses, "LicenseManager_NothingToPurchase"):
            licenses.purchaseBatch([], value=value, sender=buyer)


@pytest.mark.parametrize("extra", [1, PRICE])
def test_more_than_the_sum(licenses, orders, buyer, nothing_happened, extra):
    value = 6 * PRICE + extra
    error = {"expected": 6 * PRICE, "received": value}
    with reverts(licenses, "LicenseManager_WrongPayment", **error):
        licenses.purchaseBatch(orders, value=value, sender=buyer)
    nothing_happened()


@pytest.mark.parametrize(
    ("value", "reached"),
    [(0, PRICE), (PRICE, 3 * PRICE), (3 * PRICE - 1, 3 * PRICE), (6 * PRICE - 1, 6 * PRICE)],
)
def test_less_than_the_sum(licenses, orders, buyer, nothing_happened, value, reached):
    """It ends with the first that the money does not cover, and names the sum up to there."""
    error = {"expected": reached, "received": value}
    with reverts(licenses, "LicenseManager_WrongPayment", **error):
        licenses.purchaseBatch(orders, value=value, sender=buyer)
    nothing_happened()


@pytest.mark.parametrize("position", [0, 1, 2])
def test_one_that_cannot_be_bought(
    licenses, author, offers, orders, buyer, nothing_happened, position
):
    licenses.closeOffer(offers[position], sender=author)
    error = {"offerId": offers[position], "refusal": int(Refusal.CLOSED)}
    with reverts(licenses, "LicenseManager_CannotPurchase", **error):
        licenses.purchaseBatch(orders, value=6 * PRICE, sender=buyer)
    nothing_happened()


@pytest.mark.parametrize("position", [0, 1, 2])
def test_each_by_its_own_most(licenses, author, offers, orders, buyer, nothing_happened, position):
    price = orders[position][3]
    licenses.updateOffer(offers[position], price + 1, 0, True, sender=author)
    error = {"offerId": offers[position], "price": price + 1, "maxPrice": price}
    with reverts(licenses, "LicenseManager_PriceTooHigh", **error):
        licenses.purchaseBatch(orders, value=6 * PRICE + 1, sender=buyer)
    nothing_happened()


def test_one_for_nobody(licenses, orders, buyer, nothing_happened):
    orders[2] = (orders[2][0], NOBODY, NOBODY, orders[2][3])
    with reverts(licenses, "LicenseManager_ZeroRecipient"):
        licenses.purchaseBatch(orders, value=6 * PRICE, sender=buyer)
    nothing_happened()


def test_the_last_unit_twice(licenses, create, songs, buyer):
    offer = create(Offer(songs[:1], salt=b"\x01" * 32), max_supply=1)
    order = (offer, buyer.address, NOBODY, PRICE)
    error = {"offerId": offer, "refusal": int(Refusal.SOLD_OUT)}
    with reverts(licenses, "LicenseManager_CannotPurchase", **error):
        licenses.purchaseBatch([order] * 2, value=2 * PRICE, sender=buyer)


def test_a_token_that_is_not_there(licenses, create, songs, token, orders, buyer):
    offer = create(Offer(songs[:1], token=token.address))
    mixed = [*orders, (offer, buyer.address, NOBODY, PRICE)]
    data = error_data(licenses.purchaseBatch, mixed, sender=buyer, value=6 * PRICE)
    assert data == selector("TransferFromFailed()")


def test_all_in_order(licenses, offers, orders, payouts, buyer, stranger):
    orders[1] = (orders[1][0], stranger.address, NOBODY, orders[1][3])
    receipt = licenses.purchaseBatch(orders, value=6 * PRICE, sender=buyer)
    names = [name for name, _ in said(receipt, licenses)]
    assert names == ["TransferSingle", "Purchased", "Paid"] * 3
    amounts = [PRICE, 2 * PRICE, 3 * PRICE]
    assert paid_by(receipt, licenses) == list(zip(payouts, amounts, strict=True))
    assert [balance(payout) for payout in payouts] == amounts
    assert licenses.balanceOf(stranger, offers[1]) == 1
    assert licenses.balanceOf(buyer, offers[1]) == 0


def test_the_same_offer_twice(licenses, offers, orders, buyer):
    licenses.purchaseBatch([orders[0], orders[0]], value=2 * PRICE, sender=buyer)
    assert licenses.balanceOf(buyer, offers[0]) == 2


def test_eth_and_tokens_mixed(project, licenses, create, songs, token, orders, payouts, buyer):
    other = project.MockERC20.deploy(sender=buyer)
    for coin in (token, other):
        coin.mint(buyer, PRICE, sender=buyer)
        coin.approve(licenses, PRICE, sender=buyer)
    ids = [create(Offer(songs[:1], token=coin.address)) for coin in (token, other)]
    one, two = [(offer, buyer.address, NOBODY, PRICE) for offer in ids]
    licenses.purchaseBatch([one, *orders, two], value=6 * PRICE, sender=buyer)
    assert token.balanceOf(payouts[0]) == other.balanceOf(payouts[0]) == PRICE
    assert balance(payouts[0]) == PRICE


def test_a_split_is_distributed_once_a_purchase(
    registry, licenses, create_split, create, songs, author, buyer
):
    payees = fresh(2, "payee of a batch")
    split = create_split({payees[0]: 2500, payees[1]: 7500})
    for song in songs:
        registry.setPayout(song, split, sender=author)
    offer = create(Offer(sorted(songs)))
    order = (offer, buyer.address, NOBODY, PRICE)
    receipt = licenses.purchaseBatch([order] * 2, value=2 * PRICE, sender=buyer)
    assert [args["amount"] for _, args in said(receipt, split)] == [PRICE, PRICE]
    assert [balance(payee) for payee in payees] == [PRICE // 2, PRICE * 3 // 2]


def test_each_offer_is_read_in_its_turn(
    project, licenses, create, songs, orders, buyer, deployer, registry, author
):
    """The second is an offer that only the first one's recipient makes, while it is called."""
    recipient = project.ReenteringRecipient.deploy(sender=deployer)
    (song,) = certify(registry, deployer, work("the recipient's"))
    registry.transferFrom(deployer, recipient, int.from_bytes(song), sender=deployer)
    make = licenses.createOffer.encode_input(as_tuple(Offer([song])), PRICE, 0)
    recipient.aim(licenses, make, sender=deployer)
    later = Offer([song]).id(recipient)
    first = (orders[0][0], recipient.address, NOBODY, PRICE)
    second = (later, buyer.address, NOBODY, PRICE)
    error = {"offerId": later, "refusal": int(Refusal.UNKNOWN_OFFER)}
    with reverts(licenses, "LicenseManager_CannotPurchase", **error):
        licenses.purchaseBatch([second, first], value=2 * PRICE, sender=buyer)
    licenses.purchaseBatch([first, second], value=2 * PRICE, sender=buyer)
    assert licenses.balanceOf(buyer, later) == 1
    assert balance(recipient) == PRICE
