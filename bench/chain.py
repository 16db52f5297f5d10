"""A fresh anvil with the contracts, and the gas of whole transactions from their receipts."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from local_chain import Anvil, deploy_contracts, run_anvil
from scripts.export_abi import compile_contracts

from immurtal.chain.abi import decode_result, encode_call

NOBODY: Final = "0x" + 20 * "00"
ETH: Final = NOBODY
ONE: Final = 10**18
MIN_AGE: Final = 1
GAS_LIMIT: Final = 2**24
"""The most that one transaction may have (EIP-7825)."""
_REVERTS: Final = "0x5f5ffd"
"""PUSH0 PUSH0 REVERT"""


@dataclass(frozen=True, slots=True)
class Chain:
    """deployment: what `deployments/<chain id>.json` says. accounts: anvil's, rich; it signs for
    them."""

    anvil: Anvil
    deployment: dict[str, Any]
    accounts: tuple[str, ...]

    @property
    def contracts(self) -> dict[str, str]:
        """Address by name."""
        entries = self.deployment["contracts"].items()
        return {name: entry["address"] for name, entry in entries}

    def spend(self, sender: str, to: str, data: bytes, value: int = 0) -> int:
        """Gas that a transaction took. Raises AssertionError if it reverted."""
        return int(self._receipt({"from": sender, "to": to}, data, value)["gasUsed"], 16)

    def gas(
        self,
        sender: str,
        contract: str,
        function: str,
        *args: Any,
        value: int = 0,
        at: str | None = None,
    ) -> int:
        """Gas that a call of one of our contracts took. at: its address, where there are many."""
        data = encode_call(contract, function, *args)
        return self.spend(sender, at or self.contracts[contract], data, value)

    def call(self, sender: str, contract: str, function: str, *args: Any) -> Any:
        """What a function would return."""
        data = "0x" + encode_call(contract, function, *args).hex()
        call = {"from": sender, "to": self.contracts[contract], "data": data}
        return decode_result(contract, function, self.anvil.rpc("eth_call", call, "latest"))

    def deploy(self, code: bytes) -> str:
        """The address of a new contract."""
        return str(self._receipt({"from": self.accounts[0]}, code)["contractAddress"])

    def code_size(self, address: str) -> int:
        """Bytes of the code at an address."""
        return len(self.anvil.rpc("eth_getCode", address, "latest")) // 2 - 1

    def set_balance(self, address: str, wei: int) -> None:
        self.anvil.rpc("anvil_setBalance", address, hex(wei))

    def refuse_money(self, address: str, refuses: bool) -> None:
        """Makes an account one that cannot be paid, or a plain one again."""
        self.anvil.rpc("anvil_setCode", address, _REVERTS if refuses else "0x")

    def pass_time(self, seconds: int) -> None:
        """Makes the next block that much younger."""
        self.anvil.rpc("evm_increaseTime", hex(seconds))

    def version(self) -> str:
        """Which chain this is, and by which rules it counts gas."""
        client = self.anvil.rpc("web3_clientVersion")
        return f"{client}, {self.anvil.rpc('anvil_nodeInfo')['hardFork']}"

    def _receipt(self, transaction: dict[str, str], data: bytes, value: int = 0) -> dict[str, Any]:
        transaction |= {"data": "0x" + data.hex(), "value": hex(value), "gas": hex(GAS_LIMIT)}
        receipt = self.anvil.rpc("eth_sendTransactionSync", transaction)
        assert receipt["status"] == "0x1", receipt
        return dict(receipt)


@contextlib.contextmanager
def run_chain() -> Iterator[Chain]:
    """One block a transaction; always the same accounts and addresses, so always the same gas."""
    with tempfile.TemporaryDirectory() as folder, run_anvil(Path(folder)) as anvil:
        deployment = deploy_contracts(anvil, MIN_AGE)
        yield Chain(anvil, deployment, tuple(anvil.rpc("eth_accounts")))


@cache
def mock_code(name: str) -> bytes:
    """Creation code of one of contracts/mocks."""
    compiled = compile_contracts(["evm.bytecode.object"], {name: f"contracts/mocks/{name}.sol"})
    return bytes.fromhex(compiled[name]["evm"]["bytecode"]["object"])


def bare_transfers(payees: Sequence[str], amount: int) -> bytes:
    """Creation code of a contract that sends each of these `amount` wei, below 2**64, and does
    nothing else: what no contract that pays them can go below."""
    # PUSH0 four times (no data in or out), PUSH8 amount, PUSH20 payee, GAS, CALL, POP
    pay = "5f5f5f5f67{:016x}73{}5af150"
    code = bytes.fromhex("".join(pay.format(amount, payee[2:]) for payee in payees))
    # PUSH2 size, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN: ten bytes, then the code
    return bytes.fromhex(f"61{len(code):04x}80600a5f395ff3") + code


def call_data(signature: str, *args: Any) -> bytes:
    """A call of a contract that is not one of ours. signature: of types that are no tuples."""
    types = signature[signature.index("(") + 1 : -1].split(",")
    return keccak(text=signature)[:4] + encode(types, args)
