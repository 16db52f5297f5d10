"""Wallets: what opens, what does not and why, and that all kinds sign alike."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from eth_account import Account

from immurtal.chain.eip712 import Session, digest
from immurtal.chain.signatures import recover_ecdsa
from immurtal.chain.wallet import KeystoreWallet, LocalKey, Wallet
from immurtal.errors import BadInput

CHAIN, REGISTRY = 31337, "0x" + "c0" * 20
SESSION = Session("0x" + "aa" * 20, "0x" + "bb" * 20, 0x20, b"\x07" * 32, 1, 2)
TRANSACTION = {
    "type": 2,
    "chainId": CHAIN,
    "nonce": 7,
    "to": REGISTRY,
    "value": 10**18,
    "data": b"\x01\x02",
    "gas": 100_000,
    "maxFeePerGas": 2 * 10**9,
    "maxPriorityFeePerGas": 10**9,
}
LIGHT = 2**10
KEY = bytes(range(1, 33))


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    KeystoreWallet.create(tmp_path / "wallet.json", "correct", private_key=KEY, scrypt_n=LIGHT)
    return tmp_path / "wallet.json"


def test_a_wrong_passphrase_says_what_to_do(keystore: Path) -> None:
    with pytest.raises(BadInput, match="does not unlock the keystore") as caught:
        KeystoreWallet.open(keystore, "wrong")
    assert "passphrase" in caught.value.do


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe", id="not text"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{}", id="no crypto"),
        pytest.param(b'{"version": 3, "crypto": {"kdf": "scrypt"}}', id="half"),
        pytest.param(b'{"version": 9, "crypto": {}}', id="other version"),
        pytest.param(b"[" * 60_000, id="deep"),
    ],
)
def test_a_file_that_is_no_keystore(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "wallet.json").write_bytes(content)
    with pytest.raises(BadInput, match="is not a keystore in the web3 secret storage format"):
        KeystoreWallet.open(tmp_path / "wallet.json", "x")


def test_a_keystore_that_would_eat_the_memory(keystore: Path) -> None:
    content = json.loads(keystore.read_text())
    content["crypto"]["kdfparams"]["n"] = 2**40
    keystore.write_text(json.dumps(content))
    with pytest.raises(BadInput, match="is not a keystore"):
        KeystoreWallet.open(keystore, "correct")


def test_files_that_are_missing_or_huge(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        KeystoreWallet.open(tmp_path / "none.json", "x")
    (tmp_path / "huge.json").write_bytes(bytes(64 * 1024 + 1))
    with pytest.raises(BadInput, match="larger than"):
        KeystoreWallet.open(tmp_path / "huge.json", "x")


def test_a_keystore_is_never_overwritten(keystore: Path) -> None:
    before = keystore.read_bytes()
    with pytest.raises(BadInput, match="is there already"):
        KeystoreWallet.create(keystore, "other", scrypt_n=LIGHT)
    assert keystore.read_bytes() == before
    assert [file.name for file in keystore.parent.iterdir()] == ["wallet.json"]


def test_a_keystore_needs_a_passphrase(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="needs a passphrase"):
        KeystoreWallet.create(tmp_path / "wallet.json", "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("key", [b"", bytes(32), b"\xff" * 32, bytes(31), b"\x01" * 33])
def test_what_is_no_private_key(key: bytes) -> None:
    with pytest.raises(BadInput, match="A private key is 32 bytes"):
        LocalKey(key)


def test_keys_show_themselves_nowhere(keystore: Path) -> None:
    wallet = KeystoreWallet.open(keystore, "correct")
    assert repr(wallet) == f"{wallet}" == f"KeystoreWallet({wallet.address})"
    assert KEY.hex() not in keystore.read_text()


def test_a_keystore_is_the_users_alone_and_others_read_it(keystore: Path) -> None:
    assert keystore.stat().st_mode & 0o777 == 0o600
    assert bytes(Account.decrypt(json.loads(keystore.read_text()), "correct")) == KEY
    assert KeystoreWallet.open(keystore, "correct").address == LocalKey(KEY).address


def test_a_new_key_is_another_each_time() -> None:
    assert LocalKey.generate().address != LocalKey.generate().address


def signs_as(wallet: Wallet, address: str) -> None:
    assert wallet.address == address == address.lower()
    signature = wallet.sign_digest_of_typed(SESSION, CHAIN, REGISTRY)
    assert recover_ecdsa(digest(SESSION, CHAIN, REGISTRY), signature) == address
    raw = wallet.sign_transaction(TRANSACTION)
    assert Account.recover_transaction(raw).lower() == address
    creation = {name: value for name, value in TRANSACTION.items() if name != "to"}
    assert Account.recover_transaction(wallet.sign_transaction(creation)).lower() == address


def test_a_local_key_signs() -> None:
    signs_as(LocalKey(KEY), Account.from_key(KEY).address.lower())


ASK_APE = """
import sys
from immurtal.chain.wallet import ApeWallet
from immurtal.errors import BadInput
from test_wallet import CHAIN, REGISTRY, SESSION, TRANSACTION

for alias, passphrase in (("nobody", None), ("artist", "wrong")):
    try:
        ApeWallet(alias, passphrase)
    except BadInput as error:
        print(error.what)
wallet = ApeWallet("artist", "correct")
print(wallet)
print(wallet.sign_digest_of_typed(SESSION, CHAIN, REGISTRY).hex())
print(wallet.sign_transaction(TRANSACTION).hex())
"""


def test_an_ape_account_signs_the_same(keystore: Path, tmp_path: Path) -> None:
    """Ape's keyfiles are such keystores; signatures are deterministic (RFC 6979), so equal."""
    accounts = tmp_path / "ape/accounts"
    accounts.mkdir(parents=True)
    (accounts / "artist.json").write_bytes(keystore.read_bytes())
    ape = subprocess.run(
        [sys.executable, "-c", ASK_APE],
        env=os.environ
        | {"APE_DATA_FOLDER": str(tmp_path / "ape"), "PYTHONPATH": str(Path(__file__).parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ape.returncode == 0, ape.stderr
    local = LocalKey(KEY)
    assert ape.stdout.splitlines() == [
        "Ape has no account 'nobody'.",
        "The passphrase does not unlock the ape account 'artist'.",
        f"ApeWallet({local.address})",
        local.sign_digest_of_typed(SESSION, CHAIN, REGISTRY).hex(),
        local.sign_transaction(TRANSACTION).hex(),
    ]
