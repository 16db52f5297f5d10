"""The demo's comparisons: each is named, and the first that fails ends the demo."""

from typing import ClassVar

from immurtal.errors import ImmurtalError


class Mismatch(ImmurtalError):
    """`comparison`: what should have held."""

    kind: ClassVar[str] = "demo-failed"
    exit_code: ClassVar[int] = 15

    def __init__(self, comparison: str, what: str) -> None:
        super().__init__(
            f"The demo failed, for this does not hold: {comparison}. {what}",
            saved="report.json and the logs in the demo's folder say what led to it.",
        )
        self.comparison = comparison


def check(holds: bool, comparison: str, otherwise: str) -> None:
    """Raises Mismatch."""
    if not holds:
        raise Mismatch(comparison, otherwise)
