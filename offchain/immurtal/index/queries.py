"""Reads of the index, for storage and the API.

Each takes the connection of one snapshot (`await database.read(queries.certificate, id)`), so that
several reads in one function agree. Lists are pages: `next` goes into the next call's `cursor`.
What is said is *seen*; it is final where its `block` is at most `cursor(…).final_number`.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from eth_utils.crypto import keccak

from immurtal.chain.contracts import Certificate, Node, Offer, OfferKind, Visibility
from immurtal.index import cursor as cursors
from immurtal.index import schema
from immurtal.index.cursor import Cursor
from immurtal.index.pages import MOST, Page, bounded, newest_first
from immurtal.index.payments import certificates_in, offers_with, payments_of, split
from immurtal.index.releases import current_releases, releases_final, terms, wanted_at_final

__all__ = [
    "certificate",
    "certificates",
    "certificates_of_release",
    "current_releases",
    "cursor",
    "history",
    "is_granted",
    "licences_of",
    "nodes",
    "offer",
    "offers_of",
    "payments_of",
    "registered_in",
    "releases_final",
    "split",
    "terms",
    "wanted_at_final",
]


@dataclass(frozen=True, slots=True)
class Change:
    """A certificate's state after `event` (Registered, ReleasePublished, VisibilityChanged,
    PayoutChanged, PayoutLocked, Transfer)."""

    event: str
    block: int
    log_index: int
    transaction_hash: str
    owner: str
    release: str
    version: int
    visibility: Visibility
    payout: str
    payout_locked: bool


@dataclass(frozen=True, slots=True)
class OfferView:
    """awake: whether the seller owns every certificate and each is Licensed."""

    offer: Offer
    awake: bool
    block: int


@dataclass(frozen=True, slots=True)
class Licence:
    """balance: units. expiry: seconds, 0 for perpetual."""

    offer: str
    kind: OfferKind
    certificates: tuple[str, ...]
    balance: int
    expiry: int


def cursor(connection: sa.Connection) -> Cursor | None:
    """Where the tables stand; None before the first step."""
    return cursors.load(connection)


def certificate(connection: sa.Connection, certificate_id: str) -> Certificate | None:
    table = schema.certificates
    row = connection.execute(sa.select(table).where(table.c.id == certificate_id)).first()
    return None if row is None else _certificate(row)


def registered_in(connection: sa.Connection, certificate_id: str) -> int | None:
    """The block of the registration."""
    table = schema.certificates
    found = sa.select(table.c.block).where(table.c.id == certificate_id)
    return connection.execute(found).scalar()


def certificates(
    connection: sa.Connection, cursor: str | None = None, limit: int = MOST
) -> Page[Certificate]:
    """Newest first."""
    rows, following = newest_first(connection, schema.certificates, None, cursor, limit)
    return Page(tuple(_certificate(row) for row in rows), following)


def certificates_of_release(
    connection: sa.Connection, release: str, limit: int = MOST
) -> tuple[Certificate, ...]:
    """Those whose current release it is."""
    table = schema.certificates
    found = sa.select(table).where(table.c.release == release).order_by(table.c.id)
    return tuple(_certificate(row) for row in connection.execute(found.limit(bounded(limit))))


def history(
    connection: sa.Connection, certificate_id: str, cursor: str | None = None, limit: int = MOST
) -> Page[Change]:
    """Newest first, down to the registration."""
    table = schema.certificate_history
    mine = table.c.certificate == certificate_id
    rows, following = newest_first(connection, table, mine, cursor, limit)
    changes = tuple(
        Change(
            row.event,
            row.block,
            row.log_index,
            row.transaction_hash,
            row.owner,
            row.release,
            row.version,
            Visibility(row.visibility),
            row.payout,
            row.payout_locked,
        )
        for row in rows
    )
    return Page(changes, following)


def offer(connection: sa.Connection, offer_id: str) -> OfferView | None:
    table = schema.offers
    row = connection.execute(sa.select(table).where(table.c.id == offer_id)).first()
    return None if row is None else _offer(connection, row)


def offers_of(
    connection: sa.Connection, certificate_id: str, cursor: str | None = None, limit: int = MOST
) -> Page[OfferView]:
    """Newest first, closed ones too."""
    mine = schema.offers.c.id.in_(offers_with(certificate_id))
    rows, following = newest_first(connection, schema.offers, mine, cursor, limit)
    return Page(tuple(_offer(connection, row) for row in rows), following)


def licences_of(
    connection: sa.Connection, account: str, cursor: str | None = None, limit: int = MOST
) -> Page[Licence]:
    """By offer id; passes also after their expiry."""
    licences, offers = schema.licences, schema.offers
    found = (
        sa.select(licences, offers.c.kind)
        .join(offers, offers.c.id == licences.c.offer)
        .where(licences.c.account == account)
        .order_by(licences.c.offer)
        .limit(bounded(limit) + 1)
    )
    if cursor is not None:
        found = found.where(licences.c.offer > cursor)
    rows = connection.execute(found).all()
    page = rows[: bounded(limit)]
    items = tuple(
        Licence(
            row.offer,
            OfferKind(row.kind),
            certificates_in(connection, row.offer),
            row.balance,
            row.expiry,
        )
        for row in page
    )
    return Page(items, page[-1].offer if len(rows) > len(page) else None)


def is_granted(connection: sa.Connection, certificate_id: str, account: str) -> bool:
    table = schema.grants
    mine = (table.c.certificate == certificate_id) & (table.c.account == account)
    return connection.execute(sa.select(table.c.account).where(mine)).first() is not None


def nodes(connection: sa.Connection, cursor: str | None = None, limit: int = MOST) -> Page[Node]:
    """By id, retired ones left out."""
    table = schema.nodes
    found = sa.select(table).where(~table.c.retired).order_by(table.c.id)
    if cursor is not None:
        found = found.where(table.c.id > cursor)
    rows = connection.execute(found.limit(bounded(limit) + 1)).all()
    page = rows[: bounded(limit)]
    following = page[-1].id if len(rows) > len(page) else None
    return Page(tuple(_node(row) for row in page), following)


def _certificate(row: Any) -> Certificate:
    return Certificate(
        id=row.id,
        owner=row.owner,
        author=row.author,
        committed_at=row.committed_at,
        registered_at=row.registered_at,
        release=row.release,
        version=row.version,
        visibility=Visibility(row.visibility),
        payout=row.payout,
        payout_locked=row.payout_locked,
    )


def _offer(connection: sa.Connection, row: Any) -> OfferView:
    members, table = schema.offer_certificates, schema.certificates
    found = (
        sa.select(members.c.certificate, table.c.owner, table.c.visibility)
        .outerjoin(table, table.c.id == members.c.certificate)
        .where(members.c.offer == row.id)
        .order_by(members.c.position)
    )
    covered = connection.execute(found).all()
    awake = all(c.owner == row.seller and c.visibility == Visibility.LICENSED for c in covered)
    value = Offer(
        id=row.id,
        seller=row.seller,
        certificates=tuple(c.certificate for c in covered),
        kind=OfferKind(row.kind),
        token=row.token,
        duration=row.duration,
        transferable=row.transferable,
        referral_bps=row.referral_bps,
        terms=row.terms,
        salt=row.salt,
        price=row.price,
        max_supply=row.max_supply,
        sold=row.sold,
        open=row.open,
        closed=row.closed,
    )
    return OfferView(value, awake, row.block)


def _node(row: Any) -> Node:
    key = bytes.fromhex(row.key[2:])
    return Node(
        id=row.id,
        operator=row.operator,
        api_url=row.api_url,
        gateway_url=row.gateway_url,
        peer=row.peer,
        kem=row.kem,
        key=key,
        node_key="0x" + keccak(row.kem.to_bytes(2, "big") + key).hex(),
        region=row.region,
        domain=row.domain,
        retired=row.retired,
        updated_block=row.block,
    )
