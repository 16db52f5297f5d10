"""What is true of licences after every step, and what owners do with works, offers and grants."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from licence_stage import PEOPLE, RELAYER, UNKNOWN, WORKS, System, build, model
from machine import Machine
from models.offers import Kind, Offer, Refusal, Refused
from models.registry import NOBODY, STANDARD, Said, Visibility
from models.splits import ETH, Coin, Mood
from world import Contract, Outcome, World

SAMPLE = 10
"""Triples of L1 that are looked at after each step; all of them at the end, and now and then."""
STRIDE = 7919
MOST_OFFERS = 10

people = st.sampled_from([person.address for person in PEOPLE])
index = st.integers(0, 11)
prices = st.one_of(st.integers(0, 7), st.integers(0, 20_011), st.just(10**18 + 7))
durations = st.sampled_from([1, 60, 86_400, 2**64 - 1])
supplies = st.sampled_from([0, 0, 1, 2, 3])
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

    # Offers

    @initialize(
        payouts=st.lists(st.sampled_from([0, 1, 2, 3, 5]), min_size=6, max_size=6),
        tokens=st.lists(index, min_size=2, max_size=2),
        price=prices,
        moods=st.lists(st.sampled_from(Mood), min_size=2, max_size=2),
    )
    def first(self, payouts: list[int], tokens: list[int], price: int, moods: list[Mood]) -> None:
        """A pass for ETH over alice's works, and something in a token of either seller."""
        for i, mood in enumerate(moods):
            self.feel(i, mood, i)
        for i, payout in enumerate(payouts):
            self.set_payout(i, payout)
        self.create_offer(0, 15, Kind.PASS, 0, price, 60, False, 1000, 0, 0)
        self.create_offer(0, 7, Kind.PERPETUAL, tokens[0], 20_011, 0, True, 5000, 2, 0)
        self.create_offer(1, 3, Kind.PERPETUAL, tokens[1], price, 0, True, 2500, 0, 1)

    @rule(
        who=index,
        mask=st.integers(1, 63),
        kind=st.sampled_from(Kind),
        token=index,
        price=prices,
        duration=durations,
        transferable=st.booleans(),
        bps=st.sampled_from([0, 1, 1000, 5000]),
        supply=supplies,
        salt=st.integers(0, 1),
    )
    def create_offer(
        self,
        who: int,
        mask: int,
        kind: Kind,
        token: int,
        price: int,
        duration: int,
        transferable: bool,
        bps: int,
        supply: int,
        salt: int,
    ) -> None:
        """Over some of the seller's works."""
        seller = PEOPLE[who % 4].address
        owned = [w for w, found in self.shop.certificates.items() if found.owner == seller]
        chosen = [work for i, work in enumerate(sorted(owned)) if mask >> i & 1] or owned[:1]
        if len(self.shop.offers) >= MOST_OFFERS:
            return
        passes = kind == Kind.PASS
        duration = duration if passes else 0
        rights = (duration, transferable and not passes, bps, WORKS[0], bytes([salt]) * 32)
        price = price or int(kind == Kind.PER_PLAY)
        self._create(Offer(seller, tuple(chosen), kind, self._token(token), *rights, price, supply))

    @rule(
        seller=people,
        listed=st.one_of(
            st.lists(st.sampled_from([*WORKS, UNKNOWN]), max_size=3), st.just([WORKS[0]] * 65)
        ),
        kind=st.sampled_from(Kind),
        token=st.sampled_from([ETH, PEOPLE[0].address]),
        price=st.integers(0, 1),
        duration=st.sampled_from([0, 0, 5]),
        transferable=st.booleans(),
        bps=st.sampled_from([0, 5000, 5001, 65_535]),
    )
    def create_anything(
        self,
        seller: str,
        listed: list[bytes],
        kind: Kind,
        token: str,
        price: int,
        duration: int,
        transferable: bool,
        bps: int,
    ) -> None:
        """Now and then it is an offer."""
        if len(self.shop.offers) < MOST_OFFERS:
            rights = (duration, transferable, bps, WORKS[0], bytes(32))
            self._create(Offer(seller, tuple(listed), kind, token, *rights, price))

    def _create(self, offer: Offer) -> None:
        changeable = (offer.price, offer.max_supply)
        made = self._do(offer.seller, "createOffer", offer.plain(), *changeable)
        if self._ends(made, "L5", lambda: self.shop.create(offer)):
            self.world.expect_true("L5", made.result == offer.id, "an offer has another id")
            self.moved.add(offer.id)

    @rule(i=index, who=index, price=prices, supply=supplies, open_=st.sampled_from([1, 1, 0]))
    def update_offer(self, i: int, who: int, price: int, supply: int, open_: int) -> None:
        """By its seller mostly; the cap may fall below what is sold."""
        self._update(self._seller(i, who), self._offer(i), price, supply, bool(open_))

    def _update(self, caller: str, offer_id: int, price: int, supply: int, open_: bool) -> None:
        made = self._do(caller, "updateOffer", offer_id, price, supply, open_)
        self._ends(made, "L5", lambda: self.shop.update(caller, offer_id, price, supply, open_))
        self.moved.add(offer_id)

    @rule(i=index, who=index)
    def close_offer(self, i: int, who: int) -> None:
        """Mostly by somebody who may not."""
        offer_id, caller = self._offer(i), self._seller(i, 1 if who == 6 else 0)
        made = self._do(caller, "closeOffer", offer_id)
        self._ends(made, "L5", lambda: self.shop.close(caller, offer_id))
        self.moved.add(offer_id)

    # Works and grants

    @rule(i=index, to=people)
    def transfer_certificate(self, i: int, to: str) -> None:
        """Its offers sleep; when it comes back they wake."""
        work = WORKS[i % 6]
        owner = self.shop.certificates[work].owner
        self._manage(owner, "transferFrom", owner, to, int.from_bytes(work))
        self.shop.change(work, owner=to)

    @rule(i=index, visibility=visibilities)
    def set_visibility(self, i: int, visibility: Visibility) -> None:
        work = WORKS[i % 6]
        owner = self.shop.certificates[work].owner
        self._manage(owner, "setVisibility", work, visibility)
        self.shop.change(work, visibility=visibility)

    @rule(i=index)
    def wake(self, i: int) -> None:
        """Everything that keeps an offer from being sold ends, if it can."""
        offer_id = self._offer(i)
        offer = self.shop.offers.get(offer_id)
        if offer is None or offer.closed:
            return
        for work in offer.certificates:
            found = self.shop.certificates[work]
            if found.owner != offer.seller:
                self.transfer_certificate(WORKS.index(work), offer.seller)
            if found.visibility != Visibility.LICENSED:
                self.set_visibility(WORKS.index(work), Visibility.LICENSED)
        if self.shop.quote(offer_id, NOBODY)[2] in (Refusal.PAUSED, Refusal.SOLD_OUT):
            self._update(offer.seller, offer_id, offer.price, 0, True)

    @rule(i=index, payout=index)
    def set_payout(self, i: int, payout: int) -> None:
        """Mostly to a split, whoever its payees are."""
        work = WORKS[i % 6]
        owner = self.shop.certificates[work].owner
        chosen = self._payout(payout)
        self._manage(owner, "setPayout", work, chosen)
        self.shop.change(work, payout=chosen)

    @rule(i=index, caller=people, own=st.booleans(), whom=index, given=st.booleans())
    def grant(self, i: int, caller: str, own: bool, whom: int, given: bool) -> None:
        work = [*WORKS, UNKNOWN][i % 7]
        if own and work != UNKNOWN:
            caller = self.shop.certificates[work].owner
        accounts = [*self.system.accounts, NOBODY]
        account = accounts[whom % len(accounts)]
        made = self._do(caller, "grant" if given else "revokeGrant", work, account)
        self._ends(made, "L1", lambda: self.shop.grant(caller, work, account, given))

    @rule(seconds=st.sampled_from([1, 59, 60, 86_400]))
    def wait(self, seconds: int) -> None:
        self.world.warp(seconds)

    @rule(i=index, offset=st.sampled_from([-1, 0, 0, 1]))
    def wait_for_an_end(self, i: int, offset: int) -> None:
        """To the last second of a pass, or the one where it is over."""
        ends = sorted(set(self.shop.expiries.values()))
        ends = [end for end in ends if self.world.now() <= end + offset < 2**60]
        if ends:
            self.world.warp(ends[i % len(ends)] + offset - self.world.now())
            self.shop.now = self.world.now()
            self._look_at_passes()

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

    def _wanted(self, i: int, in_tokens: bool) -> int:
        """Mostly one that can be bought, and in what is wanted."""
        if i == 5:
            return self._offer(i)
        wanted = [
            offer_id
            for offer_id, offer in self.shop.offers.items()
            if not offer.closed and offer.kind != Kind.PER_PLAY
            if not in_tokens or offer.token != ETH
        ]
        awake = [o for o in wanted if self.shop.quote(o, NOBODY)[2] == Refusal.NONE]
        if not wanted and len(self.shop.offers) < MOST_OFFERS:
            self.create_offer(i, 7, Kind.PERPETUAL, i | 2, 1000 + i, 0, True, 1000, 0, i % 2)
            return list(self.shop.offers)[-1]
        if wanted and not awake:
            self.wake(list(self.shop.offers).index(wanted[i % len(wanted)]))
            awake = wanted
        return awake[i % len(awake)] if awake else self._offer(i)

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
        rare = {4: wild[0], 6: wild[self.turn % 4]}
        return rare.get(i) or [*splits, NOBODY, *splits, PEOPLE[2].address][i % 8]

    # What always holds

    @invariant()
    def who_may_hear_what(self) -> None:
        """L1, of some accounts, works and offers."""
        self.shop.now = self.world.now()
        triples = self._triples()
        for _ in range(SAMPLE):
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

    def _look_at_passes(self) -> None:
        for offer_id, account in self.shop.expiries:
            self._look(self.shop.offers[offer_id].certificates[0], account, offer_id)

    @invariant()
    def everybody_has_what_was_paid(self) -> None:
        """L4, of the coins that moved; and L3, by itself."""
        for address in sorted(self.touched):
            coin = self.shop.coins[address]
            for holder in self.system.holders:
                self._has("L4", coin, coin.balances[holder], holder)
            if address not in self.keeps_no_count:
                self._has("L3", coin, self.unasked[address], self.licenses)
        self.touched.clear()

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

    # What tempers are

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
