"""What offers and grants do, and who may hear what, written from ILicenseManager.

Whatever is refused raises `Refused` with the errors that are right: any of them will do, since the
interface leaves open which requirement is looked at first. What is done returns the events.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from eth_utils import keccak

from models.registry import NOBODY, Errors, Said, Visibility, word
from models.splits import ETH, Coin, Split


class Kind(IntEnum):
    PERPETUAL = 0
    PASS = 1
    PER_PLAY = 2


class Refusal(IntEnum):
    NONE = 0
    UNKNOWN_OFFER = 1
    CLOSED = 2
    PAUSED = 3
    SELLER_NOT_OWNER = 4
    NOT_LICENSED = 5
    SOLD_OUT = 6
    PER_PLAY = 7


class Temper(IntEnum):
    """How a contract takes ERC-1155 units. Accounts without code take them."""

    ACCEPTS = 0
    REFUSES = 1
    DEAF = 2
    REENTERS = 3


class Refused(Exception):
    """errors: which of them it ends with is open."""

    def __init__(self, *errors: tuple[str | None, tuple[Any, ...]]) -> None:
        self.errors: Errors = list(errors)


@dataclass(frozen=True, slots=True)
class Certificate:
    owner: str
    visibility: Visibility
    payout: str


@dataclass(slots=True)
class Offer:
    seller: str
    certificates: tuple[bytes, ...]
    kind: Kind
    token: str
    duration: int
    transferable: bool
    referral_bps: int
    terms: bytes
    salt: bytes
    price: int = 0
    max_supply: int = 0
    open: bool = True
    closed: bool = False

    def plain(self) -> tuple[Any, ...]:
        """The interface's struct."""
        rights = (self.duration, self.transferable, self.referral_bps)
        kind = int(self.kind)
        return (list(self.certificates), kind, self.token, *rights, self.terms, self.salt)

    @property
    def id(self) -> int:
        fixed = (int(self.kind), self.token, self.duration, int(self.transferable))
        head = [self.seller, 9 * 32, *fixed, self.referral_bps, self.terms, self.salt]
        return int.from_bytes(
            keccak(b"".join(map(word, [*head, len(self.certificates), *self.certificates])))
        )


@dataclass
class Offers:
    """Everybody's offers, licences and money, but for how they are bought (models/licenses.py).

    now: seconds since 1970, kept by whoever plays.
    """

    address: str
    coins: dict[str, Coin]
    splits: dict[str, Split]
    tempers: dict[str, Temper]
    has_code: set[str]
    now: int = 0
    certificates: dict[bytes, Certificate] = field(default_factory=dict)
    offers: dict[int, Offer] = field(default_factory=dict)
    sold: Counter[int] = field(default_factory=Counter)
    units: Counter[tuple[int, str]] = field(default_factory=Counter)
    expiries: dict[tuple[int, str], int] = field(default_factory=dict)
    grants: set[tuple[bytes, str]] = field(default_factory=set)
    operators: set[tuple[str, str]] = field(default_factory=set)
    spent_nonces: set[tuple[str, int]] = field(default_factory=set)
    deed: Callable[[], Said] | None = None
    """What whoever re-enters does when it is given a unit."""

    # Who may hear what

    def has_access(self, certificate: bytes, account: str, offer_id: int) -> bool:
        """L1, by the words of the interface."""
        known = self.certificates.get(certificate)
        if known is None:
            return False
        if offer_id == 0:
            granted = (certificate, account) in self.grants
            private = known.visibility in (Visibility.PRIVATE, Visibility.LICENSED)
            everyone = known.visibility == Visibility.OPEN
            return account == known.owner or everyone or (private and granted)
        offer = self.offers.get(offer_id)
        if offer is None or certificate not in offer.certificates:
            return False
        if known.visibility == Visibility.WITHDRAWN:
            return False
        if offer.kind == Kind.PERPETUAL:
            return self.units[offer_id, account] > 0
        return offer.kind == Kind.PASS and self.expiries.get((offer_id, account), 0) > self.now

    def quote(self, offer_id: int, account: str) -> tuple[int, str, Refusal]:
        offer = self.offers.get(offer_id)
        if offer is None:
            return 0, ETH, Refusal.UNKNOWN_OFFER
        return offer.price, offer.token, self._refusal(offer, offer_id, account)

    def _refusal(self, offer: Offer, offer_id: int, account: str) -> Refusal:
        found = [self.certificates[certificate] for certificate in offer.certificates]
        capped = offer.max_supply and self.sold[offer_id] >= offer.max_supply
        reasons = [
            (offer.closed, Refusal.CLOSED),
            (not offer.open, Refusal.PAUSED),
            (any(c.owner != offer.seller for c in found), Refusal.SELLER_NOT_OWNER),
            (any(c.visibility != Visibility.LICENSED for c in found), Refusal.NOT_LICENSED),
            (capped and (offer_id, account) not in self.expiries, Refusal.SOLD_OUT),
            (offer.kind == Kind.PER_PLAY, Refusal.PER_PLAY),
        ]
        return next((refusal for holds, refusal in reasons if holds), Refusal.NONE)

    def payout_of(self, certificate: bytes) -> str:
        found = self.certificates[certificate]
        return found.owner if found.payout == NOBODY else found.payout

    # What owners do

    def create(self, offer: Offer) -> Said:
        errors = [*self._terms_errors(offer), *self._list_errors(offer)]
        if offer.id in self.offers:
            errors.append(("LicenseManager_OfferExists", (offer.id,)))
        if errors:
            raise Refused(*errors)
        self.offers[offer.id] = offer
        identity = {"offerId": offer.id, "seller": offer.seller, "offer": offer.plain()}
        return [("OfferCreated", identity | {"price": offer.price, "maxSupply": offer.max_supply})]

    def _terms_errors(self, offer: Offer) -> Errors:
        errors: Errors = []
        if (offer.kind == Kind.PASS) != (offer.duration > 0):
            mismatch = (int(offer.kind), offer.duration)
            errors.append(("LicenseManager_DurationMismatch", mismatch))
        if offer.kind == Kind.PASS and offer.transferable:
            errors.append(("LicenseManager_TransferablePass", ()))
        if offer.kind == Kind.PER_PLAY and offer.price == 0:
            errors.append(("LicenseManager_ZeroPerPlayPrice", ()))
        if offer.referral_bps > 5000:
            errors.append(("LicenseManager_ReferralTooHigh", (offer.referral_bps,)))
        if offer.token != ETH and offer.token not in self.has_code:
            errors.append(("LicenseManager_TokenHasNoCode", (offer.token,)))
        return errors

    def _list_errors(self, offer: Offer) -> Errors:
        listed = offer.certificates
        errors: Errors = []
        if not listed:
            errors.append(("LicenseManager_NoCertificates", ()))
        if len(listed) > 64:
            errors.append(("LicenseManager_TooManyCertificates", (len(listed),)))
        for i, certificate in enumerate(listed):
            if i and certificate <= listed[i - 1]:
                errors.append(("LicenseManager_CertificatesNotSorted", (i,)))
            errors += self._owner_errors(certificate, offer.seller)
        return errors

    def _owner_errors(self, certificate: bytes, caller: str) -> Errors:
        found = self.certificates.get(certificate)
        if found is None:
            return [("LicenseManager_UnknownCertificate", (certificate,))]
        if found.owner != caller:
            return [("LicenseManager_NotCertificateOwner", (certificate, caller))]
        return []

    def _changeable(self, offer_id: int, caller: str) -> Errors:
        offer = self.offers.get(offer_id)
        if offer is None:
            return [("LicenseManager_UnknownOffer", (offer_id,))]
        errors: Errors = []
        if offer.seller != caller:
            errors.append(("LicenseManager_NotSeller", (offer_id, caller)))
        if offer.closed:
            errors.append(("LicenseManager_OfferClosed", (offer_id,)))
        return errors

    def update(self, caller: str, offer_id: int, price: int, supply: int, open_: bool) -> Said:
        errors = self._changeable(offer_id, caller)
        offer = self.offers.get(offer_id)
        if offer and offer.kind == Kind.PER_PLAY and price == 0:
            errors.append(("LicenseManager_ZeroPerPlayPrice", ()))
        if errors or offer is None:
            raise Refused(*errors)
        offer.price, offer.max_supply, offer.open = price, supply, open_
        changed = {"price": price, "maxSupply": supply, "open": open_}
        return [("OfferUpdated", {"offerId": offer_id} | changed)]

    def close(self, caller: str, offer_id: int) -> Said:
        errors = self._changeable(offer_id, caller)
        if errors:
            raise Refused(*errors)
        self.offers[offer_id].open, self.offers[offer_id].closed = False, True
        return [("OfferClosed", {"offerId": offer_id})]

    def grant(self, caller: str, certificate: bytes, account: str, given: bool) -> Said:
        errors = self._owner_errors(certificate, caller)
        if given and account == NOBODY:
            errors.append(("LicenseManager_ZeroRecipient", ()))
        if errors:
            raise Refused(*errors)
        (self.grants.add if given else self.grants.discard)((certificate, account))
        news = {"certificate": certificate, "account": account, "by": caller}
        return [("Granted" if given else "GrantRevoked", news)]

    def change(self, certificate: bytes, **fields: Any) -> None:
        self.certificates[certificate] = replace(self.certificates[certificate], **fields)
