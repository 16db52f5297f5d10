"""The state machines of tests/property, on all cores, as long as asked; then shortly on anvil.

Every machine has a turn on every core, each turn with a seed of its own.
"""

import ast
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Any, Final

from scripts.audit.forge import ROOT
from scripts.audit.row import Result, Row

FOLDER: Final = ROOT / "tests" / "property"
SPARE_SECONDS: Final = 300
"""What a turn may take beyond its share: to deploy, and to shrink a counterexample."""
_SEEDS: Final = SystemRandom()


@dataclass(frozen=True, slots=True)
class Turn:
    """One machine for a while. test: as pytest names it. seed: to repeat it."""

    test: str
    seconds: float
    seed: int


def explore(seconds: float) -> Iterator[tuple[Turn, list[Row]]]:
    """Each turn with what it tried. seconds: for all machines together, by the clock."""
    cores = os.cpu_count() or 1
    tests = machines()
    share = seconds / len(tests)
    turns = [Turn(test, share, _SEEDS.getrandbits(32)) for _ in range(cores) for test in tests]
    with ThreadPoolExecutor(cores) as pool:
        yield from zip(turns, pool.map(_play, turns), strict=True)


def machines() -> list[str]:
    """The tests that run a state machine. Raises RuntimeError if there is none."""
    tests = [
        f"{file.relative_to(ROOT)}::{found.name}"
        for file in sorted(FOLDER.glob("test_*.py"))
        for found in ast.parse(file.read_text("utf-8")).body
        if isinstance(found, ast.FunctionDef) and found.name.startswith("test_") and _runs(found)
    ]
    if not tests:
        raise RuntimeError(f"no state machine was found in {FOLDER.relative_to(ROOT)}")
    return tests


def _runs(test: ast.FunctionDef) -> bool:
    """Whether it is a machine's: those call `machine.run`."""
    calls = (node.func for node in ast.walk(test) if isinstance(node, ast.Call))
    return any(isinstance(name, ast.Name) and name.id == "run" for name in calls)


def examples() -> list[Row]:
    """What else tests/property tries, once: bounds on gas, interfaces, every function's entry."""
    command = ["pytest", str(FOLDER.relative_to(ROOT)), "-q", "--color=no"]
    command += [f"--deselect={test}" for test in machines()]
    started = time.monotonic()
    output, code = _run(command, {**os.environ}, 600)
    seconds = round(time.monotonic() - started, 1)
    result: Result = "passed" if code == 0 else "failed"
    note = "" if code == 0 else output[-4000:]
    return [Row("", "bounds, interfaces and entries", "revm", 0, seconds, result, note)]


def on_anvil() -> list[Row]:
    """A short run of the same machines through ape."""
    folder = str(FOLDER.relative_to(ROOT))
    command = ["ape", "test", folder, "-c", "tests/unit/pytest.ini", "--rootdir", "."]
    command += ["--ignore", f"{folder}/test_gas_bound.py"]  # tests/unit has it on cold accounts
    command += ["--network", "ethereum:local:foundry", "-q"]
    return _logged(command, {"IMMURTAL_ENGINE": "ape"}, "all machines", "ape", 1_800)


def _play(turn: Turn) -> list[Row]:
    command = ["pytest", turn.test, "-q", f"--hypothesis-seed={turn.seed}", "--color=no"]
    limit = turn.seconds + SPARE_SECONDS
    return _logged(command, {"SECONDS": str(turn.seconds)}, turn.test, "revm", limit)


def _logged(
    command: list[str], variables: dict[str, str], name: str, engine: str, limit: float
) -> list[Row]:
    """The rows that a run of pytest leaves in the audit log. One that fails without a word there,
    or says nothing, is a failure too."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "audit.jsonl"
        environment = {**os.environ, **variables, "IMMURTAL_AUDIT_LOG": str(log)}
        if engine == "revm":
            environment.pop("IMMURTAL_ENGINE", None)
        output, code = _run(command, environment, limit)
        lines = log.read_text("utf-8").splitlines() if log.is_file() else []
    rows = [_row(json.loads(line), output) for line in lines]
    if code != 0 and all(row.result == "passed" for row in rows):
        rows.append(Row("", name, engine, 0, 0.0, "failed", output[-4000:]))
    elif not rows:
        rows.append(Row("", name, engine, 0, 0.0, "failed", f"tried nothing:\n{output[-4000:]}"))
    return rows


def _run(command: list[str], environment: dict[str, str], limit: float) -> tuple[str, int]:
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {limit:.0f} s", 1
    return done.stdout, done.returncode


def _row(line: dict[str, Any], output: str) -> Row:
    note = "" if line["result"] == "passed" else output[-4000:]
    if line["result"] == "failed" and line.get("broken"):
        note = f"{line['broken']} broke\n{note}"
    names = (line["promise"], line["property"], line["engine"])
    return Row(*names, line["calls"], line["seconds"], line["result"], note)
