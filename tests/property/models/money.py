"""What tokens do when somebody else moves them, written from ERC-20, EIP-2612 and the mocks' words.

A `Coin` (models/splits.py) knows plain transfers; a `Purse` knows allowances too. Amounts are base
units.
"""

from collections import Counter
from enum import IntEnum

from models.splits import Coin, Ether

PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3"
ENDLESS = 2**256 - 1


class Cash(Ether):
    """ETH, which contracts that are marked cannot receive."""

    def works(self, to: str) -> bool:
        return to not in self.marked and super().works(to)


class Purse(Coin):
    """A token as Solady makes them: Permit2 may move everything, an endless allowance stays."""

    permits = True
    """Whether it knows EIP-2612."""
    gives_permit2 = True

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.allowances: Counter[tuple[str, str]] = Counter()
        self.nonces: Counter[str] = Counter()

    def allowance(self, owner: str, spender: str) -> int:
        if self.gives_permit2 and spender == PERMIT2:
            return ENDLESS
        return self.allowances[owner, spender]

    def approve(self, owner: str, spender: str, amount: int) -> bool:
        self.allowances[owner, spender] = amount
        return True

    def pull(self, spender: str, owner: str, to: str, amount: int) -> bool:
        """Whether `transferFrom` by the spender happened."""
        return self._spend(spender, owner, amount) and Coin.move(_Anyhow(self), owner, to, amount)

    def _spend(self, spender: str, owner: str, amount: int) -> bool:
        allowed = self.allowance(owner, spender)
        if allowed < amount or self.balances[owner] < amount:
            return False
        if allowed != ENDLESS:
            self.allowances[owner, spender] = allowed - amount
        return True


class _Anyhow(Coin):
    """A coin's balances, whoever is marked."""

    def __init__(self, coin: Coin) -> None:
        self.balances = coin.balances

    def works(self, to: str) -> bool:
        return True


class Harmless(Purse):
    """Odd in what it calls, plain in what it moves."""

    def works(self, to: str) -> bool:
        return True


class Permitless(Harmless):
    """Its `permit` always fails."""

    permits = False


class FeePurse(Purse):
    """Burns 1 % of plain transfers."""

    def move(self, sender: str, to: str, amount: int) -> bool:
        moved = super().move(sender, to, amount)
        if moved:
            self.balances[to] -= amount // 100
        return moved


class Tether(Purse):
    """No permit, nothing for Permit2, no endless allowance, and none changed but by way of zero."""

    permits = False
    gives_permit2 = False
    refuses = False

    def approve(self, owner: str, spender: str, amount: int) -> bool:
        return (amount == 0 or not self.allowances[owner, spender]) and super().approve(
            owner, spender, amount
        )

    def pull(self, spender: str, owner: str, to: str, amount: int) -> bool:
        return not self.refuses and super().pull(spender, owner, to, amount)

    def _spend(self, spender: str, owner: str, amount: int) -> bool:
        if self.allowances[owner, spender] < amount or self.balances[owner] < amount:
            return False
        self.allowances[owner, spender] -= amount
        return True


class TokenMood(IntEnum):
    """How a MoodyToken moves to marked accounts."""

    RETURNS_NOTHING = 0
    RETURNS_FALSE = 1
    RETURNS_ONE_BYTE = 2
    RETURNS_TWO = 3
    REVERTS = 4
    BURNS_GAS = 5
    RETURNS_MUCH = 6
    REVERTS_WITH_MUCH = 7
    TAKES_FEE = 8


HARMLESS_MOODS = (TokenMood.RETURNS_NOTHING, TokenMood.RETURNS_MUCH, TokenMood.TAKES_FEE)


class MoodyPurse(Purse):
    mood = TokenMood.RETURNS_NOTHING

    def works(self, to: str) -> bool:
        return to not in self.marked or self.mood in HARMLESS_MOODS

    def _fee(self, to: str, amount: int) -> int:
        takes = to in self.marked and self.mood == TokenMood.TAKES_FEE
        return amount // 100 if takes else 0

    def move(self, sender: str, to: str, amount: int) -> bool:
        if not super().move(sender, to, amount):
            return False
        self.balances[to] -= self._fee(to, amount)
        return True

    def pull(self, spender: str, owner: str, to: str, amount: int) -> bool:
        """The fee is burnt, and no part of what the allowance is spent for."""
        fee = self._fee(to, amount)
        if not self.works(to) or self.balances[owner] < amount:
            return False
        if not super().pull(spender, owner, to, amount - fee):
            return False
        self.balances[owner] -= fee
        return True
