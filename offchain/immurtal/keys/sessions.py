"""Sessions and key requests: an account lets a device act for it, the device asks each node for a
key share (FORMATS, Signatures; DESIGN 6). Client and node read them by this one definition."""

from collections.abc import Collection
from dataclasses import dataclass

from immurtal.chain.eip712 import MAX_SESSION_SECONDS, KeyRequest, Session, digest
from immurtal.chain.signatures import ZERO_ADDRESS, Caller, recover_ecdsa, verify
from immurtal.chain.wallet import LocalKey, Wallet
from immurtal.errors import BadInput
from immurtal.keys.hpke import PublicKey
from immurtal.keys.refusals import (
    ClockSkew,
    RequestInvalid,
    SessionExpired,
    SessionInvalid,
    WrongNode,
)

MAX_SKEW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class SignedSession:
    """A session, signed by its account; by its device where the account is zero (Open works)."""

    session: Session
    signature: bytes

    @property
    def public(self) -> PublicKey:
        """The key that replies are sealed to. Raises SessionInvalid if it is none we know."""
        try:
            return PublicKey(self.session.kem, self.session.session_key)
        except BadInput as error:
            raise SessionInvalid(error.what) from error


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What `POST /v1/key-shares` carries: a session, and a request signed by its device."""

    session: SignedSession
    request: KeyRequest
    signature: bytes


def make_session(
    wallet: Wallet | None,
    device: LocalKey,
    session_public: PublicKey,
    *,
    now: int,
    ttl: int,
    chain_id: int,
    registry: str,
) -> SignedSession:
    """A session of `ttl` seconds (at most 7 days) from `now`; without a wallet, for Open works.

    Raises BadInput for another ttl.
    """
    if not 0 < ttl <= MAX_SESSION_SECONDS:
        raise BadInput(f"A session lasts 1 to {MAX_SESSION_SECONDS} seconds, not {ttl}.")
    session = Session(
        account=ZERO_ADDRESS if wallet is None else wallet.address,
        device=device.address,
        kem=session_public.kem,
        session_key=session_public.key,
        not_before=now,
        expires=now + ttl,
    )
    signature = (wallet or device).sign_digest_of_typed(session, chain_id, registry)
    return SignedSession(session, signature)


def make_request(
    session: SignedSession, device: LocalKey, request: KeyRequest, *, chain_id: int, registry: str
) -> SignedRequest:
    """The request, signed by the session's device. Raises BadInput if the device is another."""
    if device.address != session.session.device:
        raise BadInput("This session was signed for another device key.")
    signature = device.sign_digest_of_typed(request, chain_id, registry)
    return SignedRequest(session, request, signature)


async def check_session(
    rpc: Caller, signed: SignedSession, *, now: int, chain_id: int, registry: str
) -> None:
    """Whether a session holds at `now` (the node's clock): raises SessionInvalid, SessionExpired or
    ClockSkew if not; Unreachable if the chain had to be asked (ERC-1271) and does not answer."""
    session = signed.session
    _ = signed.public
    if not 0 < session.expires - session.not_before <= MAX_SESSION_SECONDS:
        raise SessionInvalid("A session lasts at most 7 days.", do="Sign a new session.")
    if session.expires <= now:
        raise SessionExpired("The session has expired.", do="Sign a new session.")
    if session.not_before > now + MAX_SKEW_SECONDS:
        raise ClockSkew(
            f"The session begins {session.not_before - now} seconds from now.",
            do="Set the clock of the device.",
        )
    hashed = digest(session, chain_id, registry)
    if session.account == ZERO_ADDRESS:
        good = recover_ecdsa(hashed, signed.signature) == session.device
    else:
        good = await verify(rpc, session.account, hashed, signed.signature)
    if not good:
        raise SessionInvalid(
            f"The session is not signed by {session.account} for this chain and registry.",
            do="Sign a new session.",
        )


def check_request(
    signed: SignedRequest, *, now: int, node_keys: Collection[str], chain_id: int, registry: str
) -> None:
    """Whether a key request is for one of this node's keys (current and retired), of `now`, and
    signed by its session's device: raises WrongNode, ClockSkew or RequestInvalid.

    Asks nobody, so it goes before `check_session`.
    """
    check_addressee(signed.request.node_key, node_keys)
    check_clock(signed.request.time, now)
    hashed = digest(signed.request, chain_id, registry)
    if recover_ecdsa(hashed, signed.signature) != signed.session.session.device:
        raise RequestInvalid(
            "The key request is not signed by its session's device for this chain and registry."
        )


def check_addressee(node_key: str, node_keys: Collection[str]) -> None:
    """Raises WrongNode unless `node_key` is one of `node_keys`."""
    if node_key not in node_keys:
        raise WrongNode(
            f"The request is for node key {node_key}, which is none of this node's.",
            do="Look the node up in the registry again.",
        )


def check_clock(time: int, now: int) -> None:
    """Raises ClockSkew unless |time − now| ≤ 60 seconds."""
    if abs(time - now) > MAX_SKEW_SECONDS:
        raise ClockSkew(
            f"The request's time is {abs(time - now)} seconds from this node's clock.",
            do="Set the clock of the device.",
        )
