"""The auditor's kit: slither, halmos and the state machines. `make audit SECONDS=600`.

Writes .audit/report.json and .audit/report.md; ends with 1 if anything failed. A proof that the
solver did not finish is reported as a timeout: it neither passes nor fails.
"""

import argparse
import sys
import time
from collections.abc import Callable

from scripts.audit import halmos, properties, slither
from scripts.audit.forge import ROOT
from scripts.audit.report import failed, write
from scripts.audit.row import Row
from scripts.setup.bootstrap import SetupError, saying_that_it_goes_on

OUTPUT = ROOT / ".audit"
PARTS = ("slither", "halmos", "properties", "ape")


def say(text: str) -> None:
    print(f"audit: {text}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.audit", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=600, help="for the state machines, together (600)"
    )
    parser.add_argument("--only", choices=PARTS, action="append", help="some of the parts")
    arguments = parser.parse_args()
    parts = arguments.only or PARTS
    started = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    rows: list[Row] = []
    if "slither" in parts:
        rows += _attempt("slither", lambda: [slither.check()])
    if "halmos" in parts:
        rows += _attempt("halmos", halmos.prove)
    if "properties" in parts:
        rows += _attempt("state machines", lambda: _explore(arguments.seconds), "revm")
        rows += _attempt("what else the properties try", properties.examples)
    if "ape" in parts:
        rows += _attempt("the same machines on anvil", properties.on_anvil, "ape")
    about = [f"begun {started}", f"parts: {', '.join(parts)}", f"SECONDS={arguments.seconds:g}"]
    write(rows, OUTPUT, about)
    failures = failed(rows)
    for row in failures:
        say(f"FAILED {row.promise} {row.property} ({row.engine}): {row.note}")
    say(f"{len(failures)} failed of {len(rows)}; see {OUTPUT.name}/report.md")
    return 1 if failures else 0


def _attempt(what: str, part: Callable[[], list[Row]], engine: str = "") -> list[Row]:
    """A part that breaks down is a failure, and the others still run."""
    say(what)
    try:
        with saying_that_it_goes_on(what, tell=say):
            rows = part()
    except (RuntimeError, SetupError, OSError, ValueError) as error:
        return [Row("", what, engine or what, 0, 0.0, "failed", str(error))]
    for row in rows:
        if engine != "revm":
            say(f"  {row.result:8} {row.promise:3} {row.property}, {row.seconds:.1f} s")
    return rows


def _explore(seconds: float) -> list[Row]:
    rows: list[Row] = []
    for turn, tried in properties.explore(seconds):
        result = "failed" if failed(tried) else "passed"
        calls = max((row.calls for row in tried), default=0)
        say(f"  {result:8} {turn.test}: {calls:,} calls, seed {turn.seed}")
        rows += tried
    return rows


if __name__ == "__main__":
    sys.exit(main())
