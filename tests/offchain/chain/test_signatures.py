"""Who signed: ECDSA in its one form, and contracts that answer ERC-1271 on a real chain."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from eth_utils.crypto import keccak
from local_chain import Anvil

from immurtal.chain.rpc import Rpc, RpcError
from immurtal.chain.signatures import (
    ERC1271_MAGIC,
    HALF_ORDER,
    MAX_SIGNATURE_BYTES,
    ZERO_ADDRESS,
    recover_ecdsa,
    verify,
)
from immurtal.chain.wallet import LocalKey
from immurtal.errors import Unreachable

DIGEST = bytes(range(32))
ORDER = 2 * HALF_ORDER + 1
KEY = LocalKey(b"\x01" * 32)
OTHER = LocalKey(b"\x02" * 32)
SIGNATURE = KEY.sign_digest(DIGEST)
places = itertools.count(0xA0)


def owned_by(owner: str) -> str:
    """Runtime code of a wallet that says yes to its owner's ECDSA signature: `ecrecover` over the
    hash and the 65 bytes that the ABI puts at 4, 100, 132 and 164 of the call data."""
    return (
        "0x6004355f52"  # memory[0] = hash
        "60a4355f1a602052"  # memory[32] = v
        "606435604052"  # memory[64] = r
        "608435606052"  # memory[96] = s
        "60205f60805f60015afa50"  # memory[0] = ecrecover(memory[0..128])
        f"5f5173{owner[2:]}14"  # is it the owner?
        "631626ba7e60e01b025f5260205ff3"  # return yes * magic
    )


ALWAYS_YES = "0x631626ba7e60e01b5f5260205ff3"
YES_BUT_TWO_WORDS = "0x631626ba7e60e01b5f5260405ff3"
YES_BUT_DIRTY = "0x631626ba7e60e01b6001175f5260205ff3"
REVERTS = "0x5f5ffd"
LOOPS = "0x5b5f56"
INVALID = "0xfe"
YES_IF_GAS_IS_BOUNDED = "0x621e84805a10631626ba7e60e01b025f5260205ff3"  # gas < 2,000,000
FLOODS = "0x6207a1205ff3"  # returns 500,000 zero bytes


@pytest.fixture
async def rpc(anvil: Anvil) -> AsyncIterator[Rpc]:
    rpc = Rpc(anvil.url)
    yield rpc
    await rpc.close()


async def deploy(rpc: Rpc, code: str) -> str:
    address = f"0x{next(places):040x}"
    await rpc.call("anvil_setCode", [address, code])
    return address


def flipped(signature: bytes, *, at: int) -> bytes:
    return signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :]


def malleated(signature: bytes) -> bytes:
    """The other signature that the same curve accepts: s negated, v switched."""
    s = ORDER - int.from_bytes(signature[32:64])
    return signature[:32] + s.to_bytes(32) + bytes([55 - signature[64]])


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(b"", id="empty"),
        pytest.param(SIGNATURE[:64], id="64 bytes"),
        pytest.param(SIGNATURE + b"\0", id="66 bytes"),
        pytest.param(SIGNATURE[:64] + bytes([SIGNATURE[64] - 27]), id="v 0 or 1"),
        pytest.param(SIGNATURE[:64] + b"\x1d", id="v 29"),
        pytest.param(malleated(SIGNATURE), id="high s"),
        pytest.param(bytes(32) + SIGNATURE[32:], id="r zero"),
        pytest.param(SIGNATURE[:32] + bytes(32) + b"\x1b", id="s zero"),
        pytest.param(b"\xff" * 32 + SIGNATURE[32:], id="r above the order"),
        pytest.param((5).to_bytes(32) + SIGNATURE[32:], id="r on no point"),
    ],
)
def test_what_is_no_signature_recovers_to_nobody(signature: bytes) -> None:
    assert recover_ecdsa(DIGEST, signature) is None


def test_a_signature_recovers_to_its_signer_for_its_digest_only() -> None:
    assert recover_ecdsa(DIGEST, SIGNATURE) == KEY.address
    assert recover_ecdsa(bytes(32), SIGNATURE) != KEY.address
    assert recover_ecdsa(DIGEST[:31], SIGNATURE) is None
    assert recover_ecdsa(DIGEST, flipped(SIGNATURE, at=40)) != KEY.address


async def test_nobody_signs_for_the_zero_account_and_no_chain_is_asked() -> None:
    nowhere = Rpc("http://127.0.0.1:1")
    assert not await verify(nowhere, ZERO_ADDRESS, DIGEST, SIGNATURE)
    await nowhere.close()


async def test_an_account_without_code_has_its_key_alone(rpc: Rpc) -> None:
    assert await verify(rpc, KEY.address, DIGEST, SIGNATURE)
    assert not await verify(rpc, OTHER.address, DIGEST, SIGNATURE)


async def test_a_key_needs_no_chain(rpc: Rpc) -> None:
    nowhere = Rpc("http://127.0.0.1:1")
    assert await verify(nowhere, KEY.address, DIGEST, SIGNATURE)
    with pytest.raises(Unreachable):
        await verify(nowhere, OTHER.address, DIGEST, SIGNATURE)
    await nowhere.close()


async def test_a_contract_answers_for_its_owner(rpc: Rpc) -> None:
    wallet = await deploy(rpc, owned_by(KEY.address))
    assert await verify(rpc, wallet, DIGEST, SIGNATURE)
    assert not await verify(rpc, wallet, bytes(32), SIGNATURE)
    assert not await verify(rpc, wallet, DIGEST, OTHER.sign_digest(DIGEST))
    assert not await verify(rpc, wallet, DIGEST, flipped(SIGNATURE, at=3))
    assert not await verify(rpc, wallet, DIGEST, b"")


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(YES_BUT_TWO_WORDS, id="more than a word"),
        pytest.param(YES_BUT_DIRTY, id="magic and noise"),
        pytest.param(REVERTS, id="reverts"),
        pytest.param(LOOPS, id="loops"),
        pytest.param(INVALID, id="invalid opcode"),
        pytest.param(FLOODS, id="floods"),
    ],
)
async def test_anything_but_yes_is_no(rpc: Rpc, code: str) -> None:
    wallet = await deploy(rpc, code)
    async with asyncio.timeout(5):
        assert not await verify(rpc, wallet, DIGEST, SIGNATURE)


async def test_a_contract_gets_bounded_gas(rpc: Rpc) -> None:
    assert await verify(rpc, await deploy(rpc, YES_IF_GAS_IS_BOUNDED), DIGEST, SIGNATURE)


async def test_no_precompile_says_yes(rpc: Rpc) -> None:
    for number in range(1, 11):
        assert not await verify(rpc, f"0x{number:040x}", DIGEST, SIGNATURE)


async def test_an_overlong_signature_is_not_carried_to_the_chain(rpc: Rpc) -> None:
    wallet = await deploy(rpc, ALWAYS_YES)
    assert await verify(rpc, wallet, DIGEST, bytes(MAX_SIGNATURE_BYTES))
    assert not await verify(rpc, wallet, DIGEST, bytes(MAX_SIGNATURE_BYTES + 1))


async def test_a_busy_endpoint_is_no_refusal() -> None:
    class Busy:
        async def call(self, method: str, params: list[object]) -> object:
            raise RpcError(-32005, "limit exceeded")

    with pytest.raises(Unreachable, match="limit exceeded"):
        await verify(Busy(), OTHER.address, DIGEST, SIGNATURE)


def test_the_magic_value_is_the_selector() -> None:
    assert keccak(text="isValidSignature(bytes32,bytes)")[:4] == ERC1271_MAGIC
