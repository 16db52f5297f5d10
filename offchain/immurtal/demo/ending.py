"""Ctrl-C, SIGTERM or a closed terminal end the demo once, in order: nothing is left behind."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_by_signals(say: Callable[[str], None]) -> Iterator[None]:
    """The first signal cancels the current task; later ones wait for what that started."""
    task = asyncio.current_task()
    assert task is not None
    asked = False

    def end() -> None:
        nonlocal asked
        say("Still ending what was started …" if asked else "Ending what was started …")
        if not asked:
            asked = True
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
