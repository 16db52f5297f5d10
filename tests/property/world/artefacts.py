"""Compiled contracts by name, cached by what they were compiled from.

IMMURTAL_CONTRACTS names another folder with `contracts/` and `interfaces/` (a mutant): only the
contracts whose sources differ are compiled again.
"""

import hashlib
import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

from scripts.export_abi import ROOT, compile_contracts

SOURCES = Path(os.environ.get("IMMURTAL_CONTRACTS", ROOT)).resolve()
CACHE = ROOT / ".build" / "property"
SETTINGS = ("ape-config.yaml", "package-lock.json")
_DECLARED = re.compile(r"^(abstract )?(contract|interface) (\w+)", re.MULTILINE)
_IMPORTED = re.compile(r'^import\b[^;]*"(\.[^"]+)"', re.MULTILINE)


class Artefact:
    """A compiled contract. bytecode: of its creation, empty for interfaces."""

    def __init__(self, name: str, output: dict[str, Any]) -> None:
        self.name = name
        self.abi: list[dict[str, Any]] = output["abi"]
        self.bytecode = bytes.fromhex(output["evm"]["bytecode"]["object"])
        self.code_size = len(output["evm"]["deployedBytecode"]["object"]) // 2


@cache
def artefact(name: str) -> Artefact:
    """Compiles if need be. Raises KeyError for a name that no source declares."""
    path = _cached(name)
    if not path.exists():
        _compile(name)
    return Artefact(name, json.loads(path.read_text("utf-8")))


@cache
def declared() -> dict[str, Path]:
    """Every contract and interface, and the file that declares it."""
    found = {}
    for folder in ("interfaces", "contracts"):
        for path in sorted((SOURCES / folder).rglob("*.sol")):
            if ".cache" in path.parts:
                continue
            for abstract, _, name in _DECLARED.findall(path.read_text("utf-8")):
                if not abstract:
                    found[name] = path
    return found


def _cached(name: str) -> Path:
    return CACHE / f"{name}-{_digest(declared()[name])}.json"


@cache
def _digest(path: Path) -> str:
    """Of everything that the file is compiled from."""
    sha256 = hashlib.sha256()
    for setting in SETTINGS:
        sha256.update((ROOT / setting).read_bytes())
    for source in sorted(_closure(path)):
        sha256.update(source.relative_to(SOURCES).as_posix().encode() + source.read_bytes())
    return sha256.hexdigest()[:24]


def _closure(path: Path) -> set[Path]:
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        source = waiting.pop()
        if source not in seen:
            seen.add(source)
            imports = _IMPORTED.findall(source.read_text("utf-8"))
            waiting += [Path(os.path.normpath(source.parent / name)) for name in imports]
    return seen


def _compile(name: str) -> None:
    """All that is missing, in one run of the compiler; this one alone if others do not compile."""
    missing = [other for other in declared() if not _cached(other).exists()]
    try:
        _write(missing)
    except SystemExit:
        _write([name])


def _write(names: list[str]) -> None:
    outputs = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]
    files = {name: declared()[name].relative_to(SOURCES).as_posix() for name in names}
    CACHE.mkdir(parents=True, exist_ok=True)
    for name, output in compile_contracts(outputs, files, SOURCES).items():
        path = _cached(name)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(output), "utf-8")
        fresh.replace(path)
