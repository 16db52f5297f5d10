"""The node's idea of now, as an object: whoever moves the chain's time moves this too."""

import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> int:
        """Whole seconds since 1970."""
        ...


class SystemClock:
    def now(self) -> int:
        return int(time.time())
