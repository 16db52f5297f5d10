"""One node's block gateway: what it served, how fast, and what is held against it."""

import time
from typing import Final

from immurtal.chain.http import HttpClient
from immurtal.chain.rpc import printable
from immurtal.content.cid import RAW, Cid, check_block
from immurtal.content.unixfs import LEAF
from immurtal.errors import ImmurtalError, IntegrityError, NotFound

MAX_NODE_BYTES: Final = 1024 * 1024
"""Of a block that is no leaf: a directory of 1024 long names, or 174 links."""
STALL_SECONDS: Final = 5.0
BLOCK_SECONDS: Final = 30.0
LONGEST_REST: Final = 60.0
LATENCY_WEIGHT: Final = 0.3
SAID_BYTES: Final = 200
"""Of a refusal's own words, which say what is wrong with the node's disk."""
RAW_BLOCK: Final = "application/vnd.ipld.raw"


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

        Raises IntegrityError (it lied), NotFound (it has it not), Unreachable (late, dead, or no
        answer of a gateway), BadInput (its URL may not be asked).
        """
        started = time.monotonic()
        self.under_way += 1
        try:
            block = await self._ask(cid)
        except ImmurtalError as error:
            self._failed(error)
            raise
        finally:
            self.under_way -= 1
        self._served(block, time.monotonic() - started)
        return block

    async def close(self) -> None:
        await self._http.close()

    async def _ask(self, cid: Cid) -> bytes:
        answer = await self._http.request(
            "GET",
            f"ipfs/{cid}?format=raw",
            headers={"Accept": RAW_BLOCK},
            max_bytes=LEAF if cid.codec == RAW else MAX_NODE_BYTES,
            seconds=self._whole,
            stall=self._stall,
        )
        if answer.status in (404, 410):
            raise NotFound(f"{self._http.name} does not have block {cid}.")
        if answer.status != 200:
            said = printable(answer.body[:SAID_BYTES].decode("utf-8", "replace"))
            raise self._http.unreachable(f"answered with HTTP {answer.status}: {said}")
        check_block(cid, answer.body)
        return answer.body

    def _served(self, block: bytes, seconds: float) -> None:
        self.blocks += 1
        self.bytes += len(block)
        self._failures = 0
        self.rests_until = 0.0
        old = self.latency or seconds
        self.latency = old + LATENCY_WEIGHT * (seconds - old)

    def _failed(self, error: ImmurtalError) -> None:
        if isinstance(error, IntegrityError):
            self.lie = error.what
        self._failures += 1
        rest = min(LONGEST_REST, 2.0 ** min(self._failures, 6))
        self.rests_until = time.monotonic() + rest
