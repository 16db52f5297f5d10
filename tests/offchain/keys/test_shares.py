"""Shamir shares: any t give the key, fewer say nothing, what is no share is refused."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from immurtal.errors import BadInput
from immurtal.keys.shares import combine, share_index, split

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/shares.json").read_text())
KEY = bytes(range(32))


@pytest.mark.parametrize(("nodes", "threshold"), [(1, 1), (2, 1), (2, 3), (256, 2), (3, 0), (0, 0)])
def test_ways_to_share_that_are_none(nodes: int, threshold: int) -> None:
    with pytest.raises(BadInput, match=f"{threshold} of {nodes} is no way to share a key"):
        split(KEY, nodes, threshold)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_content_key_has_32_bytes(size: int) -> None:
    with pytest.raises(BadInput, match=f"32 bytes, not {size}"):
        split(bytes(size), 3, 2)


def test_shares_that_cannot_be_combined() -> None:
    one, two, _ = split(KEY, 3, 2)
    with pytest.raises(BadInput, match="at least 2 shares, not 0"):
        combine([])
    with pytest.raises(BadInput, match="at least 2 shares, not 1"):
        combine([one])
    with pytest.raises(BadInput, match="must differ in their index"):
        combine([one, bytes(32) + one[-1:]])
    with pytest.raises(BadInput, match="33 bytes, not 32"):
        combine([one, two[:-1]])
    with pytest.raises(BadInput, match="1 to 255, not 0"):
        combine([one, KEY + b"\0"])


@settings(max_examples=50, deadline=None)
@given(data=st.data(), key=st.binary(min_size=32, max_size=32), nodes=st.integers(2, 8))
def test_any_threshold_of_them_give_the_key(data: st.DataObject, key: bytes, nodes: int) -> None:
    """For every key, n and t: any t of the n shares, in any order, combine to the key, any t − 1
    do not (but for a chance of 2^-256), and no two shares have the same index."""
    threshold = data.draw(st.integers(2, nodes), label="threshold")
    shares = split(key, nodes, threshold)
    chosen = data.draw(st.permutations(shares), label="order")[:threshold]
    assert combine(chosen) == key
    if threshold > 2:
        assert combine(chosen[1:]) != key
    assert len({share_index(share) for share in shares}) == nodes


def test_one_share_of_two_says_nothing() -> None:
    """Whatever the key's first byte is, the first byte of a share takes all values alike.

    4,096 draws over 256 values for each of two keys: χ² with 255 degrees of freedom stays below
    400 but for a chance of 10^-8.
    """
    for byte in (0, 255):
        shares = (split(bytes([byte]) * 32, 2, 2)[0] for _ in range(128))
        drawn = Counter(value for share in shares for value in share[:32])
        assert sum((drawn[value] - 16) ** 2 / 16 for value in range(256)) < 400


@pytest.mark.parametrize("vector", VECTORS["cases"], ids=lambda v: v["about"])
def test_vectors(vector: dict) -> None:
    shares = [bytes.fromhex(share[2:]) for share in vector["shares"]]
    threshold, key = vector["threshold"], bytes.fromhex(vector["key"][2:])
    assert combine(shares[:threshold]) == combine(shares[-threshold:]) == key
    assert [share_index(share) for share in shares] == vector["indices"]
