"""What the node sees of the chain when it decides: the head, and the block as deep as it trusts.

Everything is asked of every endpoint, and all that answer must agree: one that does not know the
block that another speaks of has answered too, so an invented block convinces nobody. Reads are
pinned to block hashes (EIP-1898). Nothing is guessed: what cannot be read is `chain-lagging`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog

from immurtal.chain.contracts import Certificate, Contracts
from immurtal.chain.rpc import RpcError
from immurtal.errors import (
    AccessRefused,
    ImmurtalError,
    IntegrityError,
    NotFound,
    Unreachable,
)
from immurtal.node.clock import Clock

MAX_HEAD_AGE: Final = 60
"""Seconds by the node's clock (DESIGN 6.4), behind it or ahead of it."""
_NO: Final = object()

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
    """`endpoints` are asked one by one, so that they can be compared."""

    def __init__(self, endpoints: Sequence[Contracts], clock: Clock, depth: int) -> None:
        self._endpoints = endpoints
        self._clock = clock
        self._depth = depth

    async def now(self) -> View:
        """The lowest head, which every endpoint has.

        Raises AccessRefused `chain-lagging`: no answer, nonsense, or a head that is not of now.
        """
        head = min(await self._heard(lambda c: _block(c, "latest")), key=lambda b: b.number)
        age = self._clock.now() - head.timestamp
        if age > MAX_HEAD_AGE:
            raise lagging(f"The newest block that this node sees is {age} seconds old.")
        if age < -MAX_HEAD_AGE:
            raise lagging(f"The newest block is {-age} seconds ahead of this node's clock.")
        number = head.number - self._depth
        deep = await self.agreed(lambda c: _block(c, number)) if number >= 0 else None
        return View(head, deep, self._depth)

    async def agreed(self, read: Callable[[Contracts], Awaitable[T]]) -> T:
        """What every endpoint that answers says, the same. Raises AccessRefused `chain-lagging`."""
        heard = await self._heard(read)
        if any(answer != heard[0] for answer in heard):
            log.error("endpoints-disagree", answers=[str(answer) for answer in heard])
            raise _doubt()
        return heard[0]

    async def call(self, method: str, params: list[Any]) -> Any:
        """A JSON-RPC call on whose result every endpoint agrees, for `chain.signatures`. Raises
        RpcError where all of them refuse, each in its own words."""

        async def ask(contracts: Contracts) -> Any:
            try:
                return await contracts.rpc.call(method, params)
            except RpcError as error:
                if error.rate_limited:
                    raise
                return _NO

        answer = await self.agreed(ask)
        if answer is _NO:
            raise RpcError(0, f"every endpoint refuses {method}")
        return answer

    async def certificate(self, certificate_id: str, view: View) -> Certificate | None:
        """The certificate at the head of the view; None where there is none."""

        async def read(contracts: Contracts) -> Certificate | None:
            try:
                return await contracts.certificate(certificate_id, view.head.hash)
            except NotFound:
                return None

        return await self.agreed(read)

    async def _heard(self, read: Callable[[Contracts], Awaitable[T]]) -> list[T]:
        """The answers of all endpoints but silent ones; at least one."""
        answers = await asyncio.gather(
            *(read(endpoint) for endpoint in self._endpoints), return_exceptions=True
        )
        heard: list[T] = []
        doubtful = False
        for answer in answers:
            if isinstance(answer, ImmurtalError):
                log.warning("endpoint-failed", error=answer.what)
                doubtful = doubtful or not _is_silence(answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                heard.append(answer)
        if doubtful:
            raise _doubt()
        if not heard:
            raise lagging("No chain endpoint of this node answers.")
        return heard


def lagging(detail: str) -> AccessRefused:
    return AccessRefused(detail, reason="chain-lagging", do="Try again shortly.")


def _doubt() -> AccessRefused:
    return lagging("The chain endpoints of this node do not agree on the chain.")


def _is_silence(error: ImmurtalError) -> bool:
    return isinstance(error, Unreachable) or (isinstance(error, RpcError) and error.rate_limited)


async def _block(contracts: Contracts, which: str | int) -> Block:
    """By tag or number. Raises what a call raises, and IntegrityError."""
    tag = which if isinstance(which, str) else hex(which)
    header = await contracts.rpc.call("eth_getBlockByNumber", [tag, False])
    try:
        digest = header["hash"]
        block = Block(int(header["number"], 16), digest.lower(), int(header["timestamp"], 16))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise IntegrityError("The RPC endpoint gives a malformed block header.") from error
    if len(digest) != 66 or which not in ("latest", block.number):
        raise IntegrityError(f"The RPC endpoint gives another block than {tag}.")
    return block
