"""What owners do with offers, works and grants, and what time does to passes."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from licence_play import index, people, visibilities
from licence_stage import PEOPLE, UNKNOWN, WORKS
from licence_tempers import LicenceTempers
from models.offers import Kind, Offer, Refusal
from models.registry import NOBODY, Visibility
from models.splits import ETH, Mood

MOST_OFFERS = 10
prices = st.one_of(st.integers(0, 7), st.integers(0, 20_011), st.just(10**18 + 7))
durations = st.sampled_from([1, 60, 86_400, 2**64 - 1])
supplies = st.sampled_from([0, 0, 1, 2, 3])
FAULTS: dict[str, dict[str, Any]] = {
    "a pass that transfers": {"kind": Kind.PASS, "duration": 60, "transferable": True},
    "a pass without an end": {"kind": Kind.PASS},
    "a licence with an end": {"duration": 60},
    "a play for nothing": {"kind": Kind.PER_PLAY, "price": 0},
    "too much for referrers": {"referral_bps": 5001},
    "a token without code": {"token": PEOPLE[0].address},
    "no work": {"certificates": ()},
}
"""What an offer that is else right may not be."""


class LicenceOwners(LicenceTempers):
    # Offers

    @initialize(
        payouts=st.lists(st.sampled_from([0, 1, 2, 3, 5] * 2 + [6]), min_size=6, max_size=6),
        tokens=st.lists(index, min_size=2, max_size=2),
        price=prices,
        duration=st.sampled_from([60, 60, 2**64 - 1]),
        moods=st.lists(st.sampled_from(Mood), min_size=2, max_size=2),
    )
    def first(
        self, payouts: list[int], tokens: list[int], price: int, duration: int, moods: list[Mood]
    ) -> None:
        """A pass for ETH over alice's works, and something in a token of either seller."""
        for i, mood in enumerate(moods):
            self.feel(i, mood, i)
        for i, payout in enumerate(payouts):
            self.set_payout(i, payout)
        for i in (0, 5):
            self.grant(i, NOBODY, True, 2 + i, True)
        self.create_offer(0, 15, Kind.PASS, 0, price, duration, False, 1000, 0, 0)
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

    @rule(seller=people, fault=st.sampled_from([*FAULTS, "a work twice", "another's work"]))
    def create_wrongly(self, seller: str, fault: str) -> None:
        """Right but for one thing."""
        own = sorted(w for w, found in self.shop.certificates.items() if found.owner == seller)
        if own and len(self.shop.offers) < MOST_OFFERS:
            rights = (0, False, 1000, WORKS[0], b"\x09" * 32)
            offer = Offer(seller, tuple(own), Kind.PERPETUAL, ETH, *rights, 1000)
            listed = {"a work twice": (own[0], *own), "another's work": (*own, UNKNOWN)}
            change = FAULTS.get(fault) or {"certificates": listed[fault]}
            self._create(replace(offer, **change))

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

    @rule(i=index)
    def wait_for_an_end(self, i: int) -> None:
        """The last second of a pass, the one where it is over, and the next."""
        ends = sorted({end for end in self.shop.expiries.values() if end > self.world.now()})
        if ends and ends[i % len(ends)] < 2**60:
            for seconds in (ends[i % len(ends)] - 1 - self.world.now(), 1, 1):
                self.world.warp(seconds)
                self._look_at_what_matters()

    @rule(i=index, visibility=st.sampled_from(Visibility))
    def withdraw_for_a_while(self, i: int, visibility: Visibility) -> None:
        """What somebody may hear goes, and comes back."""
        works = sorted({work for work, _, _ in self._what_matters()})
        if works:
            work = WORKS.index(works[i % len(works)])
            before = self.shop.certificates[WORKS[work]].visibility
            for each in (Visibility.WITHDRAWN, visibility, before):
                self.set_visibility(work, each)
                self._look_at_what_matters()

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
