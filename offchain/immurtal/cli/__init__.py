"""The command line: `immurtal`. Commands load their modules only when called: `--help` is quick."""

import importlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from immurtal import __version__
from immurtal.errors import ImmurtalError

# command: (module, what `immurtal --help` says of it). One file for each group of commands.
COMMANDS: dict[str, tuple[str, str]] = {
    "publish": ("publish", "Encrypt, certify, offer and store a recording or an album."),
    "register": ("claims", "Register works by their commitment, or by a signature."),
    "contest": ("claims", "Prove an older commitment to a registered work."),
    "release": ("works", "Publish changed metadata or credits under the same key."),
    "visibility": ("works", "Say who may hear a work."),
    "withdraw": ("works", "Take a work back: nodes let its audio go."),
    "payout": ("works", "Say where a certificate's money goes."),
    "lock": ("works", "Fix a certificate's payout for ever."),
    "split": ("splits", "Show, distribute and withdraw what a royalty split holds."),
    "offer": ("offers", "Create, update or close an offer of licences."),
    "grant": ("offers", "Give an account access without a sale."),
    "revoke": ("offers", "Take a grant back."),
    "buy": ("buy", "Buy or renew licences."),
    "relay": ("buy", "Send somebody's signed purchase."),
    "play": ("listen", "Play a work to a file, or to standard output."),
    "status": ("status", "Show a certificate: release, pins, access, payments."),
    "keys": ("keys", "The artist's recovery key."),
    "wallet": ("wallet", "Make an encrypted keystore, or show its address."),
    "node": ("node", "Set up, run and announce a node."),
    "demo": ("demo", "The whole way on this machine, with evidence."),
}

EPILOG = """\b
Exit codes:
  0  done                          8  too few good key shares
  1  unexpected error              9  bytes that do not match their hash
  2  wrong usage                  10  disk full
  3  wrong network                11  port in use
  4  not enough money             12  input that cannot be used
  5  not found                    13  transaction failed
  6  endpoint or node unreachable 14  a node refused to hold a release
  7  access refused              15  a comparison of the demo failed
 16  an offer cannot be bought   17  a token does not do what ERC-20 says
130  interrupted"""


class LazyGroup(click.Group):
    """Lists commands from `COMMANDS`, imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"immurtal.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="immurtal")
def cli() -> None:
    """Immurtal: publish, certify, license, pay for and stream music, with nobody in between.

    Artists start with `immurtal publish --help`, listeners with `immurtal play --help`, operators
    with `immurtal node --help`. `immurtal demo` shows all of it on this machine.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and leaves the process with the exit code of the error's kind."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        result: Any = cli.main(words, prog_name="immurtal", standalone_mode=False)
    except click.ClickException as error:
        if "--json" in words:
            report(_WrongUsage(error.format_message(), do="--help says more."), as_json=True)
        else:
            error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except ImmurtalError as error:
        report(error, as_json="--json" in words)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has left: nobody to tell
        sys.exit(141)
    except Exception as error:
        if os.environ.get("IMMURTAL_DEBUG"):
            raise
        report(_unexpected(error), as_json="--json" in words)
        sys.exit(ImmurtalError.exit_code)
    sys.exit(result if isinstance(result, int) else 0)


class _WrongUsage(ImmurtalError):
    """What click says of the words themselves."""

    kind = "usage"


def _unexpected(error: Exception) -> ImmurtalError:
    """What nobody thought of, in the same form as the rest."""
    return ImmurtalError(
        f"Something went wrong that should not: {type(error).__name__}: {error}.",
        do="Please report it. IMMURTAL_DEBUG=1 shows where it happened.",
    )


def report(error: ImmurtalError, *, as_json: bool) -> None:
    """Tells of an error on standard error: one paragraph, or one JSON object."""
    if as_json:
        body = {"kind": error.kind, "what": error.what, "saved": error.saved, "do": error.do}
        reason = getattr(error, "reason", None) or getattr(error, "error", None)
        click.echo(json.dumps({"error": body | ({"reason": reason} if reason else {})}), err=True)
    else:
        click.echo(click.style("Error: ", fg="red") + error.paragraph(), err=True)
