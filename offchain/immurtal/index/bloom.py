"""The logs bloom of a block header: 2,048 bits, three for each address and topic of its logs.
Source: Ethereum Yellow Paper, 4.4.1 (M3:2048)."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from eth_utils.crypto import keccak

BLOOM_BYTES: Final = 256


@lru_cache(maxsize=65_536)
def bits(item: bytes) -> int:
    """The three bits of an address (20 bytes) or topic (32 bytes), as a number."""
    digest = keccak(item)
    found = 0
    for start in (0, 2, 4):
        found |= 1 << (int.from_bytes(digest[start : start + 2], "big") & 2047)
    return found


def bloom_of(items: Iterable[bytes]) -> int:
    found = 0
    for item in items:
        found |= bits(item)
    return found


def may_hold(bloom: int, item: bytes) -> bool:
    """False: surely not. True: perhaps."""
    wanted = bits(item)
    return bloom & wanted == wanted
