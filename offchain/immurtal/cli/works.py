"""`release`, `visibility`, `withdraw`, `payout`, `lock`: what an owner does with a certificate."""

from pathlib import Path
from typing import Any

import click

from immurtal.cli.common import (
    WalletChoice,
    asynchronous,
    confirm,
    emit,
    json_option,
    keys_options,
    network_options,
    wallet_options,
)
from immurtal.errors import BadInput

LEVELS = ("private", "licensed", "open", "withdrawn")


@click.command()
@click.argument("certificate")
@click.argument("level", type=click.Choice(LEVELS))
@network_options
@wallet_options
@json_option
@asynchronous
async def visibility(
    certificate: str, level: str, network: Any, wallet: WalletChoice, as_json: bool
) -> None:
    """Say who may hear a work.

    \b
    private    owner, granted accounts, and licences sold before; nothing is on sale
    licensed   also whoever buys a licence
    open       everyone
    withdrawn  the owner alone; nodes let the audio go (see `immurtal withdraw`)
    """
    await _set_visibility(certificate, level, network, wallet, as_json)


@click.command()
@click.argument("certificate")
@click.option("--yes", is_flag=True, help="Do not ask.")
@network_options
@wallet_options
@json_option
@asynchronous
async def withdraw(
    certificate: str, yes: bool, network: Any, wallet: WalletChoice, as_json: bool
) -> None:
    """Take a work back: nobody but its owner gets key shares, and nodes delete its audio.

    Licences that were sold sleep until the work is visible again; whoever holds a key already
    keeps it. The sealed key shares (keys.json) stay at the nodes, so the work can come back.
    """
    if not yes:
        confirm("Withdraw this work? Licences sold sleep until it comes back.")
    await _set_visibility(certificate, "withdrawn", network, wallet, as_json)


async def _set_visibility(
    certificate: str, level: str, network: Any, wallet: WalletChoice, as_json: bool
) -> None:
    from immurtal.chain.contracts import Visibility
    from immurtal.cli.client import certificate_id, connect, sent

    known = certificate_id(certificate)
    async with connect(network) as client:
        await client.contracts.certificate(known)
        actions = client.actions(wallet.open())
        receipt = await actions.set_visibility(known, Visibility[level.upper()])
    result = {"certificate": known, "visibility": level, **sent(receipt)}
    emit(result, as_json=as_json, text=f"{known} is now {level} (block {receipt.block}).")


@click.command()
@click.argument("certificate")
@click.option("--to", "address", help="Address that the money goes to.")
@click.option(
    "--split", multiple=True, metavar="ADDRESS=SHARE", help="Share it: 50% or 5000; repeatable."
)
@click.option("--owner", is_flag=True, help="Pay whoever owns the certificate.")
@network_options
@wallet_options
@json_option
@asynchronous
async def payout(
    certificate: str,
    address: str | None,
    split: tuple[str, ...],
    owner: bool,
    network: Any,
    wallet: WalletChoice,
    as_json: bool,
) -> None:
    """Say where a certificate's money goes: an address, a royalty split, or its owner.

    \b
    immurtal payout CERTIFICATE --split 0xA…=50% --split 0xB…=30% --split 0xC…=20%
    """
    from immurtal.chain.contracts import ZERO_ADDRESS
    from immurtal.cli.amounts import shares
    from immurtal.cli.client import account, certificate_id, connect, sent
    from immurtal.publish.actions import ordered_shares

    if sum((address is not None, bool(split), owner)) != 1:
        raise click.UsageError("Give one of --to, --split and --owner.")
    known, parts = certificate_id(certificate), shares(split)
    if parts:
        ordered_shares(parts)
    target = account(address) if address else ZERO_ADDRESS
    async with connect(network) as client:
        if (await client.contracts.certificate(known)).payout_locked:
            raise BadInput(f"The payout of {known} is fixed for ever.", saved="Nothing was sent.")
        actions = client.actions(wallet.open())
        if parts:
            target = await actions.ensure_split(parts)
        receipt = await actions.set_payout(known, target)
    whom = "its owner" if target == ZERO_ADDRESS else target
    result = {"certificate": known, "payout": target, **sent(receipt)}
    emit(result, as_json=as_json, text=f"Money for {known} now goes to {whom}.")


@click.command()
@click.argument("certificate")
@click.option("--yes", is_flag=True, help="Do not ask.")
@network_options
@wallet_options
@json_option
@asynchronous
async def lock(
    certificate: str, yes: bool, network: Any, wallet: WalletChoice, as_json: bool
) -> None:
    """Fix a certificate's payout for ever. It must be a royalty split; prices stay free."""
    from immurtal.cli.client import certificate_id, connect, sent

    known = certificate_id(certificate)
    async with connect(network) as client:
        certificate_now = await client.contracts.certificate(known)
        payout_now = certificate_now.payout
        if certificate_now.payout_locked:
            raise BadInput(f"The payout of {known} is fixed to {payout_now} already.")
        if not await client.contracts.is_split(payout_now):
            raise BadInput(
                "Only a royalty split of this deployment can be fixed as a payout.",
                saved="Nothing was sent.",
                do="Set one first with `immurtal payout CERTIFICATE --split …`.",
            )
        if not yes:
            confirm(f"Fix the payout of {known} to {payout_now} for ever?")
        receipt = await client.actions(wallet.open()).lock_payout(known, payout_now)
    result = {"certificate": known, "payout": payout_now, **sent(receipt)}
    emit(result, as_json=as_json, text=f"The payout of {known} is {payout_now} for ever.")


@click.command()
@click.argument("certificate")
@click.option("--title", help="New title.")
@click.option("--artist", "artists", multiple=True, metavar="NAME[=ROLE]", help="All credits anew.")
@click.option("--description", help="New description.")
@click.option(
    "--cover",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="New cover, JPEG or PNG.",
)
@keys_options
@network_options
@wallet_options
@json_option
@asynchronous
async def release(
    certificate: str,
    title: str | None,
    artists: tuple[str, ...],
    description: str | None,
    cover: Path | None,
    home: Path | None,
    keys_passphrase_file: Path | None,
    network: Any,
    wallet: WalletChoice,
    as_json: bool,
) -> None:
    """Publish a new release of a work: changed metadata or credits, the same audio and key.

    Interrupted? Run the same command again: it goes on where it was.
    """
    from immurtal.cli.client import certificate_id, connect
    from immurtal.cli.progress import Progress
    from immurtal.cli.publish import credit
    from immurtal.publish.home import ArtistHome
    from immurtal.publish.revise import Changes, revise

    if not title and not artists and description is None and not cover:
        raise click.UsageError("Nothing to change: give --title, --artist, --description, --cover.")
    changes = Changes(
        title=title,
        artists=tuple(credit(artist) for artist in artists),
        description=description,
        cover=cover,
    )
    known = certificate_id(certificate)
    secret = wallet.keys_passphrase(keys_passphrase_file)
    opened = wallet.open()
    with Progress(quiet=as_json) as progress:
        async with connect(network) as client:
            revised = await revise(
                client.actions(opened),
                opened,
                home=ArtistHome(home) if home else ArtistHome.default(),
                passphrase=secret,
                certificate=known,
                changes=changes,
                report=progress.report,
            )
    emit(
        revised.to_json(),
        as_json=as_json,
        text=f"{known} is now at version {revised.version}: {revised.cid}",
    )
