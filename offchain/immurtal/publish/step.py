"""What an artist is told while long work goes on."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """Progress: `done` of `total` (bytes, parts, or 0 of 0 for a plain remark). A step named
    `warning` is something that the artist should know."""

    name: str
    text: str
    done: int = 0
    total: int = 0


Report = Callable[[Step], None]
