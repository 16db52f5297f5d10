"""Connections that take their time: they end, and others are answered meanwhile or soon after."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from immurtal.config import ApiConfig
from immurtal.node import listen

HEAD = b"POST / HTTP/1.1\r\nHost: node\r\nContent-Length: 5\r\n\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    """The port."""
    stop = asyncio.Event()
    listener: socket.socket = listen.bind(ApiConfig("127.0.0.1", 0, "", ()))
    task = asyncio.create_task(listen.serve(echo, listener, stop, ()))
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        await task


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(listen, "MOST_CONNECTIONS", 5)


async def says_nothing(_: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drips_a_head(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"G")
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("idle", [says_nothing, drips_a_head])
async def test_whoever_never_asks_is_let_go_and_makes_room(
    idle: Callable[[asyncio.StreamWriter], Coroutine[None, None, None]],
) -> None:
    async with serving() as port, httpx.AsyncClient() as other:
        clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        tasks = [asyncio.create_task(idle(writer)) for _, writer in clients]
        assert (await other.get(f"http://127.0.0.1:{port}")).status_code == 503
        async with asyncio.timeout(5):
            await asyncio.gather(*(closed(reader) for reader, _ in clients))
        assert (await other.get(f"http://127.0.0.1:{port}")).status_code == 200
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_nor_may_the_next_request_take_for_ever() -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"hello")
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
        dripping = asyncio.create_task(drips_a_head(writer))
        async with asyncio.timeout(5):
            await closed(reader)
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)


async def test_a_request_under_way_is_not_hurried() -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD)
        for byte in b"hello":
            await asyncio.sleep(0.2)
            writer.write(bytes([byte]))
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
        writer.close()


async def closed(reader: asyncio.StreamReader) -> None:
    """Until the server has ended the connection."""
    try:
        while await reader.read(1024):
            pass
    except ConnectionError:
        pass
