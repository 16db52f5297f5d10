"""Licences, bought in every way, by and for accounts of every temper.

L1 `hasAccess` equals the model for every actor, certificate and offer at every moment.
L2 supply caps hold.
L3 no call leaves value in LicenseManager, but what was sent to it unasked.
L4 a buyer pays the price, at most their maximum, and only by their own call or witness.
L5 a sleeping offer cannot be bought.
L6 no payee of a split and no referrer can block a sale (a hundred: test_licence_blockers.py).
R5 the laws of ERC-1155 (the interface ids: test_interfaces.py).
"""

from dataclasses import dataclass, replace

from hypothesis import strategies as st
from hypothesis.stateful import rule
from licence_owners import LicenceOwners
from licence_play import index, people
from licence_stage import PEOPLE, RELAYER, WORKS
from machine import run
from models.money import Purse
from models.permits import Order, permit2_digest, permit_digest
from models.registry import NOBODY, Said, Visibility
from models.splits import ETH
from signing import sign
from world import CHAIN_ID, Outcome

LATE = 2**40

slacks = st.sampled_from([0, 0, 0, 0, 0, -1, 1, 10**6, 0, 0])
wrongs = st.sampled_from([0, 0, 0, 0, 0, 1, -1, 0, 0, 0])
amounts = st.sampled_from([0, 1, 1, 1, 2])


@dataclass(frozen=True, slots=True)
class Signed:
    """A purchase that somebody signed for Permit2."""

    order: Order
    token: str
    payer: str
    nonce: int
    deadline: int
    signature: bytes
    signer: str


class Licences(LicenceOwners):
    promises = ("L1", "L2", "L3", "L4", "L5", "L6", "R5")
    examples = 100
    steps = 50

    def __init__(self) -> None:
        super().__init__()
        self.signed: list[Signed] = []

    # Purchases

    @rule(i=index, buyer=people, recipient=index, referrer=index, slack=slacks, wrong=wrongs)
    def buy(
        self, i: int, buyer: str, recipient: int, referrer: int, slack: int, wrong: int
    ) -> None:
        """With ETH or by allowance."""
        order = self._order(i, recipient, referrer, slack)
        self._purchase(buyer, order, max(0, self._due([order]) + wrong))

    @rule(
        items=st.lists(st.tuples(index, index, index, slacks), max_size=4),
        buyer=people,
        wrong=wrongs,
    )
    def buy_several(self, items: list[tuple[int, int, int, int]], buyer: str, wrong: int) -> None:
        """All or none."""
        orders = [self._order(*item) for item in items]
        value = max(0, self._due(orders) + wrong)
        plain = [order.plain() for order in orders]
        made = self._do(buyer, "purchaseBatch", plain, value=value)
        self._bought(made, orders, lambda: self.shop.buy(buyer, orders, value))

    @rule(i=index, to=index, buyer=people, count=st.sampled_from([1, 1, 2]))
    def buy_several_for_a_wei_too_much(self, i: int, to: int, buyer: str, count: int) -> None:
        """L3: which is not kept."""
        self.buy_several([(i, to, 0, 0)] * count, buyer, 1)

    @rule(i=index, buyer=people)
    def renew(self, i: int, buyer: str) -> None:
        """A pass that somebody holds, or held: for 1 wei too much, and for what it costs."""
        passes = list(self.shop.expiries)
        if passes:
            offer_id, holder = passes[i % len(passes)]
            self.wake(list(self.shop.offers).index(offer_id))
            order = Order(offer_id, holder, NOBODY, 2**128)
            due = self._due([order])
            self._purchase(buyer, order, due + 1)
            self._purchase(buyer, order, due)

    def _purchase(self, buyer: str, order: Order, value: int) -> None:
        made = self._do(buyer, "purchase", *order.plain(), value=value)
        self._bought(made, [order], lambda: self.shop.buy(buyer, [order], value))

    @rule(i=index, what=index, buyer=people)
    def buy_for_who_reenters(self, i: int, what: int, buyer: str) -> None:
        """And changes the very work's payout or visibility, or passes the licence on."""
        offer_id = self._wanted(i, False)
        if offer_id in self.shop.offers:
            work = self.shop.offers[offer_id].certificates[0]
            self.aim_recipient(what, WORKS.index(work), Visibility.WITHDRAWN)
            order = Order(offer_id, self.system.reentering, NOBODY, 2**128)
            self._purchase(buyer, order, self._due([order]))

    @rule(i=index, recipient=index, referrer=index)
    def buy_as_a_wallet(self, i: int, recipient: int, referrer: int) -> None:
        """By a contract, with ETH that somebody sends through it."""
        wallet = self.system.moody[0]
        order = self._order(i, recipient, referrer, 0)
        value = self._due([order])
        ether = self.shop.coins[ETH].balances
        made = self._as(wallet, self.licenses, "purchase", *order.plain(), value=value)
        ether[RELAYER.address] -= value
        ether[wallet] += value
        if not self._bought(made, [order], lambda: self.shop.buy(wallet, [order], value)):
            ether[RELAYER.address] += value
            ether[wallet] -= value

    @rule(
        i=index,
        buyer=people,
        recipient=index,
        slack=slacks,
        how=st.sampled_from(["good", "good", "sent before", "forged", "late"]),
    )
    def buy_with_permit(self, i: int, buyer: str, recipient: int, slack: int, how: str) -> None:
        """L4: only the payer's own permit counts, and its failure does not."""
        order = self._order(i, recipient, i, slack, True)
        offer = self.shop.offers.get(order.offer)
        coin = self.shop.coins[offer.token] if offer else None
        nonce = coin.nonces[buyer] if isinstance(coin, Purse) else 0
        deadline = self.world.now() - 1 if how == "late" else LATE
        permit = (CHAIN_ID, coin.address if coin else ETH, buyer, self.licenses)
        digest = permit_digest(*permit, order.most, nonce, deadline)
        owner = next(person for person in PEOPLE if person.address == buyer)
        signature = sign((PEOPLE[3] if how == "forged" else owner).key, digest).plain
        vrs = (signature[64], signature[:32], signature[32:64])
        good = how == "good" or (how == "forged" and owner is PEOPLE[3])
        if how == "sent before" and isinstance(coin, Purse) and coin.permits:
            self._permit_before(coin, buyer, order.most, (deadline, *vrs))
        made = self._do(buyer, "purchaseWithPermit", order.plain(), deadline, *vrs)
        self._bought(made, [order], lambda: self.shop.buy_with_permit(buyer, order, good))

    def _permit_before(
        self, coin: Purse, buyer: str, most: int, rest: tuple[int, int, bytes, bytes]
    ) -> None:
        token = self._contract_of(coin.address)
        permit = (buyer, self.licenses, most, *rest)
        assert self.world.transact(RELAYER.address, token, "permit", *permit).ok
        coin.nonces[buyer] += 1
        coin.approve(buyer, self.licenses, most)

    @rule(
        i=index,
        payer=st.integers(0, 4),
        recipient=index,
        referrer=index,
        slack=slacks,
        nonce=st.integers(0, 5),
        left=st.sampled_from([0, 60, LATE]),
        signer=st.sampled_from(["payer", "payer", "payer", "another"]),
    )
    def sign(
        self,
        i: int,
        payer: int,
        recipient: int,
        referrer: int,
        slack: int,
        nonce: int,
        left: int,
        signer: str,
    ) -> None:
        """For Permit2; the fifth payer is a wallet of the first's."""
        order = self._order(i, recipient, referrer, slack, True)
        self._sign(order, payer, nonce, left, signer)

    @rule(i=index, payer=st.integers(0, 3), nonce=st.integers(0, 5))
    def sign_in_eth(self, i: int, payer: int, nonce: int) -> None:
        """L4: which Permit2 does not move."""
        in_eth = [o for o, offer in self.shop.offers.items() if offer.token == ETH]
        if in_eth:
            offer_id = in_eth[i % len(in_eth)]
            self.wake(list(self.shop.offers).index(offer_id))
            order = Order(offer_id, PEOPLE[payer].address, NOBODY, 2**128)
            self._sign(order, payer, nonce, LATE, "payer")

    def _sign(self, order: Order, payer: int, nonce: int, left: int, signer: str) -> None:
        offer = self.shop.offers.get(order.offer)
        token = offer.token if offer else ETH
        owner = PEOPLE[payer % 4]
        deadline = self.world.now() + left
        digest = permit2_digest(CHAIN_ID, self.licenses, token, order, nonce, deadline)
        signing = owner if signer == "payer" else RELAYER
        account = self.system.wallet if payer == 4 else owner.address
        terms = (order, token, account, nonce, deadline, sign(signing.key, digest).plain)
        self.signed.append(Signed(*terms, signing.address))
        self.relay(0, 0, "", 0)

    @rule(
        i=index,
        by=index,
        altered=st.sampled_from(
            ["", "", "offer", "recipient", "referrer", "most", "payer", "nonce", "deadline"]
        ),
        j=index,
    )
    def relay(self, i: int, by: int, altered: str, j: int) -> None:
        """L4: whoever sends it, as it was signed, or a little different."""
        if not self.signed:
            return
        signed = self.signed[-1 - i % len(self.signed)]
        sent = self._altered(signed, altered, j)
        relayer = [RELAYER, *PEOPLE][by % 5].address
        terms = (sent.order.plain(), sent.payer, sent.nonce, sent.deadline, sent.signature)
        made = self._do(relayer, "purchaseWithPermit2", *terms)
        offer = self.shop.offers.get(sent.order.offer)
        good = replace(sent, payer=signed.payer) == signed and self.world.now() <= sent.deadline
        good = good and offer is not None and offer.token == sent.token
        good = good and signed.signer == self._signer_of(sent.payer)
        self._bought(
            made,
            [sent.order],
            lambda: self.shop.buy_with_permit2(relayer, sent.order, sent.payer, sent.nonce, good),
        )

    def _signer_of(self, payer: str) -> str:
        """Who signs for a payer. What is signed does not name the payer: an owner's signature for
        a wallet that takes it as it is pays from the owner's own account just as well."""
        return PEOPLE[0].address if payer == self.system.wallet else payer

    def _altered(self, signed: Signed, altered: str, j: int) -> Signed:
        order = signed.order
        changes = {
            "offer": lambda: {"order": replace(order, offer=self._offer(j))},
            "recipient": lambda: {"order": replace(order, recipient=PEOPLE[j % 4].address)},
            "referrer": lambda: {"order": replace(order, referrer=PEOPLE[j % 4].address)},
            "most": lambda: {"order": replace(order, most=order.most + 1 + j)},
            "payer": lambda: {"payer": PEOPLE[j % 4].address},
            "nonce": lambda: {"nonce": j},
            "deadline": lambda: {"deadline": signed.deadline + j},
        }
        return replace(signed, **changes[altered]()) if altered else signed

    def _order(
        self, i: int, recipient: int, referrer: int, slack: int, in_tokens: bool = False
    ) -> Order:
        offer_id = self._wanted(i, in_tokens)
        offer = self.shop.offers.get(offer_id)
        people = [person.address for person in PEOPLE]
        contracts = [self.system.accepting, self.system.reentering, self.system.refusing]
        rare = self.system.wallet if i % 2 else NOBODY
        recipients = [*people, *contracts, rare, *people[:2], self.system.reentering, people[0]]
        splits = [split for split, _, _ in self.system.splits]
        moody = self.system.moody
        referrers = [NOBODY, *moody, *moody, self.system.hungry, self.licenses, splits[1]]
        referrers += [PEOPLE[2].address, self.system.refusing, PEOPLE[3].address]
        return Order(
            offer_id,
            recipients[recipient % len(recipients)],
            referrers[referrer % len(referrers)],
            max(0, (offer.price if offer else 0) + slack),
        )

    def _due(self, orders: list[Order]) -> int:
        quotes = [self.shop.quote(order.offer, order.recipient) for order in orders]
        return sum(price for price, token, _ in quotes if token == ETH)

    def _bought(self, made: Outcome, orders: list[Order], change: object) -> bool:
        for order in orders:
            offer = self.shop.offers.get(order.offer)
            if offer:
                self.touched.add(offer.token)
                self.moved.add(order.offer)
        for address in sorted({*self.touched, ETH}):
            self._nothing_stays(address)
        return self._ends(made, "L4", change)

    # ERC-1155

    @rule(
        i=index,
        caller=st.one_of(st.none(), people),
        holder=index,
        to=index,
        more=st.lists(st.tuples(index, amounts), max_size=2),
        amount=amounts,
        together=st.booleans(),
    )
    def transfer(
        self,
        i: int,
        caller: str | None,
        holder: int,
        to: int,
        more: list[tuple[int, int]],
        amount: int,
        together: bool,
    ) -> None:
        """By the holder, or by somebody who may or may not."""
        accounts = [*self.system.accounts, NOBODY]
        owner, receiver = PEOPLE[holder % 4].address, accounts[to % len(accounts)]
        sender = caller or owner
        batch = [(self._offer(i), amount)]
        if together:
            batch += [(self._offer(j), n) for j, n in more]
            listed = ([each[0] for each in batch], [each[1] for each in batch])
            made = self._do(sender, "safeBatchTransferFrom", owner, receiver, *listed, b"")
        else:
            made = self._do(sender, "safeTransferFrom", owner, receiver, *batch[0], b"")
        self.moved.update(offer_id for offer_id, _ in batch)
        self._ends(
            made, "R5", lambda: self.shop.transfer(sender, owner, receiver, batch, not together)
        )

    @rule(i=index, owner=people, units=st.integers(0, 1))
    def pass_on(self, i: int, owner: str, units: int) -> None:
        """A unit that somebody holds, to who re-enters or to anyone."""
        held = sorted((o, a) for (o, a), n in self.shop.units.items() if n and a in PEOPLE_ONLY)
        if held:
            offer_id, holder = held[i % len(held)]
            known = list(self.shop.offers).index(offer_id)
            which = [p.address for p in PEOPLE].index(holder)
            self.transfer(known, None, which, i, [], 1, False)

    @rule(i=index, to=people, more=st.booleans())
    def pass_on_everything(self, i: int, to: str, more: bool) -> None:
        """At once, and perhaps nothing of what they do not hold: what transfers in front."""
        holders = sorted({a for (_, a), n in self.shop.units.items() if n and a in PEOPLE_ONLY})
        if holders:
            owner = holders[i % len(holders)]
            units = {o: int(self.shop.units[o, owner] > 0) for o in self.shop.offers}
            listed = [o for o in units if units[o] or more]
            listed.sort(key=lambda o: (not self.shop.offers[o].transferable, o))
            amounts = [units[o] for o in listed]
            made = self._do(owner, "safeBatchTransferFrom", owner, to, listed, amounts, b"")
            self.moved.update(listed)
            batch = list(zip(listed, amounts, strict=True))
            self._ends(made, "R5", lambda: self.shop.transfer(owner, owner, to, batch, False))

    @rule(owner=people, operator=people, approved=st.booleans())
    def set_approval_for_all(self, owner: str, operator: str, approved: bool) -> None:
        pair = (owner, operator)
        made = self._do(owner, "setApprovalForAll", operator, approved)

        def change() -> Said:
            (self.shop.operators.add if approved else self.shop.operators.discard)(pair)
            news = {"owner": owner, "operator": operator, "isApproved": approved}
            return [("ApprovalForAll", news)]

        self._ends(made, "R5", change)
        self.world.expect("R5", approved, self.licenses, "isApprovedForAll", *pair)

    @rule(items=st.lists(st.tuples(index, index), max_size=5))
    def count_many(self, items: list[tuple[int, int]]) -> None:
        accounts = self.system.accounts
        asked = [(accounts[a % len(accounts)], self._offer(o)) for a, o in items]
        expected = [self.shop.units[offer_id, account] for account, offer_id in asked]
        listed = ([account for account, _ in asked], [offer_id for _, offer_id in asked])
        self.world.expect("R5", expected, self.licenses, "balanceOfBatch", *listed)


PEOPLE_ONLY = frozenset(person.address for person in PEOPLE)


def test_licences() -> None:
    run(Licences)
