"""forge's settings, taken from ape-config.yaml: there is no foundry.toml to disagree with it."""

import json
import os
from pathlib import Path
from typing import Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = ROOT / ".build" / "audit"


def environment(sources: str, out: Path) -> dict[str, str]:
    """For forge, and for tools that call it. sources: the folder that is compiled."""
    solidity = yaml.safe_load((ROOT / "ape-config.yaml").read_text("utf-8"))["solidity"]
    return {
        **os.environ,
        "PATH": f"{ROOT / 'scripts' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "DAPP_REMAPPINGS": "solady/=node_modules/solady/src/",
        "FOUNDRY_SOLC": str(ROOT / "scripts" / "solc" / f"solc-v{solidity['version']}"),
        "FOUNDRY_OFFLINE": "true",
        "FOUNDRY_EVM_VERSION": solidity["evm_version"],
        "FOUNDRY_VIA_IR": json.dumps(solidity["via_ir"]),
        "FOUNDRY_OPTIMIZER": json.dumps(solidity["optimize"]),
        "FOUNDRY_OPTIMIZER_RUNS": str(solidity["optimization_runs"]),
        "FOUNDRY_SRC": sources,
        "FOUNDRY_TEST": sources,
        "FOUNDRY_SCRIPT": sources,
        "FOUNDRY_OUT": str(out),
        "FOUNDRY_CACHE_PATH": str(out.parent / f"{out.name}-cache"),
        "FOUNDRY_LINT_LINT_ON_BUILD": "false",
        "FOUNDRY_DENY": "never",
    }
