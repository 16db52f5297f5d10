"""`wallet create|show`: an encrypted keystore, as ape and other wallets read it."""

from pathlib import Path

import click

from immurtal.cli.common import emit, json_option, read_passphrase


@click.group()
def wallet() -> None:
    """Make an encrypted keystore, or show its address."""


@wallet.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    envvar="IMMURTAL_PASSPHRASE_FILE",
    help="File whose first line is the passphrase; asked for, twice, where it is missing.",
)
@json_option
def create(file: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Make a new key in FILE, in the format of web3 secret storage.

    Without the passphrase the key is lost: there is no other copy.
    """
    from immurtal.chain.wallet import KeystoreWallet

    if passphrase_file is not None:
        passphrase = read_passphrase(passphrase_file)
    else:
        passphrase = click.prompt(
            "New passphrase", hide_input=True, confirmation_prompt=True, err=True
        )
    made = KeystoreWallet.create(file, passphrase)
    emit(
        {"address": made.address, "keystore": str(file)},
        as_json=as_json,
        text=f"{made.address} in {file}",
    )


@wallet.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
def show(file: Path, as_json: bool) -> None:
    """Show a keystore's address; needs no passphrase."""
    from immurtal.chain.wallet import keystore_address

    address = keystore_address(file)
    emit({"address": address, "keystore": str(file)}, as_json=as_json, text=address)
