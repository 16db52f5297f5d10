"""What purchases brought a certificate, down to the payees of its splits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from immurtal.chain.contracts import Split
from immurtal.index import schema
from immurtal.index.pages import MOST, Page, newest_first

WHOLE: Final = 10_000  # basis points


@dataclass(frozen=True, slots=True)
class PayeePart:
    """share: basis points. amount: base units, rounded down; a split keeps what is below one unit
    for its next distribution."""

    payee: str
    share: int
    amount: int


@dataclass(frozen=True, slots=True)
class Payment:
    """What one purchase brought one certificate. price, referral: of the whole purchase. amount:
    this certificate's part, paid to `payout` (None where the part is zero); base units of `token`.
    """

    block: int
    log_index: int
    transaction_hash: str
    offer: str
    payer: str
    recipient: str
    referrer: str
    token: str
    price: int
    referral: int
    amount: int
    payout: str | None
    payees: tuple[PayeePart, ...]


def payments_of(
    connection: sa.Connection, certificate_id: str, cursor: str | None = None, limit: int = MOST
) -> Page[Payment]:
    """Newest first."""
    mine = schema.purchases.c.offer.in_(offers_with(certificate_id))
    rows, following = newest_first(connection, schema.purchases, mine, cursor, limit)
    return Page(tuple(_payment(connection, certificate_id, row) for row in rows), following)


def split(connection: sa.Connection, address: str) -> Split | None:
    table = schema.split_payees
    found = sa.select(table).where(table.c.split == address).order_by(table.c.position)
    rows = connection.execute(found).all()
    if not rows:
        return None
    return Split(address, tuple(r.payee for r in rows), tuple(r.share for r in rows))


def offers_with(certificate_id: str) -> sa.Select[Any]:
    """Ids of the offers that cover it."""
    table = schema.offer_certificates
    return sa.select(table.c.offer).where(table.c.certificate == certificate_id)


def certificates_in(connection: sa.Connection, offer_id: str) -> tuple[str, ...]:
    """In the offer's order, which is ascending."""
    table = schema.offer_certificates
    found = sa.select(table.c.certificate).where(table.c.offer == offer_id)
    return tuple(connection.execute(found.order_by(table.c.position)).scalars())


def _payment(connection: sa.Connection, certificate_id: str, row: Any) -> Payment:
    members = certificates_in(connection, row.offer)
    net = row.price - row.referral
    parts = [net // len(members)] * len(members)
    parts[0] += net % len(members)
    position = members.index(certificate_id)
    payout = _payouts(_payments_after(connection, row, net), parts)[position]
    offers = schema.offers
    token = connection.execute(
        sa.select(offers.c.token).where(offers.c.id == row.offer)
    ).scalar_one()
    return Payment(
        row.block,
        row.log_index,
        row.transaction_hash,
        row.offer,
        row.payer,
        row.recipient,
        row.referrer,
        token,
        row.price,
        row.referral,
        parts[position],
        payout,
        () if payout is None else _payee_parts(connection, payout, parts[position]),
    )


def _payments_after(connection: sa.Connection, purchase: Any, net: int) -> list[Any]:
    """The purchase's own: the contract pays right after `Purchased`, and pays `net` in all."""
    table = schema.payments
    found = (
        sa.select(table)
        .where(table.c.block == purchase.block, table.c.offer == purchase.offer)
        .where(table.c.log_index > purchase.log_index)
        .order_by(table.c.log_index)
    )
    mine: list[Any] = []
    for row in connection.execute(found):
        if sum(payment.amount for payment in mine) >= net:
            break
        mine.append(row)
    return mine


def _payouts(payments: Sequence[Any], parts: Sequence[int]) -> list[str | None]:
    """Who got each part: neighbours with one payout were paid together, nothing is not paid."""
    payouts: list[str | None] = []
    paid = iter(payments)
    left, payout = 0, None
    for part in parts:
        if part and not left:
            payment = next(paid, None)
            left, payout = (payment.amount, payment.payout) if payment else (0, None)
        payouts.append(payout if part else None)
        left = max(0, left - part)
    return payouts


def _payee_parts(connection: sa.Connection, payout: str, amount: int) -> tuple[PayeePart, ...]:
    shared = split(connection, payout)
    if shared is None:
        return (PayeePart(payout, WHOLE, amount),)
    return tuple(
        PayeePart(payee, share, amount * share // WHOLE)
        for payee, share in zip(shared.payees, shared.shares, strict=True)
    )
