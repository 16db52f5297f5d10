"""Keys at rest: what opens them, what does not and why; nothing is lost or half written."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from immurtal.errors import BadInput, DiskFull
from immurtal.keys.at_rest import MachineSecret, Passphrase, read_encrypted, write_encrypted
from immurtal.keys.device import create_device_key, read_device_key
from immurtal.keys.hpke import generate
from immurtal.keys.keyfile import ArtistKey, read_key_file, write_key_file
from immurtal.keys.node_keys import NodeKeys, read_node_keys, write_node_keys
from immurtal.keys.refusals import WrongNode
from immurtal.keys.sealing import Binding, NodeKey

SECRET = Passphrase("correct", n=2**10)
PAYLOAD = {"key": "AAAA"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_encrypted(tmp_path / "key.json", "test", PAYLOAD, SECRET)
    return tmp_path / "key.json"


def change(file: Path, **values: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_a_wrong_passphrase(file: Path) -> None:
    with pytest.raises(BadInput, match="does not open: the passphrase or secret is another one"):
        read_encrypted(file, "test", Passphrase("wrong"))


def test_a_secret_of_another_kind(file: Path, tmp_path: Path) -> None:
    machine = MachineSecret.create(tmp_path / "secret")
    with pytest.raises(BadInput, match="encrypted with a passphrase, not a secret file"):
        read_encrypted(file, "test", machine)
    write_encrypted(tmp_path / "other.json", "test", PAYLOAD, machine)
    with pytest.raises(BadInput, match="encrypted with a secret file, not a passphrase"):
        read_encrypted(tmp_path / "other.json", "test", SECRET)


def test_another_kind_or_version(file: Path) -> None:
    with pytest.raises(BadInput, match="of kind 'test', version 1; 'device', version 1, is due"):
        read_encrypted(file, "device", SECRET)
    change(file, v=2)
    with pytest.raises(BadInput, match="version 2"):
        read_encrypted(file, "test", SECRET)


def test_a_kind_that_was_changed_does_not_open(file: Path) -> None:
    change(file, kind="device")
    with pytest.raises(BadInput, match="does not open"):
        read_encrypted(file, "device", SECRET)


@pytest.mark.parametrize("field", ["sealed", "nonce"])
def test_a_flipped_bit(file: Path, field: str) -> None:
    text = json.loads(file.read_text())[field]
    change(file, **{field: ("B" if text[0] == "A" else "A") + text[1:]})
    with pytest.raises(BadInput, match="does not open"):
        read_encrypted(file, "test", SECRET)


@pytest.mark.parametrize("n", [0, 1, 3, 2**21, 2**40, -2, "1024", None, 1024.0])
def test_a_cost_that_would_eat_the_machine(file: Path, n: object) -> None:
    change(file, kdf=json.loads(file.read_text())["kdf"] | {"n": n})
    with pytest.raises(BadInput, match="scrypt cost"):
        read_encrypted(file, "test", SECRET)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b"{}", b"null", b"[" * 100_000, b'{"v":1,"kind":"test","kdf":3}'],
    ids=["empty", "not text", "list", "no fields", "null", "deep", "kdf a number"],
)
def test_what_is_no_key_file(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(BadInput, match="no encrypted key file of Immurtal"):
        read_encrypted(file, "test", SECRET)


def test_missing_and_huge_files(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        read_encrypted(tmp_path / "none", "test", SECRET)
    (tmp_path / "huge").write_bytes(bytes(2**20 + 1))
    with pytest.raises(BadInput, match="larger than the 1048576 bytes"):
        read_encrypted(tmp_path / "huge", "test", SECRET)


def test_a_key_is_not_overwritten_by_accident(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(BadInput, match="is there already"):
        write_encrypted(file, "test", {}, SECRET)
    assert file.read_bytes() == before
    write_encrypted(file, "test", {"new": 1}, SECRET, replace=True)
    assert read_encrypted(file, "test", SECRET) == {"new": 1}
    assert list(file.parent.iterdir()) == [file]


def test_a_full_disk_loses_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one fault injected: `fsync` finds no room, as file systems that allocate late do."""
    before = file.read_bytes()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match="no room to write"):
        write_encrypted(file, "test", {}, SECRET, replace=True)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("replace", [False, True])
def test_a_full_disk_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replace: bool
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match="no room to write"):
        write_encrypted(tmp_path / "key.json", "test", {}, SECRET, replace=replace)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("replace", [False, True])
def test_places_that_cannot_be_written(tmp_path: Path, replace: bool) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadInput, match="cannot be written: File exists"):
        write_encrypted(tmp_path / "file/key.json", "test", PAYLOAD, SECRET, replace=replace)
    with pytest.raises(BadInput, match="Is a directory" if replace else "is there already"):
        write_encrypted(tmp_path / "folder", "test", PAYLOAD, SECRET, replace=replace)
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "file", tmp_path / "folder"]


def test_the_file_is_its_users_alone_and_tells_nothing(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    assert "AAAA" not in file.read_text()
    assert "correct" not in file.read_text() + repr(SECRET)


def test_empty_passphrases_and_bad_secret_files(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="must not be empty"):
        Passphrase("")
    secret = tmp_path / "secret"
    created = MachineSecret.create(secret)
    assert MachineSecret.load(secret) == created
    assert created.secret.hex() not in repr(created)
    with pytest.raises(BadInput, match="is there already"):
        MachineSecret.create(secret)
    secret.chmod(0o640)
    with pytest.raises(BadInput, match="open to other users"):
        MachineSecret.load(secret)
    secret.chmod(0o600)
    secret.write_bytes(bytes(31))
    with pytest.raises(BadInput, match="32 bytes, not 31"):
        MachineSecret.load(secret)


def test_the_artists_key_file_comes_back_whole(tmp_path: Path) -> None:
    key = ArtistKey(
        binding=Binding(31337, "0x" + "c0" * 20, "0x" + "11" * 32, "0x" + "a1" * 20),
        key_id=bytes(range(16)),
        content_key=bytes(range(32)),
        threshold=2,
        nodes=tuple(NodeKey(f"0x{i:064x}", generate().public) for i in range(3)),
        recovery=generate().public,
    )
    write_key_file(tmp_path / "key.json", key, SECRET)
    assert read_key_file(tmp_path / "key.json", SECRET) == key
    assert bytes(range(32)).hex() not in repr(key)
    with pytest.raises(BadInput, match="is there already"):
        write_key_file(tmp_path / "key.json", replace(key, threshold=3), SECRET)


def test_a_key_file_that_opens_and_lacks_something(tmp_path: Path) -> None:
    write_encrypted(tmp_path / "artist.json", "immurtal/artist-key", {"chainId": 1}, SECRET)
    with pytest.raises(BadInput, match="opens, but lacks 'registry'"):
        read_key_file(tmp_path / "artist.json", SECRET)
    write_encrypted(tmp_path / "node.json", "immurtal/node-keys", {}, SECRET)
    with pytest.raises(BadInput, match="opens, but lacks 'current'"):
        read_node_keys(tmp_path / "node.json", SECRET)
    write_encrypted(tmp_path / "device.json", "immurtal/device-key", {}, SECRET)
    with pytest.raises(BadInput, match="key is not base64url"):
        read_device_key(tmp_path / "device.json", SECRET)


def test_a_device_key_comes_back(tmp_path: Path) -> None:
    secret = MachineSecret.create(tmp_path / "secret")
    device = create_device_key(tmp_path / "device.json", secret)
    assert read_device_key(tmp_path / "device.json", secret).address == device.address


def test_a_node_keeps_the_keys_it_retired(tmp_path: Path) -> None:
    first = NodeKeys.generate()
    keys = first.rotated().rotated()
    write_node_keys(tmp_path / "keys.json", keys, SECRET)
    again = read_node_keys(tmp_path / "keys.json", SECRET)
    assert again == keys
    assert again.hashes[0] == keys.current.public.hash
    assert again.by_hash(first.current.public.hash) == first.current
    with pytest.raises(WrongNode, match="none of this node's"):
        again.by_hash(generate().public.hash)
    with pytest.raises(BadInput, match="is there already"):
        write_node_keys(tmp_path / "keys.json", first, SECRET)
