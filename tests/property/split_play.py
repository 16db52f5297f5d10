"""How the split machine plays: each transaction beside its model; and what the chain itself says
was received, paid and credited."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from machine import Machine
from models.splits import BASIS_POINTS, ETH, Coin, Ether, Mood, Said, Split
from split_stage import TOKENS, System, build
from world import TX_GAS, Contract, Outcome, World


@dataclass(slots=True)
class Book:
    """Of one split and coin, in base units, as measured on the chain and never by the model.

    received: what its balance grew by. paid: what came to anybody from it, who had it or its credit
    due. gifts: what each payee was paid and credited together."""

    received: int = 0
    paid: int = 0
    gifts: Counter[str] = field(default_factory=Counter)


class Play(Machine):
    """Deeds: what the rules are made of."""

    promises = ("S1", "S2", "S3", "S4")
    system: System

    @classmethod
    def build(cls, world: World) -> System:
        return build(world)

    def __init__(self) -> None:
        super().__init__()
        self.moods: dict[str, Mood] = dict.fromkeys(self.system.moody, Mood.ACCEPTS)
        self.ether = Ether(self.moods)
        self.tokens = {t.name: (t, TOKENS[t.name](t)) for t in self.system.tokens}
        self.coins: list[Coin] = [coin for _, coin in self.tokens.values()]
        self.splits: list[Split] = []
        self.at: dict[str, Contract] = {}
        self.code: dict[str, bytes] = {}
        self.touched: set[str] = set()
        self.books: dict[tuple[str, str], Book] = {}
        for account in [*self.system.people, *self.system.moody]:
            self.ether.balances[account] = self.world.balance(account)

    # Choices

    def _open(self, split: Split) -> None:
        self.splits.append(split)
        self.at[split.address] = self.world.at("RoyaltySplit", split.address)
        self.world.names[split.address] = f"split_{len(self.splits)}"

    def _party(self, party: tuple[list[int], list[int]]) -> tuple[list[str], list[int]]:
        """Payees, earlier splits among them, and their shares."""
        candidates = [*self.system.people, *self.system.moody, *(s.address for s in self.splits)]
        payees = sorted({candidates[i % len(candidates)] for i in party[0]})
        weights = party[1][: len(payees)]
        weights[-1] += BASIS_POINTS - sum(weights)
        return payees, weights

    def _split(self, i: int) -> Split:
        return self.splits[i % len(self.splits)]

    def _token(self, j: int) -> tuple[Contract, Coin]:
        return list(self.tokens.values())[j % len(self.tokens)]

    def _coin(self, j: int) -> Coin:
        """ETH as often as all tokens together."""
        return self.coins[j // 2 % len(self.coins)] if j % 2 else self.ether

    def _contract(self, coin: Coin) -> Contract:
        return next(token for token in self.system.tokens if token == coin.address)

    def _name(self, coin: Coin) -> str:
        return next((name for name, (_, other) in self.tokens.items() if other is coin), "")

    def _reconcile(self, coin: Coin, payee: str) -> None:
        if coin is self.ether and payee in self.moods:
            self._feel(payee, Mood.ACCEPTS, b"")
        elif payee in coin.marked:
            self._mark(coin, payee, False)

    def _credit(self, i: int) -> tuple[Split, Coin, str]:
        found = self._credits()
        return found[i % len(found)]

    def _credits(self) -> list[tuple[Split, Coin, str]]:
        """Those that are open."""
        coins = {coin.address: coin for coin in [self.ether, *self.coins]}
        return [
            (split, coins[coin], payee)
            for split in self.splits
            for (coin, payee), amount in sorted(split.credit.items())
            if amount
        ]

    # What is done, and measured

    def _give_ether(self, sender: str, to: str, amount: int) -> None:
        self._arrives(self.ether, to, amount, lambda: self.world.send(sender, to, amount))
        self.ether.balances[sender] -= amount

    def _give(self, coin: Coin, sender: str, to: str, amount: int) -> None:
        if coin is self.ether:
            self._give_ether(sender, to, amount)
            return
        token = self.tokens[self._name(coin)][0]
        deed = lambda: self.world.transact(sender, token, "mint", to, amount)  # noqa: E731
        self._arrives(coin, to, amount, deed)

    def _arrives(
        self, coin: Coin, to: str, amount: int, deed: Callable[[], Outcome | None]
    ) -> None:
        before = self._has(coin, to)
        made = deed()
        if made is not None:
            self.world.expect_ok("S1", made)
        if to in self.at:
            self._book(to, coin).received += self._has(coin, to) - before
        coin.balances[to] += amount
        self.touched.add(coin.address)

    def _distribute(
        self, split: Split, coin: Coin, sender: str, value: int, gas: int = TX_GAS
    ) -> None:
        """With little gas it fails whole, or does all: nobody is skipped for want of gas."""
        at = self.at[split.address]
        owns = {payee: self._has(coin, payee) for payee in split.payees}
        due = {payee: self._due(split, coin, payee) for payee in split.payees}
        made = self.world.transact(sender, at, "distribute", coin.address, value=value, gas=gas)
        if made.ok:
            self._book(split.address, self.ether).received += value
            owns[sender] = owns.get(sender, 0) - (value if coin is self.ether else 0)
        book = self._book(split.address, coin)
        for payee in split.payees:
            paid = self._has(coin, payee) - owns[payee]
            self._leaves(book, coin, payee, paid)
            book.gifts[payee] += paid + self._due(split, coin, payee) - due[payee]
        self._keeps_laws(split, coin)
        if gas < TX_GAS and not made.ok:
            known = made.error.name in ("RoyaltySplit_TooLittleGas", "")
            self.world.expect_true("S3", known, f"little gas ends in {made.error}")
            return
        self.world.expect_ok("S3", made)
        self.ether.balances[sender] -= value
        self.ether.balances[split.address] += value
        self.touched |= {ETH, coin.address}
        said, expected = made.said(split.address), split.distribute(coin)
        shared = [event for event in said if event[0] == "Distributed"]
        promise = "S3" if shared == expected[-1:] else "S2"
        self._expect_said(promise, made, split.address, expected)

    def _withdraw(
        self, split: Split, coin: Coin, payee: str, to: str, deed: Callable[[], Outcome]
    ) -> None:
        before = self._has(coin, to)
        made = deed()
        self._leaves(self._book(split.address, coin), coin, to, self._has(coin, to) - before)
        self._keeps_laws(split, coin)
        expected = split.withdraw(coin, payee, to)
        self.touched.add(coin.address)
        if isinstance(expected, tuple):
            self.world.expect_failure("S1", made, expected[0], *expected[1])
            return
        self.world.expect_ok("S1", made)
        paid = {"token": coin.address, "payee": payee, "to": to, "amount": expected}
        self._expect_said("S1", made, split.address, [("Withdrawn", paid)])

    def _as(self, caller: str, contract: Contract, function: str, *arguments: object) -> Outcome:
        if isinstance(caller, Contract):
            data = contract.function(function, len(arguments)).encode(arguments)
            return self.world.transact(self.system.people[0], caller, "execute", contract, data)
        return self.world.transact(caller, contract, function, *arguments)

    def _expect_said(self, promise: str, made: Outcome, who: str, expected: Said) -> None:
        said = made.said(who)
        self.world.expect_true(promise, said == expected, f"it said {said}, and not {expected}")

    def _feel(self, payee: str, mood: Mood, data: bytes) -> None:
        payee = self.system.moody[self.system.moody.index(payee)]
        assert self.world.transact(self.system.people[0], payee, "feel", mood, data).ok
        self.moods[payee] = mood

    def _mark(self, coin: Coin, account: str, value: bool) -> None:
        token = self.tokens[self._name(coin)][0]
        assert self.world.transact(self.system.people[0], token, "mark", account, value).ok
        (coin.marked.add if value else coin.marked.discard)(account)

    # What the chain says by itself

    def _book(self, split: str, coin: Coin) -> Book:
        return self.books.setdefault((split, coin.address), Book())

    def _has(self, coin: Coin, holder: str) -> int:
        """0 of a coin that is not exact: it harms its own books."""
        if coin is self.ether:
            return self.world.balance(holder)
        token = self._contract(coin)
        return self.world.call(token, "balanceOf", holder) if coin.exact else 0

    def _due(self, split: Split, coin: Coin, payee: str) -> int:
        at = self.at[split.address]
        return self.world.call(at, "creditOf", coin.address, payee) if coin.exact else 0

    def _leaves(self, book: Book, coin: Coin, to: str, amount: int) -> None:
        book.paid += amount
        if to in self.at:
            self._book(to, coin).received += amount

    def _keeps_laws(self, split: Split, coin: Coin) -> None:
        """S1 and S2, in what was measured; no model has a part in it."""
        if not coin.exact or (split.address not in self.code):
            return
        world, book, at = self.world, self._book(split.address, coin), self.at[split.address]
        credited = sum(self._due(split, coin, payee) for payee in split.payees)
        waiting = self._has(coin, at) - world.call(at, "totalCredit", coin.address)
        name = f"{world.name(at)}, of {self._name(coin) or 'ETH'}:"
        world.expect_true(
            "S1",
            book.received == book.paid + credited + waiting,
            f"{name} received {book.received} is not paid {book.paid} + credited {credited}"
            f" + waiting {waiting}",
        )
        total = sum(book.gifts.values())
        for payee, share in zip(split.payees, split.shares, strict=True):
            gift = book.gifts[payee]
            world.expect_true(
                "S2",
                gift * BASIS_POINTS == total * share,
                f"{name} {world.name(payee)} was given {gift} of {total}, for {share} of 10000",
            )
