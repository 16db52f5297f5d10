"""What is true of licences after every step, and how the model and the chain meet."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant
from licence_stage import PEOPLE, UNKNOWN, WORKS, System, build, model
from machine import Machine
from models.offers import Refusal, Refused
from models.registry import NOBODY, STANDARD, Said, Visibility
from models.splits import ETH, Coin, Mood
from world import Outcome, World

SAMPLE = 5
"""Triples of L1 that are looked at after each step, of all and of those that matter each; all of
them at the end."""
STRIDE = 7919

people = st.sampled_from([person.address for person in PEOPLE])
index = st.integers(0, 11)
visibilities = st.sampled_from([*Visibility, Visibility.LICENSED, Visibility.LICENSED])


class LicencePlay(Machine):
    @classmethod
    def build(cls, world: World) -> System:
        return build(world)

    def __init__(self) -> None:
        super().__init__()
        self.moods: dict[str, Mood] = dict.fromkeys(self.system.moody, Mood.ACCEPTS)
        self.shop = model(self.system, self.moods)
        self.licenses = self.system.licenses
        self.unasked: Counter[str] = Counter()
        self.keeps_no_count: set[str] = set()
        """Tokens that take a fee of what passes through the LicenseManager."""
        self.touched: set[str] = set()
        self.moved: set[int] = set()
        self.sold: Counter[int] = Counter()
        self.turn = 0

    # How the model and the chain meet

    def _do(self, sender: str, function: str, *arguments: Any, value: int = 0) -> Outcome:
        self.shop.now = self.world.now()
        return self.world.transact(sender, self.licenses, function, *arguments, value=value)

    def _manage(self, owner: str, function: str, *arguments: Any) -> None:
        made = self.world.transact(owner, self.system.registry, function, *arguments)
        self.world.expect_ok("L5", made)

    def _ends(self, made: Outcome, promise: str, change: Callable[[], Said]) -> bool:
        """With the events of the change, or with one of the errors that it raises."""
        try:
            expected = change()
        except Refused as refused:
            self._fails(made, refused, promise)
            return False
        self.world.expect_ok("L6" if promise == "L4" else promise, made)
        said = made.said(self.licenses)
        self.world.expect_true(promise, said == expected, f"it said {said}, and not {expected}")
        return True

    def _fails(self, made: Outcome, refused: Refused, promise: str) -> None:
        for name, arguments in refused.errors:
            if name == "LicenseManager_CannotPurchase":
                promise = "L2" if arguments[1] == Refusal.SOLD_OUT else "L5"
        errors = refused.errors
        fits = made.error is not None and (made.error in errors or STANDARD in errors)
        if not fits and len(errors) == 1:
            self.world.expect_failure(promise, made, errors[0][0] or "", *errors[0][1])
        ended = f"it ended with {made.error or 'success'}, and not one of {errors}"
        self.world.expect_true(promise, fits, ended)

    def _offer(self, i: int) -> int:
        """Of those that are known; now and then one that is not."""
        known = list(self.shop.offers)
        return known[i % len(known)] if known and i != 7 else 7

    def _seller(self, i: int, who: int) -> str:
        offer = self.shop.offers.get(self._offer(i))
        return offer.seller if offer and who % 4 else PEOPLE[who % 4].address

    def _token(self, i: int) -> str:
        """ETH as often as two tokens together."""
        tokens = [ETH, ETH, *self.system.tokens.values()]
        return tokens[i % len(tokens)]

    def _payout(self, i: int) -> str:
        splits: Sequence[str] = [split for split, _, _ in self.system.splits]
        wild = [self.system.moody[1], self.system.refusing, self.licenses, self.system.accepting]
        rare = {4: wild[self.turn % 2], 6: wild[2 + self.turn % 2]}
        return rare.get(i) or [*splits, NOBODY, *splits, PEOPLE[2].address][i % 8]

    # What always holds

    @invariant()
    def who_may_hear_what(self) -> None:
        """L1, of some accounts, works and offers."""
        self.shop.now = self.world.now()
        for triples in (self._triples(), self._what_matters()):
            for _ in range(min(SAMPLE, len(triples))):
                self.turn += 1
                self._look(*triples[self.turn * STRIDE % len(triples)])

    def _look_at_everything(self) -> None:
        """L1 and L5, of all."""
        self.shop.now = self.world.now()
        for triple in self._triples():
            self._look(*triple)
        for offer_id in [*self.shop.offers, 0, 7]:
            for account in self.system.accounts:
                expected = self.shop.quote(offer_id, account)
                self.world.expect("L5", expected, self.licenses, "quote", offer_id, account)

    def _triples(self) -> list[tuple[bytes, str, int]]:
        offers = [0, 7, *self.shop.offers]
        accounts = [*self.system.accounts, NOBODY]
        works = [*WORKS, UNKNOWN]
        return [(w, account, offer) for w in works for account in accounts for offer in offers]

    def _look(self, work: bytes, account: str, offer_id: int) -> None:
        expected = self.shop.has_access(work, account, offer_id)
        self.world.expect("L1", expected, self.licenses, "hasAccess", work, account, offer_id)

    def _what_matters(self) -> list[tuple[bytes, str, int]]:
        """Every licence that somebody holds or held, and every grant."""
        held = {key for key, units in self.shop.units.items() if units} | set(self.shop.expiries)
        licences = [
            (work, account, offer_id)
            for offer_id, account in sorted(held)
            for work in self.shop.offers[offer_id].certificates
        ]
        return [*licences, *((work, account, 0) for work, account in sorted(self.shop.grants))]

    def _look_at_what_matters(self) -> None:
        self.shop.now = self.world.now()
        for triple in self._what_matters():
            self._look(*triple)

    @invariant()
    def everybody_has_what_was_paid(self) -> None:
        """L4, of the coins that moved; and L3, by itself."""
        for address in sorted(self.touched):
            coin = self.shop.coins[address]
            for holder in self.system.holders:
                self._has("L4", coin, coin.balances[holder], holder)
            self._nothing_stays(address)
        self.touched.clear()

    def _nothing_stays(self, address: str) -> None:
        """L3, whatever the model says."""
        if address not in self.keeps_no_count:
            self._has("L3", self.shop.coins[address], self.unasked[address], self.licenses)

    def _has(self, promise: str, coin: Coin, amount: int, holder: str) -> None:
        if coin.address == ETH:
            self.world.expect_balance(promise, amount, holder)
            return
        token = next(t for t in self.system.tokens.values() if t == coin.address)
        self.world.expect(promise, amount, token, "balanceOf", holder)

    @invariant()
    def nothing_is_sold_past_its_cap(self) -> None:
        """L2, by itself, of the offers that moved; R5: units are those that were sold."""
        world = self.world
        for offer_id in sorted(self.moved & set(self.shop.offers)):
            offer = self.shop.offers[offer_id]
            found, state = world.call(self.licenses, "offerOf", offer_id)
            world.expect_true("L5", found == offer.plain(), "an offer changed")
            grew = state.sold > self.sold[offer_id]
            capped = not grew or not state.maxSupply or state.sold <= state.maxSupply
            world.expect_true("L2", capped, f"{state.sold} of {state.maxSupply} are sold")
            self.sold[offer_id] = state.sold
            sold = (offer.seller, offer.price, offer.max_supply, self.shop.sold[offer_id])
            expected = (*sold, offer.open, offer.closed)
            world.expect_true("L2", state == expected, f"{state} is not {expected}")
            units = 0
            for account in self.system.accounts:
                held = self.shop.units[offer_id, account]
                world.expect("R5", held, self.licenses, "balanceOf", account, offer_id)
                ends = self.shop.expiries.get((offer_id, account), 0)
                world.expect("L1", ends, self.licenses, "expiryOf", offer_id, account)
                units += held
            world.expect_true("R5", units == state.sold, f"{units} units of {state.sold} sold")
        self.moved.clear()

    def teardown(self) -> None:
        """Everything once more, that did not move too."""
        if self.world.disagreement is None:
            self.touched = set(self.shop.coins)
            self.moved = set(self.shop.offers)
            self._look_at_everything()
            self.everybody_has_what_was_paid()
            self.nothing_is_sold_past_its_cap()
