"""Royalty splits among payees and tokens of every temper.

S1 received = paid + credited + waiting, to the wei.
S2 what each payee was given, paid and credited together, is exactly proportional to the shares.
S3 a payee that cannot be paid changes nothing for the others.
S4 nobody can change a split.

S1 and S2 are sums of what the chain itself said before and after each transaction. The model says
what each does to everybody, so that S3 is its agreement with the chain.
"""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from machine import run
from models.splits import ETH, Coin, Mood, Split, UnreadableToken, refusals
from split_play import Play
from split_stage import (
    FAULTS,
    MARKABLE,
    MOODY,
    MOST_SPLITS,
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


class Splits(Play):
    examples = 240

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
        refusal = self.world.refusal(self.system.factory, "predict", payees, weights)
        self.world.expect_true("S4", refusal in errors, f"{refusal}, and not of {errors}")

    @rule(i=index, sender=senders, amount=amounts)
    def send_ether(self, i: int, sender: str, amount: int) -> None:
        self._give_ether(sender, self._split(i).address, amount)

    @rule(i=index, amount=amounts)
    def force_ether(self, i: int, amount: int) -> None:
        split = self._split(i)
        fund = self.world.fund
        self._arrives(self.ether, split.address, amount, lambda: fund(split.address, amount))

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
        self._pull(split, self._coin(j), split.payees[k % len(split.payees)], sender)

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
        self._pull(split, coin, payee, sender)

    def _pull(self, split: Split, coin: Coin, payee: str, sender: str) -> None:
        at, token = self.at[split.address], coin.address
        deed = self.world.transact
        self._withdraw(
            split, coin, payee, payee, lambda: deed(sender, at, "withdraw", token, payee)
        )

    @precondition(lambda self: self._credits())
    @rule(i=index, k=index, to=index)
    def withdraw_to(self, i: int, k: int, to: int) -> None:
        split, coin, owed = self._credit(i)
        receivers = [*self.system.people, *self.system.moody, ETH]
        receiver = receivers[to % len(receivers)]
        callers = [*self.system.people[:-1], *self.system.moody]
        caller = owed if owed in callers and k % 4 else callers[k % len(callers)]
        if caller != owed and receiver == ETH:
            receiver = caller
        at, token = self.at[split.address], coin.address
        deed = self._as
        self._withdraw(
            split, coin, caller, receiver, lambda: deed(caller, at, "withdrawTo", token, receiver)
        )

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

    # What always holds

    @invariant()
    def every_book_is_the_models(self) -> None:
        """S1 and S2 by themselves, and S1 and S3 by the model, of the coins that moved."""
        for coin in [self.ether, *self.coins]:
            if coin.address in self.touched:
                self._check(coin)
        self.touched.clear()

    def _check(self, coin: Coin) -> None:
        world = self.world
        for split in self.splits:
            self._keeps_laws(split, coin)
        holders = [*self.system.people, *self.system.moody, *self.at]
        if coin is self.ether:
            for holder in holders:
                world.expect_balance("S3", coin.balances[holder], holder)
        elif not isinstance(coin, UnreadableToken) or coin.fault == coin.NONE:
            token = self._contract(coin)
            for holder in holders:
                world.expect("S3", coin.balances[holder], token, "balanceOf", holder)
        for split in self.splits:
            at = self.at[split.address]
            world.expect("S1", split.owed(coin.address), at, "totalCredit", coin.address)
            for payee in split.payees:
                owed = split.credit[coin.address, payee]
                world.expect("S1", owed, at, "creditOf", coin.address, payee)

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
