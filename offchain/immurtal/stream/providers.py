"""The nodes of a release: registry records, whose URLs are checked before they are asked."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from immurtal.chain.contracts import Contracts, Node
from immurtal.content.keys_file import KeysFile
from immurtal.errors import ImmurtalError, NotFound

MOST_ASKED: Final = 64
"""Nodes that are tried for the first block of a release, where none is named. Drawn by lot:
whoever announces as many nodes hides nobody for good."""


@dataclass(frozen=True, slots=True)
class Found:
    """Records by node id, and why there is none for the others."""

    nodes: Mapping[str, Node]
    missing: Mapping[str, ImmurtalError]


async def records(contracts: Contracts, node_ids: Sequence[str]) -> Found:
    """The registry's records of these nodes, in their order."""
    answers = await asyncio.gather(*(_record(contracts, node_id) for node_id in node_ids))
    pairs = list(zip(node_ids, answers, strict=True))
    return Found(
        {node_id: a for node_id, a in pairs if isinstance(a, Node)},
        {node_id: a for node_id, a in pairs if isinstance(a, ImmurtalError)},
    )


async def starting_nodes(contracts: Contracts, named: Sequence[str]) -> list[Node]:
    """Where to look for a release of which nothing is known yet: the nodes named, else some of the
    registry that have not retired. Raises NotFound where there is none."""
    node_ids = list(named) or _drawn(await contracts.node_ids())
    found = await records(contracts, node_ids)
    nodes = [node for node in found.nodes.values() if named or not node.retired]
    if not nodes:
        reasons = " ".join(error.what for error in found.missing.values())
        raise NotFound(
            f"There is no node to ask for the release. {reasons}".strip(),
            do="Name nodes that hold it, or look whether any is announced on this network.",
        )
    return nodes


def _drawn(node_ids: Sequence[str]) -> list[str]:
    return random.sample(node_ids, min(MOST_ASKED, len(node_ids)))


async def release_nodes(contracts: Contracts, keys_file: KeysFile) -> Found:
    """The nodes that `keys.json` names, retired ones too: they may still serve."""
    return await records(contracts, ["0x" + share.node.hex() for share in keys_file.nodes])


async def _record(contracts: Contracts, node_id: str) -> Node | ImmurtalError:
    try:
        return await contracts.node(node_id)
    except ImmurtalError as error:
        return error
