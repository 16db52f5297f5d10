"""Handing the terms of an offer to nodes: a node keeps those that the chain names, from anybody."""

import asyncio
import time
from collections.abc import Sequence

from immurtal.chain.contracts import Contracts, Node
from immurtal.errors import ImmurtalError, NotAccepted
from immurtal.publish.nodes import client_of

MAX_NODES = 32
PATIENCE_SECONDS = 5.0
POLL_SECONDS = 0.5


async def announced(contracts: Contracts) -> list[Node]:
    """The newest nodes of the registry, at most 32; those that cannot be read are left out."""
    try:
        ids = (await contracts.node_ids())[::-1][:MAX_NODES]
    except ImmurtalError:
        return []
    found = await asyncio.gather(*(contracts.node(i) for i in ids), return_exceptions=True)
    return [node for node in found if isinstance(node, Node)]


async def hand_terms(chain_id: int, nodes: Sequence[Node], digest: str, terms: bytes) -> list[str]:
    """Offers the terms file to each node, at most 32; the ids of those that took it. A node that
    does not hold the offer's works refuses, and that is no error."""
    taken = await asyncio.gather(
        *(_hand(chain_id, node, digest, terms) for node in nodes[:MAX_NODES] if not node.retired)
    )
    return [node_id for node_id in taken if node_id]


async def _hand(chain_id: int, node: Node, digest: str, terms: bytes) -> str:
    """For a while, as a node may not have seen the offer yet."""
    until = time.monotonic() + PATIENCE_SECONDS
    async with client_of(node, chain_id) as client:
        while True:
            try:
                await client.put(f"/v1/terms/{digest}", terms)
                return node.id
            except NotAccepted:
                if time.monotonic() > until:
                    return ""
            except ImmurtalError:
                return ""
            await asyncio.sleep(POLL_SECONDS)
