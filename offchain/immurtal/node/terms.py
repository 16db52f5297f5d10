"""The terms of offers on the works that this node holds: taken from anybody, if the chain names
them (FORMATS, Terms of an offer)."""

import asyncio
from hashlib import sha256
from typing import Final

import sqlalchemy as sa

from immurtal.errors import AccessRefused, BadInput
from immurtal.index import schema
from immurtal.index.database import Database
from immurtal.index.sync import Indexer
from immurtal.node.view import ChainView, lagging
from immurtal.storage import Storage

PATIENCE_SECONDS: Final = 10
"""How long the index may take to see what the head says: terms are sent right after the offer."""
MOST_WORKS: Final = 64


class TermsDesk:
    def __init__(
        self, chain: ChainView, database: Database, indexer: Indexer, storage: Storage
    ) -> None:
        self._chain = chain
        self._database = database
        self._indexer = indexer
        self._storage = storage

    async def take(self, digest: str, terms: bytes) -> str:
        """The CID under which the terms are held now.

        Raises BadInput: other bytes than the digest names; `not-accepted`: no offer on a work that
        is held here has these terms; `chain-lagging`.
        """
        if "0x" + sha256(terms).hexdigest() != digest:
            raise BadInput("The bytes are not those that the digest names.")
        await self._catch_up()
        if not await self._is_named(digest):
            raise AccessRefused(
                "No offer on a work that this node holds has these terms.", reason="not-accepted"
            )
        return await self._storage.take_terms(terms)

    async def _catch_up(self) -> None:
        """Until the index has seen the head of now."""
        head = (await self._chain.now()).head.number
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._indexer.changed:
                while (self._indexer.status.indexed or 0) < head:
                    await self._indexer.changed.wait()
        except TimeoutError:
            raise lagging("The index of this node is behind the chain.") from None

    async def _is_named(self, digest: str) -> bool:
        works = await self._database.read(_works_under, digest)
        if self._storage.policy == "all":
            return bool(works)
        for certificate, release in works:
            if await self._storage.is_accepted(certificate, release):
                return True
        return False


def _works_under(connection: sa.Connection, digest: str) -> list[tuple[str, str]]:
    """Certificates with their current releases that an offer with these terms covers."""
    offers, members, works = schema.offers, schema.offer_certificates, schema.certificates
    found = (
        sa.select(works.c.id, works.c.release)
        .join(members, members.c.certificate == works.c.id)
        .join(offers, offers.c.id == members.c.offer)
        .where(offers.c.terms == digest)
        .limit(MOST_WORKS)
    )
    return [(row.id, row.release) for row in connection.execute(found)]
