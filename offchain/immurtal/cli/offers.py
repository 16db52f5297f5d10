"""`offer create|update|close`, `grant`, `revoke`."""

from pathlib import Path
from typing import Any

import click

from immurtal.cli.common import (
    WalletChoice,
    asynchronous,
    confirm,
    emit,
    json_option,
    network_options,
    wallet_options,
)
from immurtal.errors import BadInput

KINDS = ("perpetual", "pass", "per-play")
MAX_SUPPLY = 2**64 - 1
MAX_DURATION = 2**64 - 1
CONFIRM = click.option(
    "--confirm-payout",
    "confirmed",
    multiple=True,
    metavar="ADDRESS",
    help="Yes, pay this address, though it was set before the work was yours.",
)


@click.group()
def offer() -> None:
    """Create, update or close an offer of licences."""


@offer.command()
@click.argument("certificates", nargs=-1, required=True)
@click.option("--price", required=True, help="0.01eth, 5gwei or 7wei; with --token, base units.")
@click.option("--kind", type=click.Choice(KINDS), default="perpetual", show_default=True)
@click.option(
    "--duration", type=click.IntRange(0, MAX_DURATION), default=0, help="Seconds; for a pass."
)
@click.option("--token", help="ERC-20 to be paid in; ETH where it is missing.")
@click.option(
    "--supply", type=click.IntRange(0, MAX_SUPPLY), default=0, help="Units ever sold; 0: no cap."
)
@click.option("--transferable", is_flag=True, help="Buyers may hand a perpetual licence on.")
@click.option("--referral", default="0%", show_default=True, help="A referrer's part, up to 50%.")
@click.option(
    "--terms",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Terms of the licence (JSON, ERC-1155 metadata); plain ones are made where missing.",
)
@CONFIRM
@network_options
@wallet_options
@json_option
@asynchronous
async def create(
    certificates: tuple[str, ...],
    price: str,
    kind: str,
    duration: int,
    token: str | None,
    supply: int,
    transferable: bool,
    referral: str,
    terms: Path | None,
    confirmed: tuple[str, ...],
    network: Any,
    wallet: WalletChoice,
    as_json: bool,
) -> None:
    """Offer a licence on 1 to 64 of your certificates.

    \b
    immurtal offer create CERTIFICATE --price 0.01eth
    immurtal offer create CERT1 CERT2 --kind pass --duration 2592000 --price 5gwei
    """
    from immurtal.chain.contracts import ZERO_ADDRESS, OfferKind
    from immurtal.chain.files import read_bounded
    from immurtal.cli import client as chain
    from immurtal.cli.amounts import ether_amount, percentage, token_amount
    from immurtal.content.terms import MAX_TERMS_BYTES, terms_digest, terms_file
    from immurtal.publish.actions import OfferTerms, fresh_salt
    from immurtal.publish.payouts import check_payouts
    from immurtal.publish.terms import announced, hand_terms

    ids = tuple(sorted({chain.certificate_id(certificate) for certificate in certificates}))
    if (duration > 0) != (kind == "pass"):
        raise click.UsageError("A pass has a --duration, and nothing else does.")
    amount = token_amount(price) if token else ether_amount(price)
    text = read_bounded(terms, MAX_TERMS_BYTES) if terms else terms_file(kind, ids)
    offered = OfferTerms(
        certificates=ids,
        kind=OfferKind[kind.upper().replace("-", "_")],
        token=chain.account(token) if token else ZERO_ADDRESS,
        duration=duration,
        transferable=transferable,
        referral_bps=percentage(referral),
        terms=terms_digest(text),
        salt=fresh_salt(),
    )
    payouts = [chain.account(address) for address in confirmed]
    async with chain.connect(network) as client:
        works = [await client.contracts.certificate(known) for known in ids]
        opened = wallet.open()
        for work in works:
            if work.owner != opened.address:
                raise BadInput(
                    f"{work.id} belongs to {work.owner}, not to {opened.address}.",
                    saved="Nothing was sent.",
                )
        await check_payouts(client.contracts, works, payouts)
        receipt = await client.actions(opened).create_offer(offered, amount, supply)
        nodes = await announced(client.contracts)
        kept = await hand_terms(client.chain_id, nodes, offered.terms, text)
    offer_id = offered.id(opened.address)
    result = {"offer": offer_id, "terms": offered.terms, "termsKeptBy": kept, **chain.sent(receipt)}
    keepers = f"{len(kept)} node(s)" if kept else "no node yet; keep the file"
    emit(
        result,
        as_json=as_json,
        text=f"Offer {offer_id} is open (block {receipt.block}). Its terms are kept by {keepers}.",
    )


@offer.command()
@click.argument("offer_id")
@click.option("--price", help="New price; the old one where it is missing.")
@click.option("--supply", type=click.IntRange(0, MAX_SUPPLY), help="Units ever sold; 0: no cap.")
@click.option("--open/--pause", "is_open", default=None, help="On sale, or not for now.")
@CONFIRM
@network_options
@wallet_options
@json_option
@asynchronous
async def update(
    offer_id: str,
    price: str | None,
    supply: int | None,
    is_open: bool | None,
    confirmed: tuple[str, ...],
    network: Any,
    wallet: WalletChoice,
    as_json: bool,
) -> None:
    """Change what of an offer may change: price, supply, open or paused."""
    from immurtal.chain.contracts import ZERO_ADDRESS
    from immurtal.cli import client as chain
    from immurtal.cli.amounts import ether_amount, token_amount
    from immurtal.publish.payouts import check_payouts

    if price is None and supply is None and is_open is None:
        raise click.UsageError("Nothing to change: give --price, --supply, --open or --pause.")
    known = chain.offer_id(offer_id)
    async with chain.connect(network) as client:
        now = await client.contracts.offer(known)
        if is_open:
            works = [await client.contracts.certificate(work) for work in now.certificates]
            await check_payouts(client.contracts, works, [chain.account(a) for a in confirmed])
        amount = ether_amount if now.token == ZERO_ADDRESS else token_amount
        receipt = await client.actions(wallet.open()).update_offer(
            known,
            now.price if price is None else amount(price),
            now.max_supply if supply is None else supply,
            now.open if is_open is None else is_open,
        )
    emit(
        {"offer": known, **chain.sent(receipt)},
        as_json=as_json,
        text=f"Offer {known} is updated (block {receipt.block}).",
    )


@offer.command()
@click.argument("offer_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@network_options
@wallet_options
@json_option
@asynchronous
async def close(
    offer_id: str, yes: bool, network: Any, wallet: WalletChoice, as_json: bool
) -> None:
    """Close an offer for good. Licences that were sold stay."""
    from immurtal.cli import client as chain

    known = chain.offer_id(offer_id)
    if not yes:
        confirm(f"Close offer {known} for good?")
    async with chain.connect(network) as client:
        receipt = await client.actions(wallet.open()).close_offer(known)
    result = {"offer": known, **chain.sent(receipt)}
    emit(result, as_json=as_json, text=f"Offer {known} is closed for good.")


@click.command()
@click.argument("certificate")
@click.argument("account")
@network_options
@wallet_options
@json_option
@asynchronous
async def grant(
    certificate: str, account: str, network: Any, wallet: WalletChoice, as_json: bool
) -> None:
    """Give an account access to your work without a sale."""
    await _grant(certificate, account, True, network, wallet, as_json)


@click.command()
@click.argument("certificate")
@click.argument("account")
@network_options
@wallet_options
@json_option
@asynchronous
async def revoke(
    certificate: str, account: str, network: Any, wallet: WalletChoice, as_json: bool
) -> None:
    """Take a grant back. Whoever has a key already keeps it; no new shares are given."""
    await _grant(certificate, account, False, network, wallet, as_json)


async def _grant(
    certificate: str,
    account: str,
    given: bool,
    network: Any,
    wallet: WalletChoice,
    as_json: bool,
) -> None:
    from immurtal.cli import client as chain

    known, whom = chain.certificate_id(certificate), chain.account(account)
    async with chain.connect(network) as client:
        await client.contracts.certificate(known)
        actions = client.actions(wallet.open())
        send = actions.grant if given else actions.revoke_grant
        receipt = await send(known, whom)
    result = {"certificate": known, "account": whom, "granted": given, **chain.sent(receipt)}
    emit(
        result,
        as_json=as_json,
        text=f"{whom} {'may now hear' if given else 'has no grant any more on'} {known}.",
    )
