"""The whole system at once, with people who run ahead, turn, refuse, burn and call back.

T1 over the whole system no wei appears or vanishes, nor a unit of a plain token: what all accounts
   and contracts have is what there was and what was minted, and each wei is where the models of the
   registry, the shop, the splits and the escrow say: paid, credited, waiting, deposited or accrued.
"""

from collections.abc import Sequence
from typing import Any

import system_stage
from escrow_stage import DEVICES, signed
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from machine import run
from models.escrow import DAY, STAYS, Entry, Signed, Statement
from models.offers import Kind, Offer
from models.permits import Order, permit2_digest
from models.registry import commitment
from models.splits import ETH, Mood
from signing import sign
from system_books import WholeBooks
from system_stage import LATE, MALLORY, PEOPLE, RELAYER, WORKS, sync
from world import CHAIN_ID, actors

index = st.integers(0, 11)
people = st.sampled_from([person.address for person in PEOPLE])
sums = st.one_of(st.integers(0, 300), st.integers(0, 10**20))
prices = st.sampled_from([99, 0, 1, 10_001, 10**15 + 7])
picks = st.lists(index, min_size=1, max_size=3)
plays = st.lists(st.tuples(index, st.integers(0, 3), st.integers(0, 90)), min_size=1, max_size=4)
TERMS = b"\x07" * 32


class Everything(WholeBooks):
    examples = 60

    @initialize(i=index, price=prices, amount=st.integers(500, 10_000))
    def first(self, i: int, price: int, amount: int) -> None:
        self.offer(0, 0, price, 2, i)
        self.offer(0, 1, price, 3, i)
        for n in range(3):
            self.deposit(n, 2, amount)

    # Artists, and who runs ahead of them

    @rule(who=st.sampled_from(sorted(LATE)), i=index, relayed=st.booleans())
    def register_in_spite_of_mallory(self, who: int, i: int, relayed: bool) -> None:
        """She sends what she copied first: it is nobody's, or too young."""
        author, hashes, registry = actors()[who].address, [LATE[who]], self.books.registry
        if LATE[who] in registry.certificates:
            return
        works = system_stage.works_of(hashes, self.of(self.system.payouts, i))
        plain = [work.plain() for work in works]
        value = commitment(MALLORY.address, hashes, bytes(32))
        if relayed:
            self.send(MALLORY.address, "registry", "commit", value)
            registry.commit(value, self.world.now())
        stolen = self.send(MALLORY.address, "registry", "register", plain, bytes(32))
        self.world.expect_true("T1", not stolen.ok, "what was copied was registered first")
        made = self.send(author, "registry", "register", plain, bytes(32))
        self.world.expect_ok("T1", made)
        registry.register(author, works, bytes(32), made.time)
        sync(self.books)

    @rule(n=st.integers(0, 3), i=index)
    def set_payout(self, n: int, i: int) -> None:
        known, payout = self.books.registry.certificates[WORKS[n]], self.of(self.system.payouts, i)
        self.world.expect_ok(
            "T1", self.send(known.owner, "registry", "setPayout", WORKS[n], payout)
        )
        known.payout = payout
        sync(self.books)

    @rule(to=people)
    def transfer(self, to: str) -> None:
        """Of one only, so that not every offer sleeps in the end."""
        n = 1
        owner = self.books.registry.certificates[WORKS[n]].owner
        token = int.from_bytes(WORKS[n])
        self.world.expect_ok("T1", self.send(owner, "registry", "transferFrom", owner, to, token))
        self.books.registry.transfer(owner, to, WORKS[n])
        sync(self.books)

    @rule(n=index, j=index, price=prices, count=st.integers(1, 3), bps=index)
    def offer(self, n: int, j: int, price: int, count: int, bps: int) -> None:
        """Of some of what its seller owns; for ever, or for a day."""
        seller = self.of(PEOPLE, n).address
        certificates = self.books.registry.certificates
        owned = sorted(work for work, known in certificates.items() if known.owner == seller)
        if not owned:
            return
        kind, duration = (Kind.PASS, DAY) if n % 3 == 2 else (Kind.PERPETUAL, 0)
        salt = len(self.offers).to_bytes(32)
        made = Offer(
            seller,
            tuple(owned[:count]),
            kind,
            self.of(self.coins, j).address,
            *(duration, False, self.of([0, 250, 5000], bps), TERMS, salt, price),
        )
        self.world.expect_ok(
            "T1", self.send(seller, "licenses", "createOffer", made.plain(), price, 0)
        )
        self.books.shop.create(made)
        self.offers.append(made)

    # Buyers, and who runs ahead of them

    @rule(chosen=picks, buyer=people, to=index, referrer=index, short=st.sampled_from([0, 0, 0, 1]))
    def buy(self, chosen: list[int], buyer: str, to: int, referrer: int, short: int) -> None:
        """One or several at once, in ETH and by allowance."""
        orders = [self.order(n, to, referrer) for n in chosen]
        value = sum(o.most for o in orders if self.books.shop.offers[o.offer].token == ETH)
        value = max(0, value - short)
        listed = [order.plain() for order in orders]
        if len(orders) == 1:
            arguments: tuple[Any, ...] = ("purchase", *listed[0])
        else:
            arguments = ("purchaseBatch", listed)
        made = self.send(buyer, "licenses", *arguments, value=value)
        self.does(made, "licenses", lambda: self.books.shop.buy(buyer, orders, value))

    @rule(n=index, to=index, referrer=index, wallet=st.booleans(), greedy=st.booleans())
    def buy_by_permit2(self, n: int, to: int, referrer: int, wallet: bool, greedy: bool) -> None:
        """Mallory copies the order and sends it first, as it is or for herself; the relayer's own
        is then too late. It is paid once."""
        order = self.order(n, to, referrer)
        offer = self.books.shop.offers[order.offer]
        payer = str(self.system["wallet"]) if wallet else PEOPLE[3].address
        signer = PEOPLE[0] if wallet else PEOPLE[3]
        self.nonce += 1
        deadline = self.world.now()
        arguments = (self.licenses, offer.token, order, self.nonce, deadline)
        signature = sign(signer.key, permit2_digest(CHAIN_ID, *arguments)).plain
        hers = Order(order.offer, MALLORY.address, MALLORY.address, order.most) if greedy else order
        for sender, sent in ((MALLORY, hers), (RELAYER, order)):
            made = self.send(
                sender.address,
                "licenses",
                *("purchaseWithPermit2", sent.plain(), payer, self.nonce, deadline, signature),
            )
            good, relayer, number = sent == order, sender.address, self.nonce
            self.does(
                made,
                "licenses",
                lambda sent=sent, relayer=relayer, number=number, good=good: (
                    self.books.shop.buy_with_permit2(relayer, sent, payer, number, good)
                ),
            )

    @rule(i=index, mood=st.sampled_from(Mood), buyer=people, nested=st.booleans())
    def buy_from_a_split(self, i: int, mood: Mood, buyer: str, nested: bool) -> None:
        """One of whose payees just turned; and again, while it is owed what it refused."""
        self.feel(i % 2, mood)
        self.set_payout(0, int(nested))
        for _ in range(2):
            self.buy([0], buyer, i % 4, i, 0)

    # Listeners, and who runs ahead of them

    @rule(i=index, n=index, amount=sums)
    def deposit(self, i: int, n: int, amount: int) -> None:
        account, payer = self.of(self.accounts, i), self.of(PEOPLE, n).address
        coin = self.books.coins[account[2]]
        value = amount if coin is self.books.ether else 0
        made = self.send(payer, "escrow", "deposit", *account, amount, value=value)
        errors = self.books.escrow.deposit_errors(account, coin, payer, amount, value)
        self.does(
            made, "escrow", lambda: self.books.escrow.deposit(account, coin, payer, amount), errors
        )

    @rule(i=index, listed=plays, chosen=st.lists(index, max_size=2), ahead=st.booleans())
    def play(
        self, i: int, listed: Sequence[tuple[int, int, int]], chosen: list[int], ahead: bool
    ) -> None:
        """Whoever sends a statement first, it says the same, and only once."""
        listener, device, token = account = self.of(self.accounts, i)
        recorded, said = dict(self.books.escrow.recorded), list[Entry]()
        for n, more, amount in listed:
            work = self.of([*WORKS, LATE[1]], n)
            before = recorded.get((account, work), (0, 0))
            recorded[account, work] = (before[0] + more, before[1] + amount)
            said.append(Entry(work, *recorded[account, work]))
        statement = Statement(listener, token, tuple(said))
        self.statements.append(signed(self.escrow, statement, DEVICES.index(device), "plain"))
        batch = [self.statements[-1], *(self.of(self.statements, n) for n in chosen)]
        for sender in [MALLORY.address, RELAYER.address][not ahead :]:
            made = self.send(sender, "escrow", "record", [each.plain() for each in batch])
            self.does(made, "escrow", lambda: self.books.escrow.record(batch))

    @rule(i=index, amount=st.integers(1, 5000), to=index)
    def withdraw(self, i: int, amount: int, to: int) -> None:
        listener, device, token = account = self.of(self.accounts, i)
        escrow, receiver = self.books.escrow, self.of(self.system.payouts, to)
        made = self.send(listener, "escrow", "requestWithdrawal", device, token, amount)
        self.does(made, "escrow", lambda: escrow.request(account, amount, made.time))
        self.world.warp(DAY)
        coin = self.books.coins[token]
        errors = escrow.withdraw_errors(account, coin, receiver, self.world.now())
        made = self.send(listener, "escrow", "withdraw", device, token, receiver)
        self.does(made, "escrow", lambda: escrow.withdraw(account, coin, receiver), errors)

    @rule(i=index, n=index, sender=people)
    def play_for(self, i: int, n: int, sender: str) -> None:
        """Paid out at once, to whoever is the payout."""
        self.set_payout(0, n)
        self.deposit(i, n, 300)
        self.play(i, [(0, 1, 200)], [], n % 2 == 0)
        self.release(n, sender)

    @rule(i=index, sender=people)
    def release(self, i: int, sender: str) -> None:
        owed = [key for key, amount in self.books.escrow.accrued.items() if amount > STAYS]
        if owed:
            payout, token = self.of(owed, i)
            coin = self.books.coins[token]
            errors = self.books.escrow.release_errors(payout, coin)
            made = self.send(sender, "escrow", "release", payout, token)
            self.does(made, "escrow", lambda: self.books.escrow.release(payout, coin), errors)

    # Payees

    @rule(i=index, j=index, sender=people, value=sums)
    def distribute(self, i: int, j: int, sender: str, value: int) -> None:
        split, coin = self.of(self.system.splits, i)[0], self.of(self.coins, j)
        made = self.world.transact(sender, split, "distribute", coin.address, value=value)
        self.world.expect_ok("T1", made)
        ether = self.books.ether
        ether.balances[sender] -= value
        ether.balances[split] += value
        self.books.splits[split].distribute(coin)

    @rule(i=index, to=index)
    def withdraw_credit(self, i: int, to: int) -> None:
        owed = [
            (at, split, coin, payee)
            for at, _, _ in self.system.splits
            for split in [self.books.splits[at]]
            for (coin, payee), amount in sorted(split.credit.items())
            if amount
        ]
        if owed:
            at, split, token, payee = self.of(owed, i)
            made = self.world.transact(RELAYER.address, at, "withdraw", token, payee)
            paid = split.withdraw(self.books.coins[token], payee, payee)
            self.world.expect_true(
                "T1", made.ok == isinstance(paid, int), f"a credit: {made.error}"
            )

    @rule(i=index, mood=st.sampled_from(Mood))
    def feel(self, i: int, mood: Mood) -> None:
        """Who re-enters calls its payer's `distribute`: only a split has one, and refuses."""
        payee = self.of(self.system.moody, i)
        data = self.system.splits[0][0].function("distribute", 1).encode([ETH])
        system_stage.sure(self.world.transact(RELAYER.address, payee, "feel", mood, data))
        self.books.ether.moods[payee] = mood

    @rule(i=index, value=st.booleans())
    def block(self, i: int, value: bool) -> None:
        token = self.system.tokens["BlocklistToken"]
        account = self.of([*self.system.payouts, *(p.address for p in PEOPLE)], i)
        system_stage.sure(self.world.transact(RELAYER.address, token, "mark", account, value))
        marked = self.books.coins[token].marked
        (marked.add if value else marked.discard)(account)

    @rule(kind=st.sampled_from(["release", "distribute", "deposit", "record"]), i=index)
    def wake(self, kind: str, i: int) -> None:
        """What the re-entering payee does whenever it is paid, by the shop or by the escrow."""
        reenterer, account = self.system["reenterer"], self.accounts[0]
        split = self.system.splits[i % 2][0]
        batch = [self.of(self.statements, i)] if self.statements else []
        target = split if kind == "distribute" else self.escrow
        given: dict[str, list[Any]] = {
            "release": [reenterer, ETH],
            "distribute": [ETH],
            "deposit": [*account, 1],
            "record": [[each.plain() for each in batch]],
        }
        data = target.function(kind, len(given[kind])).encode(given[kind])
        value = 1 if kind == "deposit" else 0
        for function, *arguments in (("sends", value), ("aim", target, data, False)):
            made = self.world.transact(RELAYER.address, reenterer, str(function), *arguments)
            system_stage.sure(made)
        self.books.ether.deed = lambda: self.deed(kind, str(split), batch)

    def deed(self, kind: str, split: str, batch: Sequence[Signed]) -> None:
        escrow, ether, me = self.books.escrow, self.books.ether, str(self.system["reenterer"])
        if kind == "distribute":
            self.books.splits[split].distribute(ether)
        elif kind == "record":
            escrow.record(batch)
        elif "escrow" not in self.inside:
            self.inside.add("escrow")
            if kind == "deposit":
                escrow.deposit(self.accounts[0], ether, me, 1)
            elif not escrow.release_errors(me, ether):
                escrow.release(me, ether)
            self.inside.discard("escrow")

    # Money that nobody asked for

    @rule(i=index, j=index, amount=sums)
    def give_unasked(self, i: int, j: int, amount: int) -> None:
        """ETH by force, and tokens, to splits, to contracts that hold nothing, to anybody."""
        coin, to = self.of(self.coins, j), self.of(self.system.everybody[20:], i)
        if coin is self.books.ether:
            self.world.fund(to, amount)
        else:
            token = self.token(coin)
            system_stage.sure(self.world.transact(RELAYER.address, token, "mint", to, amount))
        coin.balances[to] += amount
        self.books.minted[coin.address] += amount
        if to == self.escrow:
            self.books.escrow.unasked[coin.address] += amount


def test_everything() -> None:
    run(Everything)
