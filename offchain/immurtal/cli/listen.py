"""`play`: what a listener does with a licence."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from immurtal.cli.common import (
    WalletChoice,
    asynchronous,
    emit,
    json_option,
    network_options,
    wallet_options,
)

if TYPE_CHECKING:
    from immurtal.chain.contracts import Contracts
    from immurtal.chain.wallet import Wallet
    from immurtal.cli.client import Client
    from immurtal.cli.progress import Progress
    from immurtal.errors import AccessRefused
    from immurtal.stream.licence import EndedPass
    from immurtal.stream.player import Played


@click.command()
@click.argument("certificate")
@click.option("-o", "--output", default="-", show_default=True, help="File to write; - streams.")
@click.option("--variant", help="Codec or path, or `best`; what streams well where missing.")
@click.option("--offer", help="Licence to rely on; found on chain where missing.")
@click.option("--node", "nodes", multiple=True, help="Node to look at first; whole ids.")
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), help="The listener's folder."
)
@network_options
@wallet_options
@json_option
@asynchronous
async def play(
    certificate: str,
    output: str,
    variant: str | None,
    offer: str | None,
    nodes: tuple[str, ...],
    home: Path | None,
    network: Any,
    wallet: WalletChoice,
    as_json: bool,
) -> None:
    """Play a work to a file, or to standard output for a player.

    \b
    immurtal play CERTIFICATE --keystore me.json | mpv -
    immurtal play CERTIFICATE --variant best -o song.flac

    Blocks come from the fastest nodes, each checked before it is decrypted. Your wallet signs one
    session a day for this device, not a request each. A work that is open to all needs no wallet.
    """
    from immurtal.cli.client import certificate_id, connect
    from immurtal.cli.client import offer_id as known_offer
    from immurtal.cli.progress import Progress
    from immurtal.errors import BadInput
    from immurtal.stream.session import ListenerKeys

    if as_json and output == "-":
        raise BadInput("--json and music cannot both go to standard output.", do="Give -o FILE.")
    known = certificate_id(certificate)
    wanted = known_offer(offer) if offer else None
    kept = "What was heard was verified." if output == "-" else f"{output} was not written."
    with Progress(quiet=as_json) as progress:
        async with connect(network, kept) as client:
            player = _Player(client, ListenerKeys(home), nodes, wallet, progress)
            played = await player.play(known, wanted, output, variant)
    if output == "-":
        click.echo(_heard(played), err=True)
    else:
        emit(_result(played), as_json=as_json, text=f"{_heard(played)}\nWritten to {output}.")


class _Player:
    """One `play`: who listens, what they rely on, and where the music goes."""

    def __init__(
        self,
        client: "Client",
        keys: Any,
        nodes: tuple[str, ...],
        wallet: WalletChoice,
        progress: "Progress",
    ) -> None:
        from immurtal.cli.watching import Watching
        from immurtal.stream.player import Listener

        self._client = client
        self._choice = wallet
        self._wallet: Wallet | None = None
        observer = Watching(progress)
        self._listener = Listener(client.contracts, keys, nodes=nodes, observer=observer)

    async def play(
        self, certificate: str, offer: str | None, output: str, variant: str | None
    ) -> "Played":
        account, offer = await self._access(certificate, offer)
        async with self._listener as listener:
            opened = await listener.open(certificate, account)
            key = await listener.unlock(opened, account, offer, self._unlocked)
            if output == "-":
                with _streaming():
                    return await listener.play(opened, key, sys.stdout.buffer, variant)
            return await listener.play_to_file(opened, key, Path(output), variant)

    async def _access(self, certificate: str, offer: str | None) -> tuple[str, str]:
        """Account and offer to rely on. Raises AccessRefused with what to do."""
        from immurtal.chain.contracts import ZERO_ADDRESS, ZERO_ID, Visibility
        from immurtal.stream.licence import ended_pass, find_access

        contracts = self._client.contracts
        if (await contracts.certificate(certificate)).visibility is Visibility.OPEN:
            return ZERO_ADDRESS, ZERO_ID
        account = self._unlocked().address
        if offer is not None:
            if ended := await ended_pass(contracts, certificate, account, offer):
                raise _renew(certificate, account, ended)
            return account, offer  # whether that is access, now and deep enough, the nodes say
        found = await find_access(contracts, certificate, account)
        if found is None:
            raise await _no_access(contracts, certificate, account)
        return account, found

    def _unlocked(self) -> "Wallet":
        self._wallet = self._wallet or self._choice.open()
        return self._wallet


async def _no_access(contracts: "Contracts", certificate: str, account: str) -> "AccessRefused":
    """Why, as far as the chain tells: a pass that ended is renewed, anything else is bought."""
    from immurtal.errors import AccessRefused
    from immurtal.stream.licence import ended_pass

    if ended := await ended_pass(contracts, certificate, account):
        return _renew(certificate, account, ended)
    return AccessRefused(
        f"{account} has no access to {certificate}.",
        do="`immurtal status` shows its offers; buy one with `immurtal buy`.",
    )


def _renew(certificate: str, account: str, ended: "EndedPass") -> "AccessRefused":
    from immurtal.cli.amounts import moment
    from immurtal.errors import AccessRefused

    return AccessRefused(
        f"The pass of {account} for {certificate} ended on {moment(ended.expiry)}.",
        do=f"Renew it with `immurtal buy {ended.offer}`.",
    )


@contextmanager
def _streaming() -> Iterator[None]:
    """Says of standard output what it is to write to a file. A reader that left is no error."""
    from immurtal.errors import BadInput, DiskFull

    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 (what is left over goes nowhere)
        kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else BadInput
        raise kind(
            f"Standard output cannot be written: {error.strerror}.",
            do="Stream into a player, or give -o FILE where there is room.",
        ) from error


def _heard(played: "Played") -> str:
    title = played.details.title if played.details else played.certificate
    by = ", ".join(f"{node[:10]}… {served.blocks} blocks" for node, served in played.served.items())
    return f"{title}: {played.bytes} bytes in {played.seconds:.1f} s, verified ({by})."


def _result(played: "Played") -> dict[str, Any]:
    return {
        "certificate": played.certificate,
        "release": played.release,
        "variant": {"path": played.variant.path, "codec": played.variant.codec},
        "title": played.details.title if played.details else None,
        "sha256": played.sha256,
        "bytes": played.bytes,
        "seconds": round(played.seconds, 3),
        "nodes": {
            node: {"blocks": served.blocks, "bytes": served.bytes}
            for node, served in played.served.items()
        },
    }
