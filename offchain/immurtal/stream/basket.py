"""What a listener is about to buy: offers looked at, prices held against the most that is paid,
sums by token. Nothing here is sent (DESIGN 4.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from immurtal.chain.contracts import ZERO_ADDRESS, Contracts, Offer, OfferKind, Refusal
from immurtal.chain.rpc import quantity
from immurtal.chain.tokens import ETH, Currency, Erc20
from immurtal.errors import BadInput, CannotBuy, InsufficientFunds, IntegrityError, NotFound

MAX_TIME: Final = 2**64 - 1
MAX_OFFERS: Final = 64
"""Of one purchase: more are paid in several, for a transaction may have 16.7 M gas."""

REFUSALS: Final = {
    Refusal.CLOSED: "its seller closed it for good",
    Refusal.PAUSED: "its seller paused it; it may open again",
    Refusal.SELLER_NOT_OWNER: "it sleeps, as its seller does not own every work in it any more",
    Refusal.NOT_LICENSED: "it sleeps, as not every work in it is on sale now",
    Refusal.SOLD_OUT: "it is sold out",
    Refusal.PER_PLAY: "it is paid play by play, not bought",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One licence. limit: the most that is paid for it. held: units that the recipient holds.
    ended: when the recipient's pass ends or ended, 0 for none; ends: when it will, 0 if perpetual.
    Times in seconds, by the chain's head."""

    offer: Offer
    currency: Currency
    price: int
    limit: int
    held: int
    ended: int
    ends: int

    @property
    def is_renewal(self) -> bool:
        return self.ended > 0


@dataclass(frozen=True, slots=True)
class Basket:
    """now: the chain's time, seconds. referrer zero: nobody."""

    items: tuple[Item, ...]
    recipient: str
    referrer: str
    now: int

    @property
    def sums(self) -> dict[Currency, int]:
        """What is paid in each token, in the order of the offers."""
        sums: dict[Currency, int] = {}
        for item in self.items:
            sums[item.currency] = sums.get(item.currency, 0) + item.price
        return sums

    @property
    def wei(self) -> int:
        return self.sums.get(ETH, 0)

    @property
    def tokens(self) -> dict[Currency, int]:
        """The sums that are not in ETH, and not nothing."""
        return {c: amount for c, amount in self.sums.items() if not c.is_eth and amount}

    def capped(self, most: int) -> "Basket":
        """With `most` as the most that all of it may cost; base units of its one currency.

        Raises CannotBuy if it costs more, BadInput for several currencies.
        """
        if len(self.sums) != 1:
            raise BadInput(
                "These offers are priced in different tokens: one most for all of them says "
                "nothing.",
                do="Buy them one by one, or leave --max-price out: no more is paid than is shown.",
            )
        ((currency, price),) = self.sums.items()
        if price > most:
            raise CannotBuy(
                f"The price is {currency.text(price)}, more than the {currency.text(most)} that "
                "you allow.",
                reason="price-above-max",
                saved="Nothing was paid.",
                do="Raise --max-price, or leave it out.",
            )
        if len(self.items) > 1:  # each at its price: together they stay below
            return self
        return replace(self, items=(replace(self.items[0], limit=most),))


async def look(
    contracts: Contracts, offers: Sequence[str], *, recipient: str, referrer: str = ZERO_ADDRESS
) -> Basket:
    """Everything about these purchases, in order; an offer may be there more than once.

    Raises NotFound; CannotBuy: one of them cannot be bought now, and why; BadInput: none or more
    than 64.
    """
    if not 0 < len(offers) <= MAX_OFFERS:
        raise BadInput(f"One purchase is of 1 to {MAX_OFFERS} offers, not {len(offers)}.")
    if recipient == ZERO_ADDRESS:
        raise BadInput("The zero address can hold no licence.")
    head = await contracts.rpc.call("eth_getBlockByNumber", ["latest", False])
    if not isinstance(head, dict):
        raise IntegrityError("The RPC endpoint gives no newest block.")
    now = quantity(head.get("timestamp"))
    currencies: dict[str, Currency] = {ZERO_ADDRESS: ETH}
    items: list[Item] = []
    for offer_id in offers:
        item = await _item(contracts, offer_id, recipient, currencies)
        items.append(_extended(item, items, now))
    return Basket(tuple(items), recipient, referrer, now)


async def check_balances(contracts: Contracts, basket: Basket, payer: str) -> None:
    """Raises InsufficientFunds unless the payer has the tokens; what they have of ETH is asked when
    it is sent, with the fee. Raises TokenMisbehaves."""
    for currency, needed in basket.tokens.items():
        check_balance(
            currency, await Erc20(contracts.rpc, currency.address).balance(payer), needed, payer
        )


def check_balance(currency: Currency, has: int, needed: int, payer: str) -> None:
    """Raises InsufficientFunds."""
    if has < needed:
        raise InsufficientFunds(
            f"The account {payer} has {currency.text(has)} and must pay {currency.text(needed)}.",
            saved="Nothing was paid.",
            do="Send the rest to the account and try again.",
        )


async def _item(
    contracts: Contracts, offer_id: str, recipient: str, currencies: dict[str, Currency]
) -> Item:
    offer = await contracts.offer(offer_id)
    quote = await contracts.quote(offer_id, recipient)
    if quote.refusal is Refusal.UNKNOWN_OFFER:
        raise NotFound(f"There is no offer {offer_id}.", do="Check the id and the network.")
    if quote.refusal is not Refusal.NONE:
        reason = quote.refusal.name.lower().replace("_", "-")
        raise CannotBuy(
            f"Offer {offer_id} cannot be bought: {REFUSALS.get(quote.refusal, reason)}.",
            reason=reason,
            saved="Nothing was paid.",
            do="`immurtal status CERTIFICATE` shows a work's other offers.",
        )
    if offer.token not in currencies:
        currencies[offer.token] = await Erc20(contracts.rpc, offer.token).currency()
    is_pass = offer.kind is OfferKind.PASS
    return Item(
        offer=offer,
        currency=currencies[offer.token],
        price=quote.price,
        limit=quote.price,
        held=await contracts.licences(offer.id, recipient),
        ended=await contracts.expiry_of(offer.id, recipient) if is_pass else 0,
        ends=0,
    )


def _extended(item: Item, before: Sequence[Item], now: int) -> Item:
    """With its end: from the end that it has or gets in the same basket, or from now."""
    if item.offer.kind is not OfferKind.PASS:
        return item
    ended = max([item.ended, *(i.ends for i in before if i.offer.id == item.offer.id)])
    return replace(item, ended=ended, ends=min(max(now, ended) + item.offer.duration, MAX_TIME))
