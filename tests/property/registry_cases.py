"""Who registers what: the works, releases and plans of the registry machine."""

from dataclasses import dataclass

from hypothesis import strategies as st
from world import actors

MIN_AGE = 60
HASHES = [bytes([n]) * 32 for n in range(1, 7)]
RELEASES = [bytes([n]) * 32 for n in range(0xA0, 0xA4)]
SALTS = [bytes([n]) * 32 for n in range(2)]
PEOPLE = actors()[1:5]
ACCEPTS, REFUSES, REVERTS, BURNS_GAS, BOMBS = range(5)
"""How a WalletAuthor answers ERC-1271; only the first is a yes."""

people = st.sampled_from(PEOPLE)
index = st.integers(0, 7)
rare_zero = st.sampled_from([*RELEASES * 5, bytes(32)])
four_releases = st.lists(rare_zero, min_size=4, max_size=4)
albums = st.lists(st.sampled_from([*HASHES * 3, bytes(32)]), max_size=4)
chances = st.integers(0, 9)
"""9 stands for what is not there."""
UNKNOWN = b"\xff" * 32


@dataclass(frozen=True, slots=True)
class Plan:
    """What somebody committed to, or will."""

    author: str
    hashes: tuple[bytes, ...]
    salt: bytes
