"""A signed purchase, handed to somebody who sends it: exactly that one, once, while it is valid."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import Shop, fresh

from immurtal.chain.contracts import ZERO_ADDRESS
from immurtal.chain.tokens import call_data
from immurtal.errors import BadInput, CannotBuy, ImmurtalError, InsufficientFunds, WrongNetwork
from immurtal.stream.order import decode_order

PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3"


@pytest.fixture(autouse=True)
def _permit2(shop: Shop) -> None:
    shop.with_permit2()


@pytest.fixture
def token(shop: Shop) -> str:
    return shop.token("TetherLike")


@pytest.fixture
def offer(shop: Shop, token: str) -> str:
    return shop.offer(token=token)


@pytest.fixture
def order(shop: Shop, offer: str, tmp_path: Path) -> Path:
    """Signed by the buyer, for at most 1500."""
    file = tmp_path / "order.json"
    signed = shop.run(
        "buy", offer, "--sign-only", "--out", str(file), "--max-price", "1500", "--yes"
    )
    assert len(signed["approvals"]) == 1
    assert shop.allows(signed["order"]["token"], PERMIT2) == 1500
    return file


def refused(shop: Shop, file: Path) -> ImmurtalError:
    sent = shop.nonce("relayer")
    error = shop.fail("relay", str(file), "--yes", by="relayer")
    assert shop.nonce("relayer") == sent
    return error


def change(file: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    body = json.loads(file.read_text())
    edit(body)
    file.write_text(json.dumps(body))


def test_somebody_else_sends_it_and_the_payer_pays(
    shop: Shop, order: Path, offer: str, token: str
) -> None:
    had = shop.has(token, shop["buyer"])
    ether = shop.has(ZERO_ADDRESS, shop["buyer"])
    sent = shop.run("relay", str(order), "--yes", by="relayer")
    assert (sent["payer"], sent["recipient"], sent["paid"]) == (
        shop["buyer"],
        shop["buyer"],
        "1000",
    )
    assert shop.has(token, shop["buyer"]) == had - 1000
    assert shop.has(ZERO_ADDRESS, shop["buyer"]) == ether
    assert shop.units(offer, shop["buyer"]) == 1
    again = refused(shop, order)
    assert isinstance(again, CannotBuy)
    assert again.reason == "order-used"


def test_the_file_is_what_docs_say_and_is_private(shop: Shop, order: Path, offer: str) -> None:
    body = json.loads(order.read_text())
    assert set(body) == {
        *("v", "type", "chainId", "licenseManager", "token", "payer", "order", "nonce"),
        *("deadline", "signature"),
    }
    assert (body["v"], body["type"], body["chainId"]) == (1, "immurtal/purchase", 31337)
    assert body["order"] == {
        "offerId": offer,
        "recipient": shop["buyer"],
        "referrer": ZERO_ADDRESS,
        "maxPrice": "1500",
    }
    assert order.stat().st_mode & 0o777 == 0o600
    assert json.loads(order.read_text()) == decode_order(order.read_bytes()).to_json()


def test_a_file_is_never_written_over(shop: Shop, order: Path, offer: str) -> None:
    error = shop.fail("buy", offer, "--sign-only", "--out", str(order), "--yes")
    assert type(error) is BadInput
    assert error.what == f"{order} is there already."


@pytest.mark.parametrize("field", ["recipient", "referrer", "maxPrice"])
def test_a_changed_order_is_not_the_payers(shop: Shop, order: Path, field: str) -> None:
    other = "1501" if field == "maxPrice" else shop["relayer"]
    change(order, lambda body: body["order"].update({field: other}))
    error = refused(shop, order)
    assert isinstance(error, CannotBuy)
    assert error.reason == "order-invalid"
    assert (
        error.what
        == f"This signed purchase cannot be sent. Its signature is not {shop['buyer']}'s."
    )


def test_a_deadline_that_passed(shop: Shop, order: Path) -> None:
    shop.anvil.mine(2, 25 * 3600)
    error = refused(shop, order)
    assert isinstance(error, CannotBuy)
    assert error.reason == "order-expired"


def test_another_network_or_contract(shop: Shop, order: Path) -> None:
    change(order, lambda body: body.update(licenseManager=shop["relayer"]))
    error = refused(shop, order)
    assert type(error) is WrongNetwork
    assert shop.manager in error.what


def test_a_price_that_rose_above_what_was_signed(shop: Shop, order: Path, offer: str) -> None:
    number = int(offer, 16)
    shop.contract("seller", "LicenseManager", "updateOffer", number, 1501, 0, True)
    error = refused(shop, order)
    assert isinstance(error, CannotBuy)
    assert error.reason == "price-above-max"


def test_a_price_that_rose_within_what_was_signed(shop: Shop, order: Path, offer: str) -> None:
    number = int(offer, 16)
    shop.contract("seller", "LicenseManager", "updateOffer", number, 1500, 0, True)
    assert shop.run("relay", str(order), "--yes", by="relayer")["paid"] == "1500"


def test_a_payer_who_has_nothing_any_more(shop: Shop, order: Path, token: str) -> None:
    everything = shop.has(token, shop["buyer"])
    shop.send("buyer", token, call_data("transfer(address,uint256)", shop["seller"], everything))
    assert type(refused(shop, order)) is InsufficientFunds


def test_a_payer_who_took_permit2s_allowance_back(shop: Shop, order: Path, token: str) -> None:
    shop.send("buyer", token, call_data("approve(address,uint256)", PERMIT2, 0))
    error = refused(shop, order)
    assert type(error) is InsufficientFunds
    assert error.what.startswith(
        f"The payer {shop['buyer']} lets Permit2 take less than 0.001 USDT"
    )


def test_a_payer_who_took_the_nonce_back(shop: Shop, order: Path) -> None:
    nonce = decode_order(order.read_bytes()).nonce
    signature = "invalidateUnorderedNonces(uint256,uint256)"
    data = call_data(signature, nonce >> 8, 1 << (nonce & 0xFF))
    shop.send("buyer", PERMIT2, data)
    error = refused(shop, order)
    assert isinstance(error, CannotBuy)
    assert error.reason == "order-used"


def test_other_files_are_none(shop: Shop, tmp_path: Path, order: Path) -> None:
    change(order, lambda body: body.update(type="immurtal/registration"))
    assert "of type 'immurtal/registration', not 'immurtal/purchase'" in refused(shop, order).what
    change(order, lambda body: body.update(v=2))
    assert "has version 2, this program knows 1" in refused(shop, order).what
    order.write_bytes(b"x" * 20_000)
    assert "is larger than the 16384 bytes" in refused(shop, order).what


WHOLE = {
    "v": 1,
    "type": "immurtal/purchase",
    "chainId": 31337,
    "licenseManager": "0x" + "11" * 20,
    "token": "0x" + "22" * 20,
    "payer": "0x" + "33" * 20,
    "order": {
        "offerId": fresh(),
        "recipient": "0x" + "44" * 20,
        "referrer": ZERO_ADDRESS,
        "maxPrice": "1",
    },
    "nonce": fresh(),
    "deadline": 1,
    "signature": "AA",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(WHOLE)), st.sampled_from(["", *sorted(WHOLE["order"])]), JSON)  # type: ignore[call-overload]
def test_a_file_reads_back_or_is_refused_by_name(field: str, inner: str, value: object) -> None:
    """Invariant: whatever stands in one field of an order, reading it gives an order that says the
    same again, or BadInput; never another error."""
    body: dict[str, Any] = json.loads(json.dumps(WHOLE))
    if inner:
        body["order"][inner] = value
    else:
        body[field] = value
    raw = json.dumps(body).encode()
    try:
        order = decode_order(raw)
    except BadInput:
        return
    assert decode_order(json.dumps(order.to_json()).encode()) == order
