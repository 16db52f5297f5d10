"""Token buckets: how often one account or one address may ask."""

import time
from collections import OrderedDict
from collections.abc import Callable


class RateLimit:
    """`per_minute` requests for each key, as many at once; remembers the `keys` last seen.

    A key that was forgotten starts with a full bucket: the memory is bounded, and whoever has more
    addresses than that is not stopped by counting them.
    """

    def __init__(
        self, per_minute: int, *, keys: int = 10_000, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._capacity = float(per_minute)
        self._rate = per_minute / 60
        self._keys = keys
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Takes one token: 0.0, or the seconds until there is one."""
        now = self._now()
        tokens, at = self._buckets.pop(key, (self._capacity, now))
        tokens = min(self._capacity, tokens + (now - at) * self._rate)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self._rate
