"""Every kind of licence, and every way to pay for it, on a real chain."""

import pytest
from shop import Shop

from immurtal.chain.contracts import ZERO_ADDRESS
from immurtal.chain.tokens import call_data
from immurtal.cli.amounts import moment
from immurtal.errors import TokenMisbehaves

DAY = 86400
PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3"


def test_a_perpetual_licence_in_eth_needs_no_word_more(shop: Shop) -> None:
    work = shop.work()
    offer = shop.offer(work, price=5 * 10**15)
    before = shop.has(ZERO_ADDRESS, shop["seller"])
    bought = shop.run("buy", offer)
    assert bought["offer"] == offer
    assert bought["certificates"] == [work]
    assert (bought["paid"], bought["recipient"]) == (str(5 * 10**15), shop["buyer"])
    assert bought["payments"] == [{"payout": shop["seller"], "amount": str(5 * 10**15)}]
    assert bought["purchases"][0]["expiry"] == 0
    assert shop.has(ZERO_ADDRESS, shop["seller"]) == before + 5 * 10**15
    assert shop.units(offer, shop["buyer"]) == 1


def test_a_pass_is_renewed_from_its_end_and_both_are_told_first(shop: Shop) -> None:
    offer = shop.pass_offer(duration=30 * DAY)
    assert "it lasts 30 days, until about" in shop.text("buy", offer)
    first = {"expiry": shop.expiry(offer, shop["buyer"])}
    said = shop.text("buy", offer)
    again = {"expiry": shop.expiry(offer, shop["buyer"])}
    assert (
        f"the pass runs until {moment(first['expiry'])}; renewed by 30 days it runs until "
        f"{moment(first['expiry'] + 30 * DAY)}" in said
    )
    assert again["expiry"] == first["expiry"] + 30 * DAY
    assert shop.units(offer, shop["buyer"]) == 1


def test_a_pass_that_ended_runs_from_now(shop: Shop) -> None:
    offer = shop.pass_offer(duration=60)
    first = shop.run("buy", offer)["expiry"]
    shop.anvil.mine(2, 3600)
    again = shop.run("buy", offer, "--yes", "--max-price", "1000wei")
    assert again["expiry"] >= first + 3600
    text = shop.text("buy", offer)
    assert f"the pass runs until {moment(again['expiry'])}" in text
    assert "Renewed a licence to 1 work(s) for 0.000000000000001 ETH, until" in text


def test_a_pass_that_ended_is_told_as_ended(shop: Shop) -> None:
    offer = shop.pass_offer(duration=60)
    first = shop.run("buy", offer)["expiry"]
    shop.anvil.mine(2, 3600)
    said = shop.text("buy", offer)
    assert f"the pass ran until {moment(first)}; renewed by 1 minute it runs until about" in said


def test_a_pass_twice_in_one_purchase_runs_twice_as_long(shop: Shop) -> None:
    offer = shop.pass_offer(duration=DAY)
    bought = shop.run("buy", offer, offer, "--yes")
    ends = [one["expiry"] for one in bought["purchases"]]
    assert ends[1] == ends[0] + DAY == shop.expiry(offer, shop["buyer"])


def test_for_somebody_else_and_by_a_referrer(shop: Shop) -> None:
    offer = shop.offer(price=10_000, referral=1250)
    friend, by = shop.actor("friend", 0).address, shop.actor("by", 0).address
    bought = shop.run("buy", offer, "--for", friend, "--referrer", by)
    assert (bought["recipient"], bought["payer"]) == (friend, shop["buyer"])
    assert (bought["paid"], bought["referral"]) == ("10000", "1250")
    assert shop.has(ZERO_ADDRESS, by) == 1250
    assert (shop.units(offer, friend), shop.units(offer, shop["buyer"])) == (1, 0)


def test_several_at_once_in_eth_and_tokens_with_one_question(shop: Shop) -> None:
    token = shop.token()
    offers = [
        shop.offer(price=100),
        shop.pass_offer(price=10**18, token=token),
        shop.offer(price=50),
        shop.offer(price=10**18, token=token),
    ]
    bought = shop.run("buy", *offers, typed="y\n")
    text = f"2 MOCK [{token}]"
    assert "In all 0.00000000000000015 ETH, paid by" in shop.said
    assert f"In all {text}" in shop.said
    assert shop.said.count("[y/N]") == 1
    assert [one["offer"] for one in bought["purchases"]] == offers
    assert [one["paid"] for one in bought["purchases"]] == ["100", str(10**18), "50", str(10**18)]
    assert len(bought["approvals"]) == 1
    assert shop.allows(token, shop.manager) == 0
    assert "offer" not in bought
    assert shop.has(token, shop["seller"]) == 2 * 10**18


def test_an_approval_is_of_exactly_the_price(shop: Shop) -> None:
    token = shop.token("TetherLike")
    offer = shop.offer(price=2_500_000, token=token)
    sent = shop.nonce()
    bought = shop.run("buy", offer, "--yes", "--max-price", "3.5 usdt")
    assert len(bought["approvals"]) == 1
    assert shop.nonce() == sent + 2
    assert shop.allows(token, shop.manager) == 0
    assert (bought["paid"], bought["token"]["symbol"]) == ("2500000", "USDT")
    assert shop.has(token, shop["seller"]) == 2_500_000


def test_after_an_interruption_nothing_is_approved_twice(shop: Shop) -> None:
    token = shop.token("TetherLike")
    offer = shop.offer(token=token)
    shop.send("buyer", token, call_data("setRefuses(bool)", True))
    assert type(shop.fail("buy", offer, "--yes")) is TokenMisbehaves
    shop.send("buyer", token, call_data("setRefuses(bool)", False))
    sent = shop.nonce()
    assert shop.run("buy", offer, "--yes")["approvals"] == []
    assert shop.nonce() == sent + 1


def test_a_token_that_changes_allowances_by_way_of_zero(shop: Shop) -> None:
    token = shop.token("TetherLike")
    approve = call_data("approve(address,uint256)", shop.manager, 7)
    shop.send("buyer", token, approve)
    bought = shop.run("buy", shop.offer(token=token), "--yes")
    assert len(bought["approvals"]) == 2
    assert shop.allows(token, shop.manager) == 0


def test_a_permit_is_used_where_the_token_has_it(shop: Shop) -> None:
    token = shop.token()
    offer = shop.offer(token=token)
    sent = shop.nonce()
    bought = shop.run("buy", offer, "--max-price", "5000", typed="y\n")
    assert "You sign a permit of exactly the price; no approval is sent." in shop.said
    assert (bought["approvals"], bought["paid"]) == ([], "1000")
    assert shop.nonce() == sent + 1
    assert shop.allows(token, shop.manager) == 0


def test_an_allowance_that_is_there_is_used_first(shop: Shop) -> None:
    token = shop.token()
    shop.send("buyer", token, call_data("approve(address,uint256)", shop.manager, 1500))
    shop.run("buy", shop.offer(token=token), "--yes")
    assert shop.allows(token, shop.manager) == 500
    assert shop.call(token, "nonces(address)", ["uint256"], shop["buyer"]) == 0


@pytest.mark.parametrize("name", ["LyingDomainToken", "BrokenPermitToken"])
def test_a_permit_that_cannot_be_relied_on_gives_way_to_an_approval(shop: Shop, name: str) -> None:
    token = shop.token(name)
    bought = shop.run("buy", shop.offer(token=token), "--yes")
    assert len(bought["approvals"]) == 1
    assert shop.allows(token, shop.manager) == 0
    assert shop.has(token, shop["seller"]) == 1000


def test_allowance_by_name_leaves_the_permit_alone(shop: Shop) -> None:
    token = shop.token()
    assert len(shop.run("buy", shop.offer(token=token), "--pay", "allowance", "--yes")["approvals"])
    assert shop.call(token, "nonces(address)", ["uint256"], shop["buyer"]) == 0


def test_permit2_with_its_own_approval_of_exactly_the_price(shop: Shop) -> None:
    shop.with_permit2()
    token = shop.token("TetherLike")
    offer = shop.pass_offer(token=token)
    bought = shop.run("buy", offer, "--pay", "permit2", "--yes")
    assert len(bought["approvals"]) == 1
    assert (bought["payer"], bought["paid"]) == (shop["buyer"], "1000")
    assert shop.allows(token, PERMIT2) == 0
    assert shop.expiry(offer, shop["buyer"]) == bought["expiry"]


def test_a_free_licence_in_a_token_needs_no_approval(shop: Shop) -> None:
    bought = shop.run("buy", shop.offer(token=shop.token(amount=0), price=0), "--yes")
    assert (bought["paid"], bought["approvals"], bought["payments"]) == ("0", [], [])


def test_a_split_pays_everybody_in_the_same_transaction(shop: Shop) -> None:
    one, two = shop.actor("one", 0).address, shop.actor("two", 0).address
    split = shop.split((one, 5000), (two, 5000))
    bought = shop.run("buy", shop.offer(shop.work(payout=split)))
    assert bought["payments"] == [{"payout": split, "amount": "1000"}]
    assert (shop.has(ZERO_ADDRESS, one), shop.has(ZERO_ADDRESS, two)) == (500, 500)


def test_a_program_hears_nothing_but_the_result(shop: Shop) -> None:
    """With --json an error is one object on standard error: nothing else is said there."""
    shop.run("buy", shop.offer())
    assert shop.said == ""
    shop.run("buy", shop.offer(token=shop.token("TetherLike")), "--yes")
    assert shop.said == ""
