"""`buy` and `relay`: licences of every kind, paid in ETH or tokens, or by a signature."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from immurtal.cli.common import (
    WalletChoice,
    asynchronous,
    consent,
    emit,
    json_option,
    network_options,
    teller,
    wallet_options,
)

if TYPE_CHECKING:
    from immurtal.chain.contracts import Contracts
    from immurtal.chain.transactions import Sender
    from immurtal.chain.wallet import Wallet
    from immurtal.stream.paying import Plan

WAYS = ("auto", "allowance", "permit", "permit2")
MAX_VALID_SECONDS = 30 * 24 * 3600


@click.command()
@click.argument("offers", nargs=-1, required=True, metavar="OFFER...")
@click.option("--for", "recipient", help="Account that gets the licences; yours where missing.")
@click.option("--referrer", help="Account that gets the referrer's part.")
@click.option(
    "--max-price",
    help="Pay at most this in all: 0.01eth, '12.5 USDC', or base units of a token. What is shown "
    "where missing.",
)
@click.option(
    "--pay",
    type=click.Choice(WAYS),
    default="auto",
    show_default=True,
    help="How a token is paid: by an allowance, an EIP-2612 permit, or Permit2.",
)
@click.option("--sign-only", is_flag=True, help="Sign a Permit2 purchase for somebody to send.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for the signed purchase; with --sign-only.",
)
@click.option(
    "--valid",
    type=click.IntRange(60, MAX_VALID_SECONDS),
    default=24 * 3600,
    show_default=True,
    help="Seconds that a signed purchase may be sent for.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@network_options
@wallet_options
@json_option
@asynchronous
async def buy(
    offers: tuple[str, ...],
    recipient: str | None,
    referrer: str | None,
    max_price: str | None,
    pay: str,
    sign_only: bool,
    out: Path | None,
    valid: int,
    yes: bool,
    network: Any,
    wallet: WalletChoice,
    as_json: bool,
) -> None:
    """Buy licences: perpetual ones and passes, in ETH or a token; several at once, all or none.

    \b
    immurtal buy OFFER                                 # also renews a pass that you have
    immurtal buy OFFER1 OFFER2 --for 0xB… --yes
    immurtal buy OFFER --max-price '12.5 USDC' --referrer 0xC…

    The price goes to the artist's payout in the same transaction; where that is a royalty split,
    every collaborator is paid at once. Licences sleep while a work is withdrawn.

    A token is paid by an allowance that you gave before; else by a signed permit where the token
    has that; else this approves exactly the price, once you agree. Never more. Interrupted after
    an approval? Run it again: nothing is approved twice.

    \b
    immurtal buy OFFER --sign-only --out order.json    # then anybody: immurtal relay order.json

    --sign-only writes a purchase that anybody may send and pay the gas for. The file is a bearer
    authorisation for exactly this purchase: offer, recipient, referrer, most to pay, deadline,
    once. Permit2 must be let take the token; it is approved for exactly the most to pay.
    """
    from immurtal.chain.contracts import ZERO_ADDRESS
    from immurtal.cli import client as chain
    from immurtal.cli.amounts import amount_in
    from immurtal.cli.receipts import cautions, purchase_result, shown_before
    from immurtal.stream.basket import look
    from immurtal.stream.paying import Pay, carry_out, plan

    if sign_only != (out is not None):
        raise click.UsageError("--sign-only and --out FILE go together.")
    if sign_only and pay in ("allowance", "permit"):
        raise click.UsageError("--sign-only is by Permit2.")
    ids = [chain.offer_id(offer) for offer in offers]
    whom = chain.account(recipient) if recipient else None
    by = chain.account(referrer) if referrer else ZERO_ADDRESS
    async with chain.connect(network) as client:
        opened = wallet.open()
        payer, sender = opened.address, client.sender(opened)
        await sender.settled()  # of an interrupted run, whose approval counts
        basket = await look(client.contracts, ids, recipient=whom or payer, referrer=by)
        if max_price is not None:
            basket = basket.capped(amount_in(max_price, next(iter(basket.sums))))
        way = Pay.PERMIT2 if sign_only else Pay(pay)
        planned = await plan(client.contracts, basket, payer, way, later=sign_only)
        worries, notes = await cautions(client.contracts, basket)
        asks = not yes and _must_agree(planned, worries, max_price is not None, sign_only)
        tell = teller(quiet=as_json and not asks)
        for line in shown_before(planned, worries, notes):
            tell(line)
        if asks:
            consent(_question(planned, sign_only), yes=yes)
        say = teller(quiet=as_json)
        if out is not None:
            result, text = await _sign(client.contracts, sender, opened, planned, valid, out, say)
        else:
            bought = await carry_out(client.contracts, sender, opened, planned, say)
            result, text = purchase_result(bought)
    emit(result, as_json=as_json, text=text)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--yes", is_flag=True, help="Do not ask.")
@network_options
@wallet_options
@json_option
@asynchronous
async def relay(file: Path, yes: bool, network: Any, wallet: WalletChoice, as_json: bool) -> None:
    """Send somebody's signed purchase: they pay the price, you pay the gas.

    \b
    immurtal relay order.json --keystore me.json

    First it is checked: network, contract, deadline, that it was not sent before, price, the
    payer's balance and what they let Permit2 take, and the signature. Whoever sends it first has
    sent it; it works once. (A signed registration is sent with `immurtal register --relay`.)
    """
    from immurtal.chain.files import read_bounded
    from immurtal.cli import client as chain
    from immurtal.cli.receipts import basket_lines, purchase_result
    from immurtal.stream.order import MAX_ORDER_BYTES, check_order, decode_order
    from immurtal.stream.order import relay as send

    signed = decode_order(read_bounded(file, MAX_ORDER_BYTES))
    async with chain.connect(network) as client:
        basket = await check_order(client.contracts, signed)
        tell = teller(quiet=yes and as_json)
        for line in basket_lines(basket, signed.payer):
            tell(line)
        consent("Send it, and pay the gas?", yes=yes)
        bought = await send(client.contracts, client.sender(wallet.open()), signed, basket)
    result, text = purchase_result(bought)
    emit(result, as_json=as_json, text=text)


def _must_agree(planned: "Plan", worries: list[str], knows_most: bool, signing: bool) -> bool:
    """One question for all of it. One licence in ETH, as offered, is bought without where nobody
    is at a terminal, or where the buyer said how much: that is what was asked for."""
    basket = planned.basket
    plain = len(basket.items) == 1 and not basket.tokens and not worries and not signing
    return not plain or (sys.stdin.isatty() and not knows_most)


def _question(planned: "Plan", signing: bool) -> str:
    sums = planned.basket.sums.items()
    price = " and ".join(currency.text(amount) for currency, amount in sums)
    return f"{'Sign to pay' if signing else 'Pay'} {price}?"


async def _sign(
    contracts: "Contracts",
    sender: "Sender",
    wallet: "Wallet",
    planned: "Plan",
    valid: int,
    out: Path,
    say: Callable[[str], None],
) -> tuple[dict[str, Any], str]:
    """Approves what Permit2 must take, signs, and writes the file. Its result and its words."""
    from immurtal.chain.files import write_new
    from immurtal.cli import client as chain
    from immurtal.cli.amounts import moment
    from immurtal.content.strict_json import encode_json
    from immurtal.errors import BadInput
    from immurtal.stream.order import sign_order
    from immurtal.stream.paying import approve

    if out.exists():
        raise BadInput(f"{out} is there already.", saved="Nothing was signed.")
    receipts = await approve(contracts, sender, planned, say)
    signed = await sign_order(contracts, wallet, planned.basket, valid)
    write_new(out, encode_json(signed.to_json()) + b"\n")
    result = {
        "file": str(out),
        "order": signed.to_json(),
        "approvals": [chain.sent(receipt) for receipt in receipts],
    }
    return result, (
        f"Signed: {out}. Until {moment(signed.deadline)} whoever has this file can send the "
        f"purchase, once, and nothing else: immurtal relay {out}"
    )
