"""The listener's keys: encrypted at rest, sessions kept for their life and no longer."""

from pathlib import Path

import pytest
from local_chain import DEV_KEYS

from immurtal.chain.contracts import ZERO_ADDRESS
from immurtal.chain.deployment import Deployment
from immurtal.chain.eip712 import digest
from immurtal.chain.signatures import recover_ecdsa
from immurtal.chain.wallet import LocalKey, Wallet
from immurtal.errors import BadInput
from immurtal.stream.session import MARGIN_SECONDS, SESSION_SECONDS, ListenerKeys, listener_folder

NOW = 1_800_000_000
REGISTRY = "0x" + "11" * 20
HERE = Deployment(31337, {"CopyrightRegistry": REGISTRY})


class Unlocking:
    """A wallet that counts how often it is asked for."""

    def __init__(self) -> None:
        self.wallet = LocalKey(bytes.fromhex(DEV_KEYS[0]))
        self.times = 0

    def __call__(self) -> Wallet:
        self.times += 1
        return self.wallet


def test_a_session_is_signed_once_and_kept(tmp_path: Path) -> None:
    unlock = Unlocking()
    account = unlock.wallet.address
    first = ListenerKeys(tmp_path).session(HERE, account, unlock, now=NOW)
    again = ListenerKeys(tmp_path).session(HERE, account, None, now=NOW + 3600)
    assert again.signed == first.signed
    assert again.private.secret == first.private.secret
    assert again.device.secret() == first.device.secret()
    assert unlock.times == 1
    signed = first.signed
    assert recover_ecdsa(digest(signed.session, 31337, REGISTRY), signed.signature) == account


def test_it_is_signed_anew_before_it_ends(tmp_path: Path) -> None:
    unlock = Unlocking()
    keys = ListenerKeys(tmp_path)
    account = unlock.wallet.address
    first = keys.session(HERE, account, unlock, now=NOW)
    late = NOW + SESSION_SECONDS - MARGIN_SECONDS
    assert keys.session(HERE, account, unlock, now=late - 1).signed == first.signed
    assert keys.session(HERE, account, unlock, now=late).signed != first.signed
    assert unlock.times == 2
    with pytest.raises(BadInput, match="no wallet to sign"):
        keys.session(HERE, account, None, now=late + SESSION_SECONDS)


def test_each_account_and_registry_has_its_own(tmp_path: Path) -> None:
    keys = ListenerKeys(tmp_path)
    unlock = Unlocking()
    with pytest.raises(BadInput, match="no wallet to sign"):
        keys.session(HERE, unlock.wallet.address, None, now=NOW)
    open_to_all = keys.session(HERE, now=NOW)
    session = open_to_all.signed.session
    assert (session.account, session.device) == (ZERO_ADDRESS, keys.device.address)
    elsewhere = Deployment(31337, {"CopyrightRegistry": "0x" + "22" * 20})
    assert keys.session(elsewhere, now=NOW).signed != open_to_all.signed
    with pytest.raises(BadInput, match="The wallet is of 0x"):
        keys.session(HERE, "0x" + "33" * 20, unlock, now=NOW)


def test_forgotten_means_signed_anew(tmp_path: Path) -> None:
    keys = ListenerKeys(tmp_path)
    first = keys.session(HERE, now=NOW)
    keys.forget(HERE)
    keys.forget(HERE)
    assert keys.session(HERE, now=NOW).signed != first.signed


def test_nothing_secret_lies_open(tmp_path: Path) -> None:
    keys = ListenerKeys(tmp_path)
    held = keys.session(HERE, now=NOW)
    for path in (p for p in tmp_path.rglob("*") if p.is_file()):
        assert path.stat().st_mode & 0o077 == 0
        for secret in (keys.device.secret(), held.private.secret):
            assert secret not in path.read_bytes()
            assert secret.hex() not in path.read_text("latin-1")


def test_a_damaged_session_is_replaced_and_a_damaged_device_key_is_told(tmp_path: Path) -> None:
    keys = ListenerKeys(tmp_path)
    first = keys.session(HERE, now=NOW)
    (kept,) = (tmp_path / "sessions").iterdir()
    kept.write_text("{}")
    assert keys.session(HERE, now=NOW).signed != first.signed
    (tmp_path / "device.key").write_text("{}")
    with pytest.raises(BadInput, match=r"device\.key is no encrypted key file"):
        ListenerKeys(tmp_path)


def test_the_folder_follows_xdg() -> None:
    assert listener_folder({"XDG_DATA_HOME": "/x"}) == Path("/x/immurtal/listener")
    assert listener_folder({}) == Path.home() / ".local/share/immurtal/listener"
