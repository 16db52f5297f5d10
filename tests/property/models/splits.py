"""What royalty splits do, written from IRoyaltySplit and IRoyaltySplitFactory.

Coins keep everybody's balance, and know whether a transfer works; a split knows what it owes.
Amounts are base units.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise
from math import gcd
from typing import Any

ETH = "0x0000000000000000000000000000000000000000"
BASIS_POINTS = 10_000
Said = list[tuple[str, dict[str, Any]]]


class Mood(IntEnum):
    """How a MoodyPayee takes ETH."""

    ACCEPTS = 0
    REFUSES = 1
    BURNS_GAS = 2
    REVERTS_HUGE = 3
    RETURNS_HUGE = 4
    REENTERS = 5
    REENTERS_OR_REFUSES = 6

    @property
    def takes(self) -> bool:
        """A split never lets itself be entered again: who insists on it refuses."""
        return self in (Mood.ACCEPTS, Mood.RETURNS_HUGE, Mood.REENTERS)


class Coin:
    """A token that moves exactly what it is told, except to marked accounts."""

    exact = True

    def __init__(self, address: str) -> None:
        self.address = address
        self.balances: Counter[str] = Counter()
        self.marked: set[str] = set()

    def readable(self, account: str) -> int | None:
        """The balance as a contract reads it; None if it cannot."""
        return self.balances[account]

    def works(self, to: str) -> bool:
        return to not in self.marked

    def move(self, sender: str, to: str, amount: int) -> bool:
        """Whether the transfer happened."""
        if not self.works(to) or self.balances[sender] < amount:
            return False
        self.balances[sender] -= amount
        self.balances[to] += amount
        return True


class Ether(Coin):
    """ETH: what the payee feels decides."""

    def __init__(self, moods: dict[str, Mood]) -> None:
        super().__init__(ETH)
        self.moods = moods

    def works(self, to: str) -> bool:
        return self.moods.get(to, Mood.ACCEPTS).takes


class HarmlessToken(Coin):
    """Odd to marked accounts in a way that does not stop a transfer."""

    def works(self, to: str) -> bool:
        return True


class FeeToken(Coin):
    """Burns 1 % of what is transferred."""

    exact = False

    def move(self, sender: str, to: str, amount: int) -> bool:
        moved = super().move(sender, to, amount)
        if moved:
            self.balances[to] -= amount // 100
        return moved


class ToppingFeeToken(Coin):
    """Burns 1 % of the amount on top of it, from the sender."""

    exact = False

    def move(self, sender: str, to: str, amount: int) -> bool:
        if self.balances[sender] < amount + amount // 100:
            return False
        self.balances[sender] -= amount // 100
        return super().move(sender, to, amount)


class UnreadableToken(Coin):
    """Its `balanceOf` fails in the chosen way; the numbers are those of the mock's enum."""

    exact = False
    NONE, RETURNS_ALL = 0, 5

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.fault = self.NONE

    def readable(self, account: str) -> int | None:
        if self.fault == self.RETURNS_ALL:
            return 2**256 - 1
        return self.balances[account] if self.fault == self.NONE else None


def refusals(payees: list[str], shares: list[int]) -> list[tuple[str, tuple[Any, ...]]]:
    """The errors that are right for a split of these; none if it may be."""
    found: list[tuple[str, tuple[Any, ...]]] = []
    if not 1 <= len(payees) <= 100:
        found.append(("RoyaltySplitFactory_PayeeCount", (len(payees),)))
    if len(payees) != len(shares):
        found.append(("RoyaltySplitFactory_LengthMismatch", (len(payees), len(shares))))
    numbers = [0, *(int(payee, 16) for payee in payees)]
    unsorted = [i for i, (a, b) in enumerate(pairwise(numbers)) if a >= b]
    if unsorted:
        found.append(("RoyaltySplitFactory_PayeesNotSorted", (unsorted[0],)))
    if 0 in shares:
        found.append(("RoyaltySplitFactory_ZeroShare", (shares.index(0),)))
    if sum(shares) != BASIS_POINTS:
        found.append(("RoyaltySplitFactory_SharesSum", (sum(shares),)))
    return found


@dataclass(slots=True)
class Split:
    """What a split owes, by coin address and payee."""

    address: str
    payees: list[str]
    shares: list[int]
    credit: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def divisor(self) -> int:
        return gcd(*self.shares)

    def owed(self, coin: str) -> int:
        return sum(self.credit[coin, payee] for payee in self.payees)

    def distribute(self, coin: Coin) -> Said:
        """Shares what divides exactly; what it says in doing so."""
        balance, owed = coin.readable(self.address), self.owed(coin.address)
        if balance is None or balance < owed:
            return []
        parts = BASIS_POINTS // self.divisor
        unit = (balance - owed) // parts
        if unit == 0:
            return []
        said: Said = []
        for payee, share in zip(self.payees, self.shares, strict=True):
            amount = unit * (share // self.divisor)
            book = (coin.address, payee)
            if self.credit[book] or not coin.move(self.address, payee, amount):
                self.credit[book] += amount
                said.append(("Credited", {"token": coin.address, "payee": payee, "amount": amount}))
        return [*said, ("Distributed", {"token": coin.address, "amount": unit * parts})]

    def withdraw(self, coin: Coin, payee: str, to: str) -> tuple[str, tuple[Any, ...]] | int:
        """The amount paid, or the error."""
        amount = self.credit[coin.address, payee]
        if to == ETH:
            return "RoyaltySplit_ZeroRecipient", ()
        if amount == 0:
            return "RoyaltySplit_NoCredit", (coin.address, payee)
        if not coin.move(self.address, to, amount):
            return "RoyaltySplit_TransferFailed", (coin.address, to, amount)
        self.credit[coin.address, payee] = 0
        return amount
