"""`split` on a real chain: money that waits, and whoever cannot be paid."""

import pytest
from shop import Shop

from immurtal.chain.contracts import ZERO_ADDRESS
from immurtal.chain.tokens import call_data
from immurtal.errors import BadInput, NotFound, TransactionFailed

REVERTS = "0x5f5ffd"


@pytest.fixture
def payees(shop: Shop) -> list[str]:
    return sorted([shop.actor("one", 0).address, shop.actor("two", 0).address])


@pytest.fixture
def split(shop: Shop, payees: list[str]) -> str:
    return shop.split((payees[0], 2500), (payees[1], 7500))


def pay(shop: Shop, split: str, wei: int) -> None:
    shop.send("seller", split, b"", wei)


def refuse_money(shop: Shop, account: str, refuses: bool = True) -> None:
    shop.anvil.rpc("anvil_setCode", account, REVERTS if refuses else "0x")


def test_what_is_no_split_is_told(shop: Shop) -> None:
    error = shop.fail("split", "show", shop["buyer"], by=None)
    assert type(error) is NotFound
    assert error.what == f"{shop['buyer']} is no royalty split of this deployment."


def test_nothing_to_withdraw(shop: Shop, split: str, payees: list[str]) -> None:
    error = shop.fail("split", "withdraw", split, "--payee", payees[0])
    assert type(error) is NotFound
    assert error.what == f"{payees[0]} has no credit in this split."
    assert error.saved == "Nothing was sent."


def test_a_token_that_is_none(shop: Shop, split: str) -> None:
    error = shop.fail("split", "show", split, "--token", shop["buyer"], by=None)
    assert type(error) is BadInput
    assert error.what == f"There is no token at {shop['buyer']}."


def test_what_waits_is_shown_distributed_once_and_not_again(
    shop: Shop, split: str, payees: list[str]
) -> None:
    pay(shop, split, 4003)
    shown = shop.run("split", "show", split, by=None)
    assert shown["payees"] == [
        {"payee": payees[0], "share": 2500},
        {"payee": payees[1], "share": 7500},
    ]
    (ether,) = shown["tokens"]
    assert (ether["distributable"], ether["rest"], ether["credited"]) == ("4000", "3", "0")
    assert ether["payees"] == [
        {"payee": payees[0], "due": "1000", "credit": "0", "payable": True},
        {"payee": payees[1], "due": "3000", "credit": "0", "payable": True},
    ]
    done = shop.run("split", "distribute", split, "--yes")
    assert done["tokens"][0]["distributed"] == "4000"
    assert [shop.has(ZERO_ADDRESS, payee) for payee in payees] == [1000, 3000]
    sent = shop.nonce()
    again = shop.run("split", "distribute", split)
    assert again["tokens"] == [
        {
            "token": {"address": ZERO_ADDRESS, "symbol": "ETH", "decimals": 18},
            "distributed": "0",
            "credited": [],
            "transaction": None,
        }
    ]
    assert shop.nonce() == sent


def test_who_cannot_be_paid_is_foretold_credited_and_withdraws_elsewhere(
    shop: Shop, split: str, payees: list[str]
) -> None:
    name = next(name for name in ("one", "two") if shop[name] == payees[1])
    refuse_money(shop, payees[1])
    pay(shop, split, 4000)
    (ether,) = shop.run("split", "show", split, by=None)["tokens"]
    assert [part["payable"] for part in ether["payees"]] == [True, False]
    assert "cannot be paid: would be credited" in shop.text("split", "show", split, by=None)

    done = shop.run("split", "distribute", split)
    assert done["tokens"][0]["credited"] == [{"payee": payees[1], "amount": "3000"}]
    (ether,) = shop.run("split", "show", split, by=None)["tokens"]
    assert (ether["credited"], ether["payees"][1]["credit"]) == ("3000", "3000")

    refused = shop.fail("split", "withdraw", split, "--payee", payees[1])
    assert type(refused) is TransactionFailed
    assert refused.error == f"RoyaltySplit_TransferFailed({ZERO_ADDRESS}, {payees[1]}, 3000)"
    stolen = shop.fail("split", "withdraw", split, "--payee", payees[1], "--to", shop["buyer"])
    assert type(stolen) is BadInput
    assert stolen.what == f"Only {payees[1]} may have their credit sent elsewhere."

    refuse_money(shop, payees[1], False)
    shop.anvil.rpc("anvil_setBalance", payees[1], hex(10**18))
    target = shop.actor("elsewhere", 0).address
    paid = shop.run("split", "withdraw", split, "--to", target, by=name)
    assert (paid["payee"], paid["to"], paid["amount"]) == (payees[1], target, "3000")
    assert shop.has(ZERO_ADDRESS, target) == 3000


def test_several_tokens_each_their_own(shop: Shop, split: str, payees: list[str]) -> None:
    token = shop.token()
    shop.send("buyer", token, call_data("transfer(address,uint256)", split, 8000))
    shown = shop.run("split", "show", split, "--token", "eth", "--token", token, by=None)
    assert [t["token"]["symbol"] for t in shown["tokens"]] == ["ETH", "MOCK"]
    assert [t["distributable"] for t in shown["tokens"]] == ["0", "8000"]
    assert [p["payable"] for p in shown["tokens"][1]["payees"]] == [True, True]
    done = shop.run("split", "distribute", split, "--token", "eth", "--token", token)
    assert [t["distributed"] for t in done["tokens"]] == ["0", "8000"]
    assert [shop.has(token, payee) for payee in payees] == [2000, 6000]
