"""Referrers of purchases in ETH: paid first, and unable to stand in the way."""

import pytest
from licence_cases import PRICE, balance, paid_by
from outcomes import reverts as ends_in
from outcomes import said
from split_cases import fresh
from works import Offer, certify, work

pytestmark = pytest.mark.usefixtures("holds_nothing")


@pytest.fixture(scope="module")
def songs(registry, author):
    return certify(registry, author, *[work(f"song {i}") for i in range(3)])


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
