"""Which releases certificates name, at the head and at the final height: what storage reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from immurtal.chain.contracts import Visibility
from immurtal.index import schema


@dataclass(frozen=True, slots=True)
class Held:
    """A release that a certificate names, or named at the height that was asked about."""

    certificate: str
    release: str
    visibility: Visibility
    owner: str
    author: str


@dataclass(frozen=True, slots=True)
class Terms:
    """digest: SHA-256 of the terms' one raw leaf."""

    certificate: str
    offer: str
    digest: str


def current_releases(connection: sa.Connection) -> Iterator[Held]:
    """Every certificate's current release, streamed: read it within the transaction."""
    table = schema.certificates
    columns = (table.c.id.label("certificate"), *_held_columns(table), table.c.author)
    yield from _held(connection, sa.select(*columns).order_by(table.c.id))


def releases_final(connection: sa.Connection) -> Iterator[Held]:
    """Every certificate's release as it was at the final height, streamed."""
    states = _states_since_final()
    yield from _held(connection, states.where(schema.certificate_history.c.block <= _final()))


def wanted_at_final(connection: sa.Connection) -> Iterator[Held]:
    """What was not withdrawn at the final height or at any moment since, streamed: whatever is not
    in here may be let go. A pair of certificate and release may come more than once."""
    withdrawn = schema.certificate_history.c.visibility == Visibility.WITHDRAWN
    yield from _held(connection, _states_since_final().where(~withdrawn))


def terms(connection: sa.Connection) -> Iterator[Terms]:
    """The terms of every offer, with each of its certificates, streamed."""
    offers, members = schema.offers, schema.offer_certificates
    found = (
        sa.select(members.c.certificate, offers.c.id, offers.c.terms)
        .join(offers, offers.c.id == members.c.offer)
        .order_by(members.c.certificate, offers.c.id)
    )
    for row in connection.execute(found.execution_options(yield_per=1000)):
        yield Terms(row.certificate, row.id, row.terms)


def _states_since_final() -> sa.Select[Any]:
    """Each state a certificate was in at the final height or after it: all but those that were
    followed by another one at or below the final height."""
    table, later = schema.certificate_history, schema.certificate_history.alias("later")
    replaced = (
        sa.select(sa.literal(1))
        .where(later.c.certificate == table.c.certificate)
        .where(later.c.block <= _final())
        .where(
            sa.tuple_(later.c.block, later.c.log_index)
            > sa.tuple_(table.c.block, table.c.log_index)
        )
        .exists()
    )
    return (
        sa.select(table.c.certificate, *_held_columns(table), schema.certificates.c.author)
        .join(schema.certificates, schema.certificates.c.id == table.c.certificate)
        .where(~replaced)
        .order_by(table.c.certificate, table.c.block, table.c.log_index)
    )


def _final() -> sa.ScalarSelect[int]:
    return sa.select(schema.cursor.c.final_number).scalar_subquery()


def _held_columns(table: sa.Table) -> tuple[sa.Column[Any], ...]:
    return table.c.release, table.c.visibility, table.c.owner


def _held(connection: sa.Connection, found: sa.Select[Any]) -> Iterator[Held]:
    for row in connection.execute(found.execution_options(yield_per=1000)):
        visibility = Visibility(row.visibility)
        yield Held(row.certificate, row.release, visibility, row.owner, row.author)
