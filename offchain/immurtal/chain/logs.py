"""Reading logs over ranges that endpoints may find too wide: pages that grow and halve."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from immurtal.chain.rpc import RpcError, RpcLike, quantity
from immurtal.errors import IntegrityError, Unreachable

FIRST_PAGE: Final = 10_000  # blocks
WIDEST_PAGE: Final = 1_000_000
MAX_LOGS: Final = 100_000


class LogScan:
    """Logs of one contract. topics: as `eth_getLogs` takes them."""

    def __init__(self, rpc: RpcLike, address: str, topics: list[Any]) -> None:
        self._rpc = rpc
        self._address = address
        self._topics = topics

    async def between(self, first: int, last: int) -> list[Mapping[str, Any]]:
        """In chain order, both ends included. Raises RpcError, Unreachable, IntegrityError."""
        query = {
            "address": self._address,
            "topics": self._topics,
            "fromBlock": hex(first),
            "toBlock": hex(last),
        }
        logs = await self._rpc.call("eth_getLogs", [query])
        if not isinstance(logs, list) or len(logs) > MAX_LOGS:
            raise IntegrityError("The RPC endpoint answers eth_getLogs with no list of logs.")
        try:
            ours = [log for log in logs if log["address"].lower() == self._address]
            return sorted(ours, key=lambda g: (int(g["blockNumber"], 16), int(g["logIndex"], 16)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise IntegrityError("The RPC endpoint gives malformed logs.") from error

    async def newest_first(self, first: int) -> AsyncIterator[Mapping[str, Any]]:
        """From the head down to block `first`, in pages. Raises as `between`."""
        last = quantity(await self._rpc.call("eth_blockNumber", []))
        width = FIRST_PAGE
        while last >= first:
            start = max(first, last - width + 1)
            try:
                page = await self.between(start, last)
            except (RpcError, Unreachable):
                if width == 1:
                    raise
                width = max(1, min(width, last - start + 1) // 2)
                continue
            for log in reversed(page):
                yield log
            last = start - 1
            width = min(WIDEST_PAGE, width * 2)
