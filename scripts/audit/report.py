"""`.audit/report.json` for machines, `.audit/report.md` for people."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from scripts.audit.promises import PROMISES
from scripts.audit.row import Result, Row

WORST: Final[tuple[Result, ...]] = ("failed", "interrupted", "timeout", "passed")


def write(rows: Sequence[Row], folder: Path, about: Sequence[str]) -> None:
    """about: lines that say what ran, for the page's head."""
    folder.mkdir(exist_ok=True)
    merged = merge(rows)
    document = json.dumps([asdict(row) for row in merged], indent=2)
    (folder / "report.json").write_text(document + "\n", "utf-8")
    (folder / "report.md").write_text("\n".join(_page(merged, about)) + "\n", "utf-8")


def merge(rows: Sequence[Row]) -> list[Row]:
    """One row for a promise, property and engine: turns add up, the worst result stands."""
    merged: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        key = (row.promise, row.property, row.engine)
        known = merged.get(key)
        if known is None:
            merged[key] = row
            continue
        worst = min(known, row, key=lambda one: WORST.index(one.result))
        calls, seconds = known.calls + row.calls, round(known.seconds + row.seconds, 1)
        merged[key] = replace(worst, calls=calls, seconds=seconds)
    order = {letter: i for i, letter in enumerate(PROMISES)}
    return sorted(merged.values(), key=lambda row: (order.get(row.promise, -1), row.property))


def failed(rows: Sequence[Row]) -> list[Row]:
    """What ends an audit with 1: a timeout does not, though it proves nothing."""
    return [row for row in rows if row.result in ("failed", "interrupted")]


def _page(rows: Sequence[Row], about: Sequence[str]) -> Iterator[str]:
    counted = Counter(row.result for row in rows)
    yield "# Audit\n"
    yield from (f"- {line}" for line in about)
    yield "- " + ", ".join(f"{counted[result]} {result}" for result in WORST if counted[result])
    by_promise: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_promise[row.promise].append(row)
    holds = {
        letter for letter, tried in by_promise.items() for row in tried if row.result == "passed"
    }
    if missing := [letter for letter in PROMISES if letter not in holds]:
        yield f"- **without a property or proof that passed: {', '.join(missing)}**"
    yield "\nCalls are EVM calls of a state machine, paths of a proof, detectors of slither.\n"
    yield "| promise | property | engine | calls | seconds | result |"
    yield "| --- | --- | --- | ---: | ---: | --- |"
    for letter, promise in ({"": "the whole"} | PROMISES).items():
        for row in by_promise[letter]:
            figures = f"{row.calls:,} | {row.seconds:,.1f} | {_shown(row.result)}"
            yield f"| {letter} {promise} | {row.property} | {row.engine} | {figures} |"
        if letter and not by_promise[letter]:
            yield f"| {letter} {promise} | – | – | 0 | 0 | **not covered** |"
    for row in rows:
        if row.note:
            yield f"\n## {row.promise or 'The whole'}: {row.property}, {row.engine}: {row.result}\n"
            yield f"```\n{row.note}\n```"


def _shown(result: Result) -> str:
    return result if result == "passed" else f"**{result}**"
