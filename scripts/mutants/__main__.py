"""`make mutants`: shows that the properties see faults, by seeding them.

Each patch of tests/mutants is applied to a copy of the contracts, and the properties are run
against it on revm: those of its promise first, until one of them sees the fault. The contracts as
they are must pass before. Writes .audit/mutants.json; fails if more than two mutants live, or if
those alive are not those that tests/mutants/alive.md explains.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from scripts.mutants.patches import PATCHES, ROOT, BadPatchError, Mutant, mutants

RESULT: Final = ROOT / ".audit" / "mutants.json"
COPIES: Final = ROOT / ".build" / "mutants"
"""A folder for each mutant; what its run printed is in output.txt there."""
ALIVE: Final = PATCHES / "alive.md"
MOST_ALIVE: Final = 2
TIMEOUT: Final = 300
"""Seconds that a run of all properties may take: beyond that, nothing was seen."""
FIRST: Final = {
    "R": ("test_registry.py", "test_interfaces.py"),
    "L": ("test_licenses.py", "test_licence_blockers.py"),
    "S": ("test_splits.py",),
    "E": ("test_escrow.py",),
    "N": ("test_nodes.py",),
    "T": ("test_system.py", "test_escrow.py", "test_licenses.py"),
}
"""Where a promise is tried, by the first letter of its name."""
NOT_PROPERTIES: Final = {
    "test_coding.py",
    "test_engines.py",
    "test_mutants.py",
    "test_scenario.py",
}
"""Tests of the kit itself."""


@dataclass(frozen=True, slots=True)
class Row:
    """by: the test, and the promise that it named; for one alive, what else happened."""

    mutant: str
    promise: str
    killed: bool
    by: str
    seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help='numbers of mutants, such as "03 17"')
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants at a time")
    arguments = parser.parse_args()
    try:
        chosen = mutants(arguments.only)
    except BadPatchError as error:
        print(error, file=sys.stderr)
        return 2
    with ThreadPoolExecutor(arguments.jobs) as pool:
        broken = [text for text in pool.map(_original, _files("")) if text]
        if broken:
            print("the contracts as they are do not pass:", *broken, sep="\n", file=sys.stderr)
            return 2
        rows = []
        for row in pool.map(_try, chosen):
            rows.append(row)
            print(_line(row), flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", "utf-8")
    alive = {row.mutant for row in rows if not row.killed}
    print(f"{len(rows) - len(alive)} of {len(rows)} mutants are killed")
    problems = _problems(alive, {row.mutant for row in rows})
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


def _original(file: str) -> str:
    """What is wrong with the contracts as they are; "" if nothing."""
    verdict = _hunt(ROOT, [file])
    return "" if verdict["passed"] else f"{file}: {verdict}"


def _try(mutant: Mutant) -> Row:
    started = time.monotonic()
    try:
        mutant.apply(COPIES / mutant.name)
        verdict = _hunt(COPIES / mutant.name, _files(mutant.promise))
    except BadPatchError as error:
        verdict = {"by": "", "crashes": [str(error)]}
    by = verdict["by"] or "; ".join(crash.splitlines()[0] for crash in verdict["crashes"])
    seconds = round(time.monotonic() - started, 1)
    return Row(mutant.name, mutant.promise, bool(verdict["by"]), by, seconds)


def _files(promise: str) -> list[str]:
    """All properties, those of the promise first."""
    names = {path.name for path in (ROOT / "tests" / "property").glob("test_*.py")}
    first = [name for name in FIRST.get(promise[:1], ()) if name in names]
    return first + sorted(names - set(first) - NOT_PROPERTIES)


def _hunt(contracts: Path, files: list[str]) -> dict[str, Any]:
    """See {hunt}; what it printed is kept beside a mutant."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "verdict.json"
        settings = {
            "IMMURTAL_ENGINE": "revm",
            "IMMURTAL_CONTRACTS": str(contracts),
            "IMMURTAL_COUNTEREXAMPLES": folder,
            "IMMURTAL_SHRINK": "0",
        }
        tests = [f"tests/property/{file}" for file in files]
        try:
            done = subprocess.run(
                [sys.executable, "-m", "scripts.mutants.hunt", str(target), *tests],
                cwd=ROOT,
                env=os.environ | settings,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {"by": "", "crashes": [f"nothing was seen in {TIMEOUT} s"], "passed": False}
        if contracts != ROOT:
            (contracts / "output.txt").write_text(done.stdout + done.stderr, "utf-8")
        if not target.exists():
            return {"by": "", "crashes": [done.stderr[-2000:]], "passed": False}
        verdict: dict[str, Any] = json.loads(target.read_text("utf-8"))
        return verdict


def _line(row: Row) -> str:
    state = "killed" if row.killed else "ALIVE"
    return f"{row.mutant:32} {row.promise}  {state:6} {row.seconds:6.1f} s  {row.by}"


def _problems(alive: set[str], tried: set[str]) -> list[str]:
    explained = set(re.findall(r"^## (\S+)$", ALIVE.read_text("utf-8"), re.MULTILINE)) & tried
    problems = [f"alive and not explained in {ALIVE.name}: {name}" for name in alive - explained]
    problems += [f"explained as alive, but killed: {name}" for name in explained - alive]
    if len(alive) > MOST_ALIVE:
        problems.append(f"{len(alive)} are alive: {MOST_ALIVE} may be")
    return sorted(problems)


if __name__ == "__main__":
    raise SystemExit(main())
