"""What pay per play does, written from IStreamingEscrow and FORMATS.

Every function that may refuse says which errors are right, as in models/registry.py: any will do.
What was deposited and withdrawn is counted besides, so that accounts can be checked against their
past.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from eth_utils import keccak

from models.registry import NOBODY, Errors, Said, domain_hash, word
from models.splits import ETH, Coin, Split, ToppingFeeToken

DAY = 24 * 3600
MOST_ENTRIES = 256
STAYS = 1
"""Base units of an accrual that are never released."""
TRANSFER_FAILED = ("TransferFailed", ())
TRANSFER_FROM_FAILED = ("TransferFromFailed", ())
Account = tuple[str, str, str]
"""Listener, device, token."""


class Skip(IntEnum):
    UNKNOWN_CERTIFICATE = 0
    NOT_MORE = 1
    BALANCE_TOO_LOW = 2


class Rejection(IntEnum):
    TOO_MANY_ENTRIES = 0
    INVALID_SIGNATURE = 1


class Entry(NamedTuple):
    certificate: bytes
    plays: int
    amount: int


class Statement(NamedTuple):
    listener: str
    token: str
    entries: tuple[Entry, ...]


class Signed(NamedTuple):
    """device: whose signature it is; None if it is nobody's."""

    statement: Statement
    signature: bytes
    device: str | None

    @property
    def account(self) -> Account | None:
        listener, token, _ = self.statement
        return (listener, self.device, token) if self.device else None

    def plain(self) -> tuple[Statement, bytes]:
        return self.statement, self.signature


_ENTRY = "Entry(bytes32 certificate,uint64 plays,uint128 amount)"
_STATEMENT = keccak(text=f"Statement(address listener,address token,Entry[] entries){_ENTRY}")
_ENTRY_HASH = keccak(text=_ENTRY)


def statement_digest(chain: int, escrow: str, statement: Statement) -> bytes:
    """What a device signs (EIP-712)."""
    listed = b"".join(keccak(_ENTRY_HASH + b"".join(map(word, e))) for e in statement.entries)
    fields = [_STATEMENT, word(statement.listener), word(statement.token), keccak(listed)]
    return keccak(b"\x19\x01" + domain_hash(chain, escrow) + keccak(b"".join(fields)))


class PullToken(Coin):
    """`transferFrom` goes wrong in the chosen way; the numbers are those of OddPullToken's enum."""

    exact = False
    NONE, FALSE, NOTHING, FEE, STILL, TAKES_ALL, BECOMES_UNREADABLE, BOMBS = range(8)

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.fault = self.NONE
        self.is_unreadable = False

    def arrives(self, amount: int) -> int | None:
        if self.fault in (self.FALSE, self.BOMBS):
            return None
        if self.is_unreadable or self.fault in (
            self.STILL,
            self.TAKES_ALL,
            self.BECOMES_UNREADABLE,
        ):
            return 0
        return amount - amount // 100 if self.fault == self.FEE else amount


def arrives(coin: Coin, payer: str, amount: int) -> int | None:
    """What a deposit brings, as far as the token says; None if it does not move."""
    moves = coin.balances[payer] >= amount
    if isinstance(coin, PullToken):
        still = coin.fault in (coin.STILL, coin.FALSE, coin.BOMBS)
        return coin.arrives(amount) if moves or still else None
    return amount if moves else None


@dataclass(slots=True)
class Escrow:
    """payout_of: a certificate's payout or else its owner; NOBODY if there is no such certificate.
    unasked: what this contract was given that is nobody's."""

    address: str
    payout_of: Callable[[bytes], str]
    splits: dict[str, Split]
    balances: Counter[Account] = field(default_factory=Counter)
    requests: dict[Account, tuple[int, int]] = field(default_factory=dict)
    recorded: dict[tuple[Account, bytes], tuple[int, int]] = field(default_factory=dict)
    accrued: Counter[tuple[str, str]] = field(default_factory=Counter)
    deposited: Counter[Account] = field(default_factory=Counter)
    withdrawn: Counter[Account] = field(default_factory=Counter)
    unasked: Counter[str] = field(default_factory=Counter)

    # Deposits

    def deposit_errors(
        self, account: Account, coin: Coin | None, payer: str, amount: int, value: int
    ) -> Errors:
        """coin: None for a token without code."""
        errors: Errors = []
        listener, device, token = account
        if NOBODY in (listener, device):
            errors.append(("StreamingEscrow_ZeroAccount", ()))
        expected = amount if token == ETH else 0
        if value != expected:
            errors.append(("StreamingEscrow_WrongPayment", (expected, value)))
        if coin is None:
            return [*errors, ("StreamingEscrow_TokenHasNoCode", (token,))]
        arrived = amount if token == ETH else arrives(coin, payer, amount)
        if arrived is None:
            errors.append(TRANSFER_FROM_FAILED)
        elif arrived == 0:
            errors.append(("StreamingEscrow_NothingDeposited", ()))
        elif self.balances[account] + arrived >= 2**128:
            would = min(self.balances[account] + arrived, 2**256 - 1)
            errors.append(("StreamingEscrow_DepositTooLarge", (would,)))
        return errors

    def deposit(self, account: Account, coin: Coin, payer: str, amount: int) -> Said:
        arrived = amount if coin.address == ETH else arrives(coin, payer, amount) or 0
        coin.balances[payer] -= amount
        coin.balances[self.address] += arrived
        self.balances[account] += arrived
        self.deposited[account] += arrived
        return [("Deposited", self._names(account) | {"from": payer, "amount": arrived})]

    # Withdrawals

    def request(self, account: Account, amount: int, now: int) -> Said:
        times = {"from": now + DAY, "until": now + 2 * DAY} if amount else {"from": 0, "until": 0}
        if amount:
            self.requests[account] = (amount, now)
        else:
            self.requests.pop(account, None)
        return [("WithdrawalRequested", self._names(account) | {"amount": amount} | times)]

    def pending(self, account: Account, now: int) -> int:
        """What a request that has not lapsed asks back."""
        amount, time = self.requests.get(account, (0, 0))
        return amount if now <= time + 2 * DAY else 0

    def available(self, account: Account, now: int) -> int:
        return max(0, self.balances[account] - self.pending(account, now))

    def withdraw_errors(self, account: Account, coin: Coin, to: str, now: int) -> Errors:
        errors: Errors = []
        pending = self.pending(account, now)
        if pending == 0:
            errors.append(("StreamingEscrow_NoRequest", account))
        elif now < self.requests[account][1] + DAY:
            errors.append(("StreamingEscrow_TooEarly", (self.requests[account][1] + DAY,)))
        if self.balances[account] == 0:
            errors.append(("StreamingEscrow_NothingToWithdraw", account))
        if to == NOBODY:
            errors.append(("StreamingEscrow_ZeroRecipient", ()))
        if not errors:
            errors += self._payment_errors(to, coin, min(pending, self.balances[account]))
        return errors

    def withdraw(self, account: Account, coin: Coin, to: str) -> Said:
        amount = min(self.requests.pop(account)[0], self.balances[account])
        self.balances[account] -= amount
        self.withdrawn[account] += amount
        self._pay(to, coin, amount)
        return [("Withdrawn", self._names(account) | {"to": to, "amount": amount})]

    # Plays

    def record(self, batch: Sequence[Signed]) -> Said:
        said: Said = []
        for index, signed in enumerate(batch):
            if len(signed.statement.entries) > MOST_ENTRIES:
                said.append(self._rejected(index, Rejection.TOO_MANY_ENTRIES))
            elif signed.account is None:
                said.append(self._rejected(index, Rejection.INVALID_SIGNATURE))
            else:
                said += self._take(signed.account, signed.statement.entries)
        return said

    def _rejected(self, index: int, reason: Rejection) -> tuple[str, dict[str, Any]]:
        return "StatementRejected", {"index": index, "reason": int(reason)}

    def _take(self, account: Account, entries: Sequence[Entry]) -> Said:
        said: Said = []
        usages: list[tuple[bytes, int, int, str]] = []
        for certificate, plays, amount in entries:
            payout = self.payout_of(certificate)
            before = self.recorded.get((account, certificate), (0, 0))
            more = (plays - before[0], amount - before[1])
            reason = self._skip(payout, more, self.balances[account])
            if reason is not None:
                skipped = {"certificate": certificate, "reason": int(reason)}
                said.append(("EntrySkipped", self._names(account) | skipped))
                continue
            self.recorded[account, certificate] = (plays, amount)
            self.balances[account] -= more[1]
            self.accrued[payout, account[2]] += more[1]
            usages.append((certificate, *more, payout))
        if usages:
            said.append(("UsageRecorded", self._names(account) | {"usages": usages}))
        return said

    def _skip(self, payout: str, more: tuple[int, int], balance: int) -> Skip | None:
        if payout == NOBODY:
            return Skip.UNKNOWN_CERTIFICATE
        if min(more) < 0 or more == (0, 0):
            return Skip.NOT_MORE
        return Skip.BALANCE_TOO_LOW if more[1] > balance else None

    # Payouts

    def release_errors(self, payout: str, coin: Coin) -> Errors:
        accrued = self.accrued[payout, coin.address]
        if accrued <= STAYS:
            return [("StreamingEscrow_NothingToRelease", (payout, coin.address))]
        return self._payment_errors(payout, coin, accrued - STAYS)

    def release(self, payout: str, coin: Coin) -> Said:
        amount = self.accrued[payout, coin.address] - STAYS
        self.accrued[payout, coin.address] = STAYS
        self._pay(payout, coin, amount)
        if payout in self.splits:
            self.splits[payout].distribute(coin)
        return [("Released", {"payout": payout, "token": coin.address, "amount": amount})]

    # Money

    def owes(self, token: str) -> int:
        """E1: balances and accruals."""
        balances = sum(amount for account, amount in self.balances.items() if account[2] == token)
        return balances + sum(amount for (_, t), amount in self.accrued.items() if t == token)

    def _payment_errors(self, to: str, coin: Coin, amount: int) -> Errors:
        takes = coin.works(to) and self._affords(coin, amount)
        failed = ("StreamingEscrow_PaymentFailed", (to, amount))
        if to == self.address:
            return [failed]
        if coin.address == ETH:
            return [] if takes else [failed]
        return [] if takes else [TRANSFER_FAILED]

    def _affords(self, coin: Coin, amount: int) -> bool:
        fee = amount // 100 if isinstance(coin, ToppingFeeToken) else 0
        return coin.balances[self.address] >= amount + fee

    def _pay(self, to: str, coin: Coin, amount: int) -> None:
        moved = coin.move(self.address, to, amount)
        assert moved, "the model forgot why this cannot be paid"

    def _names(self, account: Account) -> dict[str, Any]:
        return dict(zip(("listener", "device", "token"), account, strict=True))
