"""Seeded faults, each a patch under tests/mutants with the promise it breaks.

A patch begins with `Promise: <letter>` and a sentence of what the fault does; what `git apply`
reads follows. Its file is named `<number>-<name>.patch`.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PATCHES: Final = ROOT / "tests" / "mutants"
_HEAD: Final = re.compile(
    r"Promise: (?P<promise>[A-Z]\d)\n(?P<fault>.+?)\n\n(?:diff|---) ", re.DOTALL
)


class BadPatchError(Exception):
    """A patch that has no head, or does not apply."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """promise: the letter it breaks. fault: what is wrong, in a sentence."""

    name: str
    promise: str
    fault: str
    patch: Path

    @property
    def number(self) -> str:
        return self.name.partition("-")[0]

    def apply(self, folder: Path) -> None:
        """Makes the folder anew, with the faulty contracts. Raises BadPatchError."""
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("contracts", "interfaces"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(".cache"))
        # Inside a repository git would take the paths from its root.
        outside = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
        done = subprocess.run(
            ["git", "apply", str(self.patch)],
            cwd=folder,
            env=outside,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise BadPatchError(f"{self.patch.name} does not apply: {done.stderr.strip()}")


def mutants(only: str = "") -> list[Mutant]:
    """All, or those of these numbers. Raises BadPatchError."""
    found = [_read(patch) for patch in sorted(PATCHES.glob("*.patch"))]
    wanted = only.split()
    unknown = set(wanted) - {mutant.number for mutant in found}
    if unknown:
        raise BadPatchError(f"no mutant has the number {', '.join(sorted(unknown))}")
    return [mutant for mutant in found if not wanted or mutant.number in wanted]


def _read(patch: Path) -> Mutant:
    head = _HEAD.match(patch.read_text("utf-8"))
    if head is None:
        raise BadPatchError(f"{patch.name} does not begin with its promise and its fault")
    return Mutant(patch.stem, head["promise"], " ".join(head["fault"].split()), patch)
