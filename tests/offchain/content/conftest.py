"""The judges from outside: Kubo, and audio that is made here, never committed."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parents[2] / "vectors"
ADD = ("add", "--cid-version=1", "--raw-leaves", "--chunker=size-262144", "-Q")


def find_ipfs() -> str:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = cache / "immurtal/kubo/v0.43.0/ipfs"
    found = os.environ.get("IMMURTAL_IPFS") or shutil.which("ipfs") or str(built)
    if not Path(found).is_file():
        pytest.fail("No ipfs: run `make setup`, or set IMMURTAL_IPFS to Kubo 0.43.0.")
    return found


class Kubo:
    """Kubo without a daemon, on a repository of its own."""

    def __init__(self, binary: str, repo: Path) -> None:
        self.binary = binary
        self.environment = os.environ | {"IPFS_PATH": str(repo)}
        self("init", "--profile=test")

    def __call__(self, *arguments: str | Path, stdin: bytes | None = None) -> bytes:
        done = subprocess.run(
            [self.binary, *map(str, arguments)],
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def add(self, path: Path) -> str:
        return self(*ADD, *(["-r"] if path.is_dir() else []), path).decode().strip()


@pytest.fixture(scope="session")
def kubo(tmp_path_factory: pytest.TempPathFactory) -> Kubo:
    return Kubo(find_ipfs(), tmp_path_factory.mktemp("kubo") / "repo")


@pytest.fixture(scope="session")
def vectors() -> Callable[[str], Any]:
    return lambda name: json.loads((VECTORS / f"{name}.json").read_text())
