"""Event → changes of rows: pure functions of the event and of the tables before it.

No handler asks the chain. A handler is a generator, and each change it yields is applied before it
goes on, so that it sees its own changes. `IGNORED` are the events that say nothing new.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa

from immurtal.chain.abi import Event, id_text
from immurtal.chain.contracts import ZERO_ADDRESS
from immurtal.errors import IntegrityError
from immurtal.index import schema
from immurtal.index.rows import Change, Key, Row, State, insert, put, remove

Handler = Callable[[State, Event], Iterator[Change]]


class Contradiction(IntegrityError):
    """Events contradict the tables: some were withheld from us, or given twice."""


def changes(state: State, event: Event) -> Iterator[Change]:
    """Raises Contradiction."""
    handler = HANDLERS.get((event.contract, event.name))
    return handler(state, event) if handler else iter(())


def _committed(_: State, event: Event) -> Iterator[Change]:
    yield insert(
        schema.commitments,
        commitment=event.args["commitment"],
        committed_at=event.args["committedAt"],
        **_place(event),
    )


def _registered(_: State, event: Event) -> Iterator[Change]:
    args = event.args
    certificate = {
        "id": args["workHash"],
        "author": args["author"],
        "committed_at": args["committedAt"],
        "registered_at": args["registeredAt"],
        "owner": args["author"],
        "release": args["release"],
        "version": 1,
        "visibility": args["visibility"],
        "payout": args["payout"],
        "payout_locked": False,
        **_place(event),
    }
    yield insert(schema.certificates, **certificate)
    yield _history(event, certificate)


def _release_published(state: State, event: Event) -> Iterator[Change]:
    new = {"release": event.args["release"], "version": event.args["version"]}
    yield from _certificate_changed(state, event, event.args["certificate"], new)


def _visibility_changed(state: State, event: Event) -> Iterator[Change]:
    new = {"visibility": event.args["visibility"]}
    yield from _certificate_changed(state, event, event.args["certificate"], new)


def _payout_changed(state: State, event: Event) -> Iterator[Change]:
    new = {"payout": event.args["payout"]}
    yield from _certificate_changed(state, event, event.args["certificate"], new)


def _payout_locked(state: State, event: Event) -> Iterator[Change]:
    yield from _certificate_changed(
        state, event, event.args["certificate"], {"payout_locked": True}
    )


def _certificate_transferred(state: State, event: Event) -> Iterator[Change]:
    if event.args["from"] == ZERO_ADDRESS:  # told by Registered
        return
    new = {"owner": event.args["to"]}
    yield from _certificate_changed(state, event, id_text(event.args["id"]), new)


def _certificate_changed(
    state: State, event: Event, certificate: str, new: Row
) -> Iterator[Change]:
    row = {**_known(state, schema.certificates, (certificate,)), **new}
    yield put(schema.certificates, **row)
    yield _history(event, row)


def _history(event: Event, certificate: Row) -> Change:
    state = ("owner", "release", "version", "visibility", "payout", "payout_locked")
    return insert(
        schema.certificate_history,
        certificate=certificate["id"],
        event=event.name,
        transaction_hash=event.transaction_hash,
        **{name: certificate[name] for name in state},
        **_place(event),
    )


def _contested(_: State, event: Event) -> Iterator[Change]:
    yield insert(
        schema.contests,
        certificate=event.args["workHash"],
        claimant=event.args["claimant"],
        committed_at=event.args["committedAt"],
        **_place(event),
    )


def _offer_created(_: State, event: Event) -> Iterator[Change]:
    offer, offer_id = event.args["offer"], id_text(event.args["offerId"])
    yield insert(
        schema.offers,
        id=offer_id,
        seller=event.args["seller"],
        kind=offer["kind"],
        token=offer["token"],
        duration=offer["duration"],
        transferable=offer["transferable"],
        referral_bps=offer["referralBps"],
        terms=offer["terms"],
        salt=offer["salt"],
        price=event.args["price"],
        max_supply=event.args["maxSupply"],
        sold=0,
        open=True,
        closed=False,
        **_place(event),
    )
    for position, certificate in enumerate(offer["certificates"]):
        yield insert(
            schema.offer_certificates, offer=offer_id, position=position, certificate=certificate
        )


def _offer_updated(state: State, event: Event) -> Iterator[Change]:
    args = event.args
    row = _known(state, schema.offers, (id_text(args["offerId"]),))
    new = {"price": args["price"], "max_supply": args["maxSupply"], "open": args["open"]}
    yield put(schema.offers, **{**row, **new})


def _offer_closed(state: State, event: Event) -> Iterator[Change]:
    row = _known(state, schema.offers, (id_text(event.args["offerId"]),))
    yield put(schema.offers, **{**row, "open": False, "closed": True})


def _granted(_: State, event: Event) -> Iterator[Change]:
    args = event.args
    yield put(
        schema.grants,
        certificate=args["certificate"],
        account=args["account"],
        by=args["by"],
        **_place(event),
    )


def _grant_revoked(_: State, event: Event) -> Iterator[Change]:
    yield remove(schema.grants, (event.args["certificate"], event.args["account"]))


def _licence_transferred(state: State, event: Event) -> Iterator[Change]:
    yield from _moved(state, event, event.args["id"], event.args["amount"])


def _licences_transferred(state: State, event: Event) -> Iterator[Change]:
    for number, amount in zip(event.args["ids"], event.args["amounts"], strict=True):
        yield from _moved(state, event, number, amount)


def _moved(state: State, event: Event, number: int, amount: int) -> Iterator[Change]:
    """Units of an offer from one account to another; from zero: sold; to zero: gone."""
    offer, source, target = id_text(number), event.args["from"], event.args["to"]
    if source == ZERO_ADDRESS:
        row = _known(state, schema.offers, (offer,))
        yield put(schema.offers, **{**row, "sold": row["sold"] + amount})
    else:
        yield _licence(state, offer, source, units=-amount)
    if target != ZERO_ADDRESS:
        yield _licence(state, offer, target, units=amount)


def _licence(
    state: State, offer: str, account: str, *, units: int = 0, expiry: int | None = None
) -> Change:
    row = state.get(schema.licences, (offer, account)) or {"balance": 0, "expiry": 0}
    balance = row["balance"] + units
    if balance < 0:
        raise Contradiction(f"{account} gives away licences of {offer} that it never got.")
    expiry = row["expiry"] if expiry is None else expiry
    if not balance and not expiry:
        return remove(schema.licences, (offer, account))
    return put(schema.licences, offer=offer, account=account, balance=balance, expiry=expiry)


def _purchased(state: State, event: Event) -> Iterator[Change]:
    args = event.args
    offer = id_text(args["offerId"])
    yield insert(
        schema.purchases,
        offer=offer,
        recipient=args["recipient"],
        payer=args["payer"],
        referrer=args["referrer"],
        price=args["price"],
        referral=args["referral"],
        expiry=args["expiry"],
        transaction_hash=event.transaction_hash,
        **_place(event),
    )
    if args["expiry"]:
        yield _licence(state, offer, args["recipient"], expiry=args["expiry"])


def _paid(_: State, event: Event) -> Iterator[Change]:
    yield insert(
        schema.payments,
        offer=id_text(event.args["offerId"]),
        payout=event.args["payout"],
        token=event.args["token"],
        amount=event.args["amount"],
        transaction_hash=event.transaction_hash,
        **_place(event),
    )


def _split_created(_: State, event: Event) -> Iterator[Change]:
    split = event.args["split"]
    yield insert(schema.splits, address=split, **_place(event))
    shares = zip(event.args["payees"], event.args["shares"], strict=True)
    for position, (payee, share) in enumerate(shares):
        yield insert(schema.split_payees, split=split, position=position, payee=payee, share=share)


def _distributed(_: State, event: Event) -> Iterator[Change]:
    yield insert(
        schema.distributions,
        split=event.address,
        token=event.args["token"],
        amount=event.args["amount"],
        transaction_hash=event.transaction_hash,
        **_place(event),
    )


def _credited(state: State, event: Event) -> Iterator[Change]:
    key = (event.address, event.args["token"], event.args["payee"])
    row = state.get(schema.credits_, key)
    amount = event.args["amount"] + (row["amount"] if row else 0)
    yield put(schema.credits_, split=key[0], token=key[1], payee=key[2], amount=amount)


def _withdrawn(_: State, event: Event) -> Iterator[Change]:
    """A withdrawal always takes the whole credit."""
    yield remove(schema.credits_, (event.address, event.args["token"], event.args["payee"]))


def _node_announced(_: State, event: Event) -> Iterator[Change]:
    yield insert(
        schema.nodes,
        id=event.args["nodeId"],
        operator=event.args["operator"],
        retired=False,
        **_node_record(event),
    )


def _node_changed(state: State, event: Event) -> Iterator[Change]:
    row = _known(state, schema.nodes, (event.args["nodeId"],))
    yield put(schema.nodes, **{**row, **_node_record(event)})


def _node_retired(state: State, event: Event) -> Iterator[Change]:
    row = _known(state, schema.nodes, (event.args["nodeId"],))
    yield put(schema.nodes, **{**row, "retired": True})


def _node_record(event: Event) -> Row:
    record = event.args["record"]
    region = bytes.fromhex(record["region"][2:]).decode("ascii", "replace")
    return {
        "api_url": _storable(record["apiUrl"]),
        "gateway_url": _storable(record["gatewayUrl"]),
        "peer": _storable(record["peer"]),
        "kem": record["kem"],
        "key": "0x" + record["key"].hex(),
        "region": _storable(region),
        "domain": _storable(record["domain"]),
        **_place(event),
    }


def _storable(text: str) -> str:
    """Anyone announces any string; PostgreSQL takes no NUL."""
    return text.replace("\x00", "")


def _place(event: Event) -> dict[str, Any]:
    return {"block": event.block_number, "log_index": event.log_index}


def _known(state: State, table: sa.Table, key: Key) -> Row:
    row = state.get(table, key)
    if row is None:
        raise Contradiction(f"The chain speaks of {key[0]} in {table.name}, which it never made.")
    return row


HANDLERS: Final[Mapping[tuple[str, str], Handler]] = {
    ("CopyrightRegistry", "Committed"): _committed,
    ("CopyrightRegistry", "Registered"): _registered,
    ("CopyrightRegistry", "ReleasePublished"): _release_published,
    ("CopyrightRegistry", "VisibilityChanged"): _visibility_changed,
    ("CopyrightRegistry", "PayoutChanged"): _payout_changed,
    ("CopyrightRegistry", "PayoutLocked"): _payout_locked,
    ("CopyrightRegistry", "Transfer"): _certificate_transferred,
    ("CopyrightRegistry", "Contested"): _contested,
    ("LicenseManager", "OfferCreated"): _offer_created,
    ("LicenseManager", "OfferUpdated"): _offer_updated,
    ("LicenseManager", "OfferClosed"): _offer_closed,
    ("LicenseManager", "Granted"): _granted,
    ("LicenseManager", "GrantRevoked"): _grant_revoked,
    ("LicenseManager", "TransferSingle"): _licence_transferred,
    ("LicenseManager", "TransferBatch"): _licences_transferred,
    ("LicenseManager", "Purchased"): _purchased,
    ("LicenseManager", "Paid"): _paid,
    ("RoyaltySplitFactory", "SplitCreated"): _split_created,
    ("RoyaltySplit", "Distributed"): _distributed,
    ("RoyaltySplit", "Credited"): _credited,
    ("RoyaltySplit", "Withdrawn"): _withdrawn,
    ("NodeRegistry", "NodeAnnounced"): _node_announced,
    ("NodeRegistry", "NodeChanged"): _node_changed,
    ("NodeRegistry", "NodeRetired"): _node_retired,
}

IGNORED: Final = frozenset(
    {
        ("CopyrightRegistry", "Approval"),
        ("CopyrightRegistry", "ApprovalForAll"),
        ("CopyrightRegistry", "MetadataUpdate"),  # beside ReleasePublished (ERC-4906)
        ("CopyrightRegistry", "Skipped"),  # changes nothing
        ("LicenseManager", "ApprovalForAll"),
        ("LicenseManager", "URI"),
        # Pay per play has no tables.
        ("StreamingEscrow", "Deposited"),
        ("StreamingEscrow", "EntrySkipped"),
        ("StreamingEscrow", "Released"),
        ("StreamingEscrow", "StatementRejected"),
        ("StreamingEscrow", "UsageRecorded"),
        ("StreamingEscrow", "WithdrawalRequested"),
        ("StreamingEscrow", "Withdrawn"),
    }
)
