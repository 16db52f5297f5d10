"""How the models of the whole system meet the chain: where every wei is."""

from collections.abc import Callable, Sequence
from typing import Any

import system_stage
from escrow_stage import DEVICES
from hypothesis.stateful import invariant
from machine import Machine
from models.escrow import Account, Signed
from models.offers import Offer, Refused
from models.permits import Order
from models.registry import Errors
from models.splits import Coin
from system_stage import PEOPLE, PLAIN, System
from world import Contract, Outcome, World


class WholeBooks(Machine):
    """inside: the guarded contracts that the transaction is in; checked: what coins were when they
    were last compared to the chain."""

    promises = ("T1",)

    @classmethod
    def build(cls, world: World) -> System:
        return system_stage.build(world)

    def __init__(self) -> None:
        super().__init__()
        self.books = system_stage.open_books(self.world, self.system)
        self.licenses, self.escrow = self.system["licenses"], self.system["escrow"]
        self.coins = list(self.books.coins.values())
        self.offers: list[Offer] = []
        self.accounts: list[Account] = [
            (PEOPLE[n].address, DEVICES[n], coin.address) for coin in self.coins for n in (0, 1)
        ]
        self.statements: list[Signed] = []
        self.nonce = 0
        self.inside: set[str] = set()
        self.checked: dict[str, dict[str, int]] = {}

    # Words for what rules draw

    def of(self, listed: Sequence[Any], i: int) -> Any:
        return listed[i % len(listed)]

    def token(self, coin: Coin) -> Contract:
        return next(t for t in self.system.tokens.values() if t == coin.address)

    def order(self, n: int, to: int, referrer: int) -> Order:
        """For a person, or now and then for a contract that refuses. Who re-enters refers nobody:
        what it gets done with a referrer's gas depends on what is warm."""
        offer: Offer = self.of(self.offers, n)
        recipients = [*(person.address for person in PEOPLE), str(self.system["wallet"])]
        referrers = [p for p in self.system.payouts if p != self.system["reenterer"]]
        return Order(offer.id, self.of(recipients, to), self.of(referrers, referrer), offer.price)

    # What is done

    def send(
        self, sender: str, contract: str, function: str, *arguments: Any, value: int = 0
    ) -> Outcome:
        made = self.world.transact(sender, self.system[contract], function, *arguments, value=value)
        self.books.shop.now = made.time
        return made

    def does(
        self, made: Outcome, where: str, deed: Callable[[], object], errors: Errors | None = None
    ) -> None:
        """It ends as the model's does, which is undone if it is refused."""
        escrow = self.books.escrow
        books: list[dict[Any, Any]] = [
            *(escrow.balances, escrow.requests, escrow.recorded, escrow.accrued),
            *(escrow.deposited, escrow.withdrawn, escrow.unasked),
        ]
        before = [dict(book) for book in books]
        self.inside = {where}
        refused: Errors = list(errors or [])
        try:
            if not refused:
                deed()
        except Refused as why:
            refused = why.errors
            for book, old in zip(books, before, strict=True):
                book.clear()
                dict.update(book, old)
        if refused:
            text = f"it ended well, and not with one of {refused}"
            self.world.expect_true("T1", not made.ok, text)
        else:
            self.world.expect_ok("T1", made)

    # What always holds

    @invariant()
    def money_that_moved_is_where_it_belongs(self) -> None:
        """Coins that did not move by the models are looked at again by `teardown`."""
        for coin in self.coins:
            if self.checked.get(coin.address) != coin.balances:
                self.check(coin)

    def check(self, coin: Coin) -> None:
        """T1."""
        self._check_sum(coin)
        for account in self.system.everybody:
            if coin is self.books.ether:
                self.world.expect_balance("T1", coin.balances[account], account)
            else:
                expected = coin.balances[account]
                self.world.expect("T1", expected, self.token(coin), "balanceOf", account)
        self._check_splits(coin)
        self._check_escrow(coin)
        self.checked[coin.address] = dict(coin.balances)

    def _check_sum(self, coin: Coin) -> None:
        """Of everybody on chain: what there was, and what was minted; a token's fee is burnt."""
        world, everybody = self.world, self.system.everybody
        made = self.books.minted[coin.address]
        if coin is self.books.ether:
            found = sum(world.balance(account) for account in everybody)
        else:
            token = self.token(coin)
            found = sum(world.call(token, "balanceOf", account) for account in everybody)
            world.expect("T1", found, token, "totalSupply")
            made = made if token.name in PLAIN else found
        world.expect_true("T1", found == made, f"there are {found} of {made} units")

    def _check_splits(self, coin: Coin) -> None:
        """Waiting is what a split has and does not owe."""
        for at, payees, _ in self.system.splits:
            split = self.books.splits[at]
            owed = split.owed(coin.address)
            self.world.expect("T1", owed, at, "totalCredit", coin.address)
            self.world.expect_true("T1", coin.balances[at] >= owed, "a split owes what it lacks")
            for payee in payees:
                credit = split.credit[coin.address, payee]
                self.world.expect("T1", credit, at, "creditOf", coin.address, payee)

    def _check_escrow(self, coin: Coin) -> None:
        world, escrow = self.world, self.books.escrow
        accounts = [account for account in self.accounts if account[2] == coin.address]
        payouts = sorted(payout for payout, token in escrow.accrued if token == coin.address)
        for account in accounts:
            found = world.call(self.escrow, "accountOf", *account)[0]
            world.expect_true("T1", found == escrow.balances[account], f"an account has {found}")
        for payout in payouts:
            owed = escrow.accrued[payout, coin.address]
            world.expect("T1", owed, self.escrow, "accruedOf", payout, coin.address)
        whole = escrow.owes(coin.address) + escrow.unasked[coin.address]
        held = coin.balances[self.escrow]
        world.expect_true("T1", whole == held, f"the escrow holds {held}, and owes {whole}")

    def teardown(self) -> None:
        if self.world.disagreement is None:
            for coin in self.coins:
                self.check(coin)
