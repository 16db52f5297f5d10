"""Asking one node for its key share: the listener's side of DESIGN 6, steps 2, 3, 5 and 6.

Both client wings ask: a listener in order to play, an artist in order to see that a node kept its
share.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from immurtal.chain.eip712 import KeyRequest
from immurtal.chain.wallet import LocalKey
from immurtal.content.keys_file import KeysFile, SealedShare
from immurtal.errors import AccessNotDeepYet, IntegrityError
from immurtal.keys.bodies import decode_reply, encode_request
from immurtal.keys.hpke import PrivateKey
from immurtal.keys.sealing import Binding, node_key_of, open_reply
from immurtal.keys.sessions import SignedSession, make_request

# Sends a body to a node's `POST /v1/key-shares` and gives the answer's; raises its typed refusals.
Post = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class HeldSession:
    """A signed session, with the two private keys that it speaks of."""

    signed: SignedSession
    device: LocalKey = field(repr=False)
    private: PrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: the shares of one release, relying on one offer (zero: none)."""

    binding: Binding
    keys_file: KeysFile
    release: str
    offer_id: str


async def ask_share(
    post: Post, entry: SealedShare, asked: Asked, session: HeldSession, *, now: int
) -> bytes:
    """The 33-byte share of the node that `entry` names, checked against keys.json.

    Raises the node's typed refusal (AccessRefused and its kinds), IntegrityError where the node
    answers with another share than its own, Unreachable.
    """
    binding = asked.binding
    request = KeyRequest(
        node_key=node_key_of(entry),
        certificate=binding.work_hash,
        release=asked.release,
        key_id=asked.keys_file.key_id,
        offer_id=asked.offer_id,
        time=now,
    )
    signed = make_request(
        session.signed,
        session.device,
        request,
        chain_id=binding.chain_id,
        registry=binding.registry,
    )
    reply = decode_reply(await post(encode_request(signed)))
    if reply.node != "0x" + entry.node.hex() or reply.index != entry.index:
        raise IntegrityError(f"Node 0x{entry.node.hex()} answered for another node's share.")
    return open_reply(reply.sealed, entry, asked.keys_file.key_id, binding, session.private)


async def ask_patiently(
    post: Post,
    entry: SealedShare,
    asked: Asked,
    session: HeldSession,
    *,
    patience: float,
    waiting: Callable[[int], None] | None = None,
) -> bytes:
    """`ask_share`, again and again while the access is there but not deep enough yet.

    `patience`: seconds until AccessNotDeepYet is raised after all; `waiting` hears the seconds of
    each wait.
    """
    until = time.monotonic() + patience
    while True:
        try:
            return await ask_share(post, entry, asked, session, now=int(time.time()))
        except AccessNotDeepYet as error:
            seconds = max(1, error.retry_after)
            if time.monotonic() + seconds > until:
                raise
            if waiting is not None:
                waiting(seconds)
            await asyncio.sleep(seconds)
