"""The offers that a publish makes: a licence to each work, and one to all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from immurtal.chain.contracts import ZERO_ADDRESS, OfferKind
from immurtal.content.terms import terms_digest, terms_file
from immurtal.errors import NotFound, TransactionFailed
from immurtal.publish.actions import Actions, OfferTerms
from immurtal.publish.job import Job
from immurtal.publish.step import Report, Step


@dataclass(frozen=True, slots=True)
class Offers:
    """Offer ids by certificate, the album's (empty: none), and terms files by digest."""

    single: dict[str, str] = field(default_factory=dict)
    album: str = ""
    terms: dict[str, bytes] = field(default_factory=dict)


async def offer_all(
    job: Job,
    actions: Actions,
    singles: Sequence[str],
    album: Sequence[str],
    report: Report,
    transactions: list[tuple[str, str]],
) -> Offers:
    """Offers that are on chain already are left as they are. `singles`: certificates that are sold
    alone; `album`: those that are sold together, if they are two or more."""
    sale, terms = job.choices.sale, dict[str, bytes]()

    async def offer(works: tuple[str, ...], price: int) -> str:
        text = terms_file("perpetual", works, sale.licence)
        offered = OfferTerms(
            certificates=works,
            kind=OfferKind.PERPETUAL,
            token=ZERO_ADDRESS,
            duration=0,
            transferable=sale.transferable,
            referral_bps=sale.referral_bps,
            terms=terms_digest(text),
            salt=job.offer_salt,
        )
        terms[offered.terms] = text
        offer_id = offered.id(job.choices.author)
        if not await _is_there(actions, offer_id):
            report(Step("offer", f"offering a licence to {len(works)} work(s)"))
            try:
                receipt = await actions.create_offer(offered, price, sale.max_supply)
            except TransactionFailed:
                if not await _is_there(actions, offer_id):
                    raise
            else:
                transactions.append(("offer", receipt.hash))
        return offer_id

    made: dict[str, str] = {}
    if sale.price is not None:
        for work in singles:
            made[work] = await offer((work,), sale.price)
    together = ""
    if sale.album_price is not None and len(album) > 1:
        together = await offer(tuple(sorted(album)), sale.album_price)
    return Offers(made, together, terms)


async def _is_there(actions: Actions, offer_id: str) -> bool:
    try:
        await actions.contracts.offer(offer_id)
    except NotFound:
        return False
    return True
