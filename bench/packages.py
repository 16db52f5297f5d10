"""Others' published code: packages of npm, fetched once into the user's cache and held against
the digest that npm gave when they were chosen."""

import subprocess
from base64 import b64encode
from hashlib import sha512
from pathlib import Path

from scripts.setup.bootstrap import CACHE


def fetch(name: str, version: str, digest: str) -> Path | None:
    """The tarball; None where npm does not give it. digest: its SHA-512 in base64, as in npm's
    `dist.integrity`. Raises ValueError, and forgets the file, if it is another."""
    folder = CACHE / "peers"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"
    if not file.is_file():
        command = ["npm", "pack", "--silent", f"{name}@{version}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return None
    if b64encode(sha512(file.read_bytes()).digest()).decode() != digest:
        file.unlink()
        raise ValueError(f"{name}@{version} is not what it was")
    return file
