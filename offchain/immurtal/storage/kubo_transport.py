"""HTTP/1.1 to Kubo's RPC for httpx, with trailers.

Kubo reports a failure in the middle of an answer only in the trailer `X-Stream-Error`, after status
200 (https://docs.ipfs.tech/reference/kubo/rpc/); httpx reads trailers and drops them. So this hands
httpx a transport on the same parser (h11), one connection a request: the daemon is next door.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any, Final

import h11
import httpx

_PIECE: Final = 65_536


class StreamError(Exception):
    """What the trailer `X-Stream-Error` said."""


class KuboTransport(httpx.AsyncBaseTransport):
    """Raises httpx's own errors, and `StreamError` at the end of an answer that failed half-way."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        connection = await _open(request, timeouts.get("connect"))
        try:
            reply = await connection.exchange(request, timeouts)
        except BaseException:
            connection.abort()
            raise
        return httpx.Response(
            status_code=reply.status_code,
            headers=[(bytes(name), bytes(value)) for name, value in reply.headers],
            stream=_Body(connection, timeouts.get("read")),
            extensions={"http_version": b"HTTP/1.1"},
        )


async def _open(request: httpx.Request, seconds: float | None) -> "_Connection":
    secure = ssl.create_default_context() if request.url.scheme == "https" else None
    port = request.url.port or (443 if secure else 80)
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(request.url.host, port, ssl=secure)
    except TimeoutError as error:
        raise httpx.ConnectTimeout("no connection in time", request=request) from error
    except OSError as error:
        raise httpx.ConnectError(str(error), request=request) from error
    return _Connection(reader, writer, request)


class _Connection:
    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: httpx.Request
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._request = request
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_PIECE)

    async def exchange(
        self, request: httpx.Request, timeouts: dict[str, float | None]
    ) -> h11.Response:
        """Sends the request and returns the head of the answer."""
        # a server may refuse before it has read everything: its answer says why
        with contextlib.suppress(httpx.WriteError):
            await self._send_request(request, timeouts.get("write"))
        return await self._head(timeouts.get("read"))

    async def _send_request(self, request: httpx.Request, seconds: float | None) -> None:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        await self._send(
            h11.Request(
                method=request.method,
                target=request.url.raw_path,
                headers=request.headers.raw,
            ),
            seconds,
        )
        async for piece in request.stream:
            await self._send(h11.Data(data=piece), seconds)
        await self._send(h11.EndOfMessage(), seconds)

    async def _send(self, event: Any, seconds: float | None) -> None:
        data = self._http.send(event)
        if not data:
            return
        self._writer.write(data)
        try:
            async with asyncio.timeout(seconds):
                await self._writer.drain()
        except TimeoutError as error:
            raise httpx.WriteTimeout("nothing is taken", request=self._request) from error
        except OSError as error:
            raise httpx.WriteError(str(error), request=self._request) from error

    async def _head(self, seconds: float | None) -> h11.Response:
        while True:
            event = await self.next_event(seconds)
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise httpx.RemoteProtocolError("no answer", request=self._request)

    async def next_event(self, seconds: float | None) -> Any:
        """The next event of the answer; `seconds`: how long without a byte."""
        while True:
            try:
                event = self._http.next_event()
                if event is not h11.NEED_DATA:
                    return event
                self._http.receive_data(await self._read(seconds))
            except h11.RemoteProtocolError as error:
                raise httpx.RemoteProtocolError(str(error), request=self._request) from error

    async def _read(self, seconds: float | None) -> bytes:
        try:
            async with asyncio.timeout(seconds):
                return await self._reader.read(_PIECE)
        except TimeoutError as error:
            raise httpx.ReadTimeout("nothing arrives", request=self._request) from error
        except OSError as error:
            raise httpx.ReadError(str(error), request=self._request) from error

    def abort(self) -> None:
        self._writer.transport.abort()

    async def close(self) -> None:
        self._writer.close()


class _Body(httpx.AsyncByteStream):
    def __init__(self, connection: _Connection, seconds: float | None) -> None:
        self._connection = connection
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            event = await self._connection.next_event(self._seconds)
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                for name, value in event.headers:
                    if name == b"x-stream-error":
                        raise StreamError(value.decode(errors="replace"))
                return
            else:
                return

    async def aclose(self) -> None:
        await self._connection.close()
