"""A small deterministic chain behind the JSON-RPC seam, which forks and misbehaves on request.

A stand-in on purpose: it injects the faults that a real node does not show when asked to.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chain_story import Story
from eth_utils.crypto import keccak

from immurtal.chain.rpc import RpcError
from immurtal.errors import Unreachable
from immurtal.index.bloom import bloom_of

Call = tuple[str, list[Any]]


@dataclass
class FakeBlock:
    number: int
    hash: str
    parent: str
    logs: list[dict[str, Any]]
    story: Story

    def header(self) -> dict[str, Any]:
        items = (
            bytes.fromhex(i[2:]) for log in self.logs for i in (log["address"], *log["topics"])
        )
        return {
            "number": hex(self.number),
            "hash": self.hash,
            "parentHash": self.parent,
            "timestamp": hex(1_700_000_000 + self.number),
            "logsBloom": "0x" + bloom_of(items).to_bytes(256, "big").hex(),
        }


@dataclass
class FakeChain:
    """finality: blocks from the head to the final one; None: no such tag. widest: blocks that
    `eth_getLogs` takes. tamper: sees every answer and may change it or raise."""

    seed: int
    finality: int | None = 3
    widest: int = 1_000_000
    tamper: Callable[[str, list[Any], Any], Any] = field(
        default=lambda method, params, answer: answer
    )
    unreachable: int = 0
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._story = Story(random.Random(self.seed + 1))
        self._finalized = 0
        genesis = FakeBlock(0, "0x" + "11" * 32, "0x" + "00" * 32, [], self._story)
        self.branch = [genesis]
        self.by_hash = {genesis.hash: genesis}

    @property
    def head(self) -> FakeBlock:
        return self.branch[-1]

    @property
    def final(self) -> int:
        if self.finality is not None:
            self._finalized = max(self._finalized, self.head.number - self.finality)
        return self._finalized

    def mine(self, count: int = 1) -> None:
        for _ in range(count):
            story = self.head.story.copy()
            number = self.head.number + 1
            digest = "0x" + keccak(self._rng.randbytes(32)).hex()
            logs = [
                {
                    **log,
                    "blockNumber": hex(number),
                    "blockHash": digest,
                    "transactionHash": "0x" + keccak(bytes.fromhex(digest[2:]) + b"tx").hex(),
                    "logIndex": hex(index),
                    "removed": False,
                }
                for index, log in enumerate(story.block(number))
            ]
            block = FakeBlock(number, digest, self.head.hash, logs, story)
            self.branch.append(block)
            self.by_hash[digest] = block

    def reorganise(self, depth: int, count: int) -> None:
        """The newest `depth` blocks give way to `count` others."""
        _ = self.final  # what was final has been said
        del self.branch[max(1, len(self.branch) - depth) :]
        self.mine(count)

    async def call(self, method: str, params: list[Any]) -> Any:
        if self.unreachable:
            self.unreachable -= 1
            raise Unreachable("The fake endpoint does not answer.")
        self.calls.append(method)
        answer = getattr(self, f"_{method}")(*params)
        return self.tamper(method, params, answer)

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        answers: list[Any] = []
        for method, params in calls:
            try:
                answers.append(await self.call(method, params))
            except RpcError as error:
                answers.append(error)
        return answers

    async def close(self) -> None: ...

    def _eth_chainId(self) -> str:
        return hex(31337)

    def _eth_getBlockByNumber(self, tag: str, _full: bool) -> Any:
        if tag == "latest":
            return self.head.header()
        if tag == "finalized":
            if self.finality is None:
                raise RpcError(-32602, "unknown tag")
            return self.branch[min(self.final, self.head.number)].header()
        number = int(tag, 16)
        return self.branch[number].header() if number < len(self.branch) else None

    def _eth_getBlockByHash(self, digest: str, _full: bool) -> Any:
        block = self.by_hash.get(digest)
        return block.header() if block else None

    def _eth_getLogs(self, query: dict[str, Any]) -> Any:
        if "blockHash" in query:
            if query["blockHash"] not in self.by_hash:
                raise RpcError(-32000, "unknown block")
            blocks = [self.by_hash[query["blockHash"]]]
        else:
            first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
            if last - first + 1 > self.widest:
                raise RpcError(-32005, f"range too wide, try {last - first + 1}")
            blocks = self.branch[first : last + 1]
        return [log for block in blocks for log in block.logs if _matches(query, log)]


def _matches(query: dict[str, Any], log: dict[str, Any]) -> bool:
    addresses = query.get("address")
    if addresses is not None and log["address"] not in addresses:
        return False
    return all(log["topics"][i] in allowed for i, allowed in enumerate(query.get("topics", [])))
