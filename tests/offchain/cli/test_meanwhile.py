"""What changes between looking and paying: the chain refuses it, and that is told as what it is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from shop import Shop

from immurtal.chain.contracts import Contracts
from immurtal.chain.rpc import Rpc
from immurtal.chain.transactions import Sender
from immurtal.errors import CannotBuy, ImmurtalError, TransactionFailed
from immurtal.stream.basket import Basket, look
from immurtal.stream.bought import explained
from immurtal.stream.order import relay, sign_order
from immurtal.stream.paying import Pay, carry_out, plan

Change = Callable[[], Any]


def failing(shop: Shop, use: Callable[[Contracts], Awaitable[object]]) -> ImmurtalError:
    async def run() -> None:
        rpc = Rpc(shop.anvil.url)
        try:
            await use(Contracts(rpc, shop.deployment))
        finally:
            await rpc.close()

    with pytest.raises(ImmurtalError) as failed:
        asyncio.run(run())
    return failed.value


def bought_too_late(
    shop: Shop, offer: str, change: Change, recipient: str | None = None
) -> ImmurtalError:
    """Looked at and planned, changed, then paid."""

    async def use(contracts: Contracts) -> None:
        wallet = shop.wallets["buyer"]
        basket = await look(contracts, [offer], recipient=recipient or wallet.address)
        planned = await plan(contracts, basket, wallet.address, Pay.AUTO)
        change()
        await carry_out(contracts, Sender(contracts.rpc, wallet, 31337), wallet, planned, print)

    return failing(shop, use)


def sent_too_late(shop: Shop, offer: str, change: Change) -> ImmurtalError:
    """Signed and checked, changed, then sent."""

    async def use(contracts: Contracts) -> None:
        wallet = shop.wallets["buyer"]
        basket = await look(contracts, [offer], recipient=wallet.address)
        signed = await sign_order(contracts, wallet, basket)
        change()
        sender = Sender(contracts.rpc, shop.wallets["relayer"], 31337)
        await relay(contracts, sender, signed, basket)
        await relay(contracts, sender, signed, basket)

    return failing(shop, use)


def update(shop: Shop, offer: str, price: int, is_open: bool = True) -> None:
    row = (int(offer, 16), price, 0, is_open)
    shop.contract("seller", "LicenseManager", "updateOffer", *row)


def test_a_price_that_rose(shop: Shop) -> None:
    offer = shop.offer()
    error = bought_too_late(shop, offer, lambda: update(shop, offer, 1001))
    assert isinstance(error, CannotBuy)
    assert error.reason == "price-above-max"
    assert error.what == (
        f"The price of offer {offer} was raised to 1001 base units meanwhile, more than the 1000 "
        "that you allow."
    )
    assert error.saved == "Nothing was sent."


def test_an_offer_that_was_paused(shop: Shop) -> None:
    offer = shop.offer()
    error = bought_too_late(shop, offer, lambda: update(shop, offer, 1000, is_open=False))
    assert isinstance(error, CannotBuy)
    assert (error.reason, error.exit_code) == ("paused", 16)


def test_after_an_approval_it_is_said_that_it_stands(shop: Shop) -> None:
    token = shop.token("TetherLike")
    offer = shop.offer(token=token)
    error = bought_too_late(shop, offer, lambda: update(shop, offer, 1001))
    assert isinstance(error, CannotBuy)
    assert error.saved.startswith("These transactions were sent before: 0x")
    assert error.do.endswith("What was approved stands; buying again uses it.")
    assert shop.allows(token, shop.manager) == 1000


def test_a_payout_that_takes_nothing(shop: Shop) -> None:
    payout = shop.actor("payout", 0).address
    offer = shop.offer(shop.work(payout=payout))
    change = lambda: shop.anvil.rpc("anvil_setCode", payout, "0x5f5ffd")  # noqa: E731
    error = bought_too_late(shop, offer, change)
    assert isinstance(error, CannotBuy)
    assert error.reason == "payout-refuses"
    assert error.what.startswith(f"The payout {payout} does not take its money")


def test_a_recipient_that_takes_no_licence(shop: Shop) -> None:
    """A token is a contract, and no ERC-1155 receiver."""
    recipient = shop.token()
    error = bought_too_late(shop, shop.offer(), lambda: None, recipient)
    assert isinstance(error, CannotBuy)
    assert error.reason == "recipient-refuses"


def test_orders_that_permit2_itself_refuses(shop: Shop) -> None:
    shop.with_permit2()
    offer = shop.offer(token=shop.token(), supply=2)
    error = sent_too_late(shop, offer, lambda: None)  # the second time
    assert isinstance(error, CannotBuy)
    assert error.reason == "order-used"
    error = sent_too_late(shop, offer, lambda: shop.anvil.mine(2, 2 * 3600))
    assert isinstance(error, CannotBuy)
    assert error.reason == "order-expired"


def test_what_has_no_better_word_stays_what_it_was() -> None:
    basket = Basket((), "0x" + "11" * 20, "0x" + "00" * 20, 0)
    for text in (
        "",
        "Error('anything')",
        "unknown error 0x12345678",
        "RoyaltySplit_TooLittleGas()",
    ):
        error = TransactionFailed("It reverts.", error=text)
        assert explained(error, basket) is error
