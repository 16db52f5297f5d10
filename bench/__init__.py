"""What the project claims in numbers, measured beside what it is compared to."""

import sys
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1] / "tests"
_OFFCHAIN = _TESTS / "offchain"
# The tests' own chain, node and judge of the cipher; an installed package is named `tests`.
sys.path += [
    str(_TESTS),
    str(_OFFCHAIN),
    *(str(_OFFCHAIN / room) for room in ("content", "node", "storage")),
]
