"""What cannot be bought, or not so: told before anything is paid, each by its own kind."""

import click
import pytest
from shop import Shop, fresh

from immurtal.chain import abi
from immurtal.chain.contracts import ZERO_ADDRESS, OfferKind, Visibility
from immurtal.chain.tokens import call_data
from immurtal.errors import (
    BadInput,
    CannotBuy,
    ImmurtalError,
    InsufficientFunds,
    NotFound,
    TokenMisbehaves,
)


def refused(shop: Shop, *words: str, reason: str) -> CannotBuy:
    """Buying fails for this reason, and nothing was sent or paid."""
    sent = shop.nonce()
    error = shop.fail("buy", *words, "--yes")
    assert type(error) is CannotBuy, error
    assert error.reason == reason
    assert error.exit_code == 16
    assert error.saved in ("Nothing was paid.", "Nothing was sent.")
    assert shop.nonce() == sent
    return error


def test_an_unknown_offer(shop: Shop) -> None:
    unknown = fresh()
    error = shop.fail("buy", unknown)
    assert type(error) is NotFound
    assert error.what == f"There is no offer {unknown}."


def test_offers_that_are_not_on_sale(shop: Shop) -> None:
    sold_out, closed, paused = shop.offer(supply=1), shop.offer(), shop.offer()
    shop.run("buy", sold_out)
    shop.contract("seller", "LicenseManager", "closeOffer", abi.id_number(closed))
    shop.contract("seller", "LicenseManager", "updateOffer", abi.id_number(paused), 1000, 0, False)
    per_play = shop.offer(kind=OfferKind.PER_PLAY)
    asleep = shop.offer(shop.work(Visibility.WITHDRAWN))
    told = {
        (sold_out, "sold-out"): "it is sold out",
        (closed, "closed"): "its seller closed it for good",
        (paused, "paused"): "its seller paused it; it may open again",
        (per_play, "per-play"): "it is paid play by play, not bought",
        (asleep, "not-licensed"): "it sleeps, as not every work in it is on sale now",
    }
    for (offer, reason), why in told.items():
        assert refused(shop, offer, reason=reason).what == f"Offer {offer} cannot be bought: {why}."


def test_a_seller_who_owns_it_no_more(shop: Shop) -> None:
    work = shop.work()
    offer = shop.offer(work)
    to_other = ("transferFrom", shop["seller"], shop["relayer"], abi.id_number(work))
    shop.contract("seller", "CopyrightRegistry", *to_other)
    refused(shop, offer, reason="seller-not-owner")


def test_one_of_several_that_cannot_be_bought_stops_all(shop: Shop) -> None:
    good, asleep = shop.offer(), shop.offer(shop.work(Visibility.PRIVATE))
    refused(shop, good, asleep, reason="not-licensed")
    assert shop.units(good, shop["buyer"]) == 0


def test_what_is_sold_out_only_by_the_batch_itself(shop: Shop) -> None:
    """Each alone could be bought; the chain refuses them together."""
    offer = shop.offer(supply=1)
    error = refused(shop, offer, offer, reason="sold-out")
    assert error.what == f"Offer {offer} cannot be bought: it is sold out."


def test_a_price_above_the_most(shop: Shop) -> None:
    offer = shop.offer(price=10**15)
    error = refused(shop, offer, "--max-price", "0.0009eth", reason="price-above-max")
    assert error.what == "The price is 0.001 ETH, more than the 0.0009 ETH that you allow."
    refused(shop, offer, offer, "--max-price", "0.0019eth", reason="price-above-max")


def test_one_most_for_several_tokens_says_nothing(shop: Shop) -> None:
    words = (shop.offer(), shop.offer(token=shop.token()), "--max-price", "1", "--yes")
    error = shop.fail("buy", *words)
    assert type(error) is BadInput
    assert "priced in different tokens" in error.what


def test_too_little_of_a_token(shop: Shop) -> None:
    token = shop.token(amount=999)
    error = shop.fail("buy", shop.offer(token=token), "--yes")
    assert type(error) is InsufficientFunds
    assert error.what == (
        f"The account {shop['buyer']} has 0.000000000000000999 MOCK [{token}] and must pay "
        f"0.000000000000001 MOCK [{token}]."
    )


def test_too_little_eth_for_the_sum(shop: Shop) -> None:
    shop.actor("poor", 10**15)
    offer = shop.offer(price=6 * 10**14)
    error = shop.fail("buy", offer, offer, "--yes", by="poor")
    assert type(error) is InsufficientFunds
    assert "has 0.001 ETH; the value may take 0.0012 ETH" in error.what


def test_a_token_that_keeps_no_approval(shop: Shop) -> None:
    token = shop.token("ForgetfulToken")
    error = shop.fail("buy", shop.offer(token=token), "--yes")
    assert type(error) is TokenMisbehaves
    assert error.exit_code == 17
    assert error.what == (
        f"The token {token} took an approval of 1000 base units and has none of that size."
    )
    assert error.saved.startswith("These transactions were sent before: 0x")


def test_a_token_that_does_not_move(shop: Shop) -> None:
    token = shop.token("TetherLike")
    shop.send("buyer", token, call_data("setRefuses(bool)", True))
    error = shop.fail("buy", shop.offer(token=token), "--yes")
    assert type(error) is TokenMisbehaves
    assert error.what == f"The token {token} did not move what it was told to move."
    assert shop.allows(token, shop.manager) == 1000


def test_a_token_that_answers_nothing(shop: Shop) -> None:
    token = shop.token()
    offer = shop.offer(token=token)
    shop.anvil.rpc("anvil_setCode", token, "0x60015ffd")
    error = shop.fail("buy", offer, "--yes")
    assert type(error) is TokenMisbehaves
    assert error.what == f"The token {token} does not answer balanceOf with a number."


def test_ways_to_pay_that_do_not_fit(shop: Shop) -> None:
    shop.without_permit2()
    token = shop.token("TetherLike")
    offer, in_eth = shop.offer(token=token), shop.offer()
    error = refused(shop, offer, "--pay", "permit", reason="no-permit")
    assert error.what == f"The token {token} has no permit (EIP-2612) that can be relied on."
    error = refused(shop, offer, "--pay", "permit2", reason="no-permit2")
    assert error.what == "Permit2 is not deployed on chain 31337."
    for way in ("permit", "permit2"):
        error = shop.fail("buy", in_eth, "--pay", way)
        assert type(error) is BadInput
        assert error.what == f"The offer is priced in ETH: there is no {way} for that."
        error = shop.fail("buy", offer, offer, "--pay", way)
        assert type(error) is BadInput
        assert error.what == f"One offer at a time is paid by {way}."


def test_a_permit_whose_domain_is_not_the_tokens_own(shop: Shop) -> None:
    offer = shop.offer(token=shop.token("LyingDomainToken"))
    refused(shop, offer, "--pay", "permit", reason="no-permit")


def test_a_permit_that_the_token_refuses(shop: Shop) -> None:
    offer = shop.offer(token=shop.token("BrokenPermitToken"))
    refused(shop, offer, "--pay", "permit", reason="no-permit")


@pytest.mark.parametrize("words", [["--sign-only"], ["--out", "f"]])
def test_signing_needs_a_file_and_a_file_signing(shop: Shop, words: list[str]) -> None:
    with pytest.raises(click.UsageError, match="go together"):
        shop.run("buy", fresh(), *words)


def test_without_a_yes_nothing_is_paid(shop: Shop) -> None:
    offer = shop.offer(token=shop.token())
    sent = shop.nonce()
    error = shop.fail("buy", offer)
    assert type(error) is BadInput
    assert error.what == "This needs a yes, and nobody is there to ask."
    assert (error.saved, error.do) == (
        "Nothing was sent.",
        "Add --yes if you agree to what is shown above.",
    )
    with pytest.raises(click.Abort):
        shop.run("buy", offer, typed="n\n")
    assert shop.nonce() == sent
    shop.run("buy", offer, typed="y\n")


def test_nobody_is_fooled_by_a_tokens_name(shop: Shop) -> None:
    """What a token calls itself is bounded and cleaned, and its address stands beside it."""
    token = shop.token("HostileNameToken")
    offer = shop.offer(token=token)
    with pytest.raises(click.Abort):
        shop.run("buy", offer, typed="n\n")
    assert "\x1b" not in shop.said
    assert "\u202e" not in shop.said
    assert f"1000 base units of token {token}" in shop.said
    assert f"Warning: The token {token} does not say how it counts." in shop.said
    told = shop.run("buy", offer, "--yes")
    assert told["token"] == {"address": token, "symbol": "[31mETHandmo", "decimals": None}


def test_a_payout_older_than_its_owner_is_told_before(shop: Shop) -> None:
    """DESIGN 4.1: a transfer keeps the payout, so the money may go to somebody else."""
    old = shop.actor("old", 0).address
    work = shop.work(payout=old)
    words = ("transferFrom", shop["seller"], shop["relayer"], abi.id_number(work))
    shop.contract("seller", "CopyrightRegistry", *words)
    shop.wallets["seller"], theirs = shop.wallets["relayer"], shop.wallets["seller"]
    offer = shop.offer(work)
    shop.wallets["seller"] = theirs
    error: ImmurtalError = shop.fail("buy", offer)
    assert type(error) is BadInput
    assert (
        f"Warning: The money for {work} goes to {old}, which was set before {shop['relayer']} "
        "owned it." in shop.said
    )
    assert shop.run("buy", offer, "--yes")["payments"] == [{"payout": old, "amount": "1000"}]


def test_the_zero_address_holds_nothing(shop: Shop) -> None:
    error = shop.fail("buy", shop.offer(), "--for", ZERO_ADDRESS)
    assert type(error) is BadInput
    assert error.what == "The zero address can hold no licence."
