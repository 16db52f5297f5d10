"""Buying a licence: quoted first, paid exactly, straight to the artist's payout (DESIGN 4.2)."""

from dataclasses import dataclass

from immurtal.chain import abi
from immurtal.chain.contracts import (
    ZERO_ADDRESS,
    Contracts,
    Offer,
    OfferKind,
    Refusal,
    Visibility,
)
from immurtal.chain.transactions import Receipt, Sender
from immurtal.errors import BadInput, NotFound

REFUSALS = {
    Refusal.UNKNOWN_OFFER: "there is no such offer on this network",
    Refusal.CLOSED: "its seller closed it for good",
    Refusal.PAUSED: "its seller paused it; it may open again",
    Refusal.SELLER_NOT_OWNER: "its seller does not own every work in it any more",
    Refusal.NOT_LICENSED: "not every work in it is on sale now",
    Refusal.SOLD_OUT: "it is sold out",
    Refusal.PER_PLAY: "it is paid play by play, with `immurtal play`, not bought",
    Refusal.UNSUPPORTED: "this version sells perpetual licences in ETH only",
}


@dataclass(frozen=True, slots=True)
class Purchase:
    """What was bought: `paid` wei, and to which payouts they went, in order."""

    offer: Offer
    recipient: str
    paid: int
    payments: tuple[tuple[str, int], ...]
    receipt: Receipt


async def buy(
    contracts: Contracts,
    sender: Sender,
    offer_id: str,
    *,
    recipient: str,
    referrer: str = ZERO_ADDRESS,
    max_price: int | None = None,
) -> Purchase:
    """Buys one perpetual licence for `recipient`. `max_price` in wei, default the quote.

    Raises NotFound, BadInput (it cannot be bought, and why; or it costs more), and what sending
    raises.
    """
    offer = await contracts.offer(offer_id)
    quote = await contracts.quote(offer_id, recipient)
    refusal = quote.refusal
    if refusal is Refusal.NONE and (offer.kind, offer.token) != (OfferKind.PERPETUAL, ZERO_ADDRESS):
        refusal = Refusal.UNSUPPORTED
    if refusal is Refusal.UNKNOWN_OFFER:
        raise NotFound(f"There is no offer {offer_id}.", do="Check the id and the network.")
    if refusal is not Refusal.NONE:
        raise BadInput(
            f"Offer {offer_id} cannot be bought: {REFUSALS[refusal]}.", saved="Nothing was paid."
        )
    limit = quote.price if max_price is None else max_price
    if quote.price > limit:
        raise BadInput(
            f"The licence costs {quote.price} wei, more than the {limit} wei allowed.",
            saved="Nothing was paid.",
            do="Raise --max-price, or leave it out.",
        )
    data = abi.encode_call(
        "LicenseManager", "purchase", abi.id_number(offer_id), recipient, referrer, limit
    )
    receipt = await sender.send(contracts.deployment.license_manager, data, quote.price)
    payments = tuple(
        (str(event.args["payout"]), int(event.args["amount"]))
        for event in receipt.events("LicenseManager", "Paid")
    )
    return Purchase(offer, recipient, quote.price, payments, receipt)


async def usable_offers(
    contracts: Contracts, certificate: str, account: str, offer_ids: list[str]
) -> list[str]:
    """Those of `offer_ids` by which the account may hear the work now."""
    found = []
    for offer_id in offer_ids:
        if await contracts.has_access(certificate, account, offer_id):
            found.append(offer_id)
    return found


async def needs_no_offer(contracts: Contracts, certificate: str, account: str) -> bool:
    """Whether the account may hear the work as owner, by grant, or because it is open to all."""
    return await contracts.has_access(certificate, account)


async def is_open(contracts: Contracts, certificate: str) -> bool:
    """Whether everyone may hear the work. Raises NotFound."""
    return (await contracts.certificate(certificate)).visibility is Visibility.OPEN
