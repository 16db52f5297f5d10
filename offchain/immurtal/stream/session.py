"""The listener's own keys: a device key, and wallet-signed sessions kept for their life.

All of it is encrypted at rest, in the listener's folder (`keys.at_rest`).
"""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from immurtal.chain.contracts import ZERO_ADDRESS
from immurtal.chain.deployment import Deployment
from immurtal.chain.eip712 import Session
from immurtal.chain.wallet import LocalKey, Wallet
from immurtal.content.encoding import b64u, b64u_decode
from immurtal.errors import BadInput
from immurtal.keys import hpke
from immurtal.keys.asking import HeldSession
from immurtal.keys.at_rest import MachineSecret, read_encrypted, write_encrypted
from immurtal.keys.device import create_device_key, read_device_key
from immurtal.keys.sessions import SignedSession, make_session

SESSION_SECONDS: Final = 24 * 3600
MARGIN_SECONDS: Final = 600
"""A session that ends sooner than this is not begun with."""
_KIND: Final = "immurtal/session"


def listener_folder(env: Mapping[str, str] = os.environ) -> Path:
    """Where a listener's keys stand unless told otherwise (XDG base directory specification)."""
    base = env.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "immurtal" / "listener"


class ListenerKeys:
    """The keys in one listener's folder, made when they are first needed."""

    def __init__(self, folder: Path | None = None) -> None:
        """Raises BadInput: the keys cannot be read; DiskFull."""
        self._folder = folder or listener_folder()
        self._secret = self._load_secret()
        self.device = self._load_device()

    def session(
        self,
        deployment: Deployment,
        account: str = ZERO_ADDRESS,
        unlock: Callable[[], Wallet] | None = None,
        *,
        now: int | None = None,
    ) -> HeldSession:
        """The kept session of this account, or a new one, signed by the wallet of `unlock`, which
        is asked for only then. Account zero: for Open works, signed by the device.

        Raises BadInput: a new one is needed and there is no wallet, or it is of another account.
        """
        now = int(time.time()) if now is None else now
        path = self._session_path(deployment, account)
        kept = self._read(path, account, now)
        if kept is not None:
            return kept
        wallet = None if account == ZERO_ADDRESS else _wallet_of(account, unlock)
        private = hpke.generate()
        signed = make_session(
            wallet,
            self.device,
            private.public,
            now=now,
            ttl=SESSION_SECONDS,
            chain_id=deployment.chain_id,
            registry=deployment.registry,
        )
        held = HeldSession(signed, self.device, private)
        write_encrypted(path, _KIND, _payload(held), self._secret, replace=True)
        return held

    def forget(self, deployment: Deployment, account: str = ZERO_ADDRESS) -> None:
        """Drops a session that nodes do not honour: the next one is signed anew."""
        self._session_path(deployment, account).unlink(missing_ok=True)

    def _session_path(self, deployment: Deployment, account: str) -> Path:
        name = f"{deployment.chain_id}-{deployment.registry}-{account}.json"
        return self._folder / "sessions" / name

    def _read(self, path: Path, account: str, now: int) -> HeldSession | None:
        if not path.exists():
            return None
        try:
            held = _held(read_encrypted(path, _KIND, self._secret), self.device)
        except (BadInput, KeyError, TypeError):
            return None  # nothing is lost: a new one is signed
        session = held.signed.session
        fits = session.device == self.device.address and session.account == account
        alive = session.not_before <= now < session.expires - MARGIN_SECONDS
        return held if fits and alive else None

    def _load_secret(self) -> MachineSecret:
        path = self._folder / "secret"
        if not path.exists():
            try:
                return MachineSecret.create(path)
            except BadInput:
                if not path.exists():  # else another process made it at the same moment
                    raise
        return MachineSecret.load(path)

    def _load_device(self) -> LocalKey:
        path = self._folder / "device.key"
        if not path.exists():
            try:
                return create_device_key(path, self._secret)
            except BadInput:
                if not path.exists():
                    raise
        return read_device_key(path, self._secret)


def _wallet_of(account: str, unlock: Callable[[], Wallet] | None) -> Wallet:
    if unlock is None:
        raise BadInput(
            f"The session of {account} has ended, or there is none yet, and there is no wallet "
            "to sign a new one.",
            do="Name the wallet of this account.",
        )
    wallet = unlock()
    if wallet.address != account:
        raise BadInput(f"The wallet is of {wallet.address}, not of {account}.")
    return wallet


def _payload(held: HeldSession) -> dict[str, Any]:
    session = held.signed.session
    return {
        "account": session.account,
        "device": session.device,
        "kem": session.kem,
        "sessionKey": b64u(session.session_key),
        "notBefore": session.not_before,
        "expires": session.expires,
        "signature": b64u(held.signed.signature),
        "private": b64u(held.private.secret),
    }


def _held(payload: Mapping[str, Any], device: LocalKey) -> HeldSession:
    session = Session(
        account=payload["account"],
        device=payload["device"],
        kem=payload["kem"],
        session_key=b64u_decode(payload["sessionKey"], name="sessionKey"),
        not_before=payload["notBefore"],
        expires=payload["expires"],
    )
    private = hpke.PrivateKey(session.kem, b64u_decode(payload["private"], name="private"))
    if private.public.key != session.session_key:
        raise BadInput("A kept session's private key is of another session.")
    signed = SignedSession(session, b64u_decode(payload["signature"], name="signature"))
    return HeldSession(signed, device, private)
