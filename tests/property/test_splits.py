"""Royalty splits among payees and tokens of every temper.

S1 received = paid + credited + waiting, to the wei.
S2 what each payee was given, paid and credited together, is exactly proportional to the shares.
S3 a payee that cannot be paid changes nothing for the others.
S4 nobody can change a split.

The model says what each transaction does to everybody, so that S3 is its agreement with the chain.
"""

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from machine import Machine, run
from models.splits import BASIS_POINTS, ETH, Coin, Ether, Mood, Split, UnreadableToken, refusals
from split_parties import (
    FAULTS,
    MARKABLE,
    TOKENS,
    amounts,
    any_gas,
    index,
    little_gas,
    moods,
    parties,
    plenty,
    senders,
    spoil,
)
from world import TX_GAS, Contract, Outcome, World, actors

MOODY = 3
MOST_SPLITS = 3


@dataclass(frozen=True, slots=True)
class System:
    factory: Contract
    imitator: Contract
    moody: list[Contract]
    people: list[str]
    tokens: list[Contract]


class Splits(Machine):
    promises = ("S1", "S2", "S3", "S4")
    examples = 200

    @classmethod
    def build(cls, world: World) -> System:
        moody = [world.deploy("MoodyPayee") for _ in range(MOODY)]
        people = [actor.address for actor in actors()[1:5]] + [world.deploy("HungryPayee")]
        tokens = [world.deploy(name) for name in TOKENS]
        factories = [world.deploy("RoyaltySplitFactory") for _ in range(2)]
        return System(*factories, moody, people, tokens)

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
        known = [*self.system.people, *self.system.moody]
        for account in known:
            self.ether.balances[account] = self.world.balance(account)

    # What actors do

    @initialize(
        party=parties(),
        sender=senders,
        moods=st.lists(moods, min_size=MOODY, max_size=MOODY),
        tokens=st.lists(st.sampled_from(list(TOKENS)), min_size=2, max_size=3, unique=True),
    )
    def first(
        self, party: tuple[list[int], list[int]], sender: str, moods: list[Mood], tokens: list[str]
    ) -> None:
        """Few tokens in each story, so that much happens to each."""
        self.tokens = {
            name: (token, coin) for name, (token, coin) in self.tokens.items() if name in tokens
        }
        self.coins = [coin for _, coin in self.tokens.values()]
        moody = [len(self.system.people) + n for n in range(MOODY)]
        self.create(party, sender, 0)
        self.create((moody, [4000, 2500, 3500]), sender, 0)
        for i, mood in enumerate(moods):
            self.feel(i, mood, i)

    @rule(party=parties(), sender=senders, early=amounts)
    def create(self, party: tuple[list[int], list[int]], sender: str, early: int) -> None:
        """A new split, which had money before it was there; or the same as before."""
        payees, weights = self._party(party)
        predicted = self.world.call(self.system.factory, "predict", payees, weights)
        fresh = predicted not in self.at
        if fresh and len(self.splits) == MOST_SPLITS:
            return
        if fresh:
            self._open(Split(predicted, payees, weights))
        self._give_ether(sender, predicted, early)
        made = self.world.transact(sender, self.system.factory, "create", payees, weights)
        self.world.expect_ok("S4", made)
        self.world.expect_true("S4", made.result == predicted, "a split is not where predicted")
        said = [("SplitCreated", {"split": predicted, "payees": payees, "shares": weights})]
        self._expect_said("S4", made, self.system.factory, said if fresh else [])
        self.code.setdefault(predicted, self.world.code(predicted))

    @rule(party=parties(), fault=st.sampled_from(FAULTS), sender=senders)
    def create_badly(self, party: tuple[list[int], list[int]], fault: str, sender: str) -> None:
        """S4: what is no split never becomes one."""
        payees, weights = spoil(*self._party(party), fault)
        errors = refusals(payees, weights)
        made = self.world.transact(sender, self.system.factory, "create", payees, weights)
        if len(errors) == 1:
            self.world.expect_failure("S4", made, errors[0][0], *errors[0][1])
        self.world.expect_true("S4", made.error in errors, f"{made.error}, and not of {errors}")

    @rule(i=index, sender=senders, amount=amounts)
    def send_ether(self, i: int, sender: str, amount: int) -> None:
        self._give_ether(sender, self._split(i).address, amount)

    @rule(i=index, amount=amounts)
    def force_ether(self, i: int, amount: int) -> None:
        split = self._split(i)
        self.world.fund(split.address, amount)
        self._arrived(split.address, self.ether, amount)

    @rule(i=index, j=index, sender=senders, amount=amounts)
    def send_token(self, i: int, j: int, sender: str, amount: int) -> None:
        self._give(self._token(j)[1], sender, self._split(i).address, amount)

    @rule(i=index, sender=senders, value=amounts)
    def distribute_ether(self, i: int, sender: str, value: int) -> None:
        self._distribute(self._split(i), self.ether, sender, value)

    @rule(i=index, j=index, sender=senders, value=st.sampled_from([0, 0, 1, 12_345]))
    def distribute_token(self, i: int, j: int, sender: str, value: int) -> None:
        self._distribute(self._split(i), self._token(j)[1], sender, value)

    @rule(i=index, sender=senders, value=amounts, gas=little_gas)
    def distribute_with_little_gas(self, i: int, sender: str, value: int, gas: int) -> None:
        self._distribute(self._split(i), self.ether, sender, value, gas)

    @rule(i=index, j=index, k=index, sender=senders)
    def withdraw_nothing(self, i: int, j: int, k: int, sender: str) -> None:
        split = self._split(i)
        self._withdraw(split, self._coin(j), split.payees[k % len(split.payees)], sender)

    @precondition(lambda self: self._credits())
    @rule(i=index, k=index, mood=moods, waiting=amounts, sender=senders)
    def withdraw(self, i: int, k: int, mood: Mood, waiting: int, sender: str) -> None:
        """With all gas: whoever re-enters now could do more than a distribution lets them."""
        split, coin, payee = self._credit(i)
        self._give_ether(sender, split.address, waiting)
        if payee in self.moods:
            self.feel(self.system.moody.index(payee), mood, k)
        if coin is not self.ether and k % 2:
            self._reconcile(coin, payee)
        self._withdraw(split, coin, payee, sender)

    def _withdraw(self, split: Split, coin: Coin, payee: str, sender: str) -> None:
        made = self.world.transact(sender, self.at[split.address], "withdraw", coin.address, payee)
        self._withdrawn(split, coin, payee, payee, made)

    @precondition(lambda self: self._credits())
    @rule(i=index, k=index, to=index)
    def withdraw_to(self, i: int, k: int, to: int) -> None:
        split, coin, owed = self._credit(i)
        receivers = [*self.system.people, *self.system.moody, ETH]
        receiver = receivers[to % len(receivers)]
        callers = [*self.system.people[:-1], *self.system.moody]
        caller = owed if owed in callers and k % 4 else callers[k % len(callers)]
        made = self._as(caller, self.at[split.address], "withdrawTo", coin.address, receiver)
        self._withdrawn(split, coin, caller, receiver, made)

    @rule(i=index, mood=moods, j=index)
    def feel(self, i: int, mood: Mood, j: int) -> None:
        """A payee turns; what it would call its payer with is one of the split's own functions."""
        payee = self.system.moody[i % MOODY]
        split = self.at[self._split(0).address]
        data = [
            split.function("distribute", 1).encode([ETH]),
            split.function("withdraw", 2).encode([ETH, payee]),
            split.function("withdrawTo", 2).encode([ETH, payee]),
        ][j % 3]
        self._feel(payee, mood, data)

    def _feel(self, payee: str, mood: Mood, data: bytes) -> None:
        payee = self.system.moody[self.system.moody.index(payee)]
        assert self.world.transact(self.system.people[0], payee, "feel", mood, data).ok
        self.moods[payee] = mood

    @precondition(lambda self: self._credits())
    @rule(i=index, sender=senders, amount=amounts)
    def turn_back(self, i: int, sender: str, amount: int) -> None:
        """Who has a credit open could be paid again, and still is only credited."""
        split, coin, payee = self._credit(i)
        self._reconcile(coin, payee)
        self._give(coin, sender, split.address, amount)
        self._distribute(split, coin, sender, 0)

    @rule(i=index, k=index, mood=moods, sender=senders, amount=plenty, gas=any_gas)
    def turn_against(self, i: int, k: int, mood: Mood, sender: str, amount: int, gas: int) -> None:
        """A payee turns just before there is something to share."""
        split = self._split(i)
        moody = [n for n, payee in enumerate(self.system.moody) if payee in split.payees]
        if moody:
            self.feel(moody[k % len(moody)], mood, k)
        self._distribute(split, self.ether, sender, amount, gas)

    @rule(i=index, j=index, k=index, sender=senders, amount=plenty)
    def block(self, i: int, j: int, k: int, sender: str, amount: int) -> None:
        """A token turns against a payee just before there is something to share."""
        split, (token, coin) = self._split(i), self._token(j)
        if token.name in MARKABLE:
            self._mark(coin, split.payees[k % len(split.payees)], True)
        self._give(coin, sender, split.address, amount)
        self._distribute(split, coin, sender, 0)

    @precondition(lambda self: any(name in MARKABLE for name in self.tokens))
    @rule(j=index, i=index, value=st.sampled_from([True, True, False]))
    def mark(self, j: int, i: int, value: bool) -> None:
        """A token turns against an account, or back."""
        markable = [self.tokens[name] for name in self.tokens if name in MARKABLE]
        everyone = [*self.system.people, *self.system.moody]
        self._mark(markable[j % len(markable)][1], everyone[i % len(everyone)], value)

    def _mark(self, coin: Coin, account: str, value: bool) -> None:
        token = self.tokens[self._name(coin)][0]
        assert self.world.transact(self.system.people[0], token, "mark", account, value).ok
        (coin.marked.add if value else coin.marked.discard)(account)

    @precondition(lambda self: "ReenteringToken" in self.tokens)
    @rule(i=index, j=index)
    def aim_token(self, i: int, j: int) -> None:
        token, _ = self.tokens["ReenteringToken"]
        split = self.at[self._split(i).address]
        data = split.function("distribute", 1).encode([[ETH, token][j % 2]])
        assert self.world.transact(self.system.people[0], token, "aim", split, data).ok

    @precondition(lambda self: "UnreadableToken" in self.tokens)
    @rule(fault=st.integers(0, 5))
    def break_balances(self, fault: int) -> None:
        token, coin = self.tokens["UnreadableToken"]
        assert self.world.transact(self.system.people[0], token, "setFault", fault).ok
        coin.fault = fault

    @rule(i=index, sender=senders, data=st.binary(min_size=4, max_size=72))
    def meddle(self, i: int, sender: str, data: bytes) -> None:
        """S4: a split knows six functions; everything else it refuses."""
        split = self.at[self._split(i).address]
        if any(data.startswith(f.selector) for f in split.functions.values()):
            return
        made = self.world.send(sender, split, data=data)
        self.world.expect_failure("S4", made, "")

    # What the model makes of it

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

    def _as(self, caller: str, contract: Contract, function: str, *arguments: object) -> Outcome:
        if isinstance(caller, Contract):
            data = contract.function(function, len(arguments)).encode(arguments)
            return self.world.transact(self.system.people[0], caller, "execute", contract, data)
        return self.world.transact(caller, contract, function, *arguments)

    def _give_ether(self, sender: str, to: str, amount: int) -> None:
        self.world.expect_ok("S1", self.world.send(sender, to, amount))
        self.ether.balances[sender] -= amount
        self._arrived(to, self.ether, amount)

    def _give(self, coin: Coin, sender: str, to: str, amount: int) -> None:
        if coin is self.ether:
            self._give_ether(sender, to, amount)
            return
        token = self.tokens[self._name(coin)][0]
        assert self.world.transact(sender, token, "mint", to, amount).ok
        self._arrived(to, coin, amount)

    def _arrived(self, at: str, coin: Coin, amount: int) -> None:
        coin.balances[at] += amount
        self.touched.add(coin.address)

    def _distribute(
        self, split: Split, coin: Coin, sender: str, value: int, gas: int = TX_GAS
    ) -> None:
        """With little gas it fails whole, or does all: nobody is skipped for want of gas."""
        at = self.at[split.address]
        made = self.world.transact(sender, at, "distribute", coin.address, value=value, gas=gas)
        if gas < TX_GAS and not made.ok:
            known = made.error.name in ("RoyaltySplit_TooLittleGas", "")
            self.world.expect_true("S3", known, f"little gas ends in {made.error}")
            return
        self.world.expect_ok("S3", made)
        self.ether.balances[sender] -= value
        self._arrived(split.address, self.ether, value)
        self._expect_said("S3", made, split.address, split.distribute(coin))
        self.touched.add(coin.address)

    def _withdrawn(self, split: Split, coin: Coin, payee: str, to: str, made: Outcome) -> None:
        expected = split.withdraw(coin, payee, to)
        self.touched.add(coin.address)
        if isinstance(expected, tuple):
            self.world.expect_failure("S1", made, expected[0], *expected[1])
            return
        self.world.expect_ok("S1", made)
        paid = {"token": coin.address, "payee": payee, "to": to, "amount": expected}
        self._expect_said("S1", made, split.address, [("Withdrawn", paid)])

    def _expect_said(self, promise: str, made: Outcome, who: str, expected: list) -> None:
        said = made.said(who)
        self.world.expect_true(promise, said == expected, f"it said {said}, and not {expected}")

    # What always holds

    @invariant()
    def every_book_is_the_models(self) -> None:
        """S1 and S3, of the coins that moved: everybody has, and is owed, what the model says."""
        for address in sorted(self.touched):
            self._check(self.ether if address == ETH else self._token_coin(address))
        self.touched.clear()

    def _token_coin(self, address: str) -> Coin:
        return next(coin for coin in self.coins if coin.address == address)

    def _check(self, coin: Coin) -> None:
        world = self.world
        holders = [*self.system.people, *self.system.moody, *self.at]
        if coin is self.ether:
            for holder in holders:
                world.expect_balance("S3", coin.balances[holder], holder)
        elif not isinstance(coin, UnreadableToken) or coin.fault == coin.NONE:
            token = next(t for t in self.system.tokens if t == coin.address)
            for holder in holders:
                world.expect("S3", coin.balances[holder], token, "balanceOf", holder)
        for split in self.splits:
            at = self.at[split.address]
            world.expect("S1", split.owed(coin.address), at, "totalCredit", coin.address)
            for payee in split.payees:
                owed = split.credit[coin.address, payee]
                world.expect("S1", owed, at, "creditOf", coin.address, payee)

    @invariant()
    def gifts_are_proportional(self) -> None:
        """S2: given to one × shares of another = given to the other × shares of the one."""
        for split in self.splits:
            for coin in [self.ether, *self.coins]:
                units = {
                    split.given[coin.address, payee] * BASIS_POINTS // share
                    for payee, share in zip(split.payees, split.shares, strict=True)
                }
                self.world.expect_true("S2", len(units) == 1, "gifts are not proportional")

    def teardown(self) -> None:
        """S4, and every book once more, those of coins that did not move too."""
        if self.world.disagreement is not None:
            return
        for coin in [self.ether, *self.coins]:
            self._check(coin)
        for split in self.splits:
            at = self.at[split.address]
            self.world.expect("S4", (split.payees, split.shares), at, "payees")
            self.world.expect("S4", True, self.system.factory, "isSplit", at)
            same = self.world.code(at) == self.code[split.address]
            self.world.expect_true("S4", same, "a split's code changed")
        self._imitate()

    def _imitate(self) -> None:
        """S4: what another factory made is no split of ours, though its code says the same."""
        split = self._split(0)
        sender = self.system.people[0]
        made = self.world.transact(
            sender, self.system.imitator, "create", split.payees, split.shares
        )
        for other in (made.result, self.system.imitator, sender):
            self.world.expect("S4", False, self.system.factory, "isSplit", other)


def test_splits() -> None:
    run(Splits)
