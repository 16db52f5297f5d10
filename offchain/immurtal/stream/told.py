"""What one node tells of a certificate's offers and payments, read as a stranger's word.

Offers are only found by it: what they are, the chain says, so no node can put another price on one
or slip in an offer of other works. Payments are the node's own word, of the right types.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final

from immurtal.chain.contracts import Contracts, Offer, OfferKind, Refusal
from immurtal.content.strict_json import Fields
from immurtal.errors import BadInput, NotFound

MOST: Final = 100
MOST_PAYEES: Final = 100
_AMOUNT: Final = re.compile("[0-9]{1,78}")
_KINDS: Final = {
    OfferKind.PERPETUAL: "perpetual",
    OfferKind.PASS: "pass",
    OfferKind.PER_PLAY: "perPlay",
}
_ASLEEP: Final = frozenset({Refusal.SELLER_NOT_OWNER, Refusal.NOT_LICENSED})


async def offers_told(
    contracts: Contracts, certificate: str, told: Mapping[str, Any]
) -> tuple[dict[str, Any], ...]:
    """The offers on this certificate among those told, with the names that the nodes' API has.

    Raises BadInput: the node tells nonsense; and what reading the chain raises.
    """
    listed = Fields(told, "certificate").objects("offers", MOST)
    ids = ["0x" + offer.hex("id", 32).hex() for offer in listed]
    found = await asyncio.gather(*(_offer(contracts, certificate, one) for one in ids))
    return tuple(offer for offer in found if offer is not None)


def payments_told(told: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Raises BadInput: the node tells nonsense."""
    return tuple(map(_payment, Fields(told, "payments").objects("items", MOST)))


async def _offer(contracts: Contracts, certificate: str, offer_id: str) -> dict[str, Any] | None:
    """None where the chain knows no such offer on this certificate."""
    try:
        offer = await contracts.offer(offer_id)
    except NotFound:
        return None
    if certificate not in offer.certificates:
        return None
    quote = await contracts.quote(offer_id, offer.seller)
    return _offer_json(offer) | {"awake": quote.refusal not in _ASLEEP}


def _offer_json(offer: Offer) -> dict[str, Any]:
    return {
        "id": offer.id,
        "seller": offer.seller,
        "certificates": list(offer.certificates),
        "kind": _KINDS[offer.kind],
        "token": offer.token,
        "duration": offer.duration,
        "transferable": offer.transferable,
        "referralBps": offer.referral_bps,
        "terms": offer.terms,
        "price": str(offer.price),
        "maxSupply": str(offer.max_supply),
        "sold": str(offer.sold),
        "open": offer.open,
        "closed": offer.closed,
    }


def _payment(fields: Fields) -> dict[str, Any]:
    return {
        "block": fields.whole("block"),
        "transaction": "0x" + fields.hex("transaction", 32).hex(),
        "offer": "0x" + fields.hex("offer", 32).hex(),
        "payer": fields.address("payer"),
        "recipient": fields.address("recipient"),
        "token": fields.address("token"),
        "price": _amount(fields, "price"),
        "amount": _amount(fields, "amount"),
        "payout": fields.optional("payout", fields.address),
        "payees": [
            {
                "payee": payee.address("payee"),
                "share": payee.whole("share", 0, 10_000),
                "amount": _amount(payee, "amount"),
            }
            for payee in fields.objects("payees", MOST_PAYEES)
        ],
    }


def _amount(fields: Fields, name: str) -> str:
    text = fields.text(name, 78)
    if not _AMOUNT.fullmatch(text):
        raise BadInput(f"{fields.name}.{name} is no amount.")
    return text
