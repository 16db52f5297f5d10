"""How many EVM calls a second the properties make: `python -m bench.properties [--seconds 20]`.

The split machine of `tests/property`, with Hypothesis driving and its invariants checked: on revm
in as many processes as there are processors, then on anvil through ape. Calls are transactions and
views.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.results import Row, load_average, report

ROOT = Path(__file__).resolve().parents[1]
MACHINE = "tests/property/test_splits.py"
GOAL = 10_000
TIMES_APE = 100
APE = ["ape", "test", MACHINE, "-c", "tests/unit/pytest.ini", "--rootdir", "."]
COMMANDS = {
    "revm": [sys.executable, "-m", "pytest", MACHINE, "-q"],
    "ape": [*APE, "--network", "ethereum:local:foundry", "-q"],
}


def measure(engine: str, processes: int, seconds: int) -> dict[str, float]:
    """Calls, transactions and views a second, all processes together."""
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder) / f"{number}.jsonl" for number in range(processes)]
        running = [_start(engine, seconds, log) for log in logs]
        outputs = [process.communicate()[0] for process in running]
        for process, output in zip(running, outputs, strict=True):
            if process.returncode != 0:
                raise SystemExit(f"the machine failed on {engine}:\n{output}")
        found = [_first(log) for log in logs]
    return {
        kind: sum(row[kind] / row["seconds"] for row in found)
        for kind in ("calls", "transactions", "views")
    }


def _start(engine: str, seconds: int, log: Path) -> subprocess.Popen[str]:
    settings = {
        "IMMURTAL_ENGINE": engine,
        "IMMURTAL_AUDIT_LOG": str(log),
        "SECONDS": str(seconds),
    }
    return subprocess.Popen(
        COMMANDS[engine],
        cwd=ROOT,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _first(log: Path) -> dict[str, Any]:
    """Each promise's line counts all calls of the machine."""
    row: dict[str, Any] = json.loads(log.read_text("utf-8").splitlines()[0])
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=20, help="of each engine")
    arguments = parser.parse_args()
    load = load_average()
    processes = os.cpu_count() or 1
    revm = measure("revm", processes, arguments.seconds)
    ape = measure("ape", 1, arguments.seconds)
    unit = "calls/s"
    rows = [
        Row(
            "EVM calls, Hypothesis driving", unit, revm["calls"], ape["calls"], None, GOAL, "higher"
        ),
        Row(
            "of these transactions",
            unit,
            revm["transactions"],
            ape["transactions"],
            better="higher",
        ),
        Row("of these views", unit, revm["views"], ape["views"], better="higher"),
        Row(
            "EVM calls over those of ape",
            "times",
            revm["calls"] / ape["calls"],
            None,
            None,
            TIMES_APE,
            "higher",
        ),
    ]
    about = {
        "about": {
            "machine": MACHINE,
            "ours": f"revm, {processes} processes",
            "peer": "the same machine on anvil through ape, 1 process",
            "seconds": arguments.seconds,
        }
    }
    return report("properties", rows, load, about)


if __name__ == "__main__":
    raise SystemExit(main())
