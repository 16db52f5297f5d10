"""Writes the contracts' ABIs into the Python package: `python scripts/export_abi.py [--check]`.

Compiles with the npm build of solc behind `scripts/solc`, with the settings of `ape-config.yaml`,
without ape. `--check` writes nothing and fails if a file differs from what would be written.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "offchain" / "immurtal" / "chain" / "abi"
CONTRACTS = (
    "CopyrightRegistry",
    "LicenseManager",
    "NodeRegistry",
    "RoyaltySplit",
    "RoyaltySplitFactory",
    "StreamingEscrow",
)
SOURCES = {contract: f"contracts/{contract}.sol" for contract in CONTRACTS}


def compile_contracts(
    outputs: list[str], contracts: Mapping[str, str] = SOURCES, root: Path = ROOT
) -> dict[str, dict[str, Any]]:
    """Solidity's standard JSON output of each contract, by its name.

    `outputs` are output selections such as "abi"; see the compiler's "Input and Output JSON".
    `contracts` names the files, from `root`, which has `contracts/` and `interfaces/`. Mocks are
    read only if one of them is a mock.
    Raises SystemExit with the compiler's own words if a contract does not compile.
    """
    config = yaml.safe_load((ROOT / "ape-config.yaml").read_text(encoding="utf-8"))["solidity"]
    mocks = any("mocks" in Path(name).parts for name in contracts.values())
    folders = [(name, root / name) for name in ("contracts", "interfaces")]
    sources = {
        f"{name}/{path.relative_to(folder).as_posix()}": path
        for name, folder in folders
        for path in sorted(folder.rglob("*.sol"))
        if ".cache" not in path.parts  # ape's copy of what we import, while it compiles
        if mocks or "mocks" not in path.relative_to(folder).parts
    }
    solady = ROOT / "node_modules" / "solady" / "src"
    sources |= {f"solady/{path.relative_to(solady).as_posix()}": path for path in _imported(solady)}
    request = {
        "language": "Solidity",
        "sources": {
            name: {"content": path.read_text(encoding="utf-8")} for name, path in sources.items()
        },
        "settings": {
            "evmVersion": config["evm_version"],
            "viaIR": config["via_ir"],
            "optimizer": {"enabled": config["optimize"], "runs": config["optimization_runs"]},
            "outputSelection": {
                file: {name: outputs for name, other in contracts.items() if other == file}
                for file in contracts.values()
            },
        },
    }
    launcher = ROOT / "scripts" / "solc" / f"solc-v{config['version']}"
    done = subprocess.run(
        ["node", str(launcher), "--standard-json"],
        input=json.dumps(request).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    output = json.loads(done.stdout)
    failures = [error for error in output.get("errors", []) if error["severity"] == "error"]
    if failures:
        raise SystemExit("\n".join(error["formattedMessage"] for error in failures))
    return {name: output["contracts"][file][name] for name, file in contracts.items()}


def _imported(solady: Path) -> list[Path]:
    return sorted((solady / "tokens").glob("*.sol")) + sorted((solady / "utils").glob("*.sol"))


def abi_text(abi: list[dict[str, Any]]) -> str:
    """The ABI as it stands in a file: one entry a line, so that changes read well."""
    lines = ",\n".join(json.dumps(entry, separators=(",", ":"), sort_keys=True) for entry in abi)
    return f"[\n{lines}\n]\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="only compare, and fail on a difference"
    )
    arguments = parser.parse_args()
    compiled = compile_contracts(["abi"])
    stale = []
    for contract in CONTRACTS:
        path = TARGET / f"{contract}.json"
        text = abi_text(compiled[contract]["abi"])
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.name)
        if not arguments.check:
            TARGET.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if arguments.check and stale:
        print(
            f"not what the contracts compile to: {', '.join(stale)}; run make abi", file=sys.stderr
        )
        return 1
    print("up to date" if not stale else f"written: {', '.join(stale)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
