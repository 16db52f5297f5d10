"""Sets up everything that `make demo` and `make test` need, from this checkout's own files.

Uses the standard library only: it runs before anything is installed. Each step looks first whether
its work is done, so a second run is quick and an interrupted one goes on where it was. Tools are
kept by version in the user's cache folder, outside the checkout.
"""

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "immurtal"

KUBO_VERSION = (0, 43, 0)
KUBO_MODULE = "github.com/ipfs/kubo@v0.43.0"
PYTHON_NEEDED = (3, 11)
NODE_NEEDED = (20,)
GO_NEEDED = (1, 26)


class SetupError(Exception):
    """Something is missing or failed; the message says how to get it."""


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def version_of(command: list[str]) -> tuple[int, ...] | None:
    """The first dotted number that a command prints, or None where it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", done.stdout)
    return tuple(int(part) for part in found.groups() if part) if found else None


def need(name: str, found: tuple[int, ...] | None, at_least: tuple[int, ...], how: str) -> None:
    wanted = ".".join(map(str, at_least))
    if found is None:
        raise SetupError(f"{name} {wanted} or newer is needed and was not found. {how}")
    if found < at_least:
        have = ".".join(map(str, found))
        raise SetupError(f"{name} {wanted} or newer is needed; {have} was found. {how}")


@contextmanager
def saying_that_it_goes_on(
    what: str, every: float = 20.0, tell: Callable[[str], None] = say
) -> Iterator[None]:
    """Says every few seconds that a long step still runs, and at the end how long it took."""
    done = threading.Event()
    start = time.monotonic()

    def beat() -> None:
        while not done.wait(every):
            tell(f"  … {what}: {time.monotonic() - start:.0f} s so far")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    tell(f"  {what}: done in {time.monotonic() - start:.0f} s")


def run(what: str, command: list[str], *, env: dict[str, str] | None = None) -> None:
    """Runs a step in the checkout; its output is shown only where it fails."""
    with saying_that_it_goes_on(what):
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise SetupError(f"{what} failed:\n{done.stdout[-4000:]}")


def fingerprint(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def is_stamped(stamp: Path, value: str) -> bool:
    return stamp.is_file() and stamp.read_text() == value


def set_up_python() -> None:
    need(
        "Python",
        sys.version_info[:3],
        PYTHON_NEEDED,
        "Install it from your system's packages, then run `make setup PYTHON=python3.x`.",
    )
    lock = ROOT / "requirements.lock"
    stamp, value = VENV / ".stamp", fingerprint(lock, ROOT / "pyproject.toml") + sys.version
    if is_stamped(stamp, value):
        return
    say("Python packages, as locked")
    if not (VENV / "bin" / "pip").is_file():
        try:
            run("making .venv", [sys.executable, "-m", "venv", "--clear", str(VENV)])
        except SetupError as error:
            raise SetupError(
                f"{error}\nDebian and Ubuntu keep this module in a package of its own: "
                "apt-get install python3-venv"
            ) from error
    pip = [
        str(VENV / "bin" / "python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "-q",
    ]
    run("installing packages", [*pip, "--require-hashes", "-r", str(lock)])
    run("installing immurtal", [*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    stamp.write_text(value)


def set_up_node() -> None:
    how = "Install Node.js 20 or newer with npm (from your system's packages, or nvm)."
    need("Node.js", version_of(["node", "--version"]), NODE_NEEDED, how)
    need("npm", version_of(["npm", "--version"]), (9,), how)
    stamp, value = ROOT / "node_modules" / ".stamp", fingerprint(ROOT / "package-lock.json")
    if is_stamped(stamp, value):
        return
    say("npm packages, as locked")
    # Not `npm ci`: it refuses a lock without the binaries of every other platform, and some mirrors
    # serve only some of them. What the lock names is checked against its hash here too.
    install = ["npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]
    run("installing packages", install)
    stamp.write_text(value)


def set_up_kubo() -> None:
    on_path = version_of(["ipfs", "version"])
    if on_path and on_path >= KUBO_VERSION:
        return
    name = ".".join(map(str, KUBO_VERSION))
    binary = CACHE / "kubo" / f"v{name}" / "ipfs"
    if binary.is_file():
        return
    go = version_of(["go", "env", "GOVERSION"])
    need(
        "Go",
        go,
        GO_NEEDED,
        f"It builds IPFS (Kubo {name}), of which no recent one is on PATH: install either.",
    )
    say(f"IPFS: building Kubo {name} from its Go module, once; 3 to 5 minutes on two cores")
    listing = subprocess.run(
        ["go", "mod", "download", "-json", KUBO_MODULE], capture_output=True, text=True, check=False
    )
    if listing.returncode != 0:
        raise SetupError(
            f"Kubo's source could not be downloaded:\n{listing.stdout}{listing.stderr}"
        )
    source = json.loads(listing.stdout)["Dir"]
    binary.parent.mkdir(parents=True, exist_ok=True)
    part = binary.with_suffix(f".{os.getpid()}")
    build = ["go", "build", "-C", source, "-trimpath", "-o", str(part), "./cmd/ipfs"]
    try:
        run(f"building Kubo {name}", build, env={"GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"})
        part.replace(binary)
    finally:
        part.unlink(missing_ok=True)


def compile_contracts() -> None:
    sys.path.insert(0, str(ROOT))
    from scripts.deployment.build import forget_stale_build

    forget_stale_build(ROOT)
    if (ROOT / ".build" / "__local__.json").is_file():
        return
    say("contracts")
    tools = {
        "PATH": f"{ROOT / 'scripts' / 'bin'}:{VENV / 'bin'}:{os.environ['PATH']}",
        "SOLCX_BINARY_PATH": str(ROOT / "scripts" / "solc"),
    }
    run("compiling", [str(VENV / "bin" / "ape"), "compile"], env=tools)


STEPS = {
    "python": set_up_python,
    "node": set_up_node,
    "kubo": set_up_kubo,
    "contracts": compile_contracts,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("steps", nargs="*", help=f"some of: {', '.join(STEPS)}; default all")
    steps = parser.parse_args().steps or list(STEPS)
    if unknown := [step for step in steps if step not in STEPS]:
        parser.error(f"unknown step: {', '.join(unknown)}")
    if shutil.which("git") is None:
        raise SetupError("git is needed and was not found: install it from your system's packages.")
    (ROOT / ".setup").mkdir(exist_ok=True)
    with (ROOT / ".setup" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        start = time.monotonic()
        for step in steps:
            STEPS[step]()
    if (took := time.monotonic() - start) > 2:
        say(f"ready after {took:.0f} s")


if __name__ == "__main__":
    try:
        main()
    except SetupError as error:
        sys.exit(f"setup: {error}")
    except KeyboardInterrupt:
        sys.exit("setup: interrupted; run it again and it goes on from here")
