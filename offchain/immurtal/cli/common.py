"""What commands share: options for network and wallet, output, and the way into asyncio."""

import asyncio
import functools
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from immurtal.errors import BadInput

if TYPE_CHECKING:
    from immurtal.chain.wallet import Wallet

P = ParamSpec("P")
T = TypeVar("T")

MAX_PASSPHRASE_FILE = 4096


@dataclass(frozen=True, slots=True)
class WalletChoice:
    """Which wallet to sign with; opened when it is needed, so that wrong input fails first."""

    keystore: Path | None
    account: str | None
    passphrase_file: Path | None

    def open(self, passphrase: str | None = None) -> "Wallet":
        """Unlocks the wallet, with a passphrase that was asked for already or now.

        BadInput: none chosen, or a wrong passphrase.
        """
        from immurtal.chain.wallet import ApeWallet, KeystoreWallet

        if self.keystore is not None:
            return KeystoreWallet.open(self.keystore, passphrase or self.passphrase())
        if self.account is not None:
            if passphrase is None and self.passphrase_file is not None:
                passphrase = self.passphrase()
            return ApeWallet(self.account, passphrase)
        raise BadInput(
            "No wallet was named.",
            do="Name one with --keystore FILE (make it with `immurtal wallet create`) "
            "or --account ALIAS (an ape account).",
        )

    def passphrase(self) -> str:
        """The passphrase: from the file, or asked for; never from an argument."""
        if self.passphrase_file is not None:
            return read_passphrase(self.passphrase_file)
        return str(click.prompt("Passphrase", hide_input=True, err=True))


def read_passphrase(path: Path) -> str:
    """The first line of a passphrase file. BadInput: unreadable, or too large to be one."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PASSPHRASE_FILE + 1)
        if len(data) > MAX_PASSPHRASE_FILE:
            raise BadInput(f"{path} is too large to be a passphrase file.")
        return data.decode().partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"The passphrase file {path} cannot be read: {error}.") from error


def json_option(command: Callable[P, T]) -> Callable[P, T]:
    """`--json`, as the argument `as_json`."""
    option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    return option(command)


def wallet_options(command: Callable[..., T]) -> Callable[..., T]:
    """`--keystore`, `--account`, `--passphrase-file`, as one argument `wallet: WalletChoice`."""

    @click.option(
        "--keystore",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        envvar="IMMURTAL_KEYSTORE",
        help="Encrypted keystore (web3 secret storage) to sign with.",
    )
    @click.option(
        "--account",
        "ape_account",
        envvar="IMMURTAL_ACCOUNT",
        help="Ape account to sign with.",
    )
    @click.option(
        "--passphrase-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        envvar="IMMURTAL_PASSPHRASE_FILE",
        help="File whose first line unlocks the wallet; asked for where it is missing.",
    )
    @functools.wraps(command)
    def with_wallet(
        *args: Any,
        keystore: Path | None,
        ape_account: str | None,
        passphrase_file: Path | None,
        **kwargs: Any,
    ) -> T:
        if keystore is not None and ape_account is not None:
            raise click.UsageError("--keystore and --account exclude each other.")
        return command(*args, wallet=WalletChoice(keystore, ape_account, passphrase_file), **kwargs)

    return with_wallet


def network_options(command: Callable[..., T]) -> Callable[..., T]:
    """`--config`, `--rpc`, `--chain-id`, `--deployments`, as one `network: NetworkConfig`."""

    @click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        envvar="IMMURTAL_CONFIG",
        help="Client settings (TOML); default ~/.config/immurtal/config.toml where there is one.",
    )
    @click.option("--rpc", multiple=True, envvar="IMMURTAL_RPC", help="JSON-RPC URL; repeatable.")
    @click.option("--chain-id", type=int, envvar="IMMURTAL_CHAIN_ID", help="Chain to be on.")
    @click.option(
        "--deployments",
        type=click.Path(path_type=Path, exists=True),
        envvar="IMMURTAL_DEPLOYMENTS",
        help="Deployment file <chain id>.json, or the folder that holds it.",
    )
    @functools.wraps(command)
    def with_network(
        *args: Any,
        config_file: Path | None,
        rpc: tuple[str, ...],
        chain_id: int | None,
        deployments: Path | None,
        **kwargs: Any,
    ) -> T:
        from immurtal.config import NetworkConfig

        network = NetworkConfig.load(
            config_file, rpc=rpc, chain_id=chain_id, deployments=deployments
        )
        return command(*args, network=network, **kwargs)

    return with_network


def asynchronous(command: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Runs a command that is a coroutine function."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return asyncio.run(command(*args, **kwargs))

    return run


def emit(result: Mapping[str, Any], *, as_json: bool, text: str) -> None:
    """Prints a command's result: `text` for a person, or `result` as one JSON object."""
    click.echo(json.dumps(result, indent=2) if as_json else text)
