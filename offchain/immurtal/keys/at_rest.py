"""Keys at rest: a JSON payload in a file that only its owner's secret opens.

The file: `{v: 1, kind, kdf: {...}, nonce, sealed}`, binary values in base64url; AES-256-GCM under a
key from the secret; the rest of the object, as compact JSON with sorted keys, is the AAD, so a file
of one kind does not pass for another and its cost settings cannot be changed.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from immurtal.chain.files import read_bounded, write_new, write_over
from immurtal.content.encoding import b64u, b64u_decode
from immurtal.errors import BadInput

VERSION = 1
MAX_FILE_BYTES = 1024 * 1024
SALT_BYTES = 16
NONCE_BYTES = 12
SECRET_BYTES = 32
SCRYPT_N = 2**17
MAX_SCRYPT_N = 2**20
SCRYPT_R = 8
SCRYPT_P = 1


class Secret(Protocol):
    """What opens a file: a passphrase that somebody knows, or a key that this machine holds."""

    def new_kdf(self) -> dict[str, Any]:
        """Public settings for a new file."""

    def key(self, kdf: dict[str, Any]) -> bytes:
        """The 32-byte key for a file with these settings. Raises BadInput if they are not ours."""


@dataclass(frozen=True, slots=True)
class Passphrase:
    """scrypt (RFC 7914), r 8, p 1; `n` is the cost of new files: 2^17 takes 128 MiB."""

    text: str = field(repr=False)
    n: int = SCRYPT_N

    def __post_init__(self) -> None:
        if not self.text:
            raise BadInput("A passphrase must not be empty.")

    def new_kdf(self) -> dict[str, Any]:
        return {"name": "scrypt", "salt": b64u(os.urandom(SALT_BYTES)), "n": self.n}

    def key(self, kdf: dict[str, Any]) -> bytes:
        n = kdf.get("n")
        if kdf.get("name") != "scrypt":
            raise BadInput("This file was encrypted with a secret file, not a passphrase.")
        if type(n) is not int or not 2 <= n <= MAX_SCRYPT_N or n & (n - 1):
            raise BadInput("This file's scrypt cost is no power of two up to 2^20.")
        salt = b64u_decode(kdf.get("salt"), size=SALT_BYTES, name="salt")
        return Scrypt(salt=salt, length=32, n=n, r=SCRYPT_R, p=SCRYPT_P).derive(self.text.encode())


@dataclass(frozen=True, slots=True)
class MachineSecret:
    """32 random bytes in a file beside the data: no prompt, so unattended starts work.

    It keeps keys out of backups and copies of the data that leave the secret file out, and out of
    a stolen database; it does not help against whoever reads this user's files. A passphrase does,
    at the price of somebody typing it at each start.
    """

    secret: bytes = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> "MachineSecret":
        """Raises BadInput: unreadable, not 32 bytes, or readable by others than its user."""
        secret = read_bounded(path, SECRET_BYTES + 1)
        if path.stat().st_mode & 0o077:
            raise BadInput(
                f"The secret file {path} is open to other users.", do=f"Run `chmod 600 {path}`."
            )
        return cls(secret)

    @classmethod
    def create(cls, path: Path) -> "MachineSecret":
        """A new one, mode 0600. Raises BadInput if the file is there already, DiskFull."""
        secret = os.urandom(SECRET_BYTES)
        write_new(path, secret)
        return cls(secret)

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_BYTES:
            raise BadInput(f"A secret file has {SECRET_BYTES} bytes, not {len(self.secret)}.")

    def new_kdf(self) -> dict[str, Any]:
        return {"name": "hkdf-sha256", "salt": b64u(os.urandom(SALT_BYTES))}

    def key(self, kdf: dict[str, Any]) -> bytes:
        if kdf.get("name") != "hkdf-sha256":
            raise BadInput("This file was encrypted with a passphrase, not a secret file.")
        salt = b64u_decode(kdf.get("salt"), size=SALT_BYTES, name="salt")
        return HKDF(SHA256(), 32, salt=salt, info=b"immurtal/at-rest/1").derive(self.secret)


def write_encrypted(
    path: Path, kind: str, payload: dict[str, Any], secret: Secret, *, replace: bool = False
) -> None:
    """Writes `payload` encrypted, mode 0600, whole or not at all, on the disk on return.

    Raises BadInput if the file is there and `replace` is not set: keys are not overwritten by
    accident; DiskFull.
    """
    head: dict[str, Any] = {"v": VERSION, "kind": kind, "kdf": secret.new_kdf()}
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(secret.key(head["kdf"])).encrypt(nonce, _compact(payload), _compact(head))
    text = json.dumps({**head, "nonce": b64u(nonce), "sealed": b64u(sealed)}, indent=1)
    (write_over if replace else write_new)(path, text.encode() + b"\n")


def read_encrypted(path: Path, kind: str, secret: Secret) -> dict[str, Any]:
    """The payload. Raises BadInput: unreadable, another kind or version, wrong secret, changed."""
    try:
        file = json.loads(read_bounded(path, MAX_FILE_BYTES))
        head = {name: file[name] for name in ("v", "kind", "kdf")}
        kdf = dict(file["kdf"])
        nonce = b64u_decode(file["nonce"], size=NONCE_BYTES, name="nonce")
        sealed = b64u_decode(file["sealed"], limit=MAX_FILE_BYTES, name="sealed")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(f"{path} is no encrypted key file of Immurtal.") from error
    if head["v"] != VERSION or head["kind"] != kind:
        raise BadInput(
            f"{path} is a key file of kind {head['kind']!r}, version {head['v']!r}; "
            f"{kind!r}, version {VERSION}, is due here."
        )
    try:
        payload = AESGCM(secret.key(kdf)).decrypt(nonce, sealed, _compact(head))
    except InvalidTag as error:
        raise BadInput(
            f"{path} does not open: the passphrase or secret is another one, or the file was "
            "changed.",
            do="Check the passphrase or secret file that was given.",
        ) from error
    opened: dict[str, Any] = json.loads(payload)
    return opened


def _compact(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
