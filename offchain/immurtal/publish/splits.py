"""What a royalty split holds, and its way to the payees (DESIGN 4.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import gcd
from typing import Any, Final

from immurtal.chain import abi
from immurtal.chain.contracts import ZERO_ADDRESS, Contracts, Split, revert_data
from immurtal.chain.rpc import RpcError, quantity
from immurtal.chain.tokens import ETH, Currency, Erc20
from immurtal.chain.transactions import Receipt, Sender
from immurtal.errors import BadInput, NotFound, TransactionFailed

BASIS_POINTS: Final = 10_000
PUSH_GAS: Final = 100_000
"""What a split gives each payment; the rest of a trial's gas is what any transaction costs."""
CALL_COST: Final = 22_000


@dataclass(frozen=True, slots=True)
class Part:
    """One payee's: `due` at the next distribution, `credit` to be withdrawn, base units. payable:
    whether a payment would get through now; None: there is none to try."""

    payee: str
    share: int
    due: int
    credit: int
    payable: bool | None


@dataclass(frozen=True, slots=True)
class Held:
    """What a split holds in one currency: `distributable` now, `rest` too little to divide exactly,
    `credited` to be withdrawn; base units."""

    currency: Currency
    distributable: int
    rest: int
    credited: int
    parts: tuple[Part, ...]


async def held(contracts: Contracts, split: Split, token: str) -> Held:
    """Raises TokenMisbehaves for a token that does not tell a balance."""
    currency = await currency_of(contracts, token)
    balance = await _balance(contracts, split.address, token)
    credited = int(await contracts.read("RoyaltySplit", split.address, "totalCredit", token))
    divisor = reduce(gcd, split.shares)
    free = max(balance - credited, 0)
    unit = free // (BASIS_POINTS // divisor)
    parts = []
    for payee, share in zip(split.payees, split.shares, strict=True):
        due = unit * (share // divisor)
        credit = await contracts.credit_of(split.address, token, payee) if credited else 0
        owed = due + credit
        payable = await _gets_through(contracts, split.address, token, payee, owed)
        parts.append(Part(payee, share, due, credit, payable if owed else None))
    distributable = unit * (BASIS_POINTS // divisor)
    return Held(currency, distributable, free - distributable, credited, tuple(parts))


async def currency_of(contracts: Contracts, token: str) -> Currency:
    """Raises BadInput where there is no contract at that address."""
    if token == ZERO_ADDRESS:
        return ETH
    if await contracts.rpc.call("eth_getCode", [token, "latest"]) == "0x":
        raise BadInput(f"There is no token at {token}.")
    return await Erc20(contracts.rpc, token).currency()


async def distribute(sender: Sender, split: str, token: str) -> Receipt:
    """Pays the payees what divides exactly; whoever cannot be paid is credited."""
    return await sender.send(split, abi.encode_call("RoyaltySplit", "distribute", token))


async def withdraw(
    contracts: Contracts, sender: Sender, split: str, token: str, payee: str, to: str
) -> tuple[int, Receipt]:
    """Pays a payee's whole credit: to them by anybody, elsewhere by themselves alone. Base units,
    and the receipt. Raises NotFound: no credit; BadInput: not theirs to send elsewhere; and what
    sending raises."""
    credit = await contracts.credit_of(split, token, payee)
    if not credit:
        raise NotFound(
            f"{payee} has no credit in this split.",
            saved="Nothing was sent.",
            do="`immurtal split show` says what waits; `immurtal split distribute` pays it out.",
        )
    if to == ZERO_ADDRESS:
        raise BadInput("A credit cannot be sent to the zero address.")
    if to == payee:
        data = abi.encode_call("RoyaltySplit", "withdraw", token, payee)
    elif payee == sender.wallet.address:
        data = abi.encode_call("RoyaltySplit", "withdrawTo", token, to)
    else:
        raise BadInput(
            f"Only {payee} may have their credit sent elsewhere.", saved="Nothing was sent."
        )
    try:
        return credit, await sender.send(split, data)
    except TransactionFailed as error:
        if error.error.startswith("RoyaltySplit_TransferFailed"):
            error.do = "The receiver does not take it; the payee can name another one with --to."
        raise


def amounts(receipt: Receipt, split: str, event: str, token: str) -> Sequence[dict[str, Any]]:
    """The arguments of a split's own events in one token."""
    found = receipt.events("RoyaltySplit", event)
    return [e.args for e in found if e.address == split and e.args["token"] == token]


async def _balance(contracts: Contracts, split: str, token: str) -> int:
    if token == ZERO_ADDRESS:
        return quantity(await contracts.rpc.call("eth_getBalance", [split, "latest"]))
    return await Erc20(contracts.rpc, token).balance(split)


async def _gets_through(
    contracts: Contracts, split: str, token: str, payee: str, amount: int
) -> bool:
    """Whether such a payment would get through, by trying it."""
    if not amount:
        return False
    if token != ZERO_ADDRESS:
        erc20 = Erc20(contracts.rpc, token)
        answer = await erc20.ask("transfer(address,uint256)", payee, amount, sender=split)
        return answer == b"" or (answer is not None and answer == (1).to_bytes(32, "big"))
    gas = hex(PUSH_GAS + CALL_COST)
    call = {"from": split, "to": payee, "value": hex(amount), "data": "0x", "gas": gas}
    try:
        await contracts.rpc.call("eth_call", [call, "latest"])
    except RpcError as error:
        if revert_data(error) is None and "gas" not in error.message.lower():
            raise
        return False
    return True
