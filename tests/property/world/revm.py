"""The world in this process, on revm: for volume. It keeps accounts warm, so it measures no gas."""

from typing import Any

from pyrevm import EVM, AccountInfo, BlockEnv, CfgEnv, Env

from world.actors import actors
from world.outcome import RawLog
from world.world import CHAIN_ID, START, TX_GAS, Executed, World

WEALTH = 10**27
"""Wei that every actor begins with."""
BLOCK_GAS = 10**9
VIEW_GAS = 50_000_000
FAUCET = "0x00000000000000000000000000000000000fa0ce"


class RevmWorld(World):
    engine = "revm"

    def _begin(self, time: int) -> None:
        env = Env(cfg=CfgEnv(chain_id=CHAIN_ID), block=_block(time))
        self._evm = EVM(env=env, spec_id="CANCUN")
        self.deployer = actors()[0].address
        for actor in actors():
            self._evm.set_balance(actor.address, WEALTH)
            self.names[actor.address] = actor.name
        self._evm.set_balance(FAUCET, 2**200)

    def _create(self, sender: str, code: bytes, value: int) -> Executed:
        try:
            address = self._evm.deploy(sender, code, value, TX_GAS)
        except RuntimeError as error:
            return self._failed(error)
        self._evm.reset_transient_storage()
        return self._done(bytes.fromhex(address[2:]))

    def _execute(self, sender: str, to: str, data: bytes, value: int, gas: int) -> Executed:
        try:
            output = self._evm.message_call(sender, to, data, value, gas)
        except RuntimeError as error:
            return self._failed(error)
        finally:
            self._evm.reset_transient_storage()
        return self._done(output)

    def _done(self, output: bytes) -> Executed:
        result = self._evm.result
        logs = result.logs
        return Executed(True, output, [_raw(log) for log in logs] if logs else [], result.gas_used)

    def _failed(self, error: RuntimeError) -> Executed:
        return Executed(False, _revert_data(error), [], self._evm.result.gas_used)

    def _view(self, sender: str, to: str, data: bytes) -> tuple[bool, bytes]:
        try:
            return True, self._evm.message_call(sender, to, data, 0, VIEW_GAS, is_static=True)
        except RuntimeError as error:
            return False, _revert_data(error)

    def height(self) -> int:
        return _height(self.now())

    def _set_time(self, time: int) -> None:
        self._evm.set_block_env(_block(time))

    def _checkpoint(self) -> Any:
        return self._evm.snapshot()

    def _revert(self, point: Any) -> None:
        self._evm.revert(point)

    def balance(self, address: str) -> int:
        return self._evm.get_balance(address)

    def code(self, address: str) -> bytes:
        return self._evm.get_code(address) or b""

    def _fund(self, address: str, amount: int) -> None:
        # By selfdestruct (EIP-6780): set_balance would outlive a restore.
        self._evm.deploy(FAUCET, bytes.fromhex("73" + address[2:] + "ff"), amount)

    def _set_code(self, address: str, code: bytes) -> None:
        info = AccountInfo(balance=self.balance(address), nonce=1, code=code)
        self._evm.insert_account_info(address, info)
        assert self.code(address) == code, "revm had touched the account already"


def _block(time: int) -> BlockEnv:
    return BlockEnv(number=_height(time), timestamp=time, gas_limit=BLOCK_GAS)


def _height(time: int) -> int:
    """A block each second."""
    return 1 + time - START


def _raw(log: Any) -> RawLog:
    topics, data = log.data
    return RawLog(log.address.lower(), topics, data)


def _revert_data(error: RuntimeError) -> bytes:
    """The revert's data, which pyrevm gives as text; nothing for a halt."""
    text: str = error.args[0]
    if text.startswith("Revert"):
        return bytes.fromhex(text[text.rindex("0x") + 2 : -2])
    if text.startswith("Halt"):
        return b""
    raise ValueError(text)
