"""The auditor's tools, each in an environment of its own: halmos pins what others need newer.

Kept by their lock's hash in the user's cache folder, so that a change of a lock is a fresh install.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from scripts.setup.bootstrap import CACHE, fingerprint, run

LOCKS: Final = Path(__file__).parent


def tool(name: str) -> Path:
    """The command of this name, installed if it is not yet. Raises SetupError if that fails."""
    lock = LOCKS / f"{name}.lock"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    home = CACHE / "audit" / f"{name}-{fingerprint(lock)[:16]}-{version}"
    command = home / "bin" / name
    stamp = home / ".complete"
    if not stamp.is_file():
        # A virtual environment knows its own path: it is made in place, and is whole once stamped.
        shutil.rmtree(home, ignore_errors=True)
        run(f"making an environment for {name}", [sys.executable, "-m", "venv", str(home)])
        pip = [str(home / "bin" / "pip"), "--disable-pip-version-check", "install", "-q"]
        run(f"installing {name}, as locked", [*pip, "--require-hashes", "-r", str(lock)])
        stamp.touch()
    return command


def version(command: Path) -> str:
    """What a tool says of itself."""
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]
