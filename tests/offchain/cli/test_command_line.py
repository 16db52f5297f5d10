"""The door itself: help, errors in one paragraph or one object, exit codes, passphrases."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from immurtal import cli, errors
from immurtal.chain.abi import CONTRACTS
from immurtal.chain.wallet import KeystoreWallet
from immurtal.cli.common import WalletChoice, ask_secret, read_passphrase
from immurtal.errors import BadInput, ImmurtalError, NotAccepted, TransactionFailed

HEAVY = ("ape", "httpx", "fastapi", "sqlalchemy", "av", "eth_account", "cryptography", "rich")
NETWORK = ["--rpc", "http://127.0.0.1:1", "--chain-id", "31337"]


def run(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "immurtal", *words],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env=env,
    )


def test_help_lists_every_command_and_every_exit_code() -> None:
    shown = CliRunner().invoke(cli.cli, ["--help"]).output
    for name in cli.COMMANDS:
        assert f"\n  {name} " in shown
    known = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, ImmurtalError)
    }
    listed = shown.partition("Exit codes:")[2].split()
    assert {str(code) for code in known} <= set(listed)


def test_help_is_quick_because_it_loads_nothing() -> None:
    """What makes it slow is named, not timed: machines differ."""
    code = (
        "import sys\n"
        "from immurtal import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr == "[]\n"


@pytest.mark.parametrize("command", sorted(cli.COMMANDS))
def test_every_command_teaches(command: str) -> None:
    done = CliRunner().invoke(cli.cli, [command, "--help"])
    assert done.exit_code == 0, done.output
    assert len(done.output.splitlines()) > 5


def test_no_command_takes_a_secret_in_an_argument() -> None:
    from click import Group, Option

    def options(command: object) -> list[str]:
        inner = (
            [o for c in command.commands.values() for o in options(c)]
            if isinstance(command, Group)
            else []
        )
        own = [o for p in command.params if isinstance(p, Option) for o in p.opts]  # type: ignore[attr-defined]
        return own + inner

    context = cli.cli.make_context("immurtal", ["node", "list"], resilient_parsing=True)
    for name in cli.COMMANDS:
        command = cli.cli.get_command(context, name)
        for option in options(command):
            assert option not in ("--private-key", "--passphrase", "--password", "--words"), option


def failing(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli.cli, "main", fail)


def test_an_error_is_one_paragraph(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(NotAccepted("It says no.", saved="All is kept.", do="Ask again."), monkeypatch)
    with pytest.raises(SystemExit) as left:
        cli.main(["publish"])
    assert left.value.code == 14
    assert capsys.readouterr().err == "Error: It says no. All is kept. Ask again.\n"


def test_or_one_object(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failing(TransactionFailed("It reverts.", error="X_Y(1)", saved="S.", do="D."), monkeypatch)
    with pytest.raises(SystemExit) as left:
        cli.main(["lock", "--json"])
    assert left.value.code == 13
    shown = capsys.readouterr()
    assert shown.out == ""
    assert json.loads(shown.err) == {
        "error": {
            "kind": "transaction-failed",
            "what": "It reverts.",
            "saved": "S.",
            "do": "D.",
            "reason": "X_Y(1)",
        }
    }


def test_what_nobody_thought_of_is_told_in_the_same_form(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("IMMURTAL_DEBUG", raising=False)
    failing(ZeroDivisionError("by nothing"), monkeypatch)
    with pytest.raises(SystemExit) as left:
        cli.main(["status"])
    assert left.value.code == 1
    shown = capsys.readouterr().err
    assert "ZeroDivisionError: by nothing" in shown
    assert "Traceback" not in shown
    monkeypatch.setenv("IMMURTAL_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli.main(["status"])


def test_an_interruption_leaves_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(KeyboardInterrupt(), monkeypatch)  # type: ignore[arg-type]
    with pytest.raises(SystemExit) as left:
        cli.main(["publish"])
    assert (left.value.code, capsys.readouterr().err) == (130, "Interrupted.\n")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["nonsense"], 2, "No such command"),
        (["publish"], 2, "Missing argument"),
        (["lock", "0x12", *NETWORK, "--deployments", "{deployments}"], 12, "is no certificate"),
        (["status", "0x" + "1" * 64, *NETWORK, "--deployments", "{deployments}"], 6, "cannot be"),
        (["status", "0x" + "1" * 64, *NETWORK, "--deployments", "{folder}"], 5, "no deployment"),
        (["status", "0x" + "1" * 64, "--rpc", "http://x"], 12, "chain_id"),
        (
            ["grant", "0x" + "1" * 64, "0x12", *NETWORK, "--deployments", "{deployments}"],
            12,
            "no address",
        ),
        (["wallet", "show", "{deployments}"], 12, "is not a keystore"),
    ],
)
def test_wrong_input_leaves_with_its_own_code(
    tmp_path: Path, words: list[str], code: int, told: str
) -> None:
    deployments = tmp_path / "file" / "31337.json"
    deployments.parent.mkdir()
    contracts = {name: {"address": "0x" + "11" * 20} for name in CONTRACTS}
    deployments.write_text(json.dumps({"chainId": 31337, "contracts": contracts}))
    places = {"deployments": str(deployments), "folder": str(tmp_path)}
    done = run(*(word.format(**places) for word in words), env={"HOME": str(tmp_path)})
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_keystore_is_made_once_and_shown(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("open sesame\n")
    words = ["wallet", "create", str(tmp_path / "me.json"), "--passphrase-file", str(secret)]
    made = CliRunner().invoke(cli.cli, [*words, "--json"], standalone_mode=False)
    address = json.loads(made.output)["address"]
    shown = CliRunner().invoke(cli.cli, ["wallet", "show", str(tmp_path / "me.json")])
    assert shown.output == f"{address}\n"
    assert KeystoreWallet.open(tmp_path / "me.json", "open sesame").address == address
    again = CliRunner().invoke(cli.cli, words, standalone_mode=False)
    assert isinstance(again.exception, BadInput)
    assert "is there already" in again.exception.what


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    path = tmp_path / "me.json"
    KeystoreWallet.create(path, "open sesame", scrypt_n=2)
    return path


def test_a_passphrase_is_asked_for_once(keystore: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(what: str, option: str, *, twice: bool = False) -> str:
        asked.append(what)
        return "open sesame"

    monkeypatch.setattr("immurtal.cli.common.ask_secret", answer)
    choice = WalletChoice(keystore, None, None)
    assert choice.keys_passphrase(None) == "open sesame"
    assert choice.open().address == choice.open().address
    assert asked == ["Passphrase"]
    assert "sesame" not in repr(choice)


def test_keys_may_have_a_passphrase_of_their_own(keystore: Path, tmp_path: Path) -> None:
    wallet, keys = tmp_path / "wallet", tmp_path / "keys"
    wallet.write_text("open sesame")
    keys.write_text("another\r\nline")
    choice = WalletChoice(keystore, None, wallet)
    assert choice.keys_passphrase(keys) == "another"
    assert choice.keys_passphrase(None) == "open sesame"
    assert choice.open().address


def test_hardware_has_none_so_that_of_the_keys_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, bool]] = []

    def answer(what: str, option: str, *, twice: bool = False) -> str:
        asked.append((what, twice))
        return "for the keys"

    monkeypatch.setattr("immurtal.cli.common.ask_secret", answer)
    choice = WalletChoice(None, "ledger", None)
    assert choice.keys_passphrase(None, new=True) == "for the keys"
    assert asked == [("Passphrase of your key files", True)]


def test_an_empty_passphrase_protects_nothing(keystore: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(BadInput, match="is empty"):
        WalletChoice(keystore, None, None).keys_passphrase(tmp_path / "empty")


def test_no_wallet_is_told() -> None:
    with pytest.raises(BadInput, match="No wallet was named"):
        WalletChoice(None, None, None).open()
    with pytest.raises(BadInput, match="No wallet was named"):
        WalletChoice(None, None, None).keys_passphrase(None)


def test_where_nobody_is_there_to_ask_a_file_is_named() -> None:
    done = run("wallet", "show", "/dev/null")
    assert done.returncode == 12
    code = "from immurtal.cli.common import ask_secret\nask_secret('Passphrase', '--some-file')"
    asked = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        timeout=60,
    )
    assert "nobody is there to ask" in asked.stderr
    assert ask_secret.__doc__


def test_a_passphrase_file_that_is_none(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"x" * 5000)
    with pytest.raises(BadInput, match="too large"):
        read_passphrase(large)
    large.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="cannot be read"):
        read_passphrase(large)


def test_keystore_and_account_exclude_each_other(keystore: Path) -> None:
    words = ["withdraw", "0x" + "1" * 64, "--keystore", str(keystore), "--account", "me"]
    done = CliRunner().invoke(cli.cli, [*words, *NETWORK, "--deployments", str(keystore)])
    assert done.exit_code == 2
    assert "exclude each other" in done.output
