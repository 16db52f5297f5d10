"""Sending transactions: money and chain checked first, EIP-1559 fees, receipt awaited.

One `Sender` for an account: it hands out nonces in order. Source: EIP-1559, execution-apis.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from eth_utils.crypto import keccak

from immurtal.chain import abi
from immurtal.chain.contracts import revert_data
from immurtal.chain.rpc import RpcError, RpcLike, quantity
from immurtal.errors import (
    InsufficientFunds,
    IntegrityError,
    TransactionFailed,
    Unreachable,
    WrongNetwork,
)

GAS_MARGIN_PERCENT: Final = 25
POLL_SECONDS: Final = 0.25
RESEND_SECONDS: Final = 15.0
DEFAULT_TIP: Final = 10**9  # wei per gas, where the endpoint suggests none


class TransactionWallet(Protocol):
    """What of a `Wallet` is needed here."""

    @property
    def address(self) -> str: ...

    def sign_transaction(self, fields: Mapping[str, Any]) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """block: number. fee: wei. logs: as JSON-RPC gives them; `abi.decode_log` reads them."""

    hash: str
    block: int
    block_hash: str
    status: int
    gas_used: int
    fee: int
    logs: tuple[Mapping[str, Any], ...]

    def events(self, contract: str, name: str) -> list[abi.Event]:
        """The events of this name, in order, whichever address of that contract emitted them."""
        found = (abi.decode_log(log, contract) for log in self.logs)
        return [event for event in found if event is not None and event.name == name]


class Sender:
    """timeout: seconds to wait for a receipt."""

    def __init__(
        self, rpc: RpcLike, wallet: TransactionWallet, chain_id: int, *, timeout: float = 300.0
    ) -> None:
        self.rpc = rpc
        self.wallet = wallet
        self.chain_id = chain_id
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._under_way: set[int] = set()  # nonces without a receipt yet
        self._handed: list[str] = []
        self._chain_checked = False

    @property
    def has_sent(self) -> bool:
        return bool(self._handed)

    @property
    def so_far(self) -> str:
        """What has left this machine, as an error should tell it."""
        if not self.has_sent:
            return "Nothing was sent."
        return f"These transactions were sent before: {', '.join(self._handed)}."

    async def send(
        self, to: str, data: bytes | str = b"", value: int = 0, gas: int | None = None
    ) -> Receipt:
        """Signs, sends, and waits until it is in a block. value: wei. gas: limit; None: estimated.

        Raises WrongNetwork, InsufficientFunds, TransactionFailed (reverted, replaced or not mined
        in time), Unreachable, RpcError.
        """
        async with self._lock:  # nonces go out in the order of the calls
            nonce, raw = await self._signed(to, _hex(data), value, gas)
            transaction = "0x" + keccak(raw).hex()
            self._handed.append(transaction)  # from here on it may be in a block
            await self._submit(raw, transaction)
            self._under_way.add(nonce)
        try:
            receipt = await self._await_receipt(raw, transaction, nonce)
        finally:
            self._under_way.discard(nonce)
        if receipt.status != 1:
            raise await self._reverted(to, _hex(data), value, receipt)
        return receipt

    async def afford(self, gas: int) -> None:
        """Raises InsufficientFunds unless the account can pay for so much gas now: for calls that
        no endpoint should see before they can be sent."""
        balance, (fee, _) = await self._balance(), await self._fees()
        if balance < gas * fee:
            raise self._too_poor(balance, gas * fee, "the fee")

    async def settled(self, patience: float = 60.0) -> None:
        """Waits until nothing of this account is pending: what an interrupted run has sent is then
        on chain, or was dropped. patience: seconds, after which it returns all the same."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            sent, mined = [
                await self.rpc.call("eth_getTransactionCount", [self.wallet.address, tag])
                for tag in ("pending", "latest")
            ]
            if quantity(sent) <= quantity(mined):
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _signed(self, to: str, data: str, value: int, gas: int | None) -> tuple[int, bytes]:
        await self._check_chain()
        balance = await self._balance()
        if balance < value:
            raise self._too_poor(balance, value, "the value")
        call = {"from": self.wallet.address, "to": to, "data": data, "value": hex(value)}
        gas = gas or await self._estimate(call)
        fee, tip = await self._fees()
        if balance < value + gas * fee:
            raise self._too_poor(balance, value + gas * fee, "value and fee")
        nonce = await self._nonce()
        fields = {
            "type": 2,
            "chainId": self.chain_id,
            "nonce": nonce,
            "to": to,
            "value": value,
            "data": bytes.fromhex(data[2:]),
            "gas": gas,
            "maxFeePerGas": fee,
            "maxPriorityFeePerGas": tip,
        }
        return nonce, await asyncio.to_thread(self.wallet.sign_transaction, fields)

    async def _check_chain(self) -> None:
        if self._chain_checked:
            return
        actual = quantity(await self.rpc.call("eth_chainId", []))
        if actual != self.chain_id:
            raise WrongNetwork(
                f"The RPC endpoint is of chain {actual}, not of chain {self.chain_id}.",
                saved=self.so_far,
                do="Give the RPC endpoint of the network that you mean, or its chain id.",
            )
        self._chain_checked = True

    async def _balance(self) -> int:
        return quantity(await self.rpc.call("eth_getBalance", [self.wallet.address, "latest"]))

    async def _estimate(self, call: Mapping[str, Any]) -> int:
        try:
            estimate = quantity(await self.rpc.call("eth_estimateGas", [call]))
        except RpcError as error:
            data = revert_data(error)
            if data is None:
                raise
            reason = abi.decode_error(data)
            raise TransactionFailed(
                f"The transaction would revert: {reason or error.message}.",
                error=reason,
                saved=self.so_far,
            ) from error
        return estimate * (100 + GAS_MARGIN_PERCENT) // 100

    async def _fees(self) -> tuple[int, int]:
        """Most a gas may cost (room for six full blocks), and the tip in it; wei."""
        block = await _head(self.rpc)
        base = quantity(block.get("baseFeePerGas") or await self.rpc.call("eth_gasPrice", []))
        try:
            tip = quantity(await self.rpc.call("eth_maxPriorityFeePerGas", []))
        except RpcError:
            tip = DEFAULT_TIP
        return 2 * base + tip, tip

    async def _nonce(self) -> int:
        """The chain's next one, or after those of ours that it may not have seen yet."""
        pending = await self.rpc.call("eth_getTransactionCount", [self.wallet.address, "pending"])
        return max([quantity(pending), *(nonce + 1 for nonce in self._under_way)])

    async def _submit(self, raw: bytes, transaction: str) -> None:
        """Sending the same bytes twice does no harm; so a lost answer is no lost transaction."""
        try:
            await self.rpc.call("eth_sendRawTransaction", ["0x" + raw.hex()])
        except (RpcError, Unreachable):
            if not await self._is_known(transaction):
                raise

    async def _is_known(self, transaction: str) -> bool:
        return await self.rpc.call("eth_getTransactionByHash", [transaction]) is not None

    async def _await_receipt(self, raw: bytes, transaction: str, nonce: int) -> Receipt:
        deadline = time.monotonic() + self._timeout
        resend_at = time.monotonic() + RESEND_SECONDS
        trouble: Unreachable | None = None
        while time.monotonic() < deadline:
            try:
                found = await self.rpc.call("eth_getTransactionReceipt", [transaction])
                if isinstance(found, dict) and found.get("blockNumber"):
                    return _receipt(found)
                if time.monotonic() >= resend_at:
                    resend_at += RESEND_SECONDS
                    await self._resend(raw, transaction, nonce)
                trouble = None
            except Unreachable as error:
                trouble = error
            await asyncio.sleep(POLL_SECONDS)
        raise trouble or TransactionFailed(
            f"Transaction {transaction} was not taken into a block within {self._timeout:g} s.",
            saved="It was sent and may still be taken.",
            do="Look it up before you try again.",
        )

    async def _resend(self, raw: bytes, transaction: str, nonce: int) -> None:
        """An endpoint may have dropped it, or another transaction may have taken its nonce."""
        params = [self.wallet.address, "latest"]
        used = quantity(await self.rpc.call("eth_getTransactionCount", params)) > nonce
        if await self._is_known(transaction):
            return
        if used:
            raise TransactionFailed(
                f"Transaction {transaction} was replaced: another one of {self.wallet.address} "
                f"took its nonce {nonce}.",
                do="Let nothing else send from this account meanwhile, look at what was sent, "
                "and try again.",
            )
        await self._submit(raw, transaction)

    async def _reverted(
        self, to: str, data: str, value: int, receipt: Receipt
    ) -> TransactionFailed:
        call = {"from": self.wallet.address, "to": to, "data": data, "value": hex(value)}
        reason = ""
        try:
            await self.rpc.call("eth_call", [call, hex(receipt.block)])
        except RpcError as error:
            reason = abi.decode_error(revert_data(error) or b"")
        except Unreachable:
            pass
        return TransactionFailed(
            f"Transaction {receipt.hash} reverted in block {receipt.block}: "
            f"{reason or 'the reason cannot be read'}.",
            error=reason,
            saved="Its fee is paid; it changed nothing else.",
        )

    def _too_poor(self, balance: int, needed: int, what: str) -> InsufficientFunds:
        return InsufficientFunds(
            f"The account {self.wallet.address} has {ether(balance)} ETH; {what} may take "
            f"{ether(needed)} ETH: {ether(needed - balance)} ETH are missing.",
            saved=self.so_far,
            do="Send that much to the account and try again.",
        )


async def wait_for_time(
    rpc: RpcLike, timestamp: int, *, patience: float = 300.0, poll: float = POLL_SECONDS
) -> int:
    """Waits until the head's timestamp is at least `timestamp` (seconds); returns its number.
    patience: seconds.

    Gas estimates run in the head's block: what the contract allows only from a time on is
    estimated as reverting before (DESIGN 4.1). Raises Unreachable when the chain stands still.
    """
    deadline = time.monotonic() + patience
    while True:
        head = await _head(rpc)
        if quantity(head.get("timestamp")) >= timestamp:
            return quantity(head.get("number"))
        if time.monotonic() >= deadline:
            raise Unreachable(
                f"The chain made no block of time {timestamp} or later within {patience:g} s.",
                do="Check that the chain makes blocks, and try again.",
            )
        await asyncio.sleep(poll)


def ether(wei: int) -> str:
    """Wei as ETH in decimal, exact, without trailing zeros."""
    whole, rest = divmod(wei, 10**18)
    return f"{whole}.{rest:018d}".rstrip("0").rstrip(".")


def _hex(data: bytes | str) -> str:
    return data if isinstance(data, str) else "0x" + data.hex()


async def _head(rpc: RpcLike) -> Mapping[str, Any]:
    """Raises what a call raises, and IntegrityError."""
    head = await rpc.call("eth_getBlockByNumber", ["latest", False])
    if not isinstance(head, dict):
        raise IntegrityError("The RPC endpoint gives no newest block.")
    return head


def _receipt(found: Mapping[str, Any]) -> Receipt:
    """Raises IntegrityError."""
    gas_used = quantity(found.get("gasUsed"))
    try:
        return Receipt(
            hash=found["transactionHash"].lower(),
            block=quantity(found.get("blockNumber")),
            block_hash=found["blockHash"].lower(),
            status=quantity(found.get("status")),
            gas_used=gas_used,
            fee=gas_used * quantity(found.get("effectiveGasPrice") or "0x0"),
            logs=tuple(found["logs"]),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise IntegrityError(
            "The RPC endpoint gives a malformed receipt.",
            saved="The transaction was sent and may be in a block.",
            do="Look it up at another endpoint before you try again.",
        ) from error
