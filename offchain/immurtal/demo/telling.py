"""The account that a person reads while the demo runs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

INDENT = " " * 13


@dataclass(slots=True)
class Teller:
    """On a terminal a line moves while a step runs; elsewhere each thing is a line when it begins.

    `err`: to standard error, where standard output is for JSON.
    """

    err: bool = False
    _console: Console = field(init=False)
    _bar: Progress | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._console = Console(stderr=self.err, highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """While this runs the step is going on."""
        if not self._console.is_terminal:
            yield
            return
        columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=self._console, transient=True) as self._bar:
            self._bar.add_task(name, total=None)
            try:
                yield
            finally:
                self._bar = None

    def note(self, text: str) -> None:
        """What the step is at."""
        if self._bar is None:
            self.say(f"{INDENT}… {text}")
        else:
            self._bar.update(self._bar.task_ids[0], description=text)

    def told(self, name: str, seconds: float, lines: Sequence[str]) -> None:
        """What came of a step: a headline, and rows below it."""
        self.say(f"[{seconds:6.1f} s] {name}: {lines[0]}")
        for line in lines[1:]:
            self.say(INDENT + line)

    def say(self, text: str) -> None:
        """Lines that stay."""
        self._console.print(text, markup=False)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = ((cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return ["  ".join(row).rstrip() for row in cells]
