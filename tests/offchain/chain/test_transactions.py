"""Sending: what is checked before, what is said when it fails, nothing sent twice."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from local_chain import Anvil, run_anvil

from immurtal.chain import abi
from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import Rpc, RpcError
from immurtal.chain.transactions import Sender, ether, wait_for_time
from immurtal.chain.wallet import LocalKey
from immurtal.errors import (
    BadInput,
    InsufficientFunds,
    NotFound,
    TransactionFailed,
    Unreachable,
    WrongNetwork,
)

SOMEBODY = "0x" + "5b" * 20


@pytest.fixture
async def rpc(anvil: Anvil) -> AsyncIterator[Rpc]:
    endpoint = Rpc(anvil.url)
    yield endpoint
    await endpoint.close()


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Anvil]:
    """A chain of its own that mines only when it is told to."""
    with run_anvil(tmp_path, "--no-mining") as chain:
        yield chain


async def pooled(chain: Anvil, count: int) -> None:
    """Waits until so many transactions wait for a block."""
    for _ in range(500):
        if int(chain.rpc("txpool_status")["pending"], 16) >= count:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{count} transactions never arrived")


async def test_value_arrives_and_the_receipt_says_so(anvil: Anvil, rpc: Rpc) -> None:
    to = "0x" + secrets.token_hex(20)
    receipt = await Sender(rpc, anvil.wallet(4), 31337).send(to, value=12345)
    assert receipt.status == 1
    assert receipt.gas_used == 21_000
    assert receipt.fee > 0
    assert int(anvil.rpc("eth_getBalance", to, "latest"), 16) == 12345


async def test_the_wrong_network_is_noticed_before_anything_is_sent(anvil: Anvil, rpc: Rpc) -> None:
    nonce = anvil.rpc("eth_getTransactionCount", anvil.wallet(4).address, "latest")
    with pytest.raises(WrongNetwork, match="of chain 31337, not of chain 1"):
        await Sender(rpc, anvil.wallet(4), 1).send(SOMEBODY, value=1)
    assert anvil.rpc("eth_getTransactionCount", anvil.wallet(4).address, "latest") == nonce


async def test_no_money_says_how_much_is_missing(anvil: Anvil, rpc: Rpc) -> None:
    poor = LocalKey(secrets.token_bytes(32))
    with pytest.raises(InsufficientFunds, match=r"has 0 ETH; .* 0\.5 ETH are missing"):
        await Sender(rpc, poor, 31337).send(SOMEBODY, value=5 * 10**17)
    anvil.rpc("anvil_setBalance", poor.address, hex(10**12))
    with pytest.raises(InsufficientFunds, match="value and fee may take"):
        await Sender(rpc, poor, 31337).send(SOMEBODY, value=10**12 - 1)


async def test_a_revert_is_told_by_name_before_it_is_sent(
    anvil: Anvil, rpc: Rpc, deployed: Deployment
) -> None:
    data = abi.encode_call("CopyrightRegistry", "setVisibility", b"\x77" * 32, 1)
    with pytest.raises(TransactionFailed) as caught:
        await Sender(rpc, anvil.wallet(4), 31337).send(deployed.registry, data)
    assert caught.value.error == f"CopyrightRegistry_UnknownCertificate(0x{'77' * 32})"
    assert caught.value.saved == "Nothing was sent."


async def test_a_revert_on_chain_is_told_by_name(
    anvil: Anvil, rpc: Rpc, deployed: Deployment
) -> None:
    data = abi.encode_call("CopyrightRegistry", "setVisibility", b"\x77" * 32, 1)
    with pytest.raises(TransactionFailed, match="reverted in block") as caught:
        await Sender(rpc, anvil.wallet(4), 31337).send(deployed.registry, data, gas=200_000)
    assert caught.value.error == f"CopyrightRegistry_UnknownCertificate(0x{'77' * 32})"


async def test_many_at_once_go_out_in_order_with_nonces_of_their_own(slow: Anvil) -> None:
    rpc = Rpc(slow.url)
    sender = Sender(rpc, slow.wallet(0), 31337)
    sends = [asyncio.create_task(sender.send(SOMEBODY, value=n + 1)) for n in range(5)]
    await pooled(slow, 5)
    slow.mine()
    receipts = await asyncio.gather(*sends)
    sent = [slow.rpc("eth_getTransactionByHash", r.hash) for r in receipts]
    await rpc.close()
    assert [int(t["nonce"], 16) for t in sent] == [0, 1, 2, 3, 4]
    assert [int(t["value"], 16) for t in sent] == [1, 2, 3, 4, 5]


async def test_a_lost_answer_is_no_lost_transaction(anvil: Anvil) -> None:
    class Deaf(Rpc):
        """Sends, and loses the answer."""

        async def call(self, method: str, params: list[object]) -> object:
            result = await super().call(method, params)
            if method == "eth_sendRawTransaction":
                raise Unreachable("The answer was lost.")
            return result

    rpc = Deaf(anvil.url)
    to = "0x" + secrets.token_hex(20)
    receipt = await Sender(rpc, anvil.wallet(4), 31337).send(to, value=7)
    await rpc.close()
    assert receipt.status == 1
    assert int(anvil.rpc("eth_getBalance", to, "latest"), 16) == 7


async def test_one_that_was_not_sent_leaves_its_nonce_free(anvil: Anvil) -> None:
    class Refusing(Rpc):
        refuse = True

        async def call(self, method: str, params: list[object]) -> object:
            if method == "eth_sendRawTransaction" and self.refuse:
                raise RpcError(-32000, "no thanks")
            return await super().call(method, params)

    rpc = Refusing(anvil.url)
    sender = Sender(rpc, anvil.wallet(4), 31337)
    with pytest.raises(RpcError, match="no thanks"):
        await sender.send(SOMEBODY, value=1)
    rpc.refuse = False
    assert (await sender.send(SOMEBODY, value=1)).status == 1
    await rpc.close()


async def test_waiting_for_a_block_ends(slow: Anvil) -> None:
    rpc = Rpc(slow.url)
    sender = Sender(rpc, slow.wallet(0), 31337, timeout=0.5)
    with pytest.raises(TransactionFailed, match=r"not taken into a block within 0\.5 s"):
        await sender.send(SOMEBODY, value=1)
    with pytest.raises(Unreachable, match="made no block of time"):
        await wait_for_time(rpc, 2**40, patience=0.3)
    await rpc.close()


async def test_a_replaced_one_is_told(slow: Anvil, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("immurtal.chain.transactions.RESEND_SECONDS", 0.1)
    rpc = Rpc(slow.url)
    sending = asyncio.create_task(Sender(rpc, slow.wallet(0), 31337).send(SOMEBODY, value=1))
    await pooled(slow, 1)
    slow.rpc("anvil_removePoolTransactions", slow.wallet(0).address)
    slow.rpc("anvil_setNonce", slow.wallet(0).address, "0x1")
    slow.mine()
    with pytest.raises(TransactionFailed, match=r"was replaced: .* took its nonce 0"):
        await sending
    await rpc.close()


async def test_a_dropped_one_is_sent_again(slow: Anvil, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("immurtal.chain.transactions.RESEND_SECONDS", 0.1)
    rpc = Rpc(slow.url)
    sending = asyncio.create_task(Sender(rpc, slow.wallet(0), 31337).send(SOMEBODY, value=1))
    await pooled(slow, 1)
    slow.rpc("anvil_removePoolTransactions", slow.wallet(0).address)
    await pooled(slow, 1)
    slow.mine()
    assert (await sending).status == 1
    await rpc.close()


def test_ether_is_exact() -> None:
    assert ether(0) == "0"
    assert ether(10**18) == "1"
    assert ether(10**20 + 1) == "100.000000000000000001"
    assert ether(5 * 10**17) == "0.5"


def test_deployment_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no deployment file"):
        Deployment.load(tmp_path / "1.json")
    for text in ("", "[]", "{}", '{"chainId": 1, "contracts": {}}', "[" * 100_000):
        (tmp_path / "1.json").write_text(text)
        with pytest.raises(BadInput, match="is not a deployment file"):
            Deployment.load(tmp_path / "1.json")


def test_a_deployment_knows_its_contracts(deployed: Deployment) -> None:
    assert deployed.contract_at(deployed.registry.upper().replace("X", "x")) == "CopyrightRegistry"
    assert deployed.contract_at(SOMEBODY) is None
    assert deployed.first_block > 0
