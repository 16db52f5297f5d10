"""What storage asks of whatever keeps the blocks: Kubo now, IPFS Cluster and others later.

CIDs are text (CIDv1, base32). Every call is bounded in time and size by its implementation.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from immurtal.errors import ImmurtalError, NotFound, Unreachable

Progress = Callable[[int, int], None]
"""Is told how many blocks and bytes of a pin are here; may raise to give the pin up."""


class BackendError(ImmurtalError):
    """The backend answered, and the answer is that it cannot."""

    kind = "storage-backend"


class NotHere(NotFound):
    """A block that no one gave in time, or that is not among the local ones."""


class Stalled(Unreachable):
    """Nothing arrived for as long as we wait."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """One pin as the backend lists it; `name` is empty where it has none."""

    cid: str
    name: str


@dataclass(frozen=True, slots=True)
class Capacity:
    """Bytes: what the blocks take, and what the disk below them has left (None: unknown)."""

    used: int
    free: int | None


class PinBackend(Protocol):
    """Raises `Unreachable` where the backend does not answer, `BackendError` where it refuses."""

    @property
    def owned(self) -> bool:
        """Whether it is this node's alone: only then is it collected."""
        ...

    async def pin(self, cid: str, name: str, progress: Progress | None = None) -> None:
        """Pins `cid` and all below it under `name`, fetching what is missing from peers. Raises
        `Stalled` without progress."""
        ...

    async def unpin(self, cid: str) -> None:
        """Lets the pin of `cid` go; nothing happens if there is none."""
        ...

    def list_pins(self) -> AsyncIterator[Pinned]:
        """Every recursive and direct pin, in one streamed listing. Raises if it was cut short."""
        ...

    async def pin_name(self, cid: str) -> str | None:
        """The name of the pin of exactly `cid` ("" without one); None if it is not pinned."""
        ...

    async def import_car(self, car: BinaryIO, size: int) -> None:
        """Takes every block of a CARv1 archive of `size` bytes; pins nothing."""
        ...

    async def has_block(self, cid: str) -> bool:
        """Whether the block is here; asks no peer."""
        ...

    async def has_all(self, cid: str) -> bool:
        """Whether the block and all below it are here; asks no peer."""
        ...

    async def get_block(self, cid: str, *, within: float | None = None) -> bytes:
        """The block, not yet checked against its CID. Only what is here, unless `within` (seconds)
        lets it ask peers. Raises `NotHere`."""
        ...

    async def connect(self, addresses: Sequence[str]) -> None:
        """Tries to reach peers (multiaddresses that end in /p2p/…); who cannot be is left."""
        ...

    async def collect(self) -> None:
        """Removes every block that no pin needs. Raises `BackendError` if not `owned`."""
        ...

    async def capacity(self) -> Capacity: ...
