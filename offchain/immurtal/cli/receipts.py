"""What a buyer reads: before they pay what it costs and what they should know, then what it came
to."""

import asyncio
from collections.abc import Iterator
from typing import Any

from immurtal.chain.contracts import ZERO_ADDRESS, Contracts, OfferKind
from immurtal.cli.amounts import length, moment
from immurtal.cli.client import sent
from immurtal.errors import ImmurtalError
from immurtal.publish.payouts import is_inherited
from immurtal.stream.basket import Basket, Item
from immurtal.stream.bought import Bought, Sold
from immurtal.stream.paying import Pay, Plan

SLEEPS = "While its owner has a work withdrawn, licences to it give no access; then they wake."

HISTORY_SECONDS = 15.0
"""What looking through old blocks may take before a purchase."""


def basket_lines(basket: Basket, payer: str) -> Iterator[str]:
    """Each licence with its price, then the sums by token."""
    for item in basket.items:
        works = len(item.offer.certificates)
        kind = item.offer.kind.name.lower()
        yield f"{kind} licence to {works} work(s), offer {item.offer.id}"
        yield f"  {item.currency.text(item.price)}{_referral(item, basket)}"
        if item.offer.kind is OfferKind.PASS:
            yield f"  {_pass(item, basket.now)}"
    whom = "you" if basket.recipient == payer else basket.recipient
    for currency, amount in basket.sums.items():
        yield f"In all {currency.text(amount)}, paid by {payer}; the licence is for {whom}."


def shown_before(plan: Plan, worries: list[str], notes: list[str]) -> Iterator[str]:
    """All that a buyer is told before they pay."""
    yield from basket_lines(plan.basket, plan.payer)
    if plan.way is Pay.PERMIT:
        yield "You sign a permit of exactly the price; no approval is sent."
    if plan.way is Pay.PERMIT2:
        yield "You sign a Permit2 purchase: exactly this one, once."
    for approval in plan.approvals:
        yield (
            f"First {approval.spender} is approved for exactly "
            f"{approval.currency.text(approval.amount)}."
        )
    for note in (SLEEPS, *notes):
        yield f"Note: {note}"
    for worry in worries:
        yield f"Warning: {worry}"


async def cautions(contracts: Contracts, basket: Basket) -> tuple[list[str], list[str]]:
    """What a buyer must think about before they pay, and what they should know besides."""
    worries: list[str] = []
    for item in basket.items:
        if item.held and item.offer.kind is OfferKind.PERPETUAL:
            worries.append(f"{basket.recipient} holds a licence of offer {item.offer.id} already.")
        if not item.currency.is_eth and item.currency.decimals is None:
            worries.append(f"The token {item.currency.address} does not say how it counts.")
    works = dict.fromkeys(work for item in basket.items for work in item.offer.certificates)
    try:
        async with asyncio.timeout(HISTORY_SECONDS):
            for work in works:
                worries += await _inherited(contracts, work)
    except (ImmurtalError, TimeoutError) as error:
        why = error.what if isinstance(error, ImmurtalError) else "its history takes too long"
        return worries, [f"It is not checked whether payouts are older than their owners: {why}"]
    return worries, []


async def _inherited(contracts: Contracts, work: str) -> list[str]:
    certificate = await contracts.certificate(work)
    if not await is_inherited(contracts, certificate):
        return []
    return [
        f"The money for {work} goes to {certificate.payout}, which was set before "
        f"{certificate.owner} owned it."
    ]


def purchase_result(bought: Bought) -> tuple[dict[str, Any], str]:
    """For a program, and for a person. One licence stands at the top as well."""
    purchases = [_sold_json(sold) for sold in bought.sold]
    result: dict[str, Any] = {
        "payer": bought.payer,
        "recipient": bought.recipient,
        "purchases": purchases,
        "approvals": [sent(receipt) for receipt in bought.approvals],
        **(purchases[0] if len(purchases) == 1 else {}),
        **sent(bought.receipt),
    }
    return result, "\n".join(line for sold in bought.sold for line in _sold_lines(sold))


def _sold_json(sold: Sold) -> dict[str, Any]:
    offer = sold.item.offer
    return {
        "offer": offer.id,
        "certificates": list(offer.certificates),
        "kind": offer.kind.name.lower(),
        "token": sold.item.currency.to_json(),
        "paid": str(sold.paid),
        "referral": str(sold.referral),
        "expiry": sold.expiry,
        "payments": [{"payout": to, "amount": str(amount)} for to, amount in sold.payments],
    }


def _sold_lines(sold: Sold) -> Iterator[str]:
    currency, works = sold.item.currency, sold.item.offer.certificates
    until = f", until {moment(sold.expiry)}" if sold.expiry else ""
    done = "Renewed" if sold.item.is_renewal else "Bought"
    yield f"{done} a licence to {len(works)} work(s) for {currency.text(sold.paid)}{until}."
    if sold.referral:
        yield f"  {currency.text(sold.referral)} to the referrer"
    yield from (f"  {currency.text(amount)} to {payout}" for payout, amount in sold.payments)
    yield from (f"  immurtal play {work}" for work in works)


def _pass(item: Item, now: int) -> str:
    lasts = length(item.offer.duration)
    if not item.is_renewal:
        return f"it lasts {lasts}, until about {moment(item.ends)}"
    verb = "runs" if item.ended > now else "ran"
    return (
        f"the pass {verb} until {moment(item.ended)}; renewed by {lasts} it runs until "
        f"{'' if item.ended > now else 'about '}{moment(item.ends)}"
    )


def _referral(item: Item, basket: Basket) -> str:
    if basket.referrer == ZERO_ADDRESS or not item.offer.referral_bps:
        return ""
    amount = item.price * item.offer.referral_bps // 10_000
    return f", of which {item.currency.text(amount)} to {basket.referrer}"
