"""Uploads on their way in: metered, spooled to a file by offset, resumable after any interruption.

The table says how much is safely on the disk; what a file holds beyond that is written again.
"""

import asyncio
import errno
import hashlib
import hmac
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final

from immurtal.errors import (
    AccessRefused,
    BadInput,
    DiskFull,
    ImmurtalError,
    NotFound,
    Unreachable,
)
from immurtal.storage.ledger import Ledger, UploadRow
from immurtal.storage.obtain import TooLarge

SYNC_BYTES: Final = 16 * 1024 * 1024
"""What an interruption may cost at most."""
IDLE_SECONDS: Final = 60
"""How long a piece may bring nothing."""
LIFETIME: Final = 86_400
"""Seconds after which an upload is let go that nothing came for, or that is no longer current."""
AT_ONCE: Final = 64
"""Uploads under way."""
SLOT_SECONDS: Final = 600
"""An upload that brings nothing for so long gives way where there is no room for another."""


class OffsetMismatch(BadInput):
    """`offset`: where the upload goes on."""

    kind = "offset-mismatch"

    def __init__(self, offset: int) -> None:
        super().__init__(
            f"The upload goes on at byte {offset}.", do="Send the bytes from there on."
        )
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Upload:
    """`offset` of `size` bytes of the CAR are here. `token`: the right to send the rest; told once,
    when the upload is opened."""

    id: str
    certificate: str
    release: str
    offset: int
    size: int
    token: str = ""

    @property
    def complete(self) -> bool:
        return self.offset == self.size


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Bytes: of one upload, and what the disk must keep free."""

    upload_bytes: int
    disk_watermark: int


class Uploads:
    """`folder` holds one file for each upload, and nothing else."""

    def __init__(
        self, ledger: Ledger, folder: Path, limits: UploadLimits, clock: Callable[[], int]
    ) -> None:
        self._ledger = ledger
        self._folder = folder
        self._limits = limits
        self._clock = clock
        self._locks: dict[str, asyncio.Lock] = {}
        self._opening = asyncio.Lock()

    async def open(self, certificate: str, release: str, size: int) -> Upload:
        """The upload of this release, a new one or that which is under way, with a new token.

        One a certificate: an upload of another release of it ends. Raises `BadInput`, `TooLarge`,
        `DiskFull`, `Unreachable` (too many at once).
        """
        self._check_size(size)
        async with self._opening:
            rows = await self._ledger.uploads()
            found = next((row for row in rows if row.certificate == certificate), None)
            if found is not None and (found.release, found.size) != (release, size):
                await self.drop(found.id)
                rows.remove(found)
                found = None
            if found is None:
                found = await self._new(certificate, release, size, rows)
            return await self._with_token(await asyncio.to_thread(self._as_on_disk, found))

    async def find(self, upload_id: str, token: str) -> Upload:
        """Raises `NotFound`, and `AccessRefused` for a wrong token."""
        return _upload(await self._checked(upload_id, token))

    async def append(
        self, upload_id: str, token: str, offset: int, stream: AsyncIterator[bytes]
    ) -> Upload:
        """Takes bytes from `offset` on, until the stream ends; what came before an error is kept.

        Raises `OffsetMismatch`, `TooLarge` (more than was announced), `DiskFull`, `Unreachable`
        (nothing comes), and as `find`.
        """
        await self._checked(upload_id, token)  # before anything is kept of an id that is none
        async with self._locks.setdefault(upload_id, asyncio.Lock()):
            row = await self._checked(upload_id, token)
            if row.offset != offset:
                raise OffsetMismatch(row.offset)
            with await asyncio.to_thread(self._open_file, row) as file:
                await self._spool(file, row, stream)
            return _upload(await self._checked(upload_id, token))

    async def drop(self, upload_id: str) -> None:
        """Forgets the upload and its bytes."""
        await self._ledger.drop_upload(upload_id)
        await asyncio.to_thread(self._path(upload_id).unlink, missing_ok=True)
        self._locks.pop(upload_id, None)

    async def drop_old(self, current: Set[tuple[str, str]]) -> None:
        """Drops what is a day old and no longer current, what nothing came for since a day, and
        files that no upload knows. `current`: pairs of certificate and release."""
        now = self._clock()
        rows = await self._ledger.uploads()
        for row in rows:
            is_old = now - row.created_at >= LIFETIME
            is_idle = now - row.touched_at >= LIFETIME
            if is_idle or (is_old and (row.certificate, row.release) not in current):
                await self.drop(row.id)
        await asyncio.to_thread(self._sweep, {self._path(row.id).name for row in rows})

    def file(self, upload: Upload) -> Path:
        """Where its bytes are."""
        return self._path(upload.id)

    def _check_size(self, size: int) -> None:
        if size < 1:
            raise BadInput(f"An upload has at least one byte, not {size}.")
        if size > self._limits.upload_bytes:
            raise TooLarge(
                f"The upload has {size} bytes; this node takes {self._limits.upload_bytes}.",
                do="Choose another node, or smaller variants.",
            )

    async def _new(
        self, certificate: str, release: str, size: int, rows: list[UploadRow]
    ) -> UploadRow:
        now = self._clock()
        idle = sorted(
            (row for row in rows if now - row.touched_at >= SLOT_SECONDS),
            key=lambda row: row.touched_at,
        )
        while (problem := await self._no_place(size, rows)) is not None:
            if not idle:
                raise problem
            gone = idle.pop(0)
            await self.drop(gone.id)
            rows.remove(gone)
        return UploadRow(secrets.token_hex(16), certificate, release, size, 0, b"", now, now)

    async def _no_place(self, size: int, rows: list[UploadRow]) -> ImmurtalError | None:
        """Why another upload of that size cannot begin beside these, if it cannot."""
        if len(rows) >= AT_ONCE:
            return Unreachable("This node takes no more uploads at once.", do="Try again shortly.")
        # each upload is on the disk twice when it is imported
        coming = 2 * size + sum(2 * row.size - row.offset for row in rows)
        try:
            await asyncio.to_thread(self._check_room, coming)
        except DiskFull as error:
            return error
        return None

    async def _with_token(self, row: UploadRow) -> Upload:
        token = secrets.token_urlsafe(32)
        row = replace(row, token_hash=_hashed(token), touched_at=self._clock())
        await self._ledger.save_upload(row)
        return replace(_upload(row), token=token)

    async def _checked(self, upload_id: str, token: str) -> UploadRow:
        row = await self._ledger.upload(upload_id)
        if row is None:
            raise NotFound("There is no such upload.", do="Ask the node to store it again.")
        if not hmac.compare_digest(row.token_hash, _hashed(token)):
            raise AccessRefused(
                "The upload's token is wrong.",
                reason="unauthorized",
                do="Ask the node to store the release again.",
            )
        return await asyncio.to_thread(self._as_on_disk, row)

    def _as_on_disk(self, row: UploadRow) -> UploadRow:
        """A file that lost bytes, or was removed, is what counts."""
        path = self._path(row.id)
        return replace(row, offset=min(row.offset, path.stat().st_size if path.exists() else 0))

    async def _spool(self, file: BinaryIO, row: UploadRow, stream: AsyncIterator[bytes]) -> None:
        written, synced = row.offset, row.offset
        try:
            async for piece in _unless_idle(stream):
                if written + len(piece) > row.size:
                    raise TooLarge(f"More came than the {row.size} bytes that were announced.")
                await asyncio.to_thread(_write, file, piece)
                written += len(piece)
                if written - synced >= SYNC_BYTES:
                    await self._sync(file, row, written)
                    synced = written
                    await asyncio.to_thread(self._check_room, row.size - written)
        finally:
            if written > synced:
                await asyncio.shield(self._sync(file, row, written))

    async def _sync(self, file: BinaryIO, row: UploadRow, written: int) -> None:
        await asyncio.to_thread(_flush, file)
        await self._ledger.advance_upload(row.id, written, self._clock())

    def _open_file(self, row: UploadRow) -> BinaryIO:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.fdopen(os.open(self._path(row.id), os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        file.truncate(row.offset)
        file.seek(row.offset)
        return file

    def _check_room(self, coming: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        free = shutil.disk_usage(self._folder).free
        if free - coming < self._limits.disk_watermark:
            raise _no_room()

    def _sweep(self, known: set[str]) -> None:
        if self._folder.is_dir():
            for file in self._folder.glob("*.car"):
                if file.name not in known:
                    file.unlink()

    def _path(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.car"


async def _unless_idle(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    pieces = aiter(stream)
    while True:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Unreachable(
                f"Nothing came for {IDLE_SECONDS} seconds.",
                saved="What came before is kept.",
                do="Ask for the offset and go on from there.",
            ) from None
        yield piece


def _write(file: BinaryIO, piece: bytes) -> None:
    try:
        file.write(piece)
    except OSError as error:
        raise _disk_error(error) from error


def _flush(file: BinaryIO) -> None:
    try:
        file.flush()
        os.fsync(file.fileno())
    except OSError as error:
        raise _disk_error(error) from error


def _disk_error(error: OSError) -> Exception:
    return _no_room() if error.errno in (errno.ENOSPC, errno.EDQUOT) else error


def _no_room() -> DiskFull:
    return DiskFull(
        "This node's disk has no room for the upload.",
        saved="What came before is kept.",
        do="Choose another node, or tell its operator.",
    )


def _upload(row: UploadRow) -> Upload:
    return Upload(row.id, row.certificate, row.release, row.offset, row.size)


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
