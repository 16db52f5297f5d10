"""The listener's device key at rest: it signs key requests and play statements.

Under a passphrase, or under a machine secret (`at_rest.MachineSecret` says what each is good for).
A listener's client defaults to the machine secret: the key can spend no more than a deposit and
open no more than its sessions, and players start unattended.
"""

from pathlib import Path

from immurtal.chain.wallet import LocalKey
from immurtal.content.encoding import b64u, b64u_decode
from immurtal.keys.at_rest import Secret, read_encrypted, write_encrypted

KIND = "immurtal/device-key"


def create_device_key(path: Path, secret: Secret) -> LocalKey:
    """A new device key, encrypted at `path`. Raises BadInput if the file is there, DiskFull."""
    device = LocalKey.generate()
    write_encrypted(path, KIND, {"key": b64u(device.secret())}, secret)
    return device


def read_device_key(path: Path, secret: Secret) -> LocalKey:
    """Raises BadInput: unreadable, wrong secret, not a device key."""
    payload = read_encrypted(path, KIND, secret)
    return LocalKey(b64u_decode(payload.get("key"), size=32, name="key"))
