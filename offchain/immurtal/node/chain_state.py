"""What the index says, as storage asks for it: the releases at the head and in the final chain."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import sqlalchemy as sa

from immurtal.index import queries
from immurtal.index.database import Database
from immurtal.index.releases import Held
from immurtal.storage.desired import ChainState, Registered

NOTHING_FINAL: Final = -1
"""While the index has not caught up, a row's absence says nothing: nothing may be let go."""


class IndexView:
    """Called for each pass of storage."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self) -> ChainState:
        return await self._database.read(_state)


def _state(connection: sa.Connection) -> ChainState:
    cursor = queries.cursor(connection)
    if cursor is None:
        return ChainState(head=0, final=NOTHING_FINAL, seen=(), settled=())
    terms: defaultdict[str, list[str]] = defaultdict(list)
    for item in queries.terms(connection):
        terms[item.certificate].append(item.digest)
    settled = [*queries.releases_final(connection), *queries.wanted_at_final(connection)]
    return ChainState(
        head=cursor.number,
        final=cursor.final_number if cursor.caught_up else NOTHING_FINAL,
        seen=_registered(queries.current_releases(connection), terms),
        settled=_registered(settled, terms),
    )


def _registered(held: Iterable[Held], terms: Mapping[str, list[str]]) -> tuple[Registered, ...]:
    return tuple(
        Registered(
            certificate=item.certificate,
            release=item.release,
            visibility=item.visibility,
            terms=tuple(terms.get(item.certificate, ())),
        )
        for item in held
    )
