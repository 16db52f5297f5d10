"""Certificates, offers, licences, payments, splits and nodes as the API tells them.

`block` is where the chain said it; it is final where that is at most `final` of `/v1/node`.
"""

from typing import Literal

from immurtal.chain.contracts import Certificate, Node, Offer, OfferKind, Split, Visibility
from immurtal.content.cid import release_cid
from immurtal.content.encoding import b64u
from immurtal.index.payments import Payment
from immurtal.index.queries import Change, Licence, OfferView
from immurtal.node.api.wire import Address, Amount, Answer, Binary, Hash, Wire

VisibilityName = Literal["private", "licensed", "open", "withdrawn"]
KindName = Literal["perpetual", "pass", "perPlay"]

_VISIBILITY: dict[Visibility, VisibilityName] = {
    Visibility.PRIVATE: "private",
    Visibility.LICENSED: "licensed",
    Visibility.OPEN: "open",
    Visibility.WITHDRAWN: "withdrawn",
}
_KIND: dict[OfferKind, KindName] = {
    OfferKind.PERPETUAL: "perpetual",
    OfferKind.PASS: "pass",
    OfferKind.PER_PLAY: "perPlay",
}


class CertificateWire(Wire):
    """`id` is the work hash; `payout` zero means the owner; `releaseCid` is the release's."""

    id: Hash
    author: Address
    owner: Address
    committed_at: int
    registered_at: int
    release: Hash
    release_cid: str
    version: int
    visibility: VisibilityName
    payout: Address
    payout_locked: bool

    @classmethod
    def of(cls, certificate: Certificate) -> "CertificateWire":
        return cls(**_certificate_fields(certificate))  # type: ignore[arg-type]


class ChangeWire(Wire):
    """The certificate's state after `event`."""

    event: str
    block: int
    log_index: int
    transaction: Hash
    owner: Address
    release: Hash
    version: int
    visibility: VisibilityName
    payout: Address
    payout_locked: bool

    @classmethod
    def of(cls, change: Change) -> "ChangeWire":
        return cls(
            event=change.event,
            block=change.block,
            log_index=change.log_index,
            transaction=change.transaction_hash,
            owner=change.owner,
            release=change.release,
            version=change.version,
            visibility=_VISIBILITY[change.visibility],
            payout=change.payout,
            payout_locked=change.payout_locked,
        )


class OfferWire(Wire):
    """`price` in base units of `token` (zero: wei); `maxSupply` 0: no cap; `awake`: the seller owns
    every certificate in it and each is Licensed."""

    id: Hash
    seller: Address
    certificates: list[Hash]
    kind: KindName
    token: Address
    duration: int
    transferable: bool
    referral_bps: int
    terms: Hash
    price: Amount
    max_supply: str
    sold: str
    open: bool
    closed: bool
    awake: bool
    block: int

    @classmethod
    def of(cls, view: OfferView) -> "OfferWire":
        return cls(**_offer_fields(view.offer), awake=view.awake, block=view.block)  # type: ignore[arg-type]


class CertificateAnswer(CertificateWire):
    """A certificate with its newest changes and offers, at most 100 of each."""

    v: Literal[1] = 1
    history: list[ChangeWire]
    offers: list[OfferWire]

    @classmethod
    def whole(
        cls, certificate: Certificate, history: list[ChangeWire], offers: list[OfferWire]
    ) -> "CertificateAnswer":
        fields = _certificate_fields(certificate)
        return cls(**fields, history=history, offers=offers)  # type: ignore[arg-type]


class OfferAnswer(OfferWire):
    v: Literal[1] = 1


class LicenceWire(Wire):
    """`balance`: units; `expiry`: seconds, 0 for perpetual."""

    offer: Hash
    kind: KindName
    certificates: list[Hash]
    balance: str
    expiry: int

    @classmethod
    def of(cls, licence: Licence) -> "LicenceWire":
        return cls(
            offer=licence.offer,
            kind=_KIND[licence.kind],
            certificates=list(licence.certificates),
            balance=str(licence.balance),
            expiry=licence.expiry,
        )


class PayeeWire(Wire):
    """`share` in basis points."""

    payee: Address
    share: int
    amount: Amount


class PaymentWire(Wire):
    """What one purchase brought this certificate: `amount` of the whole `price`, to `payout` and
    from there to `payees`. Payees' amounts are rounded down; a split keeps the rest."""

    block: int
    log_index: int
    transaction: Hash
    offer: Hash
    payer: Address
    recipient: Address
    referrer: Address
    token: Address
    price: Amount
    referral: Amount
    amount: Amount
    payout: Address | None
    payees: list[PayeeWire]

    @classmethod
    def of(cls, payment: Payment) -> "PaymentWire":
        return cls(
            block=payment.block,
            log_index=payment.log_index,
            transaction=payment.transaction_hash,
            offer=payment.offer,
            payer=payment.payer,
            recipient=payment.recipient,
            referrer=payment.referrer,
            token=payment.token,
            price=str(payment.price),
            referral=str(payment.referral),
            amount=str(payment.amount),
            payout=payment.payout,
            payees=[
                PayeeWire(payee=part.payee, share=part.share, amount=str(part.amount))
                for part in payment.payees
            ],
        )


class PayeeShare(Wire):
    payee: Address
    share: int


class SplitAnswer(Answer):
    """Shares in basis points, 10,000 together."""

    address: Address
    payees: list[PayeeShare]

    @classmethod
    def of(cls, split: Split) -> "SplitAnswer":
        pairs = zip(split.payees, split.shares, strict=True)
        return cls(
            address=split.address,
            payees=[PayeeShare(payee=payee, share=share) for payee, share in pairs],
        )


class NodeWire(Wire):
    """As its operator announced it: nothing here was checked."""

    id: Hash
    operator: Address
    api_url: str
    gateway_url: str
    peer: str
    kem: int
    key: Binary
    node_key: Hash
    region: str
    domain: str

    @classmethod
    def of(cls, node: Node) -> "NodeWire":
        return cls(
            id=node.id,
            operator=node.operator,
            api_url=node.api_url,
            gateway_url=node.gateway_url,
            peer=node.peer,
            kem=node.kem,
            key=b64u(node.key),
            node_key=node.node_key,
            region=node.region.strip("\0"),
            domain=node.domain,
        )


def _certificate_fields(certificate: Certificate) -> dict[str, object]:
    return {
        "id": certificate.id,
        "author": certificate.author,
        "owner": certificate.owner,
        "committed_at": certificate.committed_at,
        "registered_at": certificate.registered_at,
        "release": certificate.release,
        "release_cid": release_cid(bytes.fromhex(certificate.release[2:])),
        "version": certificate.version,
        "visibility": _VISIBILITY[certificate.visibility],
        "payout": certificate.payout,
        "payout_locked": certificate.payout_locked,
    }


def _offer_fields(offer: Offer) -> dict[str, object]:
    return {
        "id": offer.id,
        "seller": offer.seller,
        "certificates": list(offer.certificates),
        "kind": _KIND[offer.kind],
        "token": offer.token,
        "duration": offer.duration,
        "transferable": offer.transferable,
        "referral_bps": offer.referral_bps,
        "terms": offer.terms,
        "price": str(offer.price),
        "max_supply": str(offer.max_supply),
        "sold": str(offer.sold),
        "open": offer.open,
        "closed": offer.closed,
    }
