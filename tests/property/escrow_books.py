"""How the model of pay per play meets the chain: what is said, what is held, what always holds."""

from collections.abc import Sequence
from typing import Any

from escrow_stage import (
    CERTIFICATES,
    CROOKED,
    DEVICES,
    LATER,
    MARKABLE,
    NEVER,
    PEOPLE,
    System,
    build,
    open_books,
    signed,
)
from eth_utils import keccak
from hypothesis.stateful import invariant
from machine import Machine
from models.escrow import (
    DAY,
    MOST_ENTRIES,
    STAYS,
    TRANSFER_FAILED,
    TRANSFER_FROM_FAILED,
    Account,
    Entry,
    PullToken,
    Signed,
    Statement,
)
from models.registry import Errors, Said
from models.splits import ETH, Coin, Mood
from world import Contract, Outcome, World

SOLADYS = {keccak(text=f"{e[0]}()")[:4]: e[0] for e in (TRANSFER_FAILED, TRANSFER_FROM_FAILED)}
REENTRANCY = keccak(text="Reentrancy()")[:4]
KNOWN = [*CERTIFICATES, LATER, NEVER]


class Books(Machine):
    """touched: coins that moved in this step; may_fall: accounts that may lose money in it.
    held, grown: what the chain said before.
    aims: what a contract calls back with: a function's name, and the batch if that is `record`."""

    promises = ("E1", "E2", "E3", "E4", "E5")

    @classmethod
    def build(cls, world: World) -> System:
        return build(world)

    def __init__(self) -> None:
        super().__init__()
        self.registry, self.model, self.ether, self.known = open_books(self.world, self.system)
        self.escrow: Contract = self.system.escrow
        self.coins: list[Coin] = [self.ether]
        self.accounts: list[Account] = []
        self.pool: list[Signed] = []
        self.taken: list[Signed] = []
        self.aims: dict[str, tuple[str, list[Signed]]] = {}
        self.touched: set[str] = set()
        self.may_fall: set[Account] = set()
        self.held: dict[Account, int] = {}
        self.grown: dict[tuple[Account, bytes], tuple[int, int]] = {}

    # Words for what rules draw

    def of(self, listed: Sequence[Any], i: int) -> Any:
        return listed[i % len(listed)]

    def picked(self, chosen: Sequence[int]) -> list[Signed]:
        return [self.of(self.pool, n) for n in chosen] if self.pool else []

    def coin(self, token: str) -> Coin:
        return next(coin for coin in self.coins if coin.address == token)

    def token(self, coin: Coin) -> Contract:
        return next(t for t in self.system.tokens.values() if t == coin.address)

    def payees(self) -> list[str]:
        return list(dict.fromkeys([*self.system.payouts[1:], *PEOPLE]))

    # What is done

    def mint(self, coin: Coin, to: str, amount: int) -> None:
        assert self.world.transact(PEOPLE[0], self.token(coin), "mint", to, amount).ok
        coin.balances[to] += amount
        self.touched.add(coin.address)

    def as_listener(self, listener: str, function: str, *arguments: object) -> Outcome:
        if listener in PEOPLE:
            return self.world.transact(listener, self.escrow, function, *arguments)
        data = self.escrow.function(function, len(arguments)).encode(arguments)
        wallet = self.world.at("MoodyPayee", listener)
        return self.world.transact(PEOPLE[0], wallet, "execute", self.escrow, data)

    def send_batch(self, batch: Sequence[Signed], sender: str) -> Outcome:
        plain = [statement.plain() for statement in batch]
        return self.world.transact(sender, self.escrow, "record", plain)

    def record_batch(self, batch: Sequence[Signed], sender: str) -> Outcome:
        """No statement makes it revert."""
        made = self.send_batch(batch, sender)
        self.world.expect_ok("E5", made)
        self.said(made, [], self.recorded(batch), "E5")
        return made

    def recorded(self, batch: Sequence[Signed]) -> Said:
        """What the model says of a batch that was recorded now."""
        said = self.model.record(batch)
        for made in batch:
            if made.account is None or len(made.statement.entries) > MOST_ENTRIES:
                continue
            self.touched.add(made.statement.token)
            self.may_fall.add(made.account)
            if all(self._is_reached(made.account, *entry) for entry in made.statement.entries):
                self.taken.append(made)
        return said

    def _is_reached(self, account: Account, certificate: bytes, plays: int, amount: int) -> bool:
        known = self.model.recorded.get((account, certificate))
        return known is not None and known[0] >= plays and known[1] >= amount

    def pay_out(self, payout: str, coin: Coin, sender: str) -> None:
        errors = self.model.release_errors(payout, coin)
        made = self.world.transact(sender, self.escrow, "release", payout, coin.address)
        self.touched.add(coin.address)
        self.ends(made, errors, "E4")
        if not errors:
            outer = self.model.release(payout, coin)
            self.said(made, outer, self.called_back_by_payee(payout, coin), "E4")

    def bad(self, how: str, i: int) -> Signed:
        """What an honest device of an account with money would sign, but for one thing."""
        listener, device, token = account = self.of(self.accounts, i)
        plays, amount = self.model.recorded.get((account, CERTIFICATES[0]), (0, 0))
        count, way = (MOST_ENTRIES + 1, "plain") if how == "too many" else (1, how)
        entry = Entry(CERTIFICATES[0], plays + 1, amount)
        statement = Statement(listener, token, (entry,) * count)
        return signed(self.escrow, statement, DEVICES.index(device), way)

    # Who calls back

    def called_back_by_payee(self, to: str, coin: Coin) -> Said:
        if coin is self.ether:
            return self.called_back(self.system.reenterer) if to == self.system.reenterer else []
        token = self.system.tokens["ReenteringToken"]
        return self.called_back(token) if token == coin.address and to in coin.marked else []

    def called_back(self, caller: Contract) -> Said:
        """`record` works within another call; whatever moves money does not (DESIGN 4)."""
        if caller not in self.aims:
            return []
        kind, batch = self.aims[caller]
        answer = b"" if kind == "record" else REENTRANCY
        self.world.expect("E1", answer, caller, "answer")
        return self.recorded(batch) if kind == "record" else []

    # How it ends

    def ends(self, made: Outcome, errors: Errors, promise: str) -> None:
        """With one of the errors, or well if there is none."""
        if not errors:
            return self.world.expect_ok(promise, made)
        failure = made.error
        name = SOLADYS.get(made.output[:4]) if not made.ok else None
        fits = failure is not None and (failure in errors or (name, ()) in errors)
        if not fits and len(errors) == 1 and errors[0][0] not in SOLADYS.values():
            self.world.expect_failure(promise, made, errors[0][0] or "", *errors[0][1])
        found = name or failure or "success"
        self.world.expect_true(promise, fits, f"it ended with {found}, and not one of {errors}")
        return None

    def said(self, made: Outcome, outer: Said, inner: Said, promise: str) -> None:
        """Its own event, and in their order those of a call within."""
        seen = made.said(str(self.escrow))
        own = {name for name, _ in outer}
        parts = [e for e in seen if e[0] in own], [e for e in seen if e[0] not in own]
        same = parts == (outer, inner)
        self.world.expect_true(promise, same, f"it said {seen}, and not {outer} with {inner}")

    def state(self) -> list[Any]:
        """What the chain says of every account, record and accrual."""
        world, escrow = self.world, self.escrow
        accounts = [world.call(escrow, "accountOf", *account) for account in self.accounts]
        records = [
            world.call(escrow, "recordedOf", *account, certificate)
            for account in self.accounts
            for certificate in KNOWN
        ]
        accruals = [
            world.call(escrow, "accruedOf", payee, coin.address)
            for payee in self.payees()
            for coin in self.coins
        ]
        return [accounts, records, accruals]

    # What always holds

    @invariant()
    def what_moved_is_right(self) -> None:
        """Coins that nobody touched are looked at again by `teardown`."""
        for coin in self.coins:
            if coin.address in self.touched:
                self.check(coin)
        self.touched.clear()
        self.may_fall.clear()

    def check(self, coin: Coin) -> None:
        accounts = [account for account in self.accounts if account[2] == coin.address]
        for account in accounts:
            self._check_account(account)
            self._check_past(account)
        for payee in self.payees():
            owed = self.model.accrued[payee, coin.address]
            self.world.expect("E4", owed, self.escrow, "accruedOf", payee, coin.address)
        if not (isinstance(coin, PullToken) and coin.is_unreadable):
            self._check_purses(coin)
            self._check_held(coin)

    def _check_account(self, account: Account) -> None:
        """E3: it holds what the model says."""
        world, model = self.world, self.model
        asked, when = model.requests.get(account, (0, 0))
        expected = (model.balances[account], asked, when)
        world.expect("E3", expected, self.escrow, "accountOf", *account)
        world.expect(
            "E3", model.available(account, world.now()), self.escrow, "available", *account
        )

    def _check_past(self, account: Account) -> None:
        """E2 and E3, of what the chain says: deposited = held + withdrawn + recorded."""
        world, model = self.world, self.model
        balance = world.call(self.escrow, "accountOf", *account)[0]
        lawful = balance >= self.held.get(account, 0) or account in self.may_fall
        world.expect_true("E3", lawful, f"money left {account} unasked")
        self.held[account] = balance
        for certificate in KNOWN if account in self.may_fall else ():
            key = (account, certificate)
            found = tuple(world.call(self.escrow, "recordedOf", *account, certificate))
            before = self.grown.get(key, (0, 0))
            grows = found[0] >= before[0] and found[1] >= before[1]
            world.expect_true("E2", grows, f"recorded {before} became {found}")
            self.grown[key] = found
            expected = model.recorded.get(key, (0, 0))
            world.expect("E2", expected, self.escrow, "recordedOf", *account, certificate)
        spent = sum(self.grown.get((account, c), (0, 0))[1] for c in KNOWN)
        whole = balance + model.withdrawn[account] + spent == model.deposited[account]
        world.expect_true("E3", whole, f"{account} does not follow from what was deposited")

    def _check_purses(self, coin: Coin) -> None:
        """E4: everybody has what the model says."""
        for holder in self.system.holders:
            self._check_balance("E4", coin.balances[holder], coin, holder)

    def _check_held(self, coin: Coin) -> None:
        """E1, of what the chain says."""
        if coin is not self.ether and self.token(coin).name in CROOKED:
            return
        balances = [
            self.world.call(self.escrow, "accountOf", *account)[0]
            for account in self.accounts
            if account[2] == coin.address
        ]
        accruals = [
            self.world.call(self.escrow, "accruedOf", payee, coin.address)
            for payee in self.payees()
        ]
        expected = sum(balances) + sum(accruals) + self.model.unasked[coin.address]
        self._check_balance("E1", expected, coin, str(self.escrow))

    def _check_balance(self, promise: str, expected: int, coin: Coin, holder: str) -> None:
        if coin is self.ether:
            self.world.expect_balance(promise, expected, holder)
        else:
            self.world.expect(promise, expected, self.token(coin), "balanceOf", holder)

    def teardown(self) -> None:
        """E4 to the last unit: once nobody refuses any more, everybody gets all that is theirs."""
        if self.world.disagreement is not None:
            return
        self._heal()
        for payout, token in sorted(self.model.accrued):
            coin = next((c for c in self.coins if c.address == token), None)
            stuck = payout == self.escrow and token == ETH
            if coin is not None and self.model.accrued[payout, token] > STAYS and not stuck:
                self.pay_out(payout, coin, PEOPLE[3])
        for account in self.accounts:
            made = self.as_listener(account[0], "requestWithdrawal", *account[1:], 2**128 - 1)
            self.world.expect_ok("E4", made)
            self.model.request(account, 2**128 - 1, made.time)
        self.world.warp(DAY)
        for account in self.accounts:
            coin = self.coin(account[2])
            errors = self.model.withdraw_errors(account, coin, account[0], self.world.now())
            made = self.as_listener(account[0], "withdraw", *account[1:], account[0])
            self.ends(made, errors, "E4")
            if not errors:
                self.model.withdraw(account, coin, account[0])
        self.may_fall.update(self.accounts)
        for coin in self.coins:
            self.check(coin)

    def _heal(self) -> None:
        for payee in self.system.moody:
            assert self.world.transact(PEOPLE[0], payee, "feel", Mood.ACCEPTS, b"").ok
            self.ether.moods[payee] = Mood.ACCEPTS
        reenterer = self.system.reenterer
        assert self.world.transact(PEOPLE[0], reenterer, "sends", 0).ok
        assert self.world.transact(PEOPLE[0], reenterer, "aim", ETH, b"", False).ok
        self.ether.moods[reenterer] = Mood.ACCEPTS
        self.aims.clear()
        for name in MARKABLE:
            for account in sorted(self.known[name].marked):
                token = self.system.tokens[name]
                assert self.world.transact(PEOPLE[0], token, "mark", account, False).ok
            self.known[name].marked.clear()
