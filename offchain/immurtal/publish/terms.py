"""Handing the terms of an offer to nodes: a node keeps those that the chain names, from anybody."""

import asyncio
from collections.abc import Sequence

from immurtal.chain.contracts import Node
from immurtal.errors import ImmurtalError
from immurtal.publish.nodes import client_of

MAX_NODES = 32


async def hand_terms(chain_id: int, nodes: Sequence[Node], digest: str, terms: bytes) -> list[str]:
    """Offers the terms file to each node, at most 32; the ids of those that took it. A node that
    does not hold the offer's works refuses, and that is no error."""
    taken = await asyncio.gather(
        *(_hand(chain_id, node, digest, terms) for node in nodes[:MAX_NODES] if not node.retired)
    )
    return [node_id for node_id in taken if node_id]


async def _hand(chain_id: int, node: Node, digest: str, terms: bytes) -> str:
    try:
        async with client_of(node, chain_id) as client:
            await client.put(f"/v1/terms/{digest}", terms)
    except ImmurtalError:
        return ""
    return node.id
