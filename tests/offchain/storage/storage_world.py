"""Releases, a chain that says what a test says, and nodes on real Kubos."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from immurtal.content.car import block_prefix, car_header
from immurtal.content.cid import RAW, Cid, cid_of, release_cid
from immurtal.content.cipher import Header, cipher_size
from immurtal.content.metadata import Binding, Details, Metadata, Variant
from immurtal.content.unixfs import build_directory, build_file, leaves_of
from immurtal.index.database import INDEX, open_database
from immurtal.storage import Storage, StorageSettings
from immurtal.storage.daemon import KuboDaemon
from immurtal.storage.desired import ChainState, Registered, Visibility
from immurtal.storage.examine import Registry
from immurtal.storage.kubo import KuboBackend
from immurtal.storage.ledger import STORAGE
from immurtal.storage.reconcile import Pace

REGISTRY = Registry(31337, "0x" + "11" * 20)
QUICK = Pace(grace=0, orphan_grace=0, period=0.2, listing=0, patience=2, first_retry=1, at_once=4)


@dataclass(frozen=True)
class Made:
    """A built release; ids are 0x text, `blocks` come children before parents."""

    certificate: str
    release: str
    root: Cid
    blocks: dict[Cid, bytes]
    keys: Cid
    metadata: Cid
    audio: tuple[Cid, ...]

    @property
    def cid(self) -> str:
        return self.root.text

    def car(self, without: Sequence[Cid] = ()) -> bytes:
        parts = [car_header(self.root)]
        for cid, block in self.blocks.items():
            if cid not in without:
                parts += [block_prefix(cid, len(block)), block]
        return b"".join(parts)


def make_release(
    work: str,
    audio: bytes = b"audio" * 100_000,
    *,
    named: str | None = None,
    registry: Registry = REGISTRY,
    note: str = "",
) -> Made:
    """A release of the work (any text) whose metadata names `named`, else the work itself."""
    certificate = "0x" + sha256(work.encode()).hexdigest()
    blocks: dict[Cid, bytes] = {}
    sound = build_file(io.BytesIO(audio), blocks.__setitem__)
    keys = build_file(io.BytesIO(f'{{"keys of":"{work}{note}"}}'.encode()), blocks.__setitem__)
    plain = len(audio)
    metadata = Metadata(
        Binding(registry.chain_id, registry.address, bytes.fromhex((named or certificate)[2:])),
        b"k" * 16,
        (Variant("audio/1.enc", "opus", 128_000, plain, bytes(32), cipher_size(plain), HEADER),),
        Details(title=work + note),
    )
    described = build_file(io.BytesIO(metadata.encode()), blocks.__setitem__)
    entries = {"audio/1.enc": sound, "keys.json": keys, "metadata.json": described}
    root = build_directory(entries, blocks.__setitem__)
    leaves = tuple(leaves_of(sound.cid, blocks.__getitem__))
    return Made(
        certificate,
        "0x" + root.cid.digest.hex(),
        root.cid,
        blocks,
        keys.cid,
        described.cid,
        leaves,
    )


HEADER = Header(bytes(32), bytes(7))


@dataclass
class Chain:
    """What the index would say; `final` follows only when a test says so."""

    head: int = 10
    final: int = 10
    seen: dict[str, Registered] = field(default_factory=dict)
    settled: dict[str, Registered] = field(default_factory=dict)

    async def __call__(self) -> ChainState:
        return ChainState(
            self.head, self.final, tuple(self.seen.values()), tuple(self.settled.values())
        )

    def name(
        self,
        made: Made,
        visibility: Visibility = Visibility.LICENSED,
        *,
        certificate: str = "",
        terms: tuple[str, ...] = (),
    ) -> None:
        """A certificate names a release, in a new block."""
        self.head += 1
        of = certificate or made.certificate
        self.seen[of] = Registered(of, made.release, visibility, terms, self.head)

    def withdraw(self, certificate: str) -> None:
        self.head += 1
        self.seen[certificate] = replace(self.seen[certificate], visibility=Visibility.WITHDRAWN)

    def finalise(self) -> None:
        self.final = self.head
        self.settled = dict(self.seen)


@dataclass
class Node:
    daemon: KuboDaemon
    backend: KuboBackend
    storage: Storage
    folder: Path

    async def put(self, made: "Made", without: Sequence[Cid] = ()) -> None:
        """The blocks of a release are in Kubo, and nothing pins them."""
        car = made.car(without)
        await self.backend.import_car(io.BytesIO(car), len(car))

    async def settle(self) -> None:
        """Passes until nothing changes by the next one."""
        reconciler = self.storage.reconciler
        for _ in range(3):
            await reconciler.pass_once()
            await reconciler.settle()

    async def holds(self, cid: Cid) -> bool:
        """As `block/stat?offline=true` says."""
        return await self.backend.has_block(cid.text)

    async def names(self) -> dict[str, str]:
        return {pin.cid: pin.name async for pin in self.backend.list_pins() if pin.name}

    async def take(self, made: Made, car: bytes | None = None, *, accept: bool = True) -> None:
        """Accepts the release and uploads it whole."""
        if accept:
            await self.storage.accept(made.certificate, made.release)
        data = made.car() if car is None else car
        upload = await self.storage.open_upload(made.certificate, made.release, len(data))
        assert upload is not None
        await self.storage.append_upload(upload.id, upload.token, 0, pieces(data))


@asynccontextmanager
async def run_node(
    folder: Path,
    chain: Chain,
    *,
    owned: bool = True,
    pace: Pace = QUICK,
    peers: Callable[[], Sequence[str]] = tuple,
    clock: Callable[[], int] | None = None,
    **settings: object,
) -> AsyncIterator[Node]:
    async def peers_of(_: frozenset[str]) -> Sequence[str]:
        return peers()

    async with AsyncExitStack() as stack:
        daemon = await stack.enter_async_context(KuboDaemon(folder / "ipfs", local=True))
        backend = KuboBackend(
            lambda: daemon.api_url, repo=daemon.repo if owned else None, quiet_seconds=4
        )
        stack.push_async_callback(backend.close)
        database = open_database(folder / "node.db", (INDEX, STORAGE))
        stack.callback(database.close)
        storage = Storage(
            replace(
                StorageSettings(
                    REGISTRY, folder / "uploads", disk_watermark=0, block_seconds=1, pace=pace
                ),
                **settings,
            ),
            database=database,
            backend=backend,
            source=chain,
            peers_of=peers_of,
            **({"clock": clock} if clock else {}),
        )
        yield Node(daemon, backend, storage, folder)


async def pieces(data: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]
        await asyncio.sleep(0)


def leaf(data: bytes) -> Cid:
    return cid_of(RAW, data)


def terms_of(data: bytes) -> str:
    return "0x" + sha256(data).hexdigest()


def cid_of_release(release: str) -> str:
    return release_cid(bytes.fromhex(release[2:]))
