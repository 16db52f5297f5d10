"""What commands share: options for network and wallet, output, and the way into asyncio."""

import asyncio
import functools
import json
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from immurtal.errors import BadInput

if TYPE_CHECKING:
    from immurtal.chain.wallet import Wallet

P = ParamSpec("P")
T = TypeVar("T")

MAX_PASSPHRASE_FILE = 4096


@dataclass(slots=True)
class WalletChoice:
    """Which wallet to sign with; opened when it is needed, so that wrong input fails first. A
    passphrase is asked for once at most."""

    keystore: Path | None
    account: str | None
    passphrase_file: Path | None
    _asked: str | None = field(default=None, init=False, repr=False)

    def open(self) -> "Wallet":
        """Unlocks the wallet. Raises BadInput: none chosen, or a wrong passphrase.

        An ape account that was given no passphrase file asks by itself, as hardware does.
        """
        from immurtal.chain.wallet import ApeWallet, KeystoreWallet

        if self.keystore is not None:
            return KeystoreWallet.open(self.keystore, self._passphrase())
        if self.account is not None:
            return ApeWallet(self.account, self._passphrase() if self.passphrase_file else None)
        raise _no_wallet()

    def keys_passphrase(self, file: Path | None, *, new: bool = False) -> str:
        """What encrypts the artist's key files: `file` says, else it is the wallet's passphrase;
        for an ape account without one it is asked for. new: twice, as no file would tell a slip.
        """
        if file is not None:
            return _not_empty(read_passphrase(file), file)
        if self.keystore is not None or self.passphrase_file is not None:
            return _not_empty(self._passphrase(), self.passphrase_file)
        if self.account is None:
            raise _no_wallet()
        return ask_secret("Passphrase of your key files", "--keys-passphrase-file", twice=new)

    def _passphrase(self) -> str:
        """From the file, or asked for; never from an argument."""
        if self._asked is None:
            self._asked = (
                read_passphrase(self.passphrase_file)
                if self.passphrase_file is not None
                else ask_secret("Passphrase", "--passphrase-file")
            )
        return self._asked


def _no_wallet() -> BadInput:
    return BadInput(
        "No wallet was named.",
        do="Name one with --keystore FILE (make it with `immurtal wallet create`) "
        "or --account ALIAS (an ape account).",
    )


def _not_empty(passphrase: str, file: Path | None) -> str:
    if not passphrase:
        where = f"The passphrase in {file}" if file else "The passphrase"
        raise BadInput(f"{where} is empty: key files need one that is not.")
    return passphrase


def ask_secret(what: str, option: str, *, twice: bool = False) -> str:
    """Asks the person at the terminal. Raises BadInput where there is none, naming the option that
    takes a file instead."""
    try:
        answer = click.prompt(what, hide_input=True, confirmation_prompt=twice, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise BadInput(
            f"{what}: nobody is there to ask.", do=f"Name a file that has it with {option}."
        ) from None
    return str(answer)


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


def keys_options(command: Callable[..., T]) -> Callable[..., T]:
    """`--home`, `--keys-passphrase-file`: where the artist's key files are, and what opens them."""
    home = click.option(
        "--home", type=click.Path(path_type=Path, file_okay=False), help="The artist's folder."
    )
    passphrase = click.option(
        "--keys-passphrase-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        envvar="IMMURTAL_KEYS_PASSPHRASE_FILE",
        help="File whose first line opens your key files; else the wallet's passphrase does.",
    )
    return home(passphrase(command))


def confirm(question: str) -> None:
    """Asks on standard error, so that --json stays one object; raises Abort for no."""
    click.confirm(question, abort=True, err=True)


def consent(question: str, *, yes: bool) -> None:
    """Asks before money moves, or what cannot be undone, unless --yes said so already. Raises Abort
    for no, and BadInput where nobody is there to ask."""
    if yes:
        return
    try:
        answer = click.prompt(f"{question} [y/N]", default="", show_default=False, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        answer = ""
    if not answer and not sys.stdin.isatty():
        raise BadInput(
            "This needs a yes, and nobody is there to ask.",
            saved="Nothing was sent.",
            do="Add --yes if you agree to what is shown above.",
        )
    if str(answer).strip().lower() not in ("y", "yes"):
        raise click.Abort


def teller(*, quiet: bool) -> Callable[[str], None]:
    """Says remarks to the person, on standard error; quiet: where a program reads that too."""

    def tell(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    return tell


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
