"""Prometheus figures of one node."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from immurtal.index.sync import SyncStatus

INDEX_STATES: Final = ("syncing", "live", "degraded")


class Metrics:
    """A registry of its own: several nodes may live in one test process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.shares = Counter(
            "immurtal_key_shares",
            "Requests for a key share by outcome",
            ["outcome"],
            registry=self._registry,
        )
        self.stores = Counter(
            "immurtal_stores",
            "Requests to store a release by outcome",
            ["outcome"],
            registry=self._registry,
        )
        self._block = Gauge(
            "immurtal_index_block",
            "Block numbers: the head seen, indexed, final",
            ["which"],
            registry=self._registry,
        )
        self._state = Gauge(
            "immurtal_index_state", "1 for the state of now", ["state"], registry=self._registry
        )
        self._ready = Gauge("immurtal_ready", "Whether /readyz says ready", registry=self._registry)

    def exposition(self, status: SyncStatus, *, ready: bool) -> bytes:
        """The Prometheus text format."""
        for which in ("head", "indexed", "final"):
            number = getattr(status, which)
            if number is not None:
                self._block.labels(which).set(number)
        for state in INDEX_STATES:
            self._state.labels(state).set(state == status.state)
        self._ready.set(ready)
        return generate_latest(self._registry)
