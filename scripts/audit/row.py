"""What was tried for a promise, and what came of it."""

from dataclasses import dataclass
from typing import Literal

Result = Literal["passed", "failed", "timeout", "interrupted"]


@dataclass(frozen=True, slots=True)
class Row:
    """promise: its letter, or "" for what is about none alone. calls: EVM calls, paths that were
    proved, or detectors that looked. seconds: of one process. note: why, where it did not pass."""

    promise: str
    property: str
    engine: str
    calls: int
    seconds: float
    result: Result
    note: str = ""
