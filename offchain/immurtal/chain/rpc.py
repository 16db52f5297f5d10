"""JSON-RPC 2.0 over HTTP, to one endpoint (`Rpc`) or several (`RpcPool`).

Answers are bounded in size and time; what an endpoint says is never trusted to be well formed.
Source: https://www.jsonrpc.org/specification, https://ethereum.github.io/execution-apis/
"""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

import httpx

from immurtal.config import mask_url
from immurtal.errors import BadInput, ImmurtalError, IntegrityError, Unreachable

MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_BATCH = 100
MAX_COOL_DOWN = 60.0  # seconds
LATENCY_WEIGHT = 0.2  # of the newest measurement in the moving average
RATE_LIMIT_CODES = frozenset({-32005, -32029, -32097, 429})

Call = tuple[str, list[Any]]


class RpcError(ImmurtalError):
    """The endpoint understood the call and answered with an error: not a matter of reaching it."""

    kind: ClassVar[str] = "rpc-error"

    def __init__(self, code: int, message: str, data: Any = None, *, endpoint: str = "") -> None:
        self.code = code
        self.message = printable(message)
        self.data = data
        at = f" from {endpoint}" if endpoint else ""
        super().__init__(f"RPC error {code}{at}: {self.message}")

    @property
    def rate_limited(self) -> bool:
        """Another endpoint may answer the same call."""
        return self.code in RATE_LIMIT_CODES


class RpcLike(Protocol):
    """What everything above needs of a chain endpoint."""

    async def call(self, method: str, params: list[Any]) -> Any: ...

    async def batch(self, calls: Sequence[Call]) -> list[Any]: ...

    async def close(self) -> None: ...


def quantity(answer: Any) -> int:
    """A number as JSON-RPC writes it. Raises IntegrityError."""
    try:
        return int(answer, 16)
    except (TypeError, ValueError):
        raise IntegrityError(
            f"The RPC endpoint answers {printable(repr(answer), 80)} where a number is due.",
            do="Configure another endpoint.",
        ) from None


def printable(text: str, limit: int = 500) -> str:
    """Foreign text made safe for a terminal and a log line."""
    return "".join(c if c.isprintable() else " " for c in text[:limit]).strip()


class Rpc:
    """One endpoint.

    url: http(s). timeout: seconds for a whole answer. max_answer: bytes of one answer.
    """

    def __init__(
        self, url: str, timeout: float = 10.0, *, max_answer: int = MAX_ANSWER_BYTES
    ) -> None:
        self.name = _name(url)
        self._url = url
        self._timeout = timeout
        self._max_answer = max_answer
        self._ids = itertools.count(1)
        self._client = httpx.AsyncClient(timeout=timeout, follow_redirects=False)

    async def call(self, method: str, params: list[Any]) -> Any:
        """The result. Raises RpcError, Unreachable."""
        request = self._request(method, params)
        result = self._result(await self._post(request), request["id"])
        if isinstance(result, RpcError):
            raise result
        return result

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """One result or RpcError for each call, in their order. Raises RpcError, Unreachable."""
        results: list[Any] = []
        for start in range(0, len(calls), MAX_BATCH):
            results += await self._batch(calls[start : start + MAX_BATCH])
        return results

    async def close(self) -> None:
        await self._client.aclose()

    async def _batch(self, calls: Sequence[Call]) -> list[Any]:
        requests = [self._request(method, params) for method, params in calls]
        answer = await self._post(requests)
        if not isinstance(answer, list):  # the batch as a whole was refused
            refused = self._result(answer, answer.get("id") if isinstance(answer, dict) else None)
            raise refused if isinstance(refused, RpcError) else self._nonsense()
        by_id = {a["id"]: a for a in answer if isinstance(a, dict) and _hashable(a.get("id"))}
        return [self._result(by_id.get(r["id"]), r["id"]) for r in requests]

    def _request(self, method: str, params: list[Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}

    def _result(self, answer: Any, request_id: Any) -> Any:
        if not isinstance(answer, dict):
            raise self._nonsense()
        error = answer.get("error")
        if isinstance(error, dict):
            code = error.get("code")
            return RpcError(
                code if isinstance(code, int) else 0,
                str(error.get("message", "")),
                error.get("data"),
                endpoint=self.name,
            )
        if answer.get("id") != request_id or "result" not in answer:
            raise self._nonsense()
        return answer["result"]

    async def _post(self, body: Any) -> Any:
        try:
            async with asyncio.timeout(self._timeout):
                status, raw = await self._exchange(body)
        except TimeoutError:
            raise self._unreachable(f"did not answer within {self._timeout:g} s") from None
        except httpx.TimeoutException:
            raise self._unreachable(f"did not answer within {self._timeout:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            reason = printable(str(error)) or type(error).__name__
            raise self._unreachable(f"cannot be reached ({reason})") from None
        if status == 429:
            raise self._unreachable("says that it was asked too often (HTTP 429)")
        try:
            answer = json.loads(raw)
        except (ValueError, RecursionError):
            if status != 200:
                raise self._unreachable(f"answered with HTTP {status}") from None
            raise self._nonsense() from None
        if status != 200 and not (isinstance(answer, dict) and "error" in answer):
            raise self._unreachable(f"answered with HTTP {status}")
        return answer

    async def _exchange(self, body: Any) -> tuple[int, bytes]:
        raw = bytearray()
        async with self._client.stream("POST", self._url, json=body) as response:
            async for piece in response.aiter_bytes():
                raw += piece
                if len(raw) > self._max_answer:
                    raise self._unreachable(f"answered with more than {self._max_answer} bytes")
            return response.status_code, bytes(raw)

    def _nonsense(self) -> Unreachable:
        return self._unreachable("answered with something that is not JSON-RPC")

    def _unreachable(self, reason: str) -> Unreachable:
        return Unreachable(
            f"The RPC endpoint {self.name} {reason}.",
            do="Check that it runs and that the URL is right, or configure another endpoint.",
        )


def _hashable(value: Any) -> bool:
    return isinstance(value, int | str)


def _name(url: str) -> str:
    """What an endpoint is called in messages: nothing that may be a key of it."""
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return mask_url(url)
    except ValueError:
        pass
    raise BadInput(
        "An RPC endpoint's URL is unusable: it must look like https://host/path.",
        do="Correct the RPC URL.",
    )


class _Endpoint:
    """What the pool has measured of one endpoint."""

    def __init__(self, rpc: Rpc) -> None:
        self.rpc = rpc
        self.latency = 0.0  # seconds, moving average; 0: not measured yet, so tried first
        self.failures = 0  # in a row
        self.rests_until = 0.0  # monotonic time

    def answered(self, seconds: float) -> None:
        self.failures = 0
        self.rests_until = 0.0
        old = self.latency or seconds
        self.latency = old + LATENCY_WEIGHT * (seconds - old)

    def failed(self) -> None:
        self.failures += 1
        self.rests_until = time.monotonic() + min(MAX_COOL_DOWN, 2.0 ** min(self.failures, 6))


class RpcPool:
    """Several endpoints of one chain: the fastest answers, a failing one rests and is passed over.

    An error that the endpoint answers with (RpcError) is final, unless it is a rate limit.
    """

    def __init__(self, urls: Sequence[str], timeout: float = 10.0) -> None:
        if not urls:
            raise BadInput("No RPC endpoint is configured.", do="Name at least one RPC URL.")
        self._endpoints = [_Endpoint(Rpc(url, timeout)) for url in urls]

    @property
    def endpoints(self) -> list[Rpc]:
        """Each alone, for those who compare their answers."""
        return [endpoint.rpc for endpoint in self._endpoints]

    @property
    def latencies(self) -> dict[str, float]:
        """Moving average in seconds by endpoint name; 0: not measured yet."""
        return {endpoint.rpc.name: endpoint.latency for endpoint in self._endpoints}

    async def call(self, method: str, params: list[Any]) -> Any:
        return await self._first(lambda rpc: rpc.call(method, params))

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        results: list[Any] = await self._first(lambda rpc: rpc.batch(calls))
        return results

    async def close(self) -> None:
        for endpoint in self._endpoints:
            await endpoint.rpc.close()

    async def _first(self, ask: Callable[[Rpc], Awaitable[Any]]) -> Any:
        reasons: list[str] = []
        limited: RpcError | None = None
        for endpoint in self._order():
            started = time.monotonic()
            try:
                result = await ask(endpoint.rpc)
            except Unreachable as error:
                endpoint.failed()
                reasons.append(error.what)
            except RpcError as error:
                if not error.rate_limited:
                    endpoint.answered(time.monotonic() - started)
                    raise
                endpoint.failed()
                limited = error
            else:
                endpoint.answered(time.monotonic() - started)
                return result
        if limited:
            raise limited
        raise Unreachable(
            " ".join(reasons),
            do="Check that one of them runs and that the URLs are right, or configure another.",
        )

    def _order(self) -> list[_Endpoint]:
        """Rested ones first, fastest first; the resting ones are the last resort."""
        now = time.monotonic()
        return sorted(self._endpoints, key=lambda e: (max(e.rests_until, now), e.latency))
