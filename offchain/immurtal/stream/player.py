"""The player: a variant, block by block from many nodes, decrypted in order into a writer.

Memory is the window: so many segments are fetched ahead of the one that is written, never more.
"""

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

from immurtal.chain.contracts import ZERO_ADDRESS, ZERO_ID, Contracts, Visibility
from immurtal.chain.wallet import Wallet
from immurtal.config import DEVELOPMENT_CHAIN
from immurtal.content.cid import Cid
from immurtal.content.cipher import SegmentDecryptor
from immurtal.content.metadata import Details, Variant
from immurtal.content.writing import writing
from immurtal.errors import AccessRefused, IntegrityError
from immurtal.keys.asking import Asked
from immurtal.stream.blocks import Blocks, Served
from immurtal.stream.events import Observer
from immurtal.stream.gateway import BLOCK_SECONDS, STALL_SECONDS
from immurtal.stream.opening import Opened, audio_leaves, details, open_release
from immurtal.stream.session import ListenerKeys
from immurtal.stream.shares import PATIENCE_SECONDS, SharesRefused, content_key

WINDOW: Final = 8
"""Segments of 256 KiB fetched ahead."""
_STALE_SESSION: Final = frozenset({"session-expired", "session-invalid"})

Unlock = Callable[[], Wallet]


@dataclass(frozen=True, slots=True)
class Played:
    """What came out. sha256: of the plaintext, as the metadata promise it; seconds: in all.

    served: by node id, everything that was fetched for it, documents included.
    """

    certificate: str
    release: str
    variant: Variant
    details: Details | None
    sha256: str
    bytes: int
    seconds: float
    served: Mapping[str, Served]


class Listener:
    """Opens, unlocks and plays releases. nodes: ids to look at first; none: the registry's.

    window: segments fetched ahead; patience: seconds to wait for an access that is not deep
    enough yet; stall and whole: seconds after which a block is late (`gateway`).
    """

    def __init__(
        self,
        contracts: Contracts,
        keys: ListenerKeys,
        *,
        nodes: Sequence[str] = (),
        observer: Observer | None = None,
        window: int = WINDOW,
        patience: float = PATIENCE_SECONDS,
        stall: float = STALL_SECONDS,
        whole: float = BLOCK_SECONDS,
    ) -> None:
        self._contracts = contracts
        self._keys = keys
        self._nodes = nodes
        self._observer = observer or Observer()
        self._window = window
        self._patience = patience
        self._allow_local = contracts.deployment.chain_id == DEVELOPMENT_CHAIN
        self.blocks = Blocks(
            allow_local=self._allow_local, observer=self._observer, stall=stall, whole=whole
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.blocks.close()

    async def open(self, certificate_id: str, account: str = ZERO_ADDRESS) -> Opened:
        """What is public of the certificate's current release.

        Raises NotFound, AccessRefused (withdrawn, and the account is not the owner), Unreachable,
        IntegrityError.
        """
        certificate = await self._contracts.certificate(certificate_id)
        if certificate.visibility is Visibility.WITHDRAWN and account != certificate.owner:
            raise AccessRefused(
                f"Certificate {certificate.id} is withdrawn: only its owner may hear it, and "
                "nodes let its audio go.",
                do="If you hold a licence, it wakes when the owner sets the work back.",
            )
        return await open_release(self._contracts, self.blocks, certificate, self._nodes)

    async def unlock(
        self,
        opened: Opened,
        account: str = ZERO_ADDRESS,
        offer_id: str = ZERO_ID,
        wallet: Unlock | None = None,
    ) -> bytes:
        """The content key, from t of the release's nodes. account zero: for Open works. offer_id:
        the offer relied on; zero: owner, grant or Open. wallet: asked for only where a session
        must be signed.

        Raises SharesRefused, SharesMissing, BadInput (no wallet).
        """
        try:
            return await self._ask(opened, account, offer_id, wallet)
        except SharesRefused as error:
            if error.reason not in _STALE_SESSION:
                raise
        self._keys.forget(self._contracts.deployment, account)
        return await self._ask(opened, account, offer_id, wallet)

    async def play(
        self, opened: Opened, key: bytes, writer: BinaryIO, variant: str | None = None
    ) -> Played:
        """Writes a variant's plaintext in order; `writer` blocks as it likes, in a thread.

        Raises NotFound (no such variant), IntegrityError (also at the very end, where the whole
        is not what the metadata promise), Unreachable, and what `writer` raises.
        """
        started = time.monotonic()
        chosen = opened.variant(variant)
        known = await details(self.blocks, opened, key)
        leaves = await audio_leaves(self.blocks, opened, chosen)
        digest = await self._write(opened, key, chosen, leaves, writer)
        return Played(
            certificate=opened.certificate.id,
            release=opened.certificate.release,
            variant=chosen,
            details=known,
            sha256=digest,
            bytes=chosen.plain_bytes,
            seconds=time.monotonic() - started,
            served=self.blocks.served,
        )

    async def play_to_file(
        self, opened: Opened, key: bytes, path: Path, variant: str | None = None
    ) -> Played:
        """As `play`; the file is there only if the whole of it is right. Raises DiskFull too."""
        with writing(path) as partial, partial.open("wb") as file:
            return await self.play(opened, key, file, variant)

    async def _ask(
        self, opened: Opened, account: str, offer_id: str, wallet: Unlock | None
    ) -> bytes:
        session = self._keys.session(self._contracts.deployment, account, wallet)
        asked = Asked(opened.binding, opened.keys_file, opened.certificate.release, offer_id)
        return await content_key(
            asked,
            opened.nodes,
            session,
            allow_local=self._allow_local,
            patience=self._patience,
            observer=self._observer,
        )

    async def _write(
        self, opened: Opened, key: bytes, variant: Variant, leaves: Sequence[Cid], writer: BinaryIO
    ) -> str:
        aad = opened.metadata.binding.associated_data(variant.path)
        decryptor = SegmentDecryptor(key, aad, variant.header, variant.cipher_bytes)
        if decryptor.segments != len(leaves):
            raise IntegrityError(
                f"{variant.path} has {len(leaves)} blocks, not {decryptor.segments}.",
                do="Its owner must publish a whole release.",
            )
        whole = hashlib.sha256()
        written = 0
        index = 0
        async for segment in self._in_order(leaves):
            plain = _decrypted(decryptor, index, segment)
            whole.update(plain)
            await asyncio.to_thread(writer.write, plain)
            index, written = index + 1, written + len(plain)
            self._observer.on_progress(written, variant.plain_bytes)
        await asyncio.to_thread(writer.flush)
        if whole.digest() != variant.sha256:
            raise IntegrityError(
                f"What was played of {variant.path} is not what its metadata promise.",
                do="Its owner published a release that contradicts itself: tell them.",
            )
        return "0x" + whole.hexdigest()

    async def _in_order(self, leaves: Sequence[Cid]) -> AsyncIterator[bytes]:
        ahead: deque[asyncio.Task[bytes]] = deque()
        following = 0
        try:
            while ahead or following < len(leaves):
                while following < len(leaves) and len(ahead) < self._window:
                    fetch = self._fetch(following, leaves[following])
                    ahead.append(asyncio.create_task(fetch))
                    following += 1
                segment = await ahead[0]
                ahead.popleft()
                yield segment
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def _fetch(self, index: int, cid: Cid) -> bytes:
        node_id, block = await self.blocks.get_from(cid)
        await self._observer.on_block(node_id, index, len(block))
        return block


def _decrypted(decryptor: SegmentDecryptor, index: int, segment: bytes) -> bytes:
    """The block is the one that the release names; if it does not open, the release is at fault."""
    try:
        return decryptor.decrypt(index, segment)
    except IntegrityError as error:
        raise IntegrityError(
            error.what, do="Its owner published a release that contradicts itself: tell them."
        ) from error
