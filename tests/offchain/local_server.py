"""A small HTTP server that answers as a test tells it: for lies, silence and floods."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Seen:
    """A request as it came. header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """length: what Content-Length says, where it lies. pause: seconds between pieces."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    pause: float = 0.0
    piece: int = 65_536


Handler = Callable[[Seen], Awaitable[Reply]]


@asynccontextmanager
async def serve(handle: Handler) -> AsyncIterator[str]:
    """The server's base URL, on a free local port."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while await _answer(reader, writer, handle):
                    pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handle: Handler
) -> bool:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request, *lines = head.rstrip().split("\r\n")
    method, target, _ = request.split(" ")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = await _chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    reply = await handle(Seen(method, target, headers, body))
    length = len(reply.body) if reply.length is None else reply.length
    extra = "".join(f"{k}: {v}\r\n" for k, v in reply.headers.items())
    writer.write(f"HTTP/1.1 {reply.status} x\r\nContent-Length: {length}\r\n{extra}\r\n".encode())
    if method != "HEAD":
        for start in range(0, len(reply.body), reply.piece):
            writer.write(reply.body[start : start + reply.piece])
            await writer.drain()
            await asyncio.sleep(reply.pause)
    await writer.drain()
    return length == len(reply.body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body
