"""halmos: the proofs of tests/halmos, for every value of their arguments."""

import json
import re
import subprocess
import time
from typing import Any, Final

from scripts.audit.forge import BUILD, ROOT, environment
from scripts.audit.row import Result, Row
from scripts.audit.tools import tool

PROOFS: Final = "tests/halmos"
SOLVER_SECONDS: Final = 60
"""For each question to the solver; what it does not answer by then is a timeout, never a pass."""
LOOP: Final = 300
"""Above what any loop here runs; one that is cut off is reported as incomplete, never as a pass."""
ALL_SECONDS: Final = 1_800
RESULTS: Final[dict[int, tuple[Result, str]]] = {
    0: ("passed", ""),
    1: ("failed", "counterexample"),
    2: ("timeout", f"no answer from the solver within {SOLVER_SECONDS} s"),
    3: ("failed", "halmos could not go on"),
    4: ("failed", "every path reverts: nothing was proved"),
    5: ("failed", "halmos raised an error"),
}
_NAME: Final = re.compile(r"check_([A-Z]\d)_(\w+)\(")


def prove() -> list[Row]:
    """A row for each proof, named `check_<promise>_<what>`. Raises RuntimeError if halmos fails."""
    command = tool("halmos")
    report = BUILD / "halmos.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    out = BUILD / "halmos"
    arguments = ["--root", str(ROOT), "--forge-build-out", str(out.relative_to(ROOT))]
    arguments += ["--loop", str(LOOP), "--solver-timeout-assertion", f"{SOLVER_SECONDS}s"]
    arguments += ["--no-status", "--json-output", str(report)]
    started = time.monotonic()
    done = subprocess.run(
        [command, *arguments],
        cwd=ROOT,
        env=environment(PROOFS, out),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=ALL_SECONDS,
        check=False,
    )
    if not report.is_file():
        raise RuntimeError(f"halmos failed:\n{done.stdout[-3000:]}")
    suites = json.loads(report.read_text("utf-8"))["test_results"]
    rows = [_row(suite, proof) for suite, proofs in suites.items() for proof in proofs]
    if not rows:
        seconds = time.monotonic() - started
        raise RuntimeError(f"halmos found no proof in {seconds:.0f} s:\n{done.stdout[-3000:]}")
    return rows


def _row(suite: str, proof: dict[str, Any]) -> Row:
    named = _NAME.match(proof["name"])
    if named is None:
        raise RuntimeError(f"{suite}: {proof['name']} names no promise: check_<promise>_<what>")
    result, note = RESULTS[proof["exitcode"]]
    if result == "passed" and proof["num_bounded_loops"]:
        result, note = "failed", f"loops cut off after {LOOP} rounds"
    if proof["models"]:
        note += f": {str(proof['models'])[:500]}"
    contract = suite.rpartition(":")[2]
    paths, seconds = (proof["num_paths"] or [0])[0], (proof["time"] or [0])[0]
    name = f"{contract}.{proof['name']}"
    return Row(named[1], name, "halmos", paths, round(seconds, 1), result, note)
