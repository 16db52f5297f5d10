"""A published work: certificate and node records on a real chain, its nodes serving."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from local_chain import Anvil
from stream_world import Recorder, Stage, make_work, serving

from immurtal.chain.contracts import ZERO_ADDRESS, Contracts, Visibility
from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import Rpc
from immurtal.chain.transactions import Sender

AUDIO_BYTES = 1_700_000  # seven leaves


@pytest.fixture(autouse=True)
def _quick_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("immurtal.stream.blocks.ROUND_PAUSE", 0.05)


@pytest.fixture
def size() -> int:
    return AUDIO_BYTES


@pytest.fixture
def private() -> bool:
    return False


@pytest.fixture
async def stage(
    anvil: Anvil, deployed: Deployment, tmp_path: Path, size: int, private: bool
) -> AsyncIterator[Stage]:
    """An Open work of one author at three nodes, any two of which give the key."""
    rpc = Rpc(anvil.url)
    wallet = anvil.wallet(7)
    sender = Sender(rpc, wallet, anvil.chain_id)
    salts = [(f"{tmp_path}{n}".encode())[-32:].rjust(32, b"\0") for n in range(3)]
    ids = tuple(
        "0x" + keccak(encode(["address", "bytes32"], [wallet.address, salt])).hex()
        for salt in salts
    )
    work = make_work(
        tmp_path,
        size=size,
        registry=deployed.registry,
        author=wallet.address,
        private=private,
        node_ids=ids,
    )
    async with serving(work.nodes) as stacks:
        stage = Stage(work, anvil, Contracts(rpc, deployed), sender, Recorder(), tmp_path, stacks)
        for salt, node in zip(salts, work.nodes, strict=True):
            await stage.send("NodeRegistry", "announce", salt, _record(node.record))
        await _register(stage, Visibility.OPEN)
        yield stage
    await rpc.close()


def _record(node: Any) -> dict[str, object]:
    return {
        "apiUrl": node.api_url,
        "gatewayUrl": node.gateway_url,
        "peer": "",
        "kem": node.kem,
        "key": node.key,
        "region": b"\0\0",
        "domain": "",
    }


async def _register(stage: Stage, visibility: Visibility) -> None:
    work_hash = bytes.fromhex(stage.certificate[2:])
    salt = b"\5" * 32
    author = stage.sender.wallet.address
    packed = encode(["address", "bytes32", "bytes32"], [author, keccak(work_hash), salt])
    await stage.send("CopyrightRegistry", "commit", keccak(packed))
    stage.anvil.mine(2, 2)
    work = {
        "workHash": work_hash,
        "release": stage.work.release,
        "visibility": visibility,
        "payout": ZERO_ADDRESS,
    }
    await stage.send("CopyrightRegistry", "register", [work], salt)
