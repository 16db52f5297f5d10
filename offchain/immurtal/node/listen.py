"""The API's socket, bound before anything else, and the server that an event stops."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from immurtal.config import ApiConfig
from immurtal.errors import BadInput, PortInUse

BACKLOG: Final = 512
MOST_CONNECTIONS: Final = 1000
GRACE_SECONDS: Final = 5
"""What a request that is under way may take when the node stops."""
IDLE_SECONDS: Final = 15
HEAD_SECONDS: Final = 15.0
"""What the head of a request may take to arrive whole."""


def bind(api: ApiConfig) -> socket.socket:
    """Raises PortInUse; BadInput: an address that this machine does not have."""
    family = socket.AF_INET6 if ":" in api.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((api.host, api.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise PortInUse(
                f"Port {api.port} on {api.host} cannot be opened for the API: {error.strerror}.",
                do="Stop what uses it, or choose another api.port in the node's settings.",
            ) from error
        raise BadInput(
            f"The API cannot listen at {api.host}: {error.strerror}.",
            do="Correct api.host in the node's settings.",
        ) from error
    return listener


class _Impatient(H11Protocol):
    """Ends a connection that does not say in time what it wants. uvicorn waits for ever, and
    answers nobody once as many are silent as there may be connections."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._forget()

    def _watch(self) -> None:
        if self._has_request():
            self._forget()
        elif self._patience is None:
            self._patience = self.loop.call_later(HEAD_SECONDS, self._end_if_idle)

    def _forget(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _end_if_idle(self) -> None:
        self._patience = None
        if not self._has_request():
            self.transport.close()

    def _has_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete


class _Server(uvicorn.Server):
    """Signals are the node's own business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    app: ASGIApp, listener: socket.socket, stop: asyncio.Event, proxies: tuple[str, ...]
) -> None:
    """Until `stop`; then requests under way have `GRACE_SECONDS` to end."""
    server = _Server(
        uvicorn.Config(
            app,
            http=_Impatient,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
        )
    )

    async def end() -> None:
        await stop.wait()
        server.should_exit = True

    ending = asyncio.create_task(end())
    try:
        await server.serve(sockets=[listener])
    finally:
        ending.cancel()
