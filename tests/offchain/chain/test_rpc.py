"""JSON-RPC: endpoints that lie, hang, flood or die, and a pool that goes on without them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from local_chain import Anvil
from local_server import Reply, Seen, serve

from immurtal.chain.rpc import Rpc, RpcError, RpcPool
from immurtal.errors import BadInput, Unreachable


def answering(body: bytes, status: int = 200) -> Callable[[Seen], Awaitable[Reply]]:
    async def handle(seen: Seen) -> Reply:
        return Reply(status, body)

    return handle


@asynccontextmanager
async def endpoint(
    handle: Callable[[Seen], Awaitable[Reply]], seconds: float = 5.0, **options: int
) -> AsyncIterator[Rpc]:
    async with serve(handle) as url:
        rpc = Rpc(url, seconds, **options)
        yield rpc
        await rpc.close()


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"not json", 200, "not JSON-RPC"),
        (b"[" * 100_000, 200, "not JSON-RPC"),
        (b"[]", 200, "not JSON-RPC"),
        (b'{"jsonrpc":"2.0","id":77,"result":1}', 200, "not JSON-RPC"),
        (b"<html>", 502, "HTTP 502"),
        (b"{}", 429, "asked too often"),
    ],
)
async def test_an_answer_that_is_none_is_unreachable(body: bytes, status: int, said: str) -> None:
    async with endpoint(answering(body, status)) as rpc:
        with pytest.raises(Unreachable, match=said):
            await rpc.call("eth_chainId", [])


async def test_a_flood_is_cut_off() -> None:
    async with endpoint(answering(b" " * 200_000), max_answer=100_000) as rpc:
        with pytest.raises(Unreachable, match="more than 100000 bytes"):
            await rpc.call("eth_chainId", [])


async def test_one_that_hangs_is_given_up() -> None:
    async def hang(seen: Seen) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    async with endpoint(hang, seconds=0.2) as rpc:
        with pytest.raises(Unreachable, match=r"within 0\.2 s"):
            await rpc.call("eth_chainId", [])


async def test_keys_in_urls_stay_out_of_errors() -> None:
    rpc = Rpc("http://user:hunter2@127.0.0.1:1/v3/secretpath?key=secretquery", 1)
    with pytest.raises(Unreachable) as caught:
        await rpc.call("eth_chainId", [])
    await rpc.close()
    assert "127.0.0.1:1" in caught.value.paragraph()
    for secret in ("hunter2", "secretpath", "secretquery", "user"):
        assert secret not in caught.value.paragraph()


@pytest.mark.parametrize("url", ["ftp://a", "http://", "http://[", "host:8545", ""])
def test_a_url_that_is_none_is_bad_input(url: str) -> None:
    with pytest.raises(BadInput, match="URL is unusable"):
        Rpc(url)


async def test_an_error_with_control_characters_is_made_printable() -> None:
    body = json.dumps(
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "\x1b[31mred\n"}}
    )
    async with endpoint(answering(body.encode())) as rpc:
        with pytest.raises(RpcError, match="red") as caught:
            await rpc.call("eth_chainId", [])
    assert "\x1b" not in caught.value.paragraph()


async def test_a_batch_keeps_its_order_and_its_errors(anvil: Anvil) -> None:
    rpc = Rpc(anvil.url)
    calls = [
        ("eth_chainId", []),
        ("eth_nothing", []),
        ("eth_getBalance", ["0x" + "00" * 20, "0x0"]),
    ]
    chain_id, unknown, balance = await rpc.batch(calls)
    many = await rpc.batch([("eth_chainId", [])] * 250)
    await rpc.close()
    assert chain_id == hex(31337)
    assert isinstance(unknown, RpcError)
    assert unknown.code == -32601
    assert balance == "0x0"
    assert many == [hex(31337)] * 250


async def test_the_pool_passes_over_a_dead_endpoint_and_lets_it_rest(anvil: Anvil) -> None:
    asked = 0

    async def broken(seen: Seen) -> Reply:
        nonlocal asked
        asked += 1
        return Reply(500, b"")

    async with serve(broken) as url:
        pool = RpcPool([url, anvil.url])
        for _ in range(5):
            assert await pool.call("eth_chainId", []) == hex(31337)
        assert await pool.batch([("eth_chainId", [])]) == [hex(31337)]
        await pool.close()
    assert asked == 1
    assert pool.latencies[anvil.url] > 0


async def test_a_revert_is_final_and_no_endpoints_fault(anvil: Anvil) -> None:
    pool = RpcPool([anvil.url, "http://127.0.0.1:1"])
    reverting = {"data": "0x60006000fd"}  # creation code that reverts
    with pytest.raises(RpcError, match="revert"):
        await pool.call("eth_call", [reverting, "latest"])
    await pool.close()


async def test_a_rate_limit_moves_on_to_the_next(anvil: Anvil) -> None:
    async def limited(seen: Seen) -> Reply:
        error = {"code": -32005, "message": "limit exceeded"}
        answer = {"jsonrpc": "2.0", "id": json.loads(seen.body)["id"], "error": error}
        return Reply(200, json.dumps(answer).encode())

    async with serve(limited) as url:
        pool = RpcPool([url, anvil.url])
        assert await pool.call("eth_chainId", []) == hex(31337)
        await pool.close()
        alone = RpcPool([url])
        with pytest.raises(RpcError, match="limit exceeded"):
            await alone.call("eth_chainId", [])
        await alone.close()


async def test_all_down_names_all() -> None:
    pool = RpcPool(["http://127.0.0.1:1", "http://127.0.0.1:2"], timeout=1)
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1.*127\.0\.0\.1:2"):
        await pool.call("eth_chainId", [])
    await pool.close()
