"""Seeing for oneself that nodes kept what they were handed: a good share each, and the pins."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from immurtal.chain.contracts import ZERO_ID
from immurtal.chain.http import NodeClient
from immurtal.chain.rpc import printable
from immurtal.chain.wallet import LocalKey, Wallet
from immurtal.content.cid import release_cid
from immurtal.content.encoding import hex32
from immurtal.content.keys_file import KeysFile
from immurtal.errors import ImmurtalError, NotFound
from immurtal.keys import hpke
from immurtal.keys.asking import Asked, HeldSession, ask_patiently
from immurtal.keys.sealing import Binding
from immurtal.keys.sessions import make_session
from immurtal.publish.nodes import ChosenNode, client_of

SESSION_SECONDS = 3600
PATIENCE_SECONDS = 900.0
PIN_POLL_SECONDS = 0.5
PIN_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class NodeProof:
    """What one node showed for one release; `problem` is empty where all is well, and `full` says
    that its disk is."""

    node: str
    share: bool
    pinned: bool
    problem: str
    full: bool = False


def owner_session(wallet: Wallet, chain_id: int, registry: str) -> HeldSession:
    """A session of the owner for a device key made for this one publish."""
    device, private = LocalKey.generate(), hpke.generate()
    signed = make_session(
        wallet,
        device,
        private.public,
        now=int(time.time()),
        ttl=SESSION_SECONDS,
        chain_id=chain_id,
        registry=registry,
    )
    return HeldSession(signed, device, private)


async def prove(
    nodes: Sequence[ChosenNode],
    keys_file: KeysFile,
    release: str,
    binding: Binding,
    session: HeldSession,
    waiting: Callable[[int], None] | None = None,
) -> list[NodeProof]:
    """Asks every node for its share as the owner, and for the state of its pin; raises nothing:
    what is wrong with a node stands in its proof."""
    asked = Asked(binding, keys_file, release, ZERO_ID)
    return list(
        await asyncio.gather(*(_prove_one(node, asked, session, waiting) for node in nodes))
    )


async def _prove_one(
    node: ChosenNode,
    asked: Asked,
    session: HeldSession,
    waiting: Callable[[int], None] | None,
) -> NodeProof:
    async with client_of(node.record, asked.binding.chain_id) as client:
        no_share = await _problem(_ask(client, node, asked, session, waiting))
        no_pin = await _problem(_await_pin(client, asked.release))
    problem = " ".join(dict.fromkeys(filter(None, (no_share, no_pin))))
    return NodeProof(node.record.id, not no_share, not no_pin, problem)


async def _problem(asking: Awaitable[None]) -> str:
    try:
        await asking
    except ImmurtalError as error:
        return error.what
    return ""


async def _ask(
    client: NodeClient,
    node: ChosenNode,
    asked: Asked,
    session: HeldSession,
    waiting: Callable[[int], None] | None,
) -> None:
    """By the node's id: it may have announced another key since the release was sealed to it, and
    keeps the old one."""
    entry = next((e for e in asked.keys_file.nodes if hex32(e.node) == node.record.id), None)
    if entry is None:
        raise NotFound("The release holds no key share for this node.")
    await ask_patiently(
        lambda body: client.post("/v1/key-shares", body),
        entry,
        asked,
        session,
        patience=PATIENCE_SECONDS,
        waiting=waiting,
    )


async def _await_pin(client: NodeClient, release: str) -> None:
    """Returns once the node holds the pin. Raises NotFound with its reason once it is not at work
    on it any more."""
    cid = release_cid(bytes.fromhex(release[2:]))
    until = time.monotonic() + PIN_PATIENCE_SECONDS
    while True:
        said = await client.get_json(f"/v1/releases/{cid}")
        state = said.get("state")
        if state == "pinned":
            return
        if state not in ("queued", "pinning") or time.monotonic() > until:
            reason = printable(str(said.get("reason") or "no reason given"))
            raise NotFound(f"Its pin is {printable(str(state), 20)}: {reason}")
        await asyncio.sleep(PIN_POLL_SECONDS)
