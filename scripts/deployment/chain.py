"""Reads of one chain that deploying and checking need, over any JSON-RPC client."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eth_utils import keccak
from scripts.deployment.plan import PROXY, Step

PROXY_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
)

MINING_TIMEOUT = 600.0
POLL_INTERVAL = 0.25

# PUSH0 TLOAD POP STOP, run as init code: needs EIP-3855 and EIP-1153.
CANCUN_PROBE = "0x5f5c5000"


class RpcFailed(Exception):
    """The endpoint answered with an error."""


class NotMined(Exception):
    """A transaction failed, or is not in a block yet."""


class NotDeployable(Exception):
    """The chain lacks what the contracts stand on."""


@dataclass(frozen=True, slots=True)
class Chain:
    """rpc(method, params) returns the result, or raises RpcFailed."""

    rpc: Callable[[str, list[Any]], Any]

    def id(self) -> int:
        return int(self.rpc("eth_chainId", []), 16)

    def code(self, address: str, block: str = "latest") -> bytes:
        return _bytes(self.rpc("eth_getCode", [address, block]))

    def code_hash(self, address: str) -> str | None:
        """None where there is no code."""
        code = self.code(address)
        return "0x" + keccak(code).hex() if code else None

    def view(self, address: str, name: str) -> int | None:
        """The one word that a view function without parameters returns; None if it does not."""
        data = "0x" + keccak(text=f"{name}()")[:4].hex()
        try:
            answer = _bytes(self.rpc("eth_call", [{"to": address, "data": data}, "latest"]))
        except RpcFailed:
            return None
        return int.from_bytes(answer, "big") if len(answer) == 32 else None

    def block_of(self, transaction: str) -> int | None:
        receipt = self.rpc("eth_getTransactionReceipt", [transaction])
        return int(receipt["blockNumber"], 16) if receipt else None

    def mined(self, transaction: str, timeout: float = MINING_TIMEOUT) -> int:
        """Waits until the transaction is in a block, and returns its number. Raises NotMined."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            receipt = self.rpc("eth_getTransactionReceipt", [transaction])
            if receipt and receipt["blockNumber"]:
                if int(receipt["status"], 16) != 1:
                    raise NotMined(
                        f"{transaction} failed in block {int(receipt['blockNumber'], 16)}"
                    )
                return int(receipt["blockNumber"], 16)
            time.sleep(POLL_INTERVAL)
        raise NotMined(f"{transaction} was not mined within {timeout:.0f} s; run this again later")

    def creation_of(self, step: Step) -> tuple[str | None, int]:
        """(transaction, block) that created what stands at the step's address.

        The transaction is None if it was no plain call of the proxy; (None, 0) if the endpoint
        does not keep the past.
        """
        try:
            low, high = 0, int(self.rpc("eth_blockNumber", []), 16)
            while low < high:
                middle = (low + high) // 2
                if self.code(step.address, hex(middle)):
                    high = middle
                else:
                    low = middle + 1
            block = self.rpc("eth_getBlockByNumber", [hex(low), True])
        except RpcFailed:
            return None, 0
        for transaction in block["transactions"]:
            to_proxy = (transaction["to"] or "").lower() == PROXY
            if to_proxy and _bytes(transaction["input"]) == step.data:
                return str(transaction["hash"]).lower(), low
        return None, low

    def must_be_deployable(self) -> None:
        """Raises NotDeployable."""
        if self.code(PROXY) != PROXY_CODE:
            raise NotDeployable(
                f"The deterministic deployment proxy is not at {PROXY} on chain {self.id()}. "
                "Deploy it first, by its keyless transaction: "
                "https://github.com/Arachnid/deterministic-deployment-proxy"
            )
        try:
            self.rpc("eth_call", [{"data": CANCUN_PROBE}, "latest"])
        except RpcFailed as error:
            raise NotDeployable(
                f"Chain {self.id()} has no transient storage (EIP-1153, the Cancun fork), which "
                f"the contracts need: {error}"
            ) from error


def _bytes(value: Any) -> bytes:
    return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(value)
