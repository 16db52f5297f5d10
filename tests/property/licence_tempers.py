"""What payees, recipients and tokens feel like, and what everybody is left with."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from licence_play import LicencePlay, index, people, visibilities
from licence_stage import MARKABLE, PEOPLE, RELAYER, TOKENS, WORKS
from models.money import ENDLESS, PERMIT2, Purse, TokenMood
from models.offers import Refused
from models.registry import NOBODY, Said, Visibility
from models.splits import ETH, Mood
from world import Contract, Outcome

ALICE_AND_BOB = (PEOPLE[0].address, PEOPLE[1].address)
"""Whose operator re-enters."""


class LicenceTempers(LicencePlay):
    @rule(i=index, mood=st.sampled_from(Mood), j=index)
    def feel(self, i: int, mood: Mood, j: int) -> None:
        """A payee turns; re-entering, it calls its payer with what the LicenseManager knows."""
        payee = self.system.moody[i % 2]
        data = self._reentry(j)
        assert self.world.transact(RELAYER.address, payee, "feel", mood, data).ok
        self.moods[payee] = mood

    def _reentry(self, j: int) -> bytes:
        """Guarded, or nobody's but the seller's."""
        offer_id, account = self._offer(j % 11), PEOPLE[3].address
        order = (offer_id, account, NOBODY, 2**128)
        calls: list[tuple[str, tuple[Any, ...]]] = [
            ("purchase", order),
            ("purchaseBatch", ([order],)),
            ("purchaseWithPermit", (order, 2**63, 27, bytes(32), bytes(32))),
            ("updateOffer", (offer_id, 0, 0, True)),
            ("purchaseWithPermit2", (order, account, 1, 2**63, b"")),
        ]
        name, arguments = calls[j % len(calls)]
        return self.licenses.function(name, len(arguments)).encode(arguments)

    def _as(
        self, caller: str, contract: Contract, function: str, *arguments: Any, value: int = 0
    ) -> Outcome:
        """A call by a contract, by way of its `execute`; somebody else sends the ETH along."""
        self.shop.now = self.world.now()
        data = contract.function(function, len(arguments)).encode(arguments)
        return self.world.transact(
            RELAYER.address, self._contract(caller), "execute", contract, data, value=value
        )

    def _contract(self, address: str) -> Contract:
        return next(contract for contract in self.system.moody if contract == address)

    @rule(i=index, j=index, visibility=visibilities)
    def aim_recipient(self, i: int, j: int, visibility: Visibility) -> None:
        """Given a unit, it changes what it may change, being the operator of alice and bob."""
        work, payout = WORKS[j % 6], self._payout(j)
        registry, me = self.system.registry, self.system.reentering
        offer_id, friend = self._offer(j % 11), PEOPLE[j % 4].address
        unit = (me, friend, offer_id, 1, b"")
        target, function, arguments = (
            (registry, "setPayout", (work, payout)),
            (registry, "setVisibility", (work, visibility)),
            (self.licenses, "safeTransferFrom", unit),
            (self.licenses, "purchase", (offer_id, me, NOBODY, 2**128)),
        )[i % 4]
        data = target.function(function, len(arguments)).encode(arguments)
        assert self.world.transact(RELAYER.address, me, "aim", target, data).ok

        def deed() -> Said:
            operated = self.shop.certificates[work].owner in ALICE_AND_BOB
            if i % 4 == 0 and operated:
                self.shop.change(work, payout=payout)
            if i % 4 == 1 and operated:
                self.shop.change(work, visibility=visibility)
            if i % 4 == 2:
                try:
                    return self.shop.transfer(me, me, friend, [(offer_id, 1)], True)
                except Refused:
                    return []
            return []

        self.shop.deed = deed

    @rule(
        name=st.sampled_from(MARKABLE),
        i=index,
        value=st.booleans(),
        mood=st.sampled_from(TokenMood),
    )
    def turn_tokens(self, name: str, i: int, value: bool, mood: TokenMood) -> None:
        """A token turns against an account, in some way, or back."""
        moody, tether = (self.system.tokens[n] for n in ("MoodyToken", "TetherLike"))
        account = self.system.holders[i * 2 % len(self.system.holders)]
        if account == self.licenses and name == "MoodyToken" and value:
            self.keeps_no_count.add(moody)
        self._token_does(name, "mark", account, value)
        marked = self.shop.coins[self.system.tokens[name]].marked
        (marked.add if value else marked.discard)(account)
        self._token_does("MoodyToken", "setMood", mood)
        self.shop.coins[moody].mood = mood
        self._token_does("TetherLike", "setRefuses", not value and i > 9)
        self.shop.coins[tether].refuses = not value and i > 9
        self._token_does("ReenteringSpendToken", "aim", self.licenses, self._reentry(i))

    @rule(
        name=st.sampled_from(sorted(TOKENS)),
        owner=people,
        spender=st.sampled_from(["licenses", "licenses", "permit2"]),
        amount=st.sampled_from([0, 1, 900, ENDLESS, ENDLESS, ENDLESS]),
    )
    def approve(self, name: str, owner: str, spender: str, amount: int) -> None:
        coin = self.shop.coins[self.system.tokens[name]]
        assert isinstance(coin, Purse)
        who = PERMIT2 if spender == "permit2" else self.licenses
        if coin.gives_permit2 and who == PERMIT2:
            return
        made = self.world.transact(owner, self.system.tokens[name], "approve", who, amount)
        assert made.ok == coin.approve(owner, who, amount)

    @rule(i=index, amount=st.integers(1, 10**6))
    def send_unasked(self, i: int, amount: int) -> None:
        """L3: it stays where nobody asked for it, and pays for nothing."""
        token = self._token(i)
        if token == ETH:
            self.world.fund(self.licenses, amount)
        else:
            minted = self.world.transact(
                RELAYER.address, self._contract_of(token), "mint", self.licenses, amount
            )
            assert minted.ok
        self.shop.coins[token].balances[self.licenses] += amount
        self.unasked[token] += amount
        self.touched.add(token)

    @rule(owner=people, i=index)
    def grow_poor(self, owner: str, i: int) -> None:
        """Somebody's tokens are nearly gone."""
        token = [*self.system.tokens.values()][i % len(TOKENS)]
        coin = self.shop.coins[token]
        spent = coin.balances[owner] - 5
        if spent > 0 and self.world.transact(owner, token, "transfer", token, spent).ok:
            assert coin.move(owner, token, spent)
            self.touched.add(token)

    @rule(i=index, j=index, k=index)
    def withdraw(self, i: int, j: int, k: int) -> None:
        """A credit ends, or cannot yet be paid."""
        open_credits = [
            (split, coin, payee)
            for split, _, _ in self.system.splits
            for (coin, payee), amount in sorted(self.shop.splits[split].credit.items())
            if amount
        ]
        if open_credits:
            split, coin, payee = open_credits[i % len(open_credits)]
            made = self.world.transact(RELAYER.address, split, "withdraw", coin, payee)
            paid = self.shop.splits[split].withdraw(self.shop.coins[coin], payee, payee)
            self.world.expect_true("L4", made.ok == isinstance(paid, int), f"{made.error}: {paid}")
            self.touched.add(coin)

    def _token_does(self, name: str, function: str, *arguments: object) -> None:
        made = self.world.transact(RELAYER.address, self.system.tokens[name], function, *arguments)
        assert made.ok

    def _contract_of(self, address: str) -> Contract:
        return next(token for token in self.system.tokens.values() if token == address)
