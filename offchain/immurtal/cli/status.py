"""`status`: a certificate, its release, its pins, who may hear it, and the money."""

from typing import TYPE_CHECKING, Any

import click

from immurtal.cli.common import asynchronous, emit, json_option, network_options

if TYPE_CHECKING:
    from immurtal.stream.picture import Picture

WHO_HEARS = {
    "PRIVATE": "its owner, granted accounts, and licences sold before",
    "LICENSED": "its owner, granted accounts, and licence holders",
    "OPEN": "everyone",
    "WITHDRAWN": "its owner only; licences sleep",
}


@click.command()
@click.argument("certificate")
@network_options
@json_option
@asynchronous
async def status(certificate: str, network: Any, as_json: bool) -> None:
    """Show a certificate: release, pins on each node, who may hear it, money paid to whom.

    The certificate is read from the chain. Pins and payments are what the announced nodes say.
    """
    from immurtal.cli.client import certificate_id, connect
    from immurtal.stream.picture import picture_of

    async with connect(network, "Nothing was changed: this only looks.") as client:
        picture = await picture_of(client.contracts, certificate_id(certificate))
    emit(picture.to_json(), as_json=as_json, text=_text(picture))


def _text(picture: "Picture") -> str:
    from immurtal.cli.amounts import moment

    known = picture.certificate
    lines = [
        f"certificate  {known.id}",
        f"author       {known.author}, committed {moment(known.committed_at)}, "
        f"registered {moment(known.registered_at)}",
        f"owner        {known.owner}",
        f"release      {picture.cid} (version {known.version})",
        f"visibility   {known.visibility.name.lower()}: {WHO_HEARS[known.visibility.name]}",
        *_payout(picture),
        "pins",
        *(f"  {_pin(pin)}" for pin in picture.pins),
    ]
    if not picture.pins:
        lines.append("  no node is announced")
    lines += ["offers", *(f"  {_offer(offer)}" for offer in picture.offers)]
    lines += ["payments", *(line for payment in picture.payments for line in _payment(payment))]
    if not picture.told_by:
        lines.append("  no node could be asked for offers and payments")
    return "\n".join(lines)


def _payout(picture: "Picture") -> list[str]:
    from immurtal.chain.contracts import ZERO_ADDRESS

    known = picture.certificate
    whom = "the owner" if known.payout == ZERO_ADDRESS else known.payout
    lines = [f"payout       {whom}{', locked for ever' if known.payout_locked else ''}"]
    if picture.split is not None:
        parts = zip(picture.split.payees, picture.split.shares, strict=True)
        lines += [f"             {share / 100:>6.2f} %  {payee}" for payee, share in parts]
    return lines


def _pin(pin: Any) -> str:
    size = f", {pin.bytes} bytes" if pin.bytes else ""
    return f"{pin.name}: {pin.state}{size}{': ' + pin.reason if pin.reason else ''}"


def _offer(offer: dict[str, Any]) -> str:
    from immurtal.chain.contracts import ZERO_ADDRESS
    from immurtal.cli.amounts import in_ether

    eth = offer.get("token") == ZERO_ADDRESS
    price = in_ether(int(offer["price"])) if eth else f"{offer['price']} of {offer['token']}"
    closed, is_open, awake = (bool(offer.get(word)) for word in ("closed", "open", "awake"))
    state = "closed" if closed else "paused" if not is_open else "on sale" if awake else "asleep"
    return f"{offer['id']}: {offer['kind']}, {price}, {offer['sold']} sold, {state}"


def _payment(payment: dict[str, Any]) -> list[str]:
    from immurtal.chain.contracts import ZERO_ADDRESS
    from immurtal.cli.amounts import in_ether

    eth = payment.get("token") == ZERO_ADDRESS
    lines = [
        f"  {in_ether(int(payment['amount'])) if eth else payment['amount']} "
        f"in transaction {payment['transaction']}"
    ]
    for part in payment.get("payees", ()):
        amount = in_ether(int(part["amount"])) if eth else part["amount"]
        lines.append(f"    {amount} to {part['payee']}")
    return lines
