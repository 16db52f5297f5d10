"""Purchases in ERC-20 tokens by allowance: payer to payout directly, odd tokens, referral."""

import pytest
from eth_abi import encode
from eth_utils import keccak
from licence_cases import LAVISH, PRICE, error_data, paid_by, purchased, selector
from outcomes import reverts, said
from split_cases import fresh
from works import NOBODY, Offer, certify, work

(
    RETURNS_NOTHING,
    RETURNS_FALSE,
    RETURNS_ONE_BYTE,
    RETURNS_TWO,
    REVERTS,
    BURNS_GAS,
    RETURNS_MUCH,
    REVERTS_WITH_MUCH,
    TAKES_FEE,
    WANTS_ALL_GAS,
) = range(10)
GOOD = [RETURNS_NOTHING, RETURNS_MUCH]
BAD = [RETURNS_FALSE, RETURNS_ONE_BYTE, RETURNS_TWO, REVERTS, BURNS_GAS, REVERTS_WITH_MUCH]


@pytest.fixture(scope="module")
def songs(registry, author):
    return certify(registry, author, *[work(f"token song {i}") for i in range(3)])


@pytest.fixture(scope="module")
def payees():
    return fresh(2, "payee of tokens")


@pytest.fixture(scope="module")
def split(create_split, payees):
    return create_split({payees[0]: 2500, payees[1]: 7500})


@pytest.fixture(scope="module")
def buy(licenses, buyer):
    def send(offer, recipient=buyer, referrer=NOBODY, most=LAVISH, **options):
        return licenses.purchase(offer, recipient, referrer, most, sender=buyer, **options)

    return send


def fund(token, buyer, licenses):
    token.mint(buyer, 10 * PRICE, sender=buyer)
    token.approve(licenses, 10 * PRICE, sender=buyer)
    return token


@pytest.fixture(scope="module")
def coin(token, buyer, licenses):
    return fund(token, buyer, licenses)


@pytest.fixture(scope="module")
def moody(project, buyer, licenses):
    return fund(project.MoodyToken.deploy(sender=buyer), buyer, licenses)


@pytest.fixture(autouse=True)
def _holds_nothing(licenses, coin, moody):
    """L3"""
    yield
    assert (coin.balanceOf(licenses), moody.balanceOf(licenses)) == (0, 0)


class TestRefuses:
    def test_eth_that_comes_along(self, licenses, create, buy, coin, songs):
        offer = create(Offer(songs, token=coin.address))
        with reverts(licenses, "LicenseManager_WrongPayment", expected=0, received=1):
            buy(offer, value=1)

    def test_too_small_an_allowance(self, licenses, create, buy, buyer, coin, songs):
        offer = create(Offer(songs, token=coin.address))
        coin.approve(licenses, PRICE - 1, sender=buyer)
        arguments = (offer, buyer, NOBODY, LAVISH)
        assert error_data(licenses.purchase, *arguments, sender=buyer) == selector(
            "TransferFromFailed()"
        )
        coin.approve(licenses, PRICE, sender=buyer)
        buy(offer)
        assert coin.allowance(buyer, licenses) == 0

    def test_too_small_a_balance(self, licenses, create, buyer, stranger, coin, songs):
        offer = create(Offer(songs, token=coin.address))
        coin.approve(licenses, PRICE, sender=stranger)
        arguments = (offer, buyer, NOBODY, LAVISH)
        assert error_data(licenses.purchase, *arguments, sender=stranger) == selector(
            "TransferFromFailed()"
        )

    def test_a_higher_price(self, licenses, create, buy, coin, songs):
        offer = create(Offer(songs, token=coin.address))
        with reverts(
            licenses,
            "LicenseManager_PriceTooHigh",
            offerId=offer,
            price=PRICE,
            maxPrice=PRICE - 1,
        ):
            buy(offer, most=PRICE - 1)

    def test_the_contract_itself_as_payout(
        self, registry, licenses, create, buy, author, coin, songs
    ):
        """It could never give the token back."""
        registry.setPayout(songs[0], licenses, sender=author)
        offer = create(Offer(songs[:1], token=coin.address))
        with reverts(
            licenses, "LicenseManager_PaymentFailed", payout=licenses.address, amount=PRICE
        ):
            buy(offer)

    @pytest.mark.parametrize("mood", BAD)
    def test_a_token_that_does_not_move(self, licenses, create, buyer, author, moody, songs, mood):
        moody.setMood(mood, sender=buyer)
        moody.mark(author, True, sender=buyer)
        offer = create(Offer(songs, token=moody.address))
        arguments = (offer, buyer, NOBODY, LAVISH)
        assert error_data(licenses.purchase, *arguments, sender=buyer) == selector(
            "TransferFromFailed()"
        )


class TestPays:
    def test_everything_it_says(self, registry, licenses, create, buy, author, buyer, coin, songs):
        (payout, referrer) = fresh(2, "paid in tokens")
        registry.setPayout(songs[0], payout, sender=author)
        offer = create(Offer(songs[:1], token=coin.address, referral_bps=2500))
        receipt = buy(offer, referrer=referrer)
        names = [name for name, _ in said(receipt, licenses)]
        assert names == ["TransferSingle", "Purchased", "Paid"]
        assert purchased(receipt, licenses) == {
            "offerId": offer,
            "recipient": buyer.address,
            "payer": buyer.address,
            "referrer": referrer,
            "price": PRICE,
            "referral": PRICE // 4,
            "expiry": 0,
        }
        assert said(receipt, licenses)[2][1] == {
            "offerId": offer,
            "payout": payout,
            "token": coin.address,
            "amount": PRICE * 3 // 4,
        }
        assert [(e["from"], e["to"], e["amount"]) for _, e in said(receipt, coin)] == [
            (buyer.address, referrer, PRICE // 4),
            (buyer.address, payout, PRICE * 3 // 4),
        ]
        assert (coin.balanceOf(payout), coin.balanceOf(referrer)) == (PRICE * 3 // 4, PRICE // 4)

    def test_a_split_at_once(self, registry, create, buy, author, coin, songs, split, payees):
        registry.setPayout(songs[0], split, sender=author)
        receipt = buy(create(Offer(songs[:1], token=coin.address)))
        assert [coin.balanceOf(payee) for payee in payees] == [PRICE // 4, PRICE * 3 // 4]
        assert said(receipt, split) == [("Distributed", {"token": coin.address, "amount": PRICE})]

    def test_a_split_that_is_paid_twice_once(
        self, registry, licenses, create, buy, author, coin, songs, split, payees
    ):
        (other,) = fresh(1, "between tokens")
        for song, payout in zip(songs, [split, other, split], strict=True):
            registry.setPayout(song, payout, sender=author)
        receipt = buy(create(Offer(songs, token=coin.address), price=308))
        assert paid_by(receipt, licenses) == [
            (split.address, 104),
            (other, 102),
            (split.address, 102),
        ]
        assert said(receipt, split) == [("Distributed", {"token": coin.address, "amount": 204})]
        assert [coin.balanceOf(payee) for payee in payees] == [51, 153]
        assert coin.balanceOf(split) == 2

    def test_nothing_for_nothing(self, licenses, create, buy, coin, songs):
        offer = create(Offer(songs, token=coin.address, referral_bps=5000), price=0)
        receipt = buy(offer, referrer=licenses)
        assert said(receipt, coin) == []

    @pytest.mark.parametrize("mood", GOOD)
    def test_by_a_token_with_another_answer(self, create, buy, buyer, author, moody, songs, mood):
        moody.setMood(mood, sender=buyer)
        moody.mark(author, True, sender=buyer)
        buy(create(Offer(songs, token=moody.address)))
        assert moody.balanceOf(author) == PRICE

    def test_less_a_fee_that_the_token_takes(self, create, buy, buyer, author, moody, songs):
        moody.setMood(TAKES_FEE, sender=buyer)
        moody.mark(author, True, sender=buyer)
        buy(create(Offer(songs, token=moody.address)))
        assert moody.balanceOf(author) == PRICE * 99 // 100

    def test_a_split_whose_token_tells_no_balance(
        self, project, registry, licenses, create, buy, author, buyer, songs, split, payees
    ):
        """The split waits for a balance; the sale does not."""
        token = fund(project.UnreadableToken.deploy(sender=buyer), buyer, licenses)
        registry.setPayout(songs[0], split, sender=author)
        token.setFault(1, sender=buyer)
        buy(create(Offer(songs[:1], token=token.address)))
        token.setFault(0, sender=buyer)
        assert token.balanceOf(split) == PRICE

    def test_a_payee_who_is_blocked_is_credited(
        self, registry, create, buy, author, buyer, moody, songs, split, payees
    ):
        moody.setMood(REVERTS, sender=buyer)
        moody.mark(payees[0], True, sender=buyer)
        registry.setPayout(songs[0], split, sender=author)
        buy(create(Offer(songs[:1], token=moody.address)))
        assert split.creditOf(moody, payees[0]) == PRICE // 4
        assert moody.balanceOf(payees[1]) == PRICE * 3 // 4


class TestReferral:
    @pytest.mark.parametrize("mood", BAD)
    def test_who_cannot_be_paid_loses_it_to_the_payouts(
        self, licenses, create, buy, buyer, author, moody, songs, mood
    ):
        (referrer,) = fresh(1, "blocked referrer")
        moody.setMood(mood, sender=buyer)
        moody.mark(referrer, True, sender=buyer)
        offer = create(Offer(songs, token=moody.address, referral_bps=5000))
        receipt = buy(offer, referrer=referrer)
        assert purchased(receipt, licenses)["referral"] == 0
        assert paid_by(receipt, licenses) == [(author.address, PRICE)]
        assert (moody.balanceOf(referrer), moody.balanceOf(author)) == (0, PRICE)
        assert receipt.gas_used < 350_000

    @pytest.mark.parametrize("mood", GOOD)
    def test_is_paid_by_a_token_with_another_answer(
        self, licenses, create, buy, buyer, author, moody, songs, mood
    ):
        (referrer,) = fresh(1, "oddly paid referrer")
        moody.setMood(mood, sender=buyer)
        moody.mark(referrer, True, sender=buyer)
        offer = create(Offer(songs, token=moody.address, referral_bps=5000))
        receipt = buy(offer, referrer=referrer)
        assert purchased(receipt, licenses)["referral"] == PRICE // 2
        assert (moody.balanceOf(referrer), moody.balanceOf(author)) == (PRICE // 2,) * 2

    def test_the_contract_itself_is_not_paid(self, licenses, create, buy, author, coin, songs):
        offer = create(Offer(songs, token=coin.address, referral_bps=5000))
        receipt = buy(offer, referrer=licenses)
        assert paid_by(receipt, licenses) == [(author.address, PRICE)]

    def test_the_buyer_may_be_the_referrer(self, create, buy, buyer, author, coin, songs):
        buy(create(Offer(songs, token=coin.address, referral_bps=5000)), referrer=buyer)
        assert (coin.balanceOf(buyer), coin.balanceOf(author)) == (PRICE * 19 // 2, PRICE // 2)

    def test_no_gas_limit_cheats_the_referrer(
        self, project, licenses, create, buyer, deployer, moody, songs
    ):
        """The token wants nearly all of 100,000 gas: they or nobody are paid at any limit."""
        (referrer,) = fresh(1, "hungry referrer")
        moody.setMood(WANTS_ALL_GAS, sender=buyer)
        moody.mark(referrer, True, sender=buyer)
        probe = project.TokenPurchaseProbe.deploy(sender=deployer)
        moody.mint(probe, PRICE, sender=deployer)
        offer = create(Offer(songs, token=moody.address, referral_bps=5000))
        outcomes = {
            tuple(probe.purchase.call(licenses, offer, moody, referrer, limit, sender=buyer))
            for limit in range(150_000, 350_000, 2_003)
        }
        assert outcomes == {(False, 0), (True, PRICE // 2)}

    def test_too_little_gas_says_so(self, licenses, create, buy, coin, songs):
        (referrer,) = fresh(1, "referrer of too little")
        offer = create(Offer(songs[:1], token=coin.address, referral_bps=5000))
        with reverts(licenses, "LicenseManager_TooLittleGas"):
            buy(offer, referrer=referrer, gas_limit=200_000)


@pytest.mark.parametrize("to", ["referrer", "payout"])
def test_a_token_that_buys_again_inside(project, licenses, create, buy, buyer, author, songs, to):
    token = fund(project.ReenteringSpendToken.deploy(sender=buyer), buyer, licenses)
    free = create(Offer(songs, salt=b"\x01" * 32), price=0)
    (referrer,) = fresh(1, "re-entering referrer")
    token.mark(author if to == "payout" else referrer, True, sender=buyer)
    order = (free, buyer.address, NOBODY, 0)
    ways = [
        licenses.purchase.encode_input(*order),
        licenses.purchaseBatch.encode_input([order]),
        licenses.purchaseWithPermit.encode_input(order, 0, 0, bytes(32), bytes(32)),
        licenses.purchaseWithPermit2.encode_input(order, buyer, 0, 0, b""),
    ]
    offer = create(Offer(songs, token=token.address, referral_bps=5000))
    for again in ways:
        token.aim(licenses, again, sender=buyer)
        buy(offer, referrer=referrer)
        assert not token.succeeded()
        assert bytes(token.answer()) == keccak(text="Reentrancy()")[:4]
    assert licenses.balanceOf(buyer, free) == 0


def test_error_data_is_all_of_it(licenses, buyer):
    """The helper of these tests sees arguments too."""
    data = error_data(licenses.purchase, 7, buyer, NOBODY, 0, sender=buyer)
    expected = selector("LicenseManager_CannotPurchase(uint256,uint8)")
    assert data == expected + encode(["uint256", "uint8"], [7, 1])
