"""LicenseManager.purchaseWithPermit2, on the code that Permit2 has on public chains.

L4: a payer pays only for exactly what they signed, whoever sends it.
"""

import sys
from pathlib import Path

import pytest
from ape import chain
from eth_abi import encode
from licence_cases import (
    LAVISH,
    PRICE,
    error_data,
    paid_by,
    permit2_signature,
    purchased,
    selector,
)
from outcomes import reverts
from split_cases import fresh
from works import NOBODY, Kind, Offer, Refusal, certify, work

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from permit2 import PERMIT2_ADDRESS, permit2_code

NEVER = 2**63
MOST = PRICE * 2


@pytest.fixture(scope="module", autouse=True)
def _permit2():
    chain.provider.set_code(PERMIT2_ADDRESS, permit2_code())


@pytest.fixture(scope="module")
def payees():
    return fresh(2, "payee of a permit")


@pytest.fixture(scope="module")
def split(create_split, payees):
    return create_split({payees[0]: 2500, payees[1]: 7500})


@pytest.fixture(scope="module")
def songs(registry, author, split):
    return certify(registry, author, work("signed song", payout=split.address))


@pytest.fixture(scope="module")
def offer(create, songs, token):
    return create(Offer(songs, token=token.address, referral_bps=1000))


@pytest.fixture(scope="module")
def order(offer, buyer):
    (referrer,) = fresh(1, "referrer of a permit")
    return (offer, buyer.address, referrer, MOST)


@pytest.fixture(scope="module", autouse=True)
def _rich(token, buyer):
    """Solady's ERC-20 lets Permit2 take everything."""
    token.mint(buyer, 10 * PRICE, sender=buyer)


@pytest.fixture(autouse=True)
def _holds_nothing(licenses, token):
    """L3"""
    yield
    assert token.balanceOf(licenses) == 0


@pytest.fixture
def sign(licenses, buyer, token):
    def signature(order, signer=buyer, spender=licenses, coin=token, nonce=7, deadline=NEVER):
        return permit2_signature(signer, spender, coin, order, nonce, deadline)

    return signature


def test_a_stranger_relays_exactly_what_was_signed(
    licenses, token, order, sign, buyer, stranger, payees, split
):
    signature = sign(order)
    receipt = licenses.purchaseWithPermit2(order, buyer, 7, NEVER, signature, sender=stranger)
    assert purchased(receipt, licenses) == {
        "offerId": order[0],
        "recipient": buyer.address,
        "payer": buyer.address,
        "referrer": order[2],
        "price": PRICE,
        "referral": PRICE // 10,
        "expiry": 0,
    }
    assert paid_by(receipt, licenses) == [(split.address, PRICE * 9 // 10)]
    assert token.balanceOf(order[2]) == PRICE // 10
    assert [token.balanceOf(payee) for payee in payees] == [
        PRICE * 9 // 40,
        PRICE * 27 // 40,
    ]
    assert token.balanceOf(buyer) == 9 * PRICE
    assert licenses.balanceOf(buyer, order[0]) == 1


@pytest.mark.parametrize("field", range(4), ids=["offer", "recipient", "referrer", "most"])
def test_no_other_purchase_than_the_signed_one(
    licenses, create, songs, token, order, sign, buyer, stranger, field
):
    other = create(Offer(songs, token=token.address, salt=b"\x01" * 32))
    changed = list(order)
    changed[field] = (other, stranger.address, stranger.address, MOST + 1)[field]
    data = error_data(
        licenses.purchaseWithPermit2,
        *(tuple(changed), buyer, 7, NEVER, sign(order)),
        sender=stranger,
    )
    assert data == selector("InvalidSigner()")


def test_nobody_pays_for_what_another_signed(licenses, token, order, sign, buyer, stranger):
    token.mint(stranger, MOST, sender=stranger)
    signature = sign(order)
    attempt = (order, stranger, 7, NEVER, signature)
    assert error_data(licenses.purchaseWithPermit2, *attempt, sender=buyer) == selector(
        "InvalidSigner()"
    )


def test_a_signature_for_another_spender(licenses, order, sign, buyer, stranger):
    attempt = (order, buyer, 7, NEVER, sign(order, spender=stranger))
    assert error_data(licenses.purchaseWithPermit2, *attempt, sender=buyer) == selector(
        "InvalidSigner()"
    )


def test_a_signature_for_another_token(project, licenses, order, sign, buyer):
    other = project.MockERC20.deploy(sender=buyer)
    attempt = (order, buyer, 7, NEVER, sign(order, coin=other))
    assert error_data(licenses.purchaseWithPermit2, *attempt, sender=buyer) == selector(
        "InvalidSigner()"
    )


@pytest.mark.parametrize(("nonce", "deadline"), [(8, NEVER), (7, NEVER + 1)])
def test_another_nonce_or_deadline(licenses, order, sign, buyer, nonce, deadline):
    attempt = (order, buyer, nonce, deadline, sign(order))
    assert error_data(licenses.purchaseWithPermit2, *attempt, sender=buyer) == selector(
        "InvalidSigner()"
    )


def test_once_only(licenses, order, sign, buyer, stranger):
    attempt = (order, buyer, 7, NEVER, sign(order))
    licenses.purchaseWithPermit2(*attempt, sender=stranger)
    assert error_data(licenses.purchaseWithPermit2, *attempt, sender=stranger) == selector(
        "InvalidNonce()"
    )


def test_nonces_are_in_no_order(licenses, order, sign, buyer, stranger):
    for nonce in (2**256 - 1, 0, 300):
        attempt = (order, buyer, nonce, NEVER, sign(order, nonce=nonce))
        licenses.purchaseWithPermit2(*attempt, sender=stranger)
    assert licenses.balanceOf(buyer, order[0]) == 3


def test_until_its_deadline(licenses, order, sign, buyer, stranger):
    deadline = chain.blocks.head.timestamp + 100
    attempt = (order, buyer, 7, deadline, sign(order, deadline=deadline))
    chain.mine(timestamp=deadline + 1)
    expected = selector("SignatureExpired(uint256)") + encode(["uint256"], [deadline])
    assert error_data(licenses.purchaseWithPermit2, *attempt, sender=stranger) == expected


def test_more_than_the_signed_most(licenses, author, order, sign, buyer):
    licenses.updateOffer(order[0], MOST + 1, 0, True, sender=author)
    with reverts(
        licenses,
        "LicenseManager_PriceTooHigh",
        offerId=order[0],
        price=MOST + 1,
        maxPrice=MOST,
    ):
        licenses.purchaseWithPermit2(order, buyer, 7, NEVER, sign(order), sender=buyer)


def test_the_most_may_be_the_price(licenses, author, token, order, sign, buyer):
    licenses.updateOffer(order[0], MOST, 0, True, sender=author)
    licenses.purchaseWithPermit2(order, buyer, 7, NEVER, sign(order), sender=buyer)
    assert token.balanceOf(buyer) == 10 * PRICE - MOST


def test_without_the_money(licenses, author, order, sign, buyer, token, stranger):
    token.transfer(stranger, token.balanceOf(buyer), sender=buyer)
    attempt = (order, buyer, 7, NEVER, sign(order))
    data = error_data(licenses.purchaseWithPermit2, *attempt, sender=buyer)
    text = "TRANSFER_FROM_FAILED"
    assert data == selector("Error(string)") + encode(["string"], [text])


@pytest.mark.parametrize("price", [0, PRICE])
def test_an_offer_in_eth_is_never_bought(licenses, create, songs, sign, buyer, price):
    """Permit2 moves nothing, and says nothing, of a token without code."""
    offer = create(Offer(songs), price=price)
    order = (offer, buyer.address, NOBODY, MOST)
    with reverts(licenses, "LicenseManager_PricedInEth", offerId=offer):
        signature = sign(order, coin=NOBODY)
        licenses.purchaseWithPermit2(order, buyer, 7, NEVER, signature, sender=buyer)


def test_an_unknown_offer(licenses, sign, buyer):
    order = (7, buyer.address, NOBODY, MOST)
    refusal = int(Refusal.UNKNOWN_OFFER)
    with reverts(licenses, "LicenseManager_CannotPurchase", offerId=7, refusal=refusal):
        licenses.purchaseWithPermit2(order, buyer, 7, NEVER, sign(order), sender=buyer)


def test_for_nothing_a_signature_is_due_too(licenses, create, songs, token, sign, buyer, stranger):
    offer = create(Offer(songs, token=token.address), price=0)
    order = (offer, buyer.address, NOBODY, 0)
    attempt = (order, buyer, 7, NEVER, sign(order, signer=stranger))
    assert error_data(licenses.purchaseWithPermit2, *attempt, sender=stranger) == selector(
        "InvalidSigner()"
    )
    receipt = licenses.purchaseWithPermit2(order, buyer, 7, NEVER, sign(order), sender=stranger)
    assert paid_by(receipt, licenses) == []


def test_a_pass_of_another(licenses, create, songs, token, sign, buyer, stranger):
    offer = create(Offer(songs, kind=Kind.PASS, duration=60, token=token.address))
    order = (offer, stranger.address, NOBODY, LAVISH)
    receipt = licenses.purchaseWithPermit2(order, buyer, 7, NEVER, sign(order), sender=stranger)
    ends = chain.blocks.head.timestamp + 60
    assert purchased(receipt, licenses)["expiry"] == licenses.expiryOf(offer, stranger) == ends


class TestWalletWithCode:
    @pytest.fixture(scope="class")
    def wallet(self, project, deployer, buyer, token):
        wallet = project.SigningWallet.deploy(buyer, sender=deployer)
        token.mint(wallet, PRICE, sender=deployer)
        return wallet

    def test_pays_by_its_owner_s_signature(
        self, licenses, token, order, sign, wallet, buyer, stranger
    ):
        receipt = licenses.purchaseWithPermit2(
            order, wallet, 7, NEVER, sign(order), sender=stranger
        )
        assert purchased(receipt, licenses)["payer"] == wallet.address
        assert token.balanceOf(wallet) == 0
        assert licenses.balanceOf(buyer, order[0]) == 1

    def test_not_by_another_s(self, licenses, order, sign, wallet, stranger):
        attempt = (order, wallet, 7, NEVER, sign(order, signer=stranger))
        assert error_data(licenses.purchaseWithPermit2, *attempt, sender=stranger) == selector(
            "InvalidContractSignature()"
        )


def test_the_contract_never_keeps_a_referrer_s_share(licenses, token, offer, sign, buyer, split):
    """Named as referrer it would be paid by itself, and keep it for ever."""
    order = (offer, buyer.address, licenses.address, MOST)
    receipt = licenses.purchaseWithPermit2(order, buyer, 7, NEVER, sign(order), sender=buyer)
    assert purchased(receipt, licenses)["referral"] == 0
    assert paid_by(receipt, licenses) == [(split.address, PRICE)]


def test_the_contract_itself_cannot_be_made_to_pay(licenses, order, sign, buyer):
    attempt = (order, licenses, 7, NEVER, sign(order))
    assert error_data(licenses.purchaseWithPermit2, *attempt, sender=buyer) == b""


def test_a_token_that_takes_a_fee_cannot_be_passed_on(
    project, licenses, create, songs, sign, buyer, deployer
):
    token = project.MoodyToken.deploy(sender=deployer)
    token.setMood(8, sender=deployer)
    token.mark(licenses, True, sender=deployer)
    token.mint(buyer, PRICE, sender=deployer)
    offer = create(Offer(songs, token=token.address))
    order = (offer, buyer.address, NOBODY, PRICE)
    attempt = (order, buyer, 7, NEVER, sign(order, coin=token))
    assert error_data(licenses.purchaseWithPermit2, *attempt, sender=buyer) == selector(
        "TransferFailed()"
    )
