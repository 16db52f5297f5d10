"""Pay per play: accounts of listeners, devices and coins, payouts of every temper, statements good
and bad.

E1 balances + accrued <= held, equal but for what was sent unasked (tokens that take more than they
   are told harm only their own books).
E2 recorded plays and amounts only grow; replay changes nothing.
E3 nothing leaves an account without its device's signature or its listener's own withdrawal, beyond
   its deposit never.
E4 what could not be paid stays claimable.
E5 one bad statement harms no other: a batch with it leaves what the batch without it leaves.

The model says what every account holds and everybody is owed, so that E4 is its agreement with the
chain, and what `teardown` then really pays out; E1 to E3 are besides checked on what the chain
says, by itself.
"""

from collections.abc import Sequence
from typing import Any

from escrow_books import KNOWN, Books
from escrow_stage import (
    CERTIFICATES,
    DEVICES,
    ELSEWHERE,
    GOOD,
    LATER,
    MARKABLE,
    NEVER,
    NOBODYS,
    PAYER,
    PEOPLE,
    TOKENS,
    register,
    signed,
)
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from machine import run
from models.escrow import DAY, STAYS, Account, Entry, PullToken, Statement
from models.registry import NOBODY
from models.splits import ETH, Coin, Mood

LARGE = 2**128
CALLING = ("ReenteringPullToken", "ReenteringToken", "OddPullToken")
"""One of these plays in every example."""
CALLS = ("record", "record", "deposit", "withdraw", "release")
OFTEN_KNOWN = [*CERTIFICATES, *CERTIFICATES, LATER, NEVER]

people = st.sampled_from(PEOPLE)
index = st.integers(0, 11)
strangers = st.sampled_from([None, None, None, None, 0, 2])
sums = st.one_of(st.integers(0, 300), st.integers(0, 10**21))
token_sums = st.one_of(sums, sums, st.sampled_from([LARGE - 1, LARGE, 2**129]))
more_plays = st.sampled_from([0, 1, 1, 2, 50, -1])
more_amount = st.one_of(
    st.integers(0, 60), st.sampled_from([1, -1, "half", "half", "all", "all and one", "most"])
)
entries = st.lists(st.tuples(index, more_plays, more_amount), max_size=5)
ways = st.sampled_from([*GOOD * 4, *NOBODYS, *ELSEWHERE])
bad_ways = st.sampled_from([*NOBODYS, *ELSEWHERE, "too many"])
faults = st.sampled_from([PullToken.FEE, PullToken.FEE, *range(8)])
often = st.sampled_from([True, True, True, False])
picks = st.lists(index, max_size=4)
calm_moods = st.sampled_from([mood for mood in Mood if mood < Mood.REENTERS])


class PayPerPlay(Books):
    examples = 90

    # What listeners do

    @initialize(odd=st.sampled_from(CALLING), other=st.sampled_from(list(TOKENS)))
    def first(self, odd: str, other: str) -> None:
        """ETH and one or two tokens; accounts of each."""
        self.coins += [self.known[name] for name in dict.fromkeys([odd, other])]
        self.accounts = [
            (listener, device, coin.address)
            for coin in self.coins
            for listener, device in self.system.accounts
        ]
        for account in self.accounts[::2]:
            self.deposit(0, account, PEOPLE[3], 2000, 0)

    @rule(i=index, payer=people, amount=token_sums, off=st.sampled_from([0, 0, 0, 0, 0, 1]))
    def fund(self, i: int, payer: str, amount: int, off: int) -> None:
        self.deposit(i, self.accounts[i % len(self.accounts)], payer, amount, off)

    @rule(i=index, hole=st.integers(0, 2), payer=people)
    def fund_nobody(self, i: int, hole: int, payer: str) -> None:
        """E1: no listener, no device, or a token without code."""
        whole = list(self.accounts[i % len(self.accounts)])
        whole[hole] = [NOBODY, NOBODY, PEOPLE[2]][hole]
        self.deposit(i, (whole[0], whole[1], whole[2]), payer, 10, 0)

    def deposit(self, i: int, account: Account, payer: str, amount: int, off: int) -> None:
        """off: wei too many. One in three payers of tokens lacks a unit."""
        coin = next((c for c in self.coins if c.address == account[2]), None)
        payer = payer if coin is self.ether else PAYER
        value = off
        if coin is self.ether:
            amount %= 10**24
            value += amount
        elif coin is not None:
            amount = min(amount, 10**30) if coin.address in self.aims else amount
            self.mint(coin, payer, max(0, amount - (i % 3 == 2)))
        self.touched.add(account[2])
        errors = self.model.deposit_errors(account, coin, payer, amount, value)
        made = self.world.transact(payer, self.escrow, "deposit", *account, amount, value=value)
        self.ends(made, errors, "E1")
        if not errors and coin is not None:
            puller = self.system.tokens["ReenteringPullToken"]
            inner = self.called_back(puller) if puller == account[2] else []
            self.said(made, self.model.deposit(account, coin, payer, amount), inner, "E1")

    @rule(i=index, amount=st.one_of(st.integers(0, 300), st.just(LARGE - 1)))
    def request(self, i: int, amount: int) -> None:
        listener, device, token = account = self.accounts[i % len(self.accounts)]
        made = self.as_listener(listener, "requestWithdrawal", device, token, amount)
        self.touched.add(token)
        self.ends(made, [], "E3")
        self.said(made, self.model.request(account, amount, made.time), [], "E3")

    @rule(i=index, to=index, eager=st.booleans())
    def withdraw(self, i: int, to: int, eager: bool) -> None:
        """To anyone at all, also to who refuses."""
        asked = [account for account in self.accounts if account in self.model.requests]
        listener, device, token = account = self.of(asked if eager and asked else self.accounts, i)
        receiver = self.of([*self.system.holders, NOBODY], to)
        coin = self.coin(token)
        errors = self.model.withdraw_errors(account, coin, receiver, self.world.now())
        made = self.as_listener(listener, "withdraw", device, token, receiver)
        self.ends(made, errors, "E3")
        if not errors:
            self.touched.add(token)
            self.may_fall.add(account)
            outer = self.model.withdraw(account, coin, receiver)
            self.said(made, outer, self.called_back_by_payee(receiver, coin), "E3")

    @rule(i=index, to=index, seconds=st.sampled_from([DAY - 1, DAY, DAY, 2 * DAY, 2 * DAY + 1]))
    def ask_and_withdraw(self, i: int, to: int, seconds: int) -> None:
        i -= i % 2  # those were funded
        self.request(i, 50 + i)
        self.world.warp(seconds)
        self.withdraw(i, to, False)

    @rule(i=index, days=st.sampled_from([1, 1, 2]), off=st.sampled_from([-1, 0, 0, 1]))
    def wait(self, i: int, days: int, off: int) -> None:
        """To the very second at which a request can be withdrawn, or lapses; or a minute."""
        asked = sorted(time for _, time in self.model.requests.values())
        until = self.of(asked, i) + days * DAY + off if asked else 0
        self.world.warp(until - self.world.now() if until > self.world.now() else 60)

    # What devices sign, and anyone records

    @rule(i=index, stranger=strangers, listed=entries, how=ways, now=often, chosen=picks)
    def play(
        self,
        i: int,
        stranger: int | None,
        listed: Sequence[tuple[int, int, Any]],
        how: str,
        now: bool,
        chosen: list[int],
    ) -> None:
        """Cumulative, but for those who go back; recorded at once, later, again or never; now and
        then by another account's device, or nobody's."""
        listener, own, token = self.accounts[i % len(self.accounts)]
        device = DEVICES.index(own) if stranger is None else stranger
        account = (listener, DEVICES[device], token)
        scratch = {c: self.model.recorded.get((account, c), (0, 0)) for c in KNOWN}
        left, said = self.model.balances[account], list[Entry]()
        for n, plays, amount in listed:
            certificate = self.of(OFTEN_KNOWN, n)
            before = scratch[certificate]
            words = {"half": left // 2, "all": left, "all and one": left + 1, "most": LARGE}
            increase = words.get(amount, amount)
            after = (max(0, before[0] + plays), min(LARGE - 1, max(0, before[1] + increase)))
            if 0 <= increase <= left:
                scratch[certificate], left = after, left - increase
            said.append(Entry(certificate, *after))
        statement = Statement(listener, token, tuple(said))
        self.pool.append(signed(self.escrow, statement, device, how))
        if now:
            self.record_batch([self.pool[-1], *self.picked(chosen)], PEOPLE[3])

    @rule(i=index, listed=entries)
    def play_more(self, i: int, listed: Sequence[tuple[int, int, Any]]) -> None:
        self.play(i, None, listed, "plain", True, [])

    @rule(chosen=picks, i=index, sender=people)
    def record(self, chosen: list[int], i: int, sender: str) -> None:
        """The newest first, and any of those before."""
        self.record_batch([*self.pool[-1 - i % 3 :], *self.picked(chosen)], sender)

    @rule(chosen=picks, how=bad_ways, at=index, sender=people)
    def record_beside_a_bad_one(self, chosen: list[int], how: str, at: int, sender: str) -> None:
        """E5."""
        batch = [*self.picked(chosen), *self.pool[-2:]]
        beside = [*batch]
        beside.insert(at % (len(batch) + 1), self.bad(how, at))
        mark = self.world.snapshot()
        assert self.send_batch(batch, sender).ok
        alone = self.state()
        self.world.restore(mark)
        self.record_batch(beside, sender)
        same = self.state() == alone
        self.world.expect_true("E5", same, "a bad statement changed what the others did")

    @rule(chosen=st.lists(index, min_size=1, max_size=4), sender=people)
    def replay(self, chosen: list[int], sender: str) -> None:
        """E2: what was taken once is never taken again, in any order and company."""
        if not self.taken:
            return
        batch = [self.of(self.taken, n) for n in chosen]
        before = self.state()
        made = self.record_batch(batch, sender)
        usage = [name for name, _ in made.said(self.escrow) if name == "UsageRecorded"]
        same = not usage and self.state() == before
        self.world.expect_true("E2", same, "a replay changed something")

    # What payouts and their owners do

    @rule(i=index, j=index, sender=people, eager=st.booleans())
    def release(self, i: int, j: int, sender: str, eager: bool) -> None:
        owed = [key for key, amount in self.model.accrued.items() if amount > STAYS]
        anyone = (self.of(self.payees(), i), self.of(self.coins, j).address)
        payout, token = self.of(owed, i) if eager and owed else anyone
        self.pay_out(payout, self.coin(token), sender)

    @rule(i=index, sender=people)
    def release_owed(self, i: int, sender: str) -> None:
        self.release(i, 0, sender, True)

    @rule(n=st.integers(0, 3), i=index)
    def set_payout(self, n: int, i: int) -> None:
        certificate, payout = CERTIFICATES[n], self.of(self.system.payouts, i)
        known = self.registry.certificates[certificate]
        made = self.world.transact(
            known.owner, self.system.registry, "setPayout", certificate, payout
        )
        self.ends(made, self.registry.locked_errors(certificate), "E4")
        if not known.locked:
            known.payout = payout

    @rule(n=st.integers(0, 3), to=people)
    def transfer(self, n: int, to: str) -> None:
        """What accrued to the owner before stays theirs."""
        owner = self.registry.certificates[CERTIFICATES[n]].owner
        token = int.from_bytes(CERTIFICATES[n])
        made = self.world.transact(owner, self.system.registry, "transferFrom", owner, to, token)
        self.world.expect_ok("E4", made)
        self.registry.transfer(owner, to, CERTIFICATES[n])

    @rule(n=st.integers(0, 3))
    def lock(self, n: int) -> None:
        known = self.registry.certificates[CERTIFICATES[n]]
        if known.payout == self.system.split and not known.locked:
            arguments = ("lockPayout", CERTIFICATES[n], known.payout)
            assert self.world.transact(known.owner, self.system.registry, *arguments).ok
            known.locked = True

    @rule()
    def register(self) -> None:
        """What was skipped as unknown can be taken from now on."""
        if LATER not in self.registry.certificates:
            register(self.world, self.system, self.registry, PEOPLE[0], [LATER])

    # What is done to them

    @rule(i=st.integers(0, 1), mood=calm_moods)
    def feel(self, i: int, mood: Mood) -> None:
        payee = self.system.moody[i]
        assert self.world.transact(PEOPLE[0], payee, "feel", mood, b"").ok
        self.ether.moods[payee] = mood

    @rule(
        who=st.integers(0, 2),
        kind=st.sampled_from(CALLS),
        chosen=picks,
        insists=st.booleans(),
    )
    def aim(self, who: int, kind: str, chosen: list[int], insists: bool) -> None:
        """Whoever is paid, or pays, calls back in the middle of it."""
        tokens = self.system.tokens
        callers = [self.system.reenterer, tokens["ReenteringPullToken"], tokens["ReenteringToken"]]
        caller = callers[who]
        batch = self.picked(chosen)
        listener, device, token = self.accounts[0]
        arguments: dict[str, Any] = {
            "record": [[made.plain() for made in batch]],
            "deposit": [listener, device, ETH, 1],
            "withdraw": [device, token, listener],
            "release": [self.system.split, token],
        }
        given = arguments[kind]
        data = self.escrow.function(kind, len(given)).encode(given)
        if caller == self.system.reenterer:
            value = 1 if kind == "deposit" else 0
            assert self.world.transact(PEOPLE[0], caller, "sends", value).ok
            assert self.world.transact(PEOPLE[0], caller, "aim", self.escrow, data, insists).ok
            takes = kind == "record" or not insists
            self.ether.moods[caller] = Mood.ACCEPTS if takes else Mood.REFUSES
        else:
            assert self.world.transact(PEOPLE[0], caller, "aim", self.escrow, data).ok
        self.aims[caller] = (kind, batch)

    @rule(who=st.integers(0, 1), kind=st.sampled_from(CALLS), chosen=picks, i=index)
    def pay_who_calls_back(self, who: int, kind: str, chosen: list[int], i: int) -> None:
        """Released to, withdrawn to, or deposited with, each in the middle of which they call."""
        self.aim(who, kind, chosen, i % 4 == 0)
        puller = self.known["ReenteringPullToken"]
        if who == 1 and puller in self.coins:
            self.fund(self._account_in(puller, i), PAYER, 100, 0)
        elif i % 2:
            self.ask_and_withdraw(0, self.system.holders.index(self.system.reenterer), DAY)
        elif not self.registry.certificates[CERTIFICATES[0]].locked:
            self.set_payout(0, self.system.payouts.index(self.system.reenterer))
            self.play_more(0, [(0, 1, "half")])
            self.pay_out(str(self.system.reenterer), self.ether, PAYER)

    @rule(i=index, name=st.sampled_from(MARKABLE), value=st.booleans())
    def mark(self, i: int, name: str, value: bool) -> None:
        """A token turns against an account, or back; one that re-enters, not against a split's
        payees, whom it would be paid to with little gas."""
        coin, token = self.known[name], self.system.tokens[name]
        accounts = [PEOPLE[0], PEOPLE[2], self.system.reenterer, self.system.split]
        if name != "ReenteringToken":
            accounts += [PEOPLE[1], *self.system.moody]
        account = str(self.of(accounts, i))
        assert self.world.transact(PEOPLE[0], token, "mark", account, value).ok
        (coin.marked.add if value else coin.marked.discard)(account)

    @rule()
    def pull_what_could_not_be_read(self) -> None:
        """E1: its balance can be read only after the deposit."""
        self.break_pulls(PullToken.NONE, True)
        self.break_pulls(PullToken.NONE, False)

    @rule(fault=faults, unreadable=st.sampled_from([False, False, False, True]))
    def break_pulls(self, fault: int, unreadable: bool) -> None:
        coin, token = self.known["OddPullToken"], self.system.tokens["OddPullToken"]
        assert isinstance(coin, PullToken)
        assert self.world.transact(PEOPLE[0], token, "setFault", fault).ok
        assert self.world.transact(PEOPLE[0], token, "setUnreadable", unreadable).ok
        coin.fault, coin.is_unreadable = fault, unreadable
        if coin in self.coins:
            self.fund(self._account_in(coin, fault), PAYER, 150, 0)

    def _account_in(self, coin: Coin, i: int) -> int:
        found = [n for n, account in enumerate(self.accounts) if account[2] == coin.address]
        return int(self.of(found, i))

    @rule(j=index, amount=sums)
    def give_unasked(self, j: int, amount: int) -> None:
        """ETH by force, or tokens by plain transfer."""
        coin = self.of(self.coins, j)
        if coin is self.ether:
            self.world.fund(self.escrow, amount)
            coin.balances[self.escrow] += amount
            self.touched.add(ETH)
        else:
            self.mint(coin, self.escrow, amount)
        self.model.unasked[coin.address] += amount


def test_pay_per_play() -> None:
    run(PayPerPlay)
