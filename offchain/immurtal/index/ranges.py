"""How many blocks to ask for at once: more while answers are fast, half when they are refused.

Our own arithmetic only: what endpoints suggest in their errors fails as often as what they refused.
"""

from typing import Final

FIRST: Final = 1_000  # blocks
WIDEST: Final = 100_000
FAST_SECONDS: Final = 1.0
SLOW_SECONDS: Final = 5.0
MANY_LOGS: Final = 20_000  # of one answer, what is comfortable in memory and in one transaction


class AdaptiveRange:
    """`size` doubles until the first refusal; from then on it grows by a tenth."""

    def __init__(self) -> None:
        self.size = FIRST
        self._refused = False

    def answered(self, seconds: float, logs: int) -> None:
        if seconds > SLOW_SECONDS or logs > MANY_LOGS:
            self.size = max(1, self.size // 2)
        elif seconds < FAST_SECONDS and logs <= MANY_LOGS // 2:
            grown = self.size + self.size // 10 + 1 if self._refused else self.size * 2
            self.size = min(WIDEST, grown)

    def refused(self, asked: int) -> bool:
        """`asked`: blocks of the call that failed. False: it cannot be halved."""
        self._refused = True
        self.size = max(1, asked // 2)
        return asked > 1
