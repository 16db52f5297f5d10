"""The world on anvil, through ape: for realism. Each transaction is signed, mined and read back."""

from typing import Any

import ape
from eth_utils import to_checksum_address
from hexbytes import HexBytes

from world.actors import actors
from world.outcome import RawLog
from world.world import TX_GAS, Executed, World

WEALTH = 10**27


class AnvilWorld(World):
    """Its transactions are sent by ape's test accounts; any other sender is impersonated."""

    engine = "ape"

    def _begin(self, time: int) -> None:
        self._provider = ape.chain.provider
        self._accounts: dict[str, Any] = {}
        for actor in actors():
            account = ape.accounts.test_accounts[actor.index]
            assert account.address.lower() == actor.address
            self._accounts[actor.address] = account
            self._provider.set_balance(account.address, WEALTH)
            self.names[actor.address] = actor.name
        self.deployer = actors()[0].address
        # Blocks of one time: time moves only when the world says so.
        self._ask("anvil_setBlockTimestampInterval", 0)
        self._set_time(time)
        self._block = 0

    def _ask(self, method: str, *arguments: Any) -> Any:
        return self._provider.make_request(method, list(arguments))

    def _account(self, address: str) -> Any:
        if address not in self._accounts:
            manager = ape.accounts.test_accounts
            self._accounts[address] = manager.impersonate_account(_checked(address))
        return self._accounts[address]

    def _create(self, sender: str, code: bytes, value: int) -> Executed:
        executed, receipt = self._send(sender, None, code, value, None)
        address = bytes.fromhex(receipt.contract_address[2:]) if executed.ok else executed.output
        return executed._replace(output=address)

    def _execute(self, sender: str, to: str, data: bytes, value: int, gas: int) -> Executed:
        return self._send(sender, to, data, value, gas)[0]

    def _send(
        self, sender: str, to: str | None, data: bytes, value: int, gas: int | None
    ) -> tuple[Executed, Any]:
        """What it returns is asked beforehand by eth_call: a receipt does not say it."""
        fields = {"data": HexBytes(data), "value": value, "gas_price": 0, "type": 0}
        call = {"from": sender, "data": HexBytes(data).to_0x_hex(), "value": hex(value)}
        if to is not None:
            fields["receiver"] = _checked(to)
            call["to"] = to
        if gas is not None:
            call["gas"] = hex(gas)
        ok, output = self._eth_call(call)
        transaction = self._provider.network.ecosystem.create_transaction(
            **fields, gas_limit=gas or TX_GAS, raise_on_revert=False
        )
        self._ask("anvil_setNextBlockBaseFeePerGas", "0x0")  # full blocks raise it
        receipt = self._account(sender).call(transaction)
        done = not receipt.failed
        self._block = int(receipt.block_number)
        if done != ok:
            raise AssertionError(f"eth_call said {ok}, and the transaction {done}")
        logs = [_raw(log) for log in receipt.logs]
        return Executed(done, output, logs, receipt.gas_used), receipt

    def _eth_call(self, call: dict[str, str]) -> tuple[bool, bytes]:
        answer = self._provider.web3.provider.make_request("eth_call", [call, "latest"])
        if "error" not in answer:
            return True, bytes(HexBytes(answer["result"]))
        data = answer["error"].get("data")
        return False, bytes(HexBytes(data)) if isinstance(data, str) else b""

    def _view(self, sender: str, to: str, data: bytes) -> tuple[bool, bytes]:
        return self._eth_call({"from": sender, "to": to, "data": HexBytes(data).to_0x_hex()})

    def height(self) -> int:
        return self._block

    def _set_time(self, time: int) -> None:
        self._ask("evm_setNextBlockTimestamp", time)
        self._ask("evm_mine")

    def _checkpoint(self) -> Any:
        return self._ask("evm_snapshot")

    def _revert(self, point: Any) -> None:
        assert self._ask("evm_revert", point)

    def balance(self, address: str) -> int:
        return int(self._provider.get_balance(_checked(address)))

    def code(self, address: str) -> bytes:
        return bytes(self._provider.get_code(_checked(address)))

    def _fund(self, address: str, amount: int) -> None:
        self._provider.set_balance(_checked(address), self.balance(address) + amount)

    def _set_code(self, address: str, code: bytes) -> None:
        self._provider.set_code(_checked(address), code)


def _checked(address: str) -> str:
    return to_checksum_address(str(address))


def _raw(log: dict[str, Any]) -> RawLog:
    topics = [bytes(HexBytes(topic)) for topic in log["topics"]]
    return RawLog(str(log["address"]).lower(), topics, bytes(HexBytes(log["data"])))
