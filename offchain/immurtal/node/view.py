"""What the node sees of the chain when it decides: the head, and the block as deep as it trusts.

Reads are pinned to block hashes (EIP-1898) and asked of every endpoint; those that answer must
agree. Nothing is guessed: what cannot be read is refused as `chain-lagging`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog

from immurtal.chain.contracts import Certificate, Contracts
from immurtal.chain.rpc import RpcLike
from immurtal.errors import AccessRefused, ImmurtalError, NotFound
from immurtal.node.clock import Clock

MAX_HEAD_AGE: Final = 60
"""Seconds by the node's clock (DESIGN 6.4)."""

T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Block:
    number: int
    hash: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class View:
    """`deep` is the block `depth` below the head; None while the chain is shorter than that."""

    head: Block
    deep: Block | None
    depth: int

    def seconds_until_deep(self) -> int:
        """How long what stands in the head block takes to stand `depth` deep, at this pace."""
        if self.deep is None or self.deep.number == self.head.number:
            return max(1, self.depth)
        span = self.head.timestamp - self.deep.timestamp
        return max(1, -(-span * self.depth // (self.head.number - self.deep.number)))


class ChainView:
    """`rpc` finds the head; `endpoints` are asked one by one, so that they can be compared."""

    def __init__(
        self, rpc: RpcLike, endpoints: Sequence[Contracts], clock: Clock, depth: int
    ) -> None:
        self._rpc = rpc
        self._endpoints = endpoints
        self._clock = clock
        self._depth = depth

    async def now(self) -> View:
        """Raises AccessRefused `chain-lagging`: no answer, nonsense, or a head that is too old."""
        head = await self._block("latest")
        age = self._clock.now() - head.timestamp
        if age > MAX_HEAD_AGE:
            raise lagging(f"The newest block that this node sees is {age} seconds old.")
        number = head.number - self._depth
        return View(head, await self._block(hex(number)) if number >= 0 else None, self._depth)

    async def agreed(self, read: Callable[[Contracts], Awaitable[T]]) -> T:
        """What every endpoint that answers says, the same. Raises AccessRefused `chain-lagging`."""
        answers = await asyncio.gather(
            *(read(endpoint) for endpoint in self._endpoints), return_exceptions=True
        )
        heard: list[T] = []
        for answer in answers:
            if isinstance(answer, ImmurtalError):
                log.warning("endpoint-failed", error=answer.what)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                heard.append(answer)
        if not heard:
            raise lagging("No chain endpoint of this node answers.")
        if any(answer != heard[0] for answer in heard):
            log.error("endpoints-disagree", answers=[str(answer) for answer in answers])
            raise lagging("The chain endpoints of this node disagree.")
        return heard[0]

    async def certificate(self, certificate_id: str, view: View) -> Certificate | None:
        """The certificate at the head of the view; None where there is none."""

        async def read(contracts: Contracts) -> Certificate | None:
            try:
                return await contracts.certificate(certificate_id, view.head.hash)
            except NotFound:
                return None

        return await self.agreed(read)

    async def _block(self, tag: str) -> Block:
        try:
            return _block(await self._rpc.call("eth_getBlockByNumber", [tag, False]))
        except (ImmurtalError, KeyError, TypeError, ValueError) as error:
            log.warning("head-unreadable", block=tag, error=str(error))
            raise lagging("The chain endpoints of this node do not tell the head.") from error


def lagging(detail: str) -> AccessRefused:
    return AccessRefused(detail, reason="chain-lagging", do="Try again shortly.")


def _block(header: Any) -> Block:
    digest = header["hash"]
    if not isinstance(digest, str) or len(digest) != 66:
        raise ValueError("a block without a hash")
    return Block(int(header["number"], 16), digest.lower(), int(header["timestamp"], 16))
