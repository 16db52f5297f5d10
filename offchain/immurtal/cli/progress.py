"""Progress of long work on standard error: a moving line for a person, plain lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from immurtal.publish.step import Step


class Progress:
    """On a terminal one bar for each thing in work; without one, a line when it begins and ends."""

    def __init__(self, *, quiet: bool = False) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        self._console = Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._tasks: dict[str, int] = {}
        self._bars: Bars | None = None
        if not quiet and self._console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self._bars = Bars(*columns, console=self._console)

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars:
            self._bars.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing moves meanwhile: for what a person must read or answer."""
        if self._bars:
            self._bars.stop()
        try:
            yield
        finally:
            if self._bars:
                self._bars.start()

    def say(self, text: str, style: str = "") -> None:
        """One line that stays."""
        if not self._quiet:
            self._console.print(text, style=style, markup=False)

    def show(self, name: str, done: float) -> None:
        """How far one thing is, 0 to 1."""
        if self._quiet:
            return
        if self._bars is None:
            if name not in self._tasks:
                self._tasks[name] = 0
                click.echo(name, err=True)
            return
        from rich.progress import TaskID

        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=1.0)
        self._bars.update(TaskID(self._tasks[name]), completed=done)

    def report(self, step: "Step") -> None:
        """A step of a publish."""
        if step.name == "warning":
            self.say(f"Warning: {step.text}", style="yellow")
        elif step.total:
            self.show(step.text, step.done / step.total)
        else:
            self.say(step.text)
