"""Endpoints that answer anything: a typed error each time, no traceback, no terminal codes."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from local_chain import Anvil

from immurtal.chain import abi
from immurtal.chain.contracts import Contracts
from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import Rpc
from immurtal.chain.transactions import Sender, wait_for_time
from immurtal.chain.wallet import LocalKey
from immurtal.errors import ImmurtalError, IntegrityError

ACCOUNT, WORK = "0x" + "11" * 20, "0x" + "22" * 32
NONSENSE = [
    None,
    True,
    5,
    "",
    [],
    {},
    "0x",
    "0x1",
    "0xzz",
    "zz",
    "0x" + "ff" * 32,
    "0x" + "ff" * 640,
    "0x" + "00" * 640,
    "0x" + "00" * 31 + "20" + "ff" * 640,
]
READS: dict[str, Callable[[Contracts], Awaitable[Any]]] = {
    "certificate": lambda c: c.certificate(WORK),
    "access": lambda c: c.access(WORK),
    "payout": lambda c: c.payout_of(WORK),
    "commitment": lambda c: c.committed_at(WORK),
    "has access": lambda c: c.has_access(WORK, ACCOUNT),
    "quote": lambda c: c.quote(WORK, ACCOUNT),
    "offer": lambda c: c.offer(WORK),
    "expiry": lambda c: c.expiry_of(WORK, ACCOUNT),
    "split": lambda c: c.split(ACCOUNT),
    "node": lambda c: c.node(WORK),
    "nodes": lambda c: c.node_ids(),
    "time": lambda c: wait_for_time(c.rpc, 1, patience=0),
    "send": lambda c: Sender(c.rpc, LocalKey.generate(), 31337, timeout=0).send(ACCOUNT),
}


class Oracle:
    """Says the same whatever it is asked."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def call(self, method: str, params: list[Any]) -> Any:
        return self._answer

    async def batch(self, calls: Any) -> list[Any]:
        return [self._answer for _ in calls]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
@pytest.mark.parametrize("answer", NONSENSE, ids=range(len(NONSENSE)))
async def test_nonsense_is_refused_or_makes_some_sense(
    read: Callable[[Contracts], Awaitable[Any]], answer: Any, deployed: Deployment
) -> None:
    with suppress(ImmurtalError):
        await read(Contracts(Oracle(answer), deployed))


async def test_a_certificate_of_a_visibility_that_does_not_exist(deployed: Deployment) -> None:
    owner, visibility = "0x" + "00" * 12 + "11" * 20, "00" * 31 + "07"
    with pytest.raises(IntegrityError, match="a Visibility 7, which is none"):
        await Contracts(Oracle(owner + visibility), deployed).access(WORK)


def test_an_error_of_a_contract_does_not_drive_the_terminal() -> None:
    for text in ("\x1b[2Jgone", "0x\x1b]0;gone\x07", "\u202egone"):
        error = keccak(text="Error(string)")[:4] + encode(["string"], [text])
        assert abi.decode_error(error).isprintable()
        assert "gone" in abi.decode_error(error)


def test_a_batch_of_nothing_that_fills_megabytes_can_be_read() -> None:
    """Whoever has a transferable offer moves no unit of it, twenty thousand times in one event:
    an index that could not read it would stand still for good."""
    count = 20_000
    data = encode(["uint256[]", "uint256[]"], [[7] * count, [0] * count])
    topics = [abi.event_topics("LicenseManager")["TransferBatch"], *["0x" + "00" * 32] * 3]
    event = abi.decode_log(
        {
            "address": ACCOUNT,
            "topics": topics,
            "data": "0x" + data.hex(),
            "blockNumber": "0x1",
            "blockHash": WORK,
            "transactionHash": WORK,
            "logIndex": "0x0",
        },
        "LicenseManager",
    )
    assert event is not None
    assert len(event.args["ids"]) == count


async def test_what_operators_announce_does_not_drive_the_terminal(
    anvil: Anvil, deployed: Deployment
) -> None:
    rpc = Rpc(anvil.url)
    record = {
        "apiUrl": "https://node.example/\x1b[2J",
        "gatewayUrl": "\x1b]8;;https://evil.example\x07",
        "peer": "\x00\x9b",
        "kem": 0x20,
        "key": b"k" * 32,
        "region": "0x1b5b",
        "domain": "good.example\u202e\x1b[1A",
    }
    wallet = anvil.wallet(7)
    data = abi.encode_call("NodeRegistry", "announce", "0x" + "77" * 32, record)
    await Sender(rpc, wallet, anvil.chain_id).send(deployed.node_registry, data)
    contracts = Contracts(rpc, deployed)
    found = [await contracts.node(node_id) for node_id in await contracts.node_ids()]
    (node,) = [node for node in found if node.operator == wallet.address]
    for text in (node.api_url, node.gateway_url, node.peer, node.region, node.domain):
        assert text.isprintable()
    assert node.domain.startswith("good.example")
    await rpc.close()
