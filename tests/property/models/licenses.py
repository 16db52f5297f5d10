"""What purchases and transfers of licences do, written from ILicenseManager and ERC-1155."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from models.money import PERMIT2, Purse
from models.offers import Kind, Offer, Offers, Refusal, Refused, Temper
from models.permits import Order
from models.registry import NOBODY, STANDARD, Errors, Said
from models.splits import BASIS_POINTS, ETH, Coin

NEVER_ENDS = 2**64 - 1


class Shop(Offers):
    """Everybody buys here."""

    # Purchases

    def buy(self, sender: str, orders: Sequence[Order], value: int) -> Said:
        """With ETH that comes along, or by allowance: all of them or none."""
        prices = [self.quote(order.offer, order.recipient)[:2] for order in orders]
        due = sum(price for price, token in prices if token == ETH)
        wrong = [] if due == value else [("LicenseManager_WrongPayment", (due, value))]
        if not orders:
            raise Refused(("LicenseManager_NothingToPurchase", ()), *wrong)
        with self._all_or_nothing():
            ether = self.coins[ETH]
            assert _shift(ether, sender, self.address, value)
            said: Said = []
            spent = 0
            try:
                for order, (price, token) in zip(orders, prices, strict=True):
                    spent += price if token == ETH else 0
                    if spent > value:
                        wrong.append(("LicenseManager_WrongPayment", (spent, value)))
                    source = self.address if token == ETH else sender
                    said += self._buy(order, sender, sender, source, lambda: None, wrong)
            except Refused as refused:
                several = [STANDARD] if wrong and len(orders) > 1 else []
                raise Refused(*refused.errors, *wrong, *several) from None
            if spent != value:
                raise Refused(*wrong)
            return said

    def buy_with_permit(self, sender: str, order: Order, permit_is_good: bool) -> Said:
        """That the permit fails is ignored: what counts is the allowance."""

        def permit() -> None:
            coin = self._purse(order)
            if permit_is_good and coin.permits:
                coin.nonces[sender] += 1
                coin.approve(sender, self.address, order.most)

        with self._all_or_nothing():
            return self._buy(order, sender, sender, sender, permit, self._eth_errors(order))

    def buy_with_permit2(
        self, relayer: str, order: Order, payer: str, nonce: int, signed: bool
    ) -> Said:
        """signed: this order, with this nonce, for this contract, by the payer, and in time."""

        def take() -> None:
            price = self.offers[order.offer].price
            if not signed or (payer, nonce) in self.spent_nonces:
                raise Refused(STANDARD)
            if not self._purse(order).pull(PERMIT2, payer, self.address, price):
                raise Refused(STANDARD)

        errors = self._eth_errors(order)
        if not signed or (payer, nonce) in self.spent_nonces:
            errors.append(STANDARD)
        with self._all_or_nothing():
            said = self._buy(order, relayer, payer, self.address, take, errors)
        self.spent_nonces.add((payer, nonce))
        return said

    def _purse(self, order: Order) -> Purse:
        coin = self.coins[self.offers[order.offer].token]
        assert isinstance(coin, Purse)
        return coin

    def _eth_errors(self, order: Order) -> Errors:
        offer = self.offers.get(order.offer)
        in_eth = offer is not None and offer.token == ETH
        return [("LicenseManager_PricedInEth", (order.offer,))] if in_eth else []

    def _buy(
        self,
        order: Order,
        operator: str,
        payer: str,
        source: str,
        fetch: Callable[[], None],
        errors: Errors,
    ) -> Said:
        """One purchase. errors: that stand against it already; fetch: gets the money here, or the
        leave to take it, once the licence was handed over."""
        price, token, refusal = self.quote(order.offer, order.recipient)
        errors = list(errors)
        if order.recipient == NOBODY:
            errors.append(("LicenseManager_ZeroRecipient", ()))
        if refusal != Refusal.NONE:
            errors.append(("LicenseManager_CannotPurchase", (order.offer, int(refusal))))
        if price > order.most:
            too_high = (order.offer, price, order.most)
            errors.append(("LicenseManager_PriceTooHigh", too_high))
        stops = [e for e in errors if e[0] != "LicenseManager_WrongPayment" or _short(e)]
        mints = (order.offer, order.recipient) not in self.expiries
        if mints and self.tempers.get(order.recipient) in (Temper.REFUSES, Temper.DEAF):
            stops.append(STANDARD)
        if stops:
            raise Refused(*stops)
        offer = self.offers[order.offer]
        payouts = [self.payout_of(certificate) for certificate in offer.certificates]
        expiry = self._extend(offer, order) if offer.kind == Kind.PASS else 0
        said = self._mint(operator, order) if mints else []
        fetch()
        coin = self.coins[token]
        referral = self._refer(coin, source, order.referrer, price * offer.referral_bps)
        sale = {"price": price, "referral": referral, "expiry": expiry}
        whom = {"recipient": order.recipient, "payer": payer, "referrer": order.referrer}
        said.append(("Purchased", {"offerId": order.offer} | whom | sale))
        for payout, amount in self._pay(coin, source, payouts, price - referral):
            paid = {"payout": payout, "token": token, "amount": amount}
            said.append(("Paid", {"offerId": order.offer} | paid))
        return said

    def _extend(self, offer: Offer, order: Order) -> int:
        held = self.expiries.get((order.offer, order.recipient), 0)
        expiry = min(max(held, self.now) + offer.duration, NEVER_ENDS)
        self.expiries[order.offer, order.recipient] = expiry
        return expiry

    def _mint(self, operator: str, order: Order) -> Said:
        """L2: never past the cap, which `quote` looked at."""
        self.sold[order.offer] += 1
        self.units[order.offer, order.recipient] += 1
        said = [single(operator, NOBODY, order.recipient, order.offer, 1)]
        return said + self._received(order.recipient)

    def _received(self, account: str) -> Said:
        reenters = self.tempers.get(account) == Temper.REENTERS
        return self.deed() if reenters and self.deed else []

    def _refer(self, coin: Coin, source: str, referrer: str, product: int) -> int:
        """L6: what the referrer was really paid."""
        amount = product // BASIS_POINTS
        if not amount or referrer in (NOBODY, self.address):
            return 0
        return amount if self._move(coin, source, referrer, amount) else 0

    def _pay(
        self, coin: Coin, source: str, payouts: list[str], rest: int
    ) -> Iterator[tuple[str, int]]:
        """Equal parts, the remainder to the first; equal neighbours at once."""
        share, remainder = divmod(rest, len(payouts))
        parts = [share + (0 if i else remainder) for i in range(len(payouts))]
        runs = groupby(zip(payouts, parts, strict=True), key=lambda each: each[0])
        payments = [(payout, sum(part for _, part in run)) for payout, run in runs]
        payments = [(payout, amount) for payout, amount in payments if amount]
        last = {payout: i for i, (payout, _) in enumerate(payments)}
        for i, (payout, amount) in enumerate(payments):
            if payout == self.address or not self._move(coin, source, payout, amount):
                named = coin.address == ETH or payout == self.address
                failed = ("LicenseManager_PaymentFailed", (payout, amount))
                raise Refused(failed if named else STANDARD)
            if payout in self.splits and last[payout] == i:
                self.splits[payout].distribute(coin)
            yield payout, amount

    def _move(self, coin: Coin, source: str, to: str, amount: int) -> bool:
        if source == self.address or not isinstance(coin, Purse):
            return coin.move(source, to, amount)
        return coin.pull(self.address, source, to, amount)

    # ERC-1155

    def transfer(
        self, caller: str, holder: str, to: str, batch: Sequence[tuple[int, int]], single_: bool
    ) -> Said:
        """batch: offers and amounts."""
        errors: Errors = [
            ("LicenseManager_NotTransferable", (offer_id,))
            for offer_id, _ in batch
            if offer_id not in self.offers or not self.offers[offer_id].transferable
        ]
        allowed = caller == holder or (holder, caller) in self.operators
        needed: Counter[int] = Counter()
        for offer_id, amount in batch:
            needed[offer_id] += amount
        short = any(self.units[offer_id, holder] < n for offer_id, n in needed.items())
        refuses = self.tempers.get(to) in (Temper.REFUSES, Temper.DEAF)
        if not allowed or short or refuses or to == NOBODY:
            errors.append(STANDARD)
        if errors:
            raise Refused(*errors)
        for offer_id, amount in batch:
            self.units[offer_id, holder] -= amount
            self.units[offer_id, to] += amount
        if single_:
            return [single(caller, holder, to, *batch[0]), *self._received(to)]
        listed = {"ids": [i for i, _ in batch], "amounts": [n for _, n in batch]}
        return [("TransferBatch", {"operator": caller, "from": holder, "to": to} | listed)]

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        books: list[dict[Any, Any]] = [self.certificates, self.sold, self.units, self.expiries]
        for coin in self.coins.values():
            books.append(coin.balances)
            if isinstance(coin, Purse):
                books += [coin.allowances, coin.nonces]
        books += [split.credit for split in self.splits.values()]
        before = [dict(book) for book in books]
        try:
            yield
        except Refused:
            for book, old in zip(books, before, strict=True):
                book.clear()
                dict.update(book, old)
            raise


def _short(error: tuple[Any, tuple[Any, ...]]) -> bool:
    expected, received = error[1]
    return bool(expected > received)


def _shift(coin: Coin, sender: str, to: str, amount: int) -> bool:
    """A sender's ETH that comes along with a call."""
    coin.balances[sender] -= amount
    coin.balances[to] += amount
    return coin.balances[sender] >= 0


def single(operator: str, sender: str, to: str, offer_id: int, amount: int) -> Any:
    whom = {"operator": operator, "from": sender, "to": to}
    return "TransferSingle", whom | {"id": offer_id, "amount": amount}
