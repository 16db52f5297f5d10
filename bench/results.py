"""What a bench found: rows, written as `bench/results/<name>.json` and printed as a table."""

import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from rich.console import Console
from rich.table import Table

RESULTS: Final = Path(__file__).parent / "results"
WIDTH: Final = 140
"""Characters of a line where no terminal says how many."""

Better = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. peer: others' figure for the same; limit: what nobody can do without, measured in
    the same run; goal: the worst figure that is good enough. All are in `unit`; None: not known.
    peer_source: whether the peer was measured in the same run, or is quoted."""

    what: str
    unit: str
    ours: float | None
    peer: float | None = None
    limit: float | None = None
    goal: float | None = None
    better: Better = "lower"
    peer_source: Literal["quoted", "measured"] | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without a figure or a goal."""
        if self.ours is None or self.goal is None:
            return None
        return self.ours <= self.goal if self.better == "lower" else self.ours >= self.goal


def report(name: str, rows: Sequence[Row], load: float, about: Mapping[str, Any]) -> int:
    """Writes and prints the rows. load: the machine's before the bench began; about: what a reader
    needs to judge the figures. Returns the exit code: 1 if a goal was missed."""
    document = {
        "command": shlex.join(["python", "-m", f"bench.{name}", *sys.argv[1:]]),
        "measured": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {
            "cpus": os.cpu_count(),
            "processor": _processor(),
            "python": platform.python_version(),
            "load": {"before": round(load, 2), "after": round(load_average(), 2)},
        },
        **about,
        "rows": [_entry(row) for row in rows],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    Console(width=None if sys.stdout.isatty() else WIDTH).print(_table(name, rows))
    return 1 if any(row.met is False for row in rows) else 0


def load_average() -> float:
    """Processes that ran or wanted to, on average over the last minute."""
    return os.getloadavg()[0]


def _entry(row: Row) -> dict[str, Any]:
    entry = asdict(row) | {"met": row.met}
    del entry["better"]
    if row.peer_source is None:
        del entry["peer_source"]
    return entry


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _table(name: str, rows: Sequence[Row]) -> Table:
    table = Table(title=name)
    table.add_column("what", no_wrap=True)
    table.add_column("unit")
    for column in ("ours", "peer", "limit", "goal", "met"):
        table.add_column(column, justify="right")
    for row in rows:
        figures = (row.ours, row.peer, row.limit, row.goal)
        met = {True: "yes", False: "[red]NO[/red]", None: ""}[row.met]
        table.add_row(row.what, row.unit, *map(_shown, figures), met)
    return table


def _shown(figure: float | None) -> str:
    return "" if figure is None else f"{figure:,.10g}"
