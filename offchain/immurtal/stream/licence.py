"""Buying a licence: quoted first, paid exactly, straight to the artist's payout (DESIGN 4.2)."""

from dataclasses import dataclass

from immurtal.chain import abi
from immurtal.chain.contracts import (
    ZERO_ADDRESS,
    ZERO_ID,
    Contracts,
    Offer,
    OfferKind,
    Refusal,
)
from immurtal.chain.logs import LogScan
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


async def find_access(contracts: Contracts, certificate: str, account: str) -> str | None:
    """What the account may rely on to hear the work now: zero (owner, grant, open to all), or the
    id of an offer of which it holds a licence; None: nothing.

    Licences are looked for among the chain's own transfers, newest first, so no node is trusted
    and none has to have seen a purchase of a moment ago.
    """
    if await contracts.has_access(certificate, account):
        return ZERO_ID
    tried: set[str] = set()
    topics = abi.event_topics("LicenseManager")
    wanted = [topics["TransferSingle"], None, None, _topic(account)]
    logs = LogScan(contracts.rpc, contracts.deployment.license_manager, wanted)
    async for log in logs.newest_first(contracts.deployment.first_block):
        event = abi.decode_log(log, "LicenseManager")
        offer_id = "0x" + int(event.args["id"]).to_bytes(32).hex() if event else ""
        if offer_id and offer_id not in tried:
            tried.add(offer_id)
            if await contracts.has_access(certificate, account, offer_id):
                return offer_id
    return None


def _topic(account: str) -> str:
    return "0x" + account[2:].rjust(64, "0")
