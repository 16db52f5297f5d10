"""What cannot be published is told before anything is asked, sent or made."""

import json
import os
import wave
from pathlib import Path

import pytest
from click.testing import CliRunner

from immurtal import cli
from immurtal.chain.abi import CONTRACTS
from immurtal.chain.wallet import KeystoreWallet
from immurtal.cli.publish import credit
from immurtal.errors import BadInput, ImmurtalError, NotFound, Unreachable

NODES = ["--node", "0x" + "01" * 32, "--node", "0x" + "02" * 32]


def recording(path: Path) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes(os.urandom(9_600))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two recordings, a wallet, and a network that does not answer."""
    (tmp_path / "album").mkdir()
    recording(tmp_path / "album" / "1.wav")
    recording(tmp_path / "album" / "2.wav")
    (tmp_path / "album" / "._1.wav").write_bytes(b"a file manager's notes")
    (tmp_path / "cover.png").write_bytes(b"\x89PNG\r\n\x1a\npicture")
    (tmp_path / "cover.gif").write_bytes(b"GIF89a")
    (tmp_path / "empty").mkdir()
    (tmp_path / "passphrase").write_text("open sesame\n")
    KeystoreWallet.create(tmp_path / "me.json", "open sesame", scrypt_n=2)
    contracts = {name: {"address": "0x" + "11" * 20} for name in CONTRACTS}
    (tmp_path / "31337.json").write_text(json.dumps({"chainId": 31337, "contracts": contracts}))
    return tmp_path


def publish(folder: Path, *words: str, nodes: list[str] = NODES) -> ImmurtalError:
    """The error of a publish of `words`, in which {} is the folder."""
    usual = ["--keystore", "{}/me.json", "--passphrase-file", "{}/passphrase", "--home", "{}/home"]
    usual += [
        "--rpc",
        "http://127.0.0.1:1",
        "--chain-id",
        "31337",
        "--deployments",
        "{}/31337.json",
    ]
    if "--recovery-words-file" not in words:
        usual += ["--recovery-words-file", "{}/words"]
    spelled = [word.replace("{}", str(folder)) for word in [*usual, *words]]
    done = CliRunner().invoke(cli.cli, ["publish", *spelled, *nodes], standalone_mode=False)
    assert isinstance(done.exception, ImmurtalError), (done.exception, done.output)
    assert not (folder / "home").exists(), "nothing is made"
    assert not (folder / "words").exists()
    return done.exception


ONE, ALBUM = "{}/album/1.wav", "{}/album"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([ALBUM, "--title", "One title"], "cannot be that of 2 recordings"),
        ([ONE, "--referral", "50.01%", "--price", "1"], "at most 50 %"),
        ([ONE, "--album-price", "1eth"], "is for 2 to 64 recordings"),
        ([ONE, "--supply", "7"], "Nothing is sold without a price"),
        ([ONE, "--price", "much"], "is no amount"),
        ([ONE, "--price", "1", "--licence", "x" * 70_000], "The terms have"),
        ([ONE, "--private", "--cover", "{}/cover.png"], "is to be private"),
        ([ONE, "--private", "--preview", "0"], "is to be private"),
        ([ONE, "--cover", "{}/cover.gif"], "neither a JPEG nor a PNG"),
        ([ONE, "--preview", "-1"], "starts within the recording"),
        ([ONE, "--preview", "nan"], "starts within the recording"),
        ([ONE, "--artist", "=composer"], "names nobody"),
        ([ONE, ONE], "named twice"),
        ([ONE, "--recovery-words-file", "{}/cover.png"], "is there already"),
        ([ONE, "--keystore", "{}/cover.png"], "is not a keystore"),
    ],
)
def test_what_is_wrong_is_told_first(folder: Path, words: list[str], told: str) -> None:
    error = publish(folder, *words)
    assert isinstance(error, BadInput)
    assert told in error.what


def test_a_folder_without_music(folder: Path) -> None:
    error = publish(folder, "{}/empty")
    assert isinstance(error, NotFound)
    assert "no WAV, FLAC or MP3" in error.what


def test_all_that_is_left_is_the_network(folder: Path) -> None:
    assert isinstance(publish(folder, ALBUM, "--price", "1", "--artist", "A"), Unreachable)


def test_the_recovery_words_are_for_nobodys_log(folder: Path) -> None:
    """Standard error is no terminal here: it may be kept for ever."""
    words = ["publish", str(folder / "album" / "1.wav"), *NODES, "--home", str(folder / "home")]
    words += ["--keystore", str(folder / "me.json"), "--rpc", "http://127.0.0.1:1"]
    words += ["--chain-id", "31337", "--deployments", str(folder / "31337.json")]
    done = CliRunner().invoke(cli.cli, words, standalone_mode=False)
    assert isinstance(done.exception, BadInput)
    assert "recovery words, and nobody is there to read them" in done.exception.what
    assert not (folder / "home").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"is_open": True}, "open to all is not sold"),
        ({"split": ("0x" + "a1" * 20 + "=100%",), "payout": "0x" + "a2" * 20}, "not both"),
        ({"split": ("0x" + "a1" * 20 + "=50%",)}, "sum to 5000 basis points"),
        ({"split": ("0x" + "a1" * 20 + "=50%",) * 2}, "names each payee once"),
        ({"split": tuple(f"0x{n:040x}=1" for n in range(1, 102))}, "at most 100 payees"),
        ({"threshold": 3}, "--threshold 3 needs as many nodes; 2 are named"),
        ({"replicas": 3}, "--replicas 3 needs as many nodes; 2 are named"),
    ],
)
def test_what_the_contracts_would_refuse(options: dict[str, object], told: str) -> None:
    from immurtal.cli.publish import _money
    from immurtal.publish.job import Sale

    usual: dict[str, object] = {"is_open": False, "split": (), "payout": None}
    usual |= {"threshold": None, "replicas": None}
    with pytest.raises(BadInput, match=told):
        _money(usual | options, 2, Sale(1, None, 0, False, 0, ""))


def test_credits() -> None:
    assert credit("Ada") == ("Ada", "main")
    assert credit(" Ada = composer ") == ("Ada", "composer")
