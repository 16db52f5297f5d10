"""What storage remembers: reads and writes of its tables, each in one short transaction."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from immurtal.index.database import Database, Room
from immurtal.storage.desired import Content, Kind
from immurtal.storage.plan import PinRow, Plan, State
from immurtal.storage.tables import acceptances, contents, pins, uploads

STORAGE: Final = Room("storage", Path(__file__).parent / "migrations")
"""For `open_database(where, rooms=(INDEX, STORAGE))`."""


@dataclass(frozen=True, slots=True)
class UploadRow:
    """An upload under way: `offset` of `size` bytes of the CAR are on the disk."""

    id: str
    certificate: str
    release: str
    size: int
    offset: int
    token_hash: bytes
    created_at: int
    touched_at: int


class Ledger:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def pins(self) -> dict[str, PinRow]:
        return {row.cid: row for row in await self._database.read(_pins)}

    async def pin(self, cid: str) -> PinRow | None:
        return next(iter(await self._database.read(_pins, cid)), None)

    async def revise_pins(self, revise: Callable[[dict[str, PinRow]], Plan]) -> Plan:
        """Reads all rows, plans, and writes what the plan changes, in one transaction."""
        return await self._database.write(_revise_pins, revise)

    async def change_pin(self, row: PinRow, change: Callable[[PinRow], PinRow]) -> None:
        """Changes the row of `row.cid` as it is then; `row` is where there is none yet."""
        await self._database.write(_change_pin, row, change)

    async def note_progress(self, bytes_done: Mapping[str, int]) -> None:
        """How far running pins are, by CID."""
        if bytes_done:
            await self._database.write(_note_progress, dict(bytes_done))

    async def accepted(self) -> frozenset[tuple[str, str]]:
        """Pairs of certificate and release."""
        return await self._database.read(_accepted)

    async def is_accepted(self, certificate: str, release: str) -> bool:
        return await self._database.read(_is_accepted, certificate, release)

    async def accept(self, certificate: str, release: str, size: int, now: int, by: str) -> None:
        key = {"certificate": certificate, "release": release}
        rest = {"size": size, "accepted_at": now, "by": by}
        await self._database.write(_replace, acceptances, key, rest)

    async def retract(self, certificate: str, release: str) -> None:
        key = {"certificate": certificate, "release": release}
        await self._database.write(_delete, acceptances, key)

    async def contents(self) -> dict[str, Content]:
        return {content.release: content for content in await self._database.read(_contents)}

    async def content(self, release: str) -> Content | None:
        return next(iter(await self._database.read(_contents, release)), None)

    async def save_content(self, content: Content) -> None:
        values = asdict(content)
        key = {"release": values.pop("release")}
        await self._database.write(_replace, contents, key, values)

    async def uploads(self) -> list[UploadRow]:
        return await self._database.read(_uploads)

    async def upload(self, upload_id: str) -> UploadRow | None:
        return next(iter(await self._database.read(_uploads, upload_id)), None)

    async def save_upload(self, row: UploadRow) -> None:
        values = asdict(row)
        key = {"id": values.pop("id")}
        await self._database.write(_replace, uploads, key, values)

    async def advance_upload(self, upload_id: str, offset: int, now: int) -> None:
        """More of it is on the disk; an upload dropped meanwhile stays dropped."""
        await self._database.write(_advance_upload, upload_id, offset, now)

    async def drop_upload(self, upload_id: str) -> None:
        await self._database.write(_delete, uploads, {"id": upload_id})


def _where(table: sa.Table, key: dict[str, Any]) -> sa.ColumnElement[bool]:
    return sa.and_(*(table.c[name] == value for name, value in key.items()))


def _replace(
    connection: sa.Connection, table: sa.Table, key: dict[str, Any], values: dict[str, Any]
) -> None:
    done = connection.execute(sa.update(table).where(_where(table, key)).values(**values))
    if done.rowcount == 0:
        connection.execute(sa.insert(table).values(**key, **values))


def _delete(connection: sa.Connection, table: sa.Table, key: dict[str, Any]) -> None:
    connection.execute(sa.delete(table).where(_where(table, key)))


def _save_pin(connection: sa.Connection, row: PinRow) -> None:
    values = asdict(row)
    _replace(connection, pins, {"cid": values.pop("cid")}, values)


def _revise_pins(connection: sa.Connection, revise: Callable[[dict[str, PinRow]], Plan]) -> Plan:
    plan = revise({row.cid: row for row in _pins(connection)})
    for row in plan.changed:
        _save_pin(connection, row)
    return plan


def _change_pin(connection: sa.Connection, row: PinRow, change: Callable[[PinRow], PinRow]) -> None:
    _save_pin(connection, change(next(iter(_pins(connection, row.cid)), row)))


def _note_progress(connection: sa.Connection, bytes_done: dict[str, int]) -> None:
    for cid, done in bytes_done.items():
        running = sa.and_(pins.c.cid == cid, pins.c.state == State.PINNING)
        connection.execute(sa.update(pins).where(running).values(bytes_done=done))


def _pins(connection: sa.Connection, cid: str | None = None) -> list[PinRow]:
    query = sa.select(pins)
    if cid is not None:
        query = query.where(pins.c.cid == cid)
    found = connection.execute(query).mappings()
    return [
        PinRow(**{**row, "kind": Kind(row["kind"]), "state": State(row["state"])}) for row in found
    ]


def _accepted(connection: sa.Connection) -> frozenset[tuple[str, str]]:
    query = sa.select(acceptances.c.certificate, acceptances.c.release)
    return frozenset((row.certificate, row.release) for row in connection.execute(query))


def _is_accepted(connection: sa.Connection, certificate: str, release: str) -> bool:
    key = _where(acceptances, {"certificate": certificate, "release": release})
    return connection.execute(sa.select(sa.exists().where(key))).scalar_one()


def _contents(connection: sa.Connection, release: str | None = None) -> list[Content]:
    query = sa.select(contents)
    if release is not None:
        query = query.where(contents.c.release == release)
    return [Content(**row) for row in connection.execute(query).mappings()]


def _uploads(connection: sa.Connection, upload_id: str | None = None) -> list[UploadRow]:
    query = sa.select(uploads).order_by(uploads.c.created_at, uploads.c.id)
    if upload_id is not None:
        query = query.where(uploads.c.id == upload_id)
    return [UploadRow(**row) for row in connection.execute(query).mappings()]


def _advance_upload(connection: sa.Connection, upload_id: str, offset: int, now: int) -> None:
    values = {"offset": offset, "touched_at": now}
    connection.execute(sa.update(uploads).where(uploads.c.id == upload_id).values(**values))
