"""One node's block gateway: what it served, how fast, and what is held against it."""

import time
from typing import Final

from immurtal.chain.gateway import DamagedBlock, fetch_block
from immurtal.chain.http import HttpClient
from immurtal.content.cid import Cid
from immurtal.errors import ImmurtalError, IntegrityError

STALL_SECONDS: Final = 5.0
BLOCK_SECONDS: Final = 30.0
LONGEST_REST: Final = 60.0
LATENCY_WEIGHT: Final = 0.3


class Gateway:
    """stall: seconds without a byte; whole: seconds for a block, after which it is late."""

    def __init__(
        self,
        node_id: str,
        url: str,
        *,
        allow_local: bool,
        stall: float = STALL_SECONDS,
        whole: float = BLOCK_SECONDS,
    ) -> None:
        self.node_id = node_id
        self.latency = 0.0  # seconds a block, moving average; 0: not measured yet
        self.under_way = 0
        self.blocks = 0
        self.bytes = 0
        self.lie = ""  # what it once served falsely; never asked again then
        self.rests_until = 0.0  # monotonic time
        self._failures = 0  # in a row
        self._stall = stall
        self._whole = whole
        self._http = HttpClient(url, allow_local=allow_local)

    @property
    def is_resting(self) -> bool:
        return self.rests_until > time.monotonic()

    async def fetch(self, cid: Cid) -> bytes:
        """The block, checked against its CID, or an error that is held against this node.

        Raises IntegrityError (it lied), DamagedBlock (it says so itself), NotFound (it has it not),
        Unreachable (late, dead, or no answer of a gateway), BadInput (its URL may not be asked).
        """
        started = time.monotonic()
        self.under_way += 1
        try:
            block = await fetch_block(self._http, cid, seconds=self._whole, stall=self._stall)
        except ImmurtalError as error:
            self._failed(error)
            raise
        finally:
            self.under_way -= 1
        self._served(block, time.monotonic() - started)
        return block

    async def close(self) -> None:
        await self._http.close()

    def _served(self, block: bytes, seconds: float) -> None:
        self.blocks += 1
        self.bytes += len(block)
        self._failures = 0
        self.rests_until = 0.0
        old = self.latency or seconds
        self.latency = old + LATENCY_WEIGHT * (seconds - old)

    def _failed(self, error: ImmurtalError) -> None:
        if isinstance(error, IntegrityError) and not isinstance(error, DamagedBlock):
            self.lie = error.what
        self._failures += 1
        rest = min(LONGEST_REST, 2.0 ** min(self._failures, 6))
        self.rests_until = time.monotonic() + rest
