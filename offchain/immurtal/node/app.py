"""The node's process: parts put together, loops run side by side, an end in bounded time."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

import structlog

from immurtal.config import NodeConfig
from immurtal.errors import ImmurtalError
from immurtal.node import logs
from immurtal.node.access import AccessCheck
from immurtal.node.api import application
from immurtal.node.assemble import assembled
from immurtal.node.clock import Clock, SystemClock
from immurtal.node.listen import bind, serve
from immurtal.node.parts import Parts

STOP_SECONDS: Final = 15
"""What the loops may take to end after a signal, before they are cancelled; Kubo's end follows."""

KEPT: Final = "Database, pins and keys are as they were."

log = structlog.get_logger(__name__)


def run(
    config: NodeConfig, *, clock: Clock | None = None, access: AccessCheck | None = None
) -> None:
    """Runs a node until SIGTERM or SIGINT. `access` takes the place of the check on chain.

    Raises PortInUse, WrongNetwork, Unreachable, BadInput, NotFound, DiskFull: it did not start.
    """
    logs.configure(config.log)
    try:
        with asyncio.Runner() as runner:
            runner.run(_until_signal(config, clock or SystemClock(), access))
    except ImmurtalError as error:
        error.saved = error.saved or KEPT
        raise


async def run_until(
    stop: asyncio.Event,
    config: NodeConfig,
    clock: Clock,
    access: AccessCheck | None = None,
    ready: asyncio.Event | None = None,
) -> None:
    """As `run`, until `stop`; `ready` is set once the API answers."""
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(bind(config.api))
        parts = await stack.enter_async_context(assembled(config, clock, access))
        log.info("node-started", node=parts.identity.node_id, settings=config.masked())
        if ready is not None:
            ready.set()
        await _loops(parts, listener, stop)
    log.info("node-stopped", node=parts.identity.node_id)


async def _until_signal(config: NodeConfig, clock: Clock, access: AccessCheck | None) -> None:
    stop = asyncio.Event()
    started = asyncio.Event()
    main = asyncio.current_task()
    assert main is not None

    def end(number: signal.Signals) -> None:
        log.info("stopping", signal=number.name)
        stop.set()
        if not started.is_set():  # still waiting for the chain, or for Kubo
            main.cancel()

    async with _signals(end):
        with suppress(asyncio.CancelledError):
            await run_until(stop, config, clock, access, started)


@asynccontextmanager
async def _signals(end: Callable[[signal.Signals], None]) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _loops(parts: Parts, listener: socket.socket, stop: asyncio.Event) -> None:
    """Until `stop`, or until one loop fails: then all end, and its error is raised."""
    loops = {
        "api": serve(
            application.build_api(parts), listener, stop, parts.config.api.trusted_proxies
        ),
        "index": parts.indexer.run(stop),
        "storage": parts.storage.run(stop),
    }
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_named(name, loop), name=name) for name, loop in loops.items()
            ]
            waking = group.create_task(_wake_storage(parts))
            group.create_task(_end_in_time(tasks, waking, stop))
    except BaseExceptionGroup as failed:
        raise _first(failed) from None


async def _named(name: str, loop: Awaitable[None]) -> None:
    try:
        await loop
    except ImmurtalError:
        raise
    except Exception as error:
        log.error("loop-failed", loop=name, exc_info=error)
        raise ImmurtalError(
            f"The node stopped: its {name} loop failed with {type(error).__name__}.",
            saved=KEPT,
            do="The log says more. Start it again, and report this if it comes back.",
        ) from error


async def _end_in_time(
    tasks: list[asyncio.Task[None]], waking: asyncio.Task[None], stop: asyncio.Event
) -> None:
    """Ends the group: once the loops have ended, or when their time is over."""
    await stop.wait()
    _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
    for task in late:
        log.warning("loop-cancelled", loop=task.get_name())
    for task in (*late, waking):
        task.cancel()


async def _wake_storage(parts: Parts) -> None:
    """Tells storage of each change of the index, so that pins follow at once. Never ends."""
    async with parts.indexer.changed:
        while True:
            await parts.indexer.changed.wait()
            parts.storage.wake()


def _first(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended the node: what is known before what is not."""
    found = failed.subgroup(ImmurtalError) or failed
    error = found.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
