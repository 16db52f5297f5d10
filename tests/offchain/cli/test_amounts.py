"""Sums of money and shares, exact to the wei, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immurtal.cli.amounts import MAX_PRICE, ether_amount, in_ether, percentage, shares, token_amount
from immurtal.errors import BadInput

ALICE = "0x" + "ab" * 20


@pytest.mark.parametrize(
    ("text", "wei"),
    [
        ("1", 10**18),
        ("0", 0),
        ("0.01", 10**16),
        ("0.01eth", 10**16),
        ("0.01 ETH", 10**16),
        ("5gwei", 5 * 10**9),
        ("0.5gwei", 5 * 10**8),
        ("7wei", 7),
        ("0.000000000000000001eth", 1),
        (f"{MAX_PRICE}wei", MAX_PRICE),
    ],
)
def test_amounts(text: str, wei: int) -> None:
    assert ether_amount(text) == wei


@pytest.mark.parametrize(
    "text",
    [
        "",
        "eth",
        "-1",
        "+1",
        "1e3",
        "1e999999999",
        "nan",
        "inf",
        "1_000",
        "١",
        "0x10",
        "1,5",
        ".5",
        "5.",
        "1 000",
        "1btc",
        "0.5wei",
        "0.0000000000000000001",
        "1.0000000000000000000000000001eth",
        f"{MAX_PRICE + 1}wei",
        "9" * 100,
    ],
)
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(BadInput):
        ether_amount(text)


@given(st.integers(0, MAX_PRICE))
def test_what_is_written_is_what_is_read(wei: int) -> None:
    """Every price that a contract can hold survives being written in wei and in ETH."""
    assert ether_amount(f"{wei}wei") == wei
    assert ether_amount(in_ether(wei)) == wei


@pytest.mark.parametrize("text", ["", "1.5", "-1", "1eth", "1e3", str(MAX_PRICE + 1), "٥"])
def test_a_token_is_paid_in_base_units(text: str) -> None:
    assert token_amount("5000000") == 5_000_000
    with pytest.raises(BadInput, match="base units"):
        token_amount(text)


@pytest.mark.parametrize(
    ("text", "bps"), [("50%", 5000), ("12.5%", 1250), ("0.01%", 1), ("1250", 1250), ("0%", 0)]
)
def test_shares_in_basis_points(text: str, bps: int) -> None:
    assert percentage(text) == bps


@pytest.mark.parametrize("text", ["", "%", "0.001%", "1.5", "-1%", "nan%", "half", "1e2"])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(BadInput):
        percentage(text)


def test_shares_of_payees() -> None:
    assert shares((f"{ALICE}=60%",)) == ((ALICE, 6000),)
    with pytest.raises(BadInput, match="names no share"):
        shares((ALICE,))
    with pytest.raises(BadInput, match="is no address"):
        shares(("0x12=50%",))
