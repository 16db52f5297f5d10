"""Invariant: in any span of time a key gets at most one bucket and what has dripped in since."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from immurtal.node.api.context import caller
from immurtal.node.limits import RateLimit

BURSTS = st.sampled_from([0.0, 0.001, 0.1])
QUIET = st.floats(0, 300, allow_nan=False)


@given(st.integers(1, 6), st.lists(BURSTS | QUIET, min_size=12, max_size=60))
def test_never_more_than_the_bucket_and_the_drip(per_minute: int, waits: list[float]) -> None:
    now = 0.0
    limit = RateLimit(per_minute, now=lambda: now)
    allowed: list[float] = []
    for wait in waits:
        now += wait
        if limit.take("a") == 0:
            allowed.append(now)
    for first, begin in enumerate(allowed):
        for last, end in enumerate(allowed[first:], start=first):
            assert last - first + 1 <= per_minute + (end - begin) * per_minute / 60 + 1e-6


def test_the_wait_that_is_named_is_enough_and_others_are_not_held_up() -> None:
    now = 0.0
    limit = RateLimit(2, now=lambda: now)
    assert [limit.take("a"), limit.take("a")] == [0, 0]
    wait = limit.take("a")
    assert 0 < wait <= 30
    assert limit.take("b") == 0
    now += wait
    assert limit.take("a") == 0


def test_memory_is_bounded() -> None:
    limit = RateLimit(1, keys=10)
    for number in range(1000):
        limit.take(str(number))
    assert len(limit._buckets) == 10


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("proxy said so", "unknown"),
    ],
)
def test_a_customers_whole_network_is_one_caller(host: str, counted: str) -> None:
    assert caller(Request({"type": "http", "client": (host, 1)})) == counted
