"""Storage as the node works with it: what it accepted, what it holds, what comes in."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from immurtal.config import PinPolicy
from immurtal.content.cid import check_block, parse_cid, release_cid
from immurtal.content.encoding import hex32
from immurtal.content.strict_json import JSON_LIMIT
from immurtal.errors import BadInput, ImmurtalError, IntegrityError, NotAccepted
from immurtal.index.database import Database
from immurtal.storage.arrival import Arrival
from immurtal.storage.backend import PinBackend
from immurtal.storage.desired import Content, Kind
from immurtal.storage.examine import KEYS, Registry, examine, local_blocks, read_path
from immurtal.storage.ledger import Ledger
from immurtal.storage.obtain import Limits, Obtain, PeersOf, nobody
from immurtal.storage.plan import PinRow, State
from immurtal.storage.reconcile import Pace, Reconciler, Source
from immurtal.storage.uploads import Upload, UploadLimits, Uploads

SWEEP_SECONDS: Final = 600
"""Between looks for uploads to let go."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """`names`: what pins of this node are named by, apart from others' on the same backend.
    `uploads`: the folder that uploads are spooled to. Sizes in bytes."""

    registry: Registry
    uploads: Path
    policy: PinPolicy = "accepted"
    names: str = "immurtal"
    release_bytes: int = 2 << 30
    upload_bytes: int = 2 << 30
    disk_watermark: int = 1 << 30
    block_seconds: float = 15
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True, slots=True)
class PinStatus:
    """`state`: of a pin, or `unknown`. Bytes are None where they are not known; `next_retry` in
    seconds since 1970 where the last attempt failed."""

    cid: str
    state: str
    bytes_done: int | None = None
    bytes_total: int | None = None
    reason: str | None = None
    attempts: int = 0
    next_retry: int | None = None


class Storage:
    """Certificates and releases are 32 bytes as lower-case `0x` text, as they stand on chain."""

    def __init__(
        self,
        settings: StorageSettings,
        *,
        database: Database,
        backend: PinBackend,
        source: Source,
        peers_of: PeersOf | None = None,
        clock: Callable[[], int] = lambda: int(time.time()),
    ) -> None:
        self._settings = settings
        self._source = source
        self._clock = clock
        self._ledger = Ledger(database)
        self._backend = backend
        self._ours = f"{settings.names}:"
        keep = asyncio.Lock()
        obtain = Obtain(
            backend,
            self._ledger,
            settings.registry,
            Limits(settings.release_bytes, settings.block_seconds),
            peers_of or nobody(),
            self._ours,
        )
        self._arrival = Arrival(backend, self._ledger, obtain, settings.registry, keep)
        self._uploads = Uploads(
            self._ledger,
            settings.uploads,
            UploadLimits(settings.upload_bytes, settings.disk_watermark),
            clock,
        )
        self.reconciler = Reconciler(
            backend=backend,
            ledger=self._ledger,
            obtain=obtain,
            source=source,
            policy=settings.policy,
            ours=self._ours,
            keep=keep,
            pace=settings.pace,
            clock=clock,
        )
        self._finishing: dict[str, asyncio.Task[None]] = {}

    @property
    def policy(self) -> PinPolicy:
        return self._settings.policy

    @property
    def backend(self) -> PinBackend:
        return self._backend

    @property
    def problem(self) -> str:
        """Why pins do not follow the chain now; empty while they do."""
        return self.reconciler.problem

    def wake(self) -> None:
        """The chain may say something new: look soon."""
        self.reconciler.wake()

    async def run(self, stop: asyncio.Event) -> None:
        """Keeps pins as the chain wants them until `stop`."""
        sweeping = asyncio.create_task(self._sweep())
        try:
            await self.reconciler.run(stop)
        finally:
            sweeping.cancel()
            for task in (sweeping, *self._finishing.values()):
                task.cancel()
            await asyncio.gather(sweeping, *self._finishing.values(), return_exceptions=True)

    async def accept(
        self, certificate: str, release: str, size: int = 0, by: str = "store"
    ) -> None:
        """From now on the release is held while it is current, its keys.json in any case.

        `size`: what was announced, bytes. `by`: who asked, for the operator's eyes.
        """
        await self._ledger.accept(certificate, release, size, self._clock(), by)
        self.wake()

    async def retract(self, certificate: str, release: str) -> None:
        """Undoes `accept`; what only it wanted is let go when that is final."""
        await self._ledger.retract(certificate, release)
        self.wake()

    async def is_accepted(self, certificate: str, release: str) -> bool:
        return await self._ledger.is_accepted(certificate, release)

    async def open_upload(self, certificate: str, release: str, size: int) -> Upload | None:
        """The upload that brings an accepted release, new or under way; None if every block is
        here: then it is pinned. Raises `NotAccepted`, `BadInput`, `DiskFull`, `Unreachable`."""
        content = await self._arrival.pin_present(certificate, release)
        if content is not None:
            await self._arrived(content)
            return None
        return await self._uploads.open(certificate, release, size)

    async def find_upload(self, upload_id: str, token: str) -> Upload:
        """Raises `NotFound`, `AccessRefused` (`unauthorized`)."""
        return await self._uploads.find(upload_id, token)

    async def append_upload(
        self, upload_id: str, token: str, offset: int, stream: AsyncIterator[bytes]
    ) -> Upload:
        """Takes bytes of the CAR from `offset` on. With the last of them the release is imported
        and pinned, and the upload is gone; `complete` says so. If only that failed for want of the
        backend or of room, sending nothing at the end's offset tries it again.

        Raises as `Uploads.append`; `IntegrityError`, `NotAccepted`: the upload is void.
        """
        upload = await self._uploads.append(upload_id, token, offset, stream)
        if upload.complete:
            await self._finish(upload)
        return upload

    async def take_terms(self, terms: bytes) -> str:
        """Holds the terms of an offer, one raw leaf, and returns their CID. Whether the chain names
        them is the caller's to ask: what it does not name is let go. Raises `DiskFull`,
        `Unreachable`, `BackendError`."""
        cid = await self._arrival.take_leaf(terms, Kind.TERMS)
        await self.reconciler.arrived(cid, Kind.TERMS, len(terms))
        return cid

    async def status(self, cid: str) -> PinStatus:
        """Of a release or any other root that this node holds, held or will hold. Raises
        `BadInput`: not a CID."""
        release = hex32(parse_cid(cid).digest)
        row = await self._ledger.pin(cid)
        content = await self._ledger.content(release)
        if row is None or row.kind is Kind.LOOK:
            return PinStatus(cid, "unknown")
        if content is not None and content.certificate is None and row.state is not State.PINNED:
            reason = "Its metadata.json names no certificate of this registry."
            return PinStatus(cid, State.FAILED, reason=reason)
        return self._status(row)

    async def content(self, release: str) -> Content | None:
        """What the release holds, if this node has looked into it."""
        return await self._ledger.content(release)

    async def read_file(self, release: str, path: str, limit: int) -> bytes:
        """A file of a release from the blocks that are here, each checked; at most `limit` bytes.

        keys.json of an accepted release is here even if the release is withdrawn. Raises
        `NotFound`, `BadInput` (larger), `IntegrityError`, `Unreachable`.
        """
        if path == KEYS:
            content = await self._ledger.content(release)
            if content is not None and content.keys is not None:
                return await self._leaf(content.keys, limit)
        return await read_path(local_blocks(self._backend), release, path, limit)

    async def keys_json(self, certificate: str, release: str) -> bytes:
        """The bytes of keys.json, if the release counts for that certificate.

        Raises `NotAccepted` if it does not, and as `read_file`.
        """
        content = await self._ledger.content(release)
        if content is None:
            local = local_blocks(self._backend)
            content = await examine(local, release, self._settings.registry)
        if content.certificate != certificate:
            raise NotAccepted("The release does not count for this certificate.")
        return await self.read_file(release, KEYS, JSON_LIMIT)

    async def has_block(self, cid: str) -> bool:
        """Whether the block is here, pinned or not."""
        return await self._backend.has_block(cid)

    async def _leaf(self, cid: str, limit: int) -> bytes:
        block = await self._backend.get_block(cid)
        check_block(parse_cid(cid), block)
        if len(block) > limit:
            raise BadInput(f"{cid} has {len(block)} bytes, more than {limit}.")
        return block

    def _status(self, row: PinRow) -> PinStatus:
        running = self.reconciler.bytes_done(row.cid)
        return PinStatus(
            row.cid,
            row.state,
            row.bytes_done if running is None else running,
            row.bytes_total or None,
            row.reason or None,
            row.attempts,
            row.next_retry if row.state is State.FAILED else None,
        )

    async def _finish(self, upload: Upload) -> None:
        """Imports once, even if the sender is gone or sends the end again meanwhile."""
        task = self._finishing.get(upload.id)
        if task is None:
            task = asyncio.create_task(self._import(upload), name=f"import {upload.id}")
            self._finishing[upload.id] = task
            task.add_done_callback(lambda _: self._finishing.pop(upload.id, None))
        await asyncio.shield(task)

    async def _import(self, upload: Upload) -> None:
        try:
            content = await self._arrival.import_archive(
                self._uploads.file(upload), upload.certificate, upload.release
            )
        except (IntegrityError, NotAccepted) as error:
            log.warning("upload-void", release=upload.release, problem=error.what)
            await self._uploads.drop(upload.id)
            self.reconciler.collect_soon()
            raise
        await self._arrived(content)
        await self._uploads.drop(upload.id)
        log.info("upload-imported", release=upload.release, bytes=upload.size)

    async def _arrived(self, content: Content) -> None:
        cid = release_cid(bytes.fromhex(content.release[2:]))
        await self.reconciler.arrived(cid, Kind.RELEASE, content.size)

    async def _sweep(self) -> None:
        while True:
            try:
                state = await self._source()
                if state.final >= 0:  # else the index has not caught up, and knows nothing
                    current = {(item.certificate, item.release) for item in state.seen}
                    await self._uploads.drop_old(current)
            except ImmurtalError as error:
                log.warning("sweep-failed", problem=error.what)
            await asyncio.sleep(SWEEP_SECONDS)
