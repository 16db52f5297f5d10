"""Uniswap's Permit2, compiled from its source in npm `@uniswap/v4-periphery`.

Its immutables (a domain separator and the chain id that it is of) are left zero: on any other chain
id, and there is none with 0, Permit2 computes the separator itself.
"""

import json
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

PERMIT2_ADDRESS = "0x000000000022D473030F116dDEE9F6B43aC78BA3"

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "node_modules" / "@uniswap" / "v4-periphery" / "lib" / "permit2"
CACHE = ROOT / ".build" / "permit2.hex"
CODE_SHA256 = "0138d7a3a8d11b824ac3a7bf309c4f44a42f4e1ef2484451f0c3f4db6a03a298"

# stdout's buffer is cut when node ends, so the answer is written with writeSync
COMPILE = """
const fs = require("fs");
const answer = require("solc-0.8.17").compile(fs.readFileSync(0, "utf8"));
let bytes = Buffer.from(answer, "utf8");
while (bytes.length) {
  try { bytes = bytes.subarray(fs.writeSync(1, bytes)); }
  catch (error) { if (error.code !== "EAGAIN") throw error; }
}
"""


def permit2_code() -> bytes:
    """The runtime code to set at PERMIT2_ADDRESS; 9,152 bytes, as on every public chain.

    Compiled once (about 8 s), then read from `.build`.
    """
    if CACHE.exists() and _is_right(cached := bytes.fromhex(CACHE.read_text())):
        return cached
    code = _compile()
    if not _is_right(code):
        raise RuntimeError(f"Permit2 compiled to {len(code)} bytes of {sha256(code).hexdigest()}")
    CACHE.parent.mkdir(exist_ok=True)
    partial = CACHE.with_suffix(".partial")
    partial.write_text(code.hex())
    partial.replace(CACHE)
    return code


def _is_right(code: bytes) -> bool:
    return sha256(code).hexdigest() == CODE_SHA256


def _compile() -> bytes:
    request = {
        "language": "Solidity",
        "sources": {name: {"content": path.read_text()} for name, path in _sources().items()},
        "settings": {
            "viaIR": True,
            "optimizer": {"enabled": True, "runs": 1_000_000},
            "metadata": {"bytecodeHash": "none"},
            "remappings": ["solmate/=lib/solmate/"],
            "outputSelection": {"src/Permit2.sol": {"Permit2": ["evm.deployedBytecode.object"]}},
        },
    }
    done = subprocess.run(
        ["node", "-e", COMPILE],
        input=json.dumps(request).encode(),
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
        timeout=300,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    contract = answer["contracts"]["src/Permit2.sol"]["Permit2"]
    return bytes.fromhex(contract["evm"]["deployedBytecode"]["object"])


def _sources() -> dict[str, Path]:
    """By the names under which they import one another."""
    solmate = [SOURCE / "lib/solmate/src" / name for name in ("tokens", "utils")]
    files = [*(SOURCE / "src").rglob("*.sol"), *(f for s in solmate for f in s.glob("*.sol"))]
    return {path.relative_to(SOURCE).as_posix(): path for path in sorted(files)}
