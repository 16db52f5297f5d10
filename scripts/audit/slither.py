"""slither over the contracts, held against the list of findings that were reviewed.

`python -m scripts.audit.slither --list` prints what stands in the list and what does not.
"""

import argparse
import json
import re
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from scripts.audit.forge import BUILD, ROOT, environment
from scripts.audit.row import Result, Row
from scripts.audit.tools import tool

REVIEWED: Final = Path(__file__).parent / "slither-findings.json"
EXCLUDED: Final = "node_modules|contracts/mocks"

Key = tuple[str, str]
"""Detector, and the element it speaks of: neither changes when lines move."""


def check() -> Row:
    """Failed if a finding is not in the list, or one of the list is gone: the list says how many of
    a kind there are at a place. Raises RuntimeError if slither itself fails."""
    started = time.monotonic()
    found, detectors = findings()
    problems = compare(found, reviewed())
    seconds = time.monotonic() - started
    result: Result = "failed" if problems else "passed"
    note = "; ".join(problems) or f"{sum(found.values())} findings, each reviewed"
    return Row("", "static analysis", "slither", detectors, round(seconds, 1), result, note)


def compare(found: Counter[Key], known: Counter[Key]) -> list[str]:
    """What is in one and not in the other, in words."""
    new = [f"not reviewed: {_words(key, count)}" for key, count in (found - known).items()]
    gone = [f"reviewed, but gone: {_words(key, count)}" for key, count in (known - found).items()]
    return sorted(new) + sorted(gone)


def reviewed() -> Counter[Key]:
    """Raises ValueError if an entry lacks its verdict or its reason."""
    known: Counter[Key] = Counter()
    for entry in json.loads(REVIEWED.read_text("utf-8")):
        if not entry["verdict"] or not entry["explanation"]:
            raise ValueError(
                f"{REVIEWED.name}: {entry['detector']} at {entry['where']}: no verdict"
            )
        known[entry["detector"], entry["where"]] = entry["findings"]
    return known


def findings() -> tuple[Counter[Key], int]:
    """What slither reports now, outside mocks and libraries of others; and with how many detectors
    it looked. Raises RuntimeError if it fails."""
    command = tool("slither")
    project = _project()
    _build(project / "build-info")
    report = project / "report.json"
    report.unlink(missing_ok=True)
    arguments = ["--compile-force-framework", "foundry", "--ignore-compile"]
    arguments += ["--foundry-build-info-directory", str(project / "build-info")]
    arguments += ["--filter-paths", EXCLUDED, "--json", str(report)]
    done = subprocess.run(
        [command, ".", *arguments], cwd=project, capture_output=True, text=True, check=False
    )
    # Its exit code counts findings; what it could not do is in its report, if there is one.
    answer: dict[str, Any] = (
        json.loads(report.read_text("utf-8")) if report.is_file() else {"success": False}
    )
    looked = re.search(r"analyzed \((\d+) contracts with (\d+) detectors\)", done.stderr)
    if not answer["success"] or looked is None or looked[1] == "0":
        raise RuntimeError(f"slither failed:\n{done.stderr[-3000:]}")
    detected = answer["results"].get("detectors", [])
    return Counter((finding["check"], _where(finding)) for finding in detected), int(looked[2])


def _project() -> Path:
    """A folder that slither takes for a Foundry project; its links lead to ours."""
    project = BUILD / "slither"
    project.mkdir(parents=True, exist_ok=True)
    (project / "foundry.toml").touch()
    for name in ("contracts", "interfaces", "node_modules"):
        link = project / name
        if not link.is_symlink():
            link.symlink_to(ROOT / name)
    return project


def _build(build_info: Path) -> None:
    shutil.rmtree(build_info, ignore_errors=True)
    out = BUILD / "contracts"
    # Without --force forge writes no build-info for what it finds unchanged.
    command = ["forge", "build", "--root", ".", "--force", "--ast", "--build-info"]
    command += ["--build-info-path", str(build_info)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment("contracts", out),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"forge build failed:\n{done.stdout[-3000:]}{done.stderr[-2000:]}")


def _where(finding: dict[str, Any]) -> str:
    """The declaration a finding begins with, such as `Contract.function(address).local`."""
    if not finding["elements"]:
        return str(finding["description"]).splitlines()[0]
    names: list[str] = []
    element: dict[str, Any] | None = finding["elements"][0]
    while element and element.get("type"):
        fields = element.get("type_specific_fields", {})
        if element["type"] not in ("node", "enum_value"):
            names.append(fields.get("signature") or element["name"])
        element = fields.get("parent")
    return ".".join(reversed(names))


def _words(key: Key, count: int) -> str:
    return f"{key[0]} at {key[1]}" + (f" ({count} times)" if count > 1 else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", required=True)
    parser.parse_args()
    found, _ = findings()
    known = reviewed() if REVIEWED.is_file() else Counter[Key]()
    for key, count in sorted(found.items()):
        print(f"{'reviewed' if known[key] == count else 'NEW':8} {_words(key, count)}")
    for problem in compare(found, known):
        print(problem)


if __name__ == "__main__":
    main()
