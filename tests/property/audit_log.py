"""What was tried, for the audit: JSON lines appended to the file named by IMMURTAL_AUDIT_LOG.

One line for each promise of each machine that ran:
{"promise": "S1", "property": "Splits", "engine": "revm" | "ape", "calls": transactions + views,
"transactions": …, "views": …, "seconds": …, "result": "passed" | "failed" | "interrupted",
"broken": letter of the promise that broke, if known, else ""}.
A machine tries its promises together: each of its lines counts the same calls, and all say "failed"
when one broke.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path


def write(
    promises: Sequence[str],
    name: str,
    engine: str,
    transactions: int,
    views: int,
    seconds: float,
    result: str,
    broken: str = "",
) -> None:
    """Does nothing if nobody asked for a log."""
    path = os.environ.get("IMMURTAL_AUDIT_LOG")
    if not path:
        return
    rows = [
        {
            "promise": promise,
            "property": name,
            "engine": engine,
            "calls": transactions + views,
            "transactions": transactions,
            "views": views,
            "seconds": round(seconds, 3),
            "result": result,
            "broken": broken,
        }
        for promise in promises
    ]
    # One write, so that machines running at once do not mix their lines.
    with Path(path).open("a", encoding="utf-8") as log:
        log.write("".join(json.dumps(row) + "\n" for row in rows))
