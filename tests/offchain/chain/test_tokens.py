"""What a token says is bounded, cleaned and never believed; amounts are shown exactly."""

from fractions import Fraction
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from immurtal.chain.rpc import RpcError
from immurtal.chain.tokens import ETH, MAX_ANSWER, Currency, Erc20, call_data, cleaned
from immurtal.errors import TokenMisbehaves

ADDRESS = "0x" + "ab" * 20


class Answers:
    """A token that answers each call with the same."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.gas: list[str] = []

    async def call(self, method: str, params: list[Any]) -> Any:
        assert method == "eth_call"
        self.gas.append(params[0]["gas"])
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def said(raw: bytes) -> Erc20:
    return Erc20(Answers("0x" + raw.hex()), ADDRESS)


@pytest.mark.parametrize(
    "answer",
    [
        "0x",
        "0x" + "00" * 31,
        "0x" + "00" * 33,
        "0x" + "00" * (MAX_ANSWER + 1),
        "0xzz",
        None,
        7,
        RpcError(3, "execution reverted", "0x"),
        RpcError(-32000, "out of gas: gas required exceeds allowance"),
    ],
)
async def test_a_balance_that_is_none(answer: object) -> None:
    rpc = Answers(answer)
    with pytest.raises(TokenMisbehaves, match=f"The token {ADDRESS} does not answer balanceOf"):
        await Erc20(rpc, ADDRESS).balance(ADDRESS)
    assert rpc.gas == [hex(1_000_000)]


async def test_trouble_of_the_endpoint_is_not_the_tokens() -> None:
    with pytest.raises(RpcError):
        await Erc20(Answers(RpcError(-32603, "internal error")), ADDRESS).balance(ADDRESS)


@pytest.mark.parametrize(
    ("raw", "symbol"),
    [
        (encode(["string"], ["USDC"]), "USDC"),
        (encode(["string"], ["USD₮0"]), "USD₮0"),
        (b"MKR".ljust(32, b"\0"), "MKR"),
        (encode(["string"], ["A B\x1b[2J\u202e\u200bC" + "D" * 50]), "AB[2JCDDDDDD"),
        (b"\xff" * 31 + b"\0", "\ufffd" * 12),
        (b"", ""),
        (b"\x01" * 64, ""),
    ],
)
async def test_symbols(raw: bytes, symbol: str) -> None:
    assert (await said(raw).currency()).symbol == symbol


@pytest.mark.parametrize(("said_decimals", "known"), [(0, 0), (6, 6), (77, 77), (78, None)])
async def test_decimals(said_decimals: int, known: int | None) -> None:
    assert (await said(encode(["uint256"], [said_decimals])).currency()).decimals == known


@given(st.text())
def test_nothing_of_a_symbol_acts_on_a_terminal(text: str) -> None:
    """Invariant: at most 12 characters, each printable, none a space or a control."""
    shown = cleaned(text)
    assert len(shown) <= 12
    assert all(c.isprintable() and not c.isspace() for c in shown)


@given(st.integers(0, 2**256 - 1), st.integers(0, 77))
def test_amounts_are_shown_exactly(amount: int, decimals: int) -> None:
    """Invariant: what is shown, read back by the decimals, is the amount."""
    shown = Currency(ADDRESS, "T", decimals).text(amount)
    number, symbol, address = shown.split(" ")
    assert Fraction(number) * 10**decimals == amount
    assert (symbol, address) == ("T", f"[{ADDRESS}]")
    assert Fraction(ETH.text(amount).removesuffix(" ETH")) * 10**18 == amount


def test_calls_are_what_solidity_takes() -> None:
    assert call_data("name()").hex() == "06fdde03"
    packed = call_data("approve(address,uint256)", ADDRESS, 5).hex()
    assert packed == "095ea7b3" + "00" * 12 + "ab" * 20 + f"{5:064x}"
