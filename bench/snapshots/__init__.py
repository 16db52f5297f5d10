"""Gas and sizes of the contracts as they were last reviewed, and what moved since."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.results import Row

FOLDER: Final = Path(__file__).parent
FILES: Final = {"gas": FOLDER / "gas.json", "bytes": FOLDER / "sizes.json"}
"""By the unit of their figures."""
MOST_BYTES: Final = 16 * 1024
"""Of a contract's code, by our own rule (EIP-170 allows half as much again)."""

Figures = dict[str, int]


def figures(rows: Sequence[Row], unit: str) -> Figures:
    """What was measured in a unit, by what it is of. Raises ValueError if a name is there twice."""
    measured = {
        row.what: int(row.ours) for row in rows if row.unit == unit and row.ours is not None
    }
    if len(measured) != sum(row.unit == unit for row in rows):
        raise ValueError(f"two rows in {unit} have the same name, or one has no figure")
    return measured


def read(unit: str) -> Figures:
    """The reviewed figures; none where there is no file yet."""
    file = FILES[unit]
    return dict(json.loads(file.read_text("utf-8"))) if file.is_file() else {}


def write(unit: str, measured: Figures) -> None:
    FILES[unit].write_text(json.dumps(measured, indent=2) + "\n", "utf-8")


def moved(reviewed: Mapping[str, int], measured: Mapping[str, int], unit: str) -> list[str]:
    """Each difference in words."""
    said = []
    for what in [*measured, *(what for what in reviewed if what not in measured)]:
        before, now = reviewed.get(what), measured.get(what)
        if before is None:
            said.append(f"{what}: new, {now:,} {unit}")
        elif now is None:
            said.append(f"{what}: gone, was {before:,} {unit}")
        elif before != now:
            change = f"{now - before:+,} ({(now - before) / before:+.2%})"
            said.append(f"{what}: {before:,} -> {now:,} {unit}, {change}")
    return said


def too_large(sizes: Mapping[str, int]) -> list[str]:
    return [
        f"{what}: {size:,} bytes, more than the {MOST_BYTES:,} that we allow ourselves"
        for what, size in sizes.items()
        if size > MOST_BYTES
    ]
