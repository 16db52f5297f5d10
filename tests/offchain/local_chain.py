"""A real chain for tests: anvil on a free port, and our contracts deployed to it without ape."""

import contextlib
import hashlib
import importlib.util
import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from immurtal.chain.wallet import LocalKey

ROOT = Path(__file__).resolve().parents[2]
ANVIL = ROOT / "scripts" / "bin" / "anvil"
CACHE = ROOT / ".cache" / "artifacts"
START_SECONDS = 30
DEV_KEYS = (
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
    "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
    "92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
    "4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
    "dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97",
    "2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6",
)
"""The published keys of anvil's accounts: rich on chain 31337, worthless elsewhere."""


@dataclass(frozen=True)
class Anvil:
    """A running chain. keys: of its rich accounts."""

    url: str
    chain_id: int
    keys: tuple[str, ...]
    process: subprocess.Popen[bytes]

    def wallet(self, index: int) -> LocalKey:
        return LocalKey(bytes.fromhex(self.keys[index]))

    def rpc(self, method: str, *params: Any) -> Any:
        """One blocking call. Raises AssertionError with the endpoint's error."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        # Plain HTTP: without `verify=False` each call would load the certificate store, 40 ms.
        answer = httpx.post(self.url, json=body, timeout=30, trust_env=False, verify=False).json()
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def mine(self, blocks: int = 1, seconds: int = 1) -> None:
        """Blocks `seconds` apart."""
        self.rpc("anvil_mine", hex(blocks), hex(seconds))

    def create(self, code: bytes) -> dict[str, Any]:
        """Receipt of a contract creation by the first account."""
        sender = self.wallet(0).address
        sent = self.rpc("eth_sendTransaction", {"from": sender, "data": "0x" + code.hex()})
        for _ in range(200):
            receipt = self.rpc("eth_getTransactionReceipt", sent)
            if receipt:
                assert receipt["status"] == "0x1", receipt
                return dict(receipt)
            time.sleep(0.05)
        raise AssertionError(f"{sent} was not mined")


@contextlib.contextmanager
def run_anvil(folder: Path, *options: str, port: int = 0) -> Iterator[Anvil]:
    """Anvil on a free port (or this one), stopped at the end. folder: for its output."""
    output = folder / "anvil.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [ANVIL, "--port", str(port), "--slots-in-an-epoch", "1", *options],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Anvil(f"http://127.0.0.1:{_listening(output, process)}", 31337, DEV_KEYS, process)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listening(output: Path, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(rb"Listening on \S+:(\d+)", output.read_bytes())
        if found:
            return int(found[1])
        time.sleep(0.05)
    raise AssertionError(f"anvil did not start: {output.read_text('utf-8', 'replace')[-500:]}")


def deploy_contracts(anvil: Anvil, min_age: int = 1) -> dict[str, Any]:
    """Puts the contracts on the chain; what `deployments/<chain id>.json` would say."""
    code = bytecode()
    contracts: dict[str, Any] = {}

    def create(name: str, types: list[str], arguments: list[Any]) -> str:
        receipt = anvil.create(code[name] + encode(types, arguments))
        address = str(receipt["contractAddress"]).lower()
        runtime = bytes.fromhex(anvil.rpc("eth_getCode", address, "latest")[2:])
        contracts[name] = {
            "address": address,
            "transaction": receipt["transactionHash"],
            "block": int(receipt["blockNumber"], 16),
            "arguments": arguments,
            "codeHash": "0x" + keccak(runtime).hex(),
        }
        return address

    factory = create("RoyaltySplitFactory", [], [])
    registry = create("CopyrightRegistry", ["uint64", "address"], [min_age, factory])
    create("LicenseManager", ["address", "address"], [registry, factory])
    create("StreamingEscrow", ["address", "address"], [registry, factory])
    create("NodeRegistry", [], [])
    return {"chainId": anvil.chain_id, "contracts": contracts}


def bytecode() -> dict[str, bytes]:
    """Creation code by contract, compiled once for each state of the sources."""
    found = [*(ROOT / "contracts").rglob("*.sol"), *(ROOT / "interfaces").glob("*.sol")]
    sources = sorted(path for path in found if ".cache" not in path.parts)
    digest = hashlib.sha256()
    for path in [ROOT / "ape-config.yaml", *sources]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    cached = CACHE / f"{digest.hexdigest()}.json"
    if not cached.exists():
        compiled = _script("export_abi").compile_contracts(["evm.bytecode.object"])
        code = {name: out["evm"]["bytecode"]["object"] for name, out in compiled.items()}
        CACHE.mkdir(parents=True, exist_ok=True)
        part = cached.with_suffix(".part")
        part.write_text(json.dumps(code), "utf-8")
        part.replace(cached)
    return {name: bytes.fromhex(code) for name, code in json.loads(cached.read_text()).items()}


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
