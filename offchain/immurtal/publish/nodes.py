"""The nodes an artist names: found in the registry, looked at, and warned about.

Nobody's keys are shared with a node merely because it is listed (DESIGN 4.5): the artist chooses.
"""

import asyncio
import ipaddress
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from immurtal.chain.contracts import Contracts, Node
from immurtal.chain.http import NodeClient, check_url
from immurtal.config import DEVELOPMENT_CHAIN
from immurtal.errors import BadInput, ImmurtalError, IntegrityError, NotAccepted, NotFound
from immurtal.keys.hpke import PublicKey
from immurtal.keys.sealing import NodeKey

MIN_NODES = 2


@dataclass(frozen=True, slots=True)
class ChosenNode:
    """A node as the registry has it and as it answered; `network`: where its API is reached."""

    record: Node
    network: str
    max_release_bytes: int
    max_upload_bytes: int

    @property
    def key(self) -> NodeKey:
        return NodeKey(self.record.id, PublicKey(self.record.kem, self.record.key))

    @property
    def name(self) -> str:
        return self.record.domain or f"{self.record.id[:10]}…"


def client_of(node: Node, chain_id: int) -> NodeClient:
    """The node's API; local addresses only on the development chain."""
    return NodeClient(node.api_url, allow_local=chain_id == DEVELOPMENT_CHAIN)


async def resolve(contracts: Contracts, wanted: Sequence[str]) -> tuple[str, ...]:
    """NodeRegistry ids for what was written: whole ids, or the beginnings of ids.

    Raises NotFound, BadInput: fewer than 2, one twice, or a beginning that fits several.
    """
    known: list[str] = []
    if any(len(word) < 66 for word in wanted):
        known = await contracts.node_ids()
    ids = tuple(_resolve_one(word.lower(), known) for word in wanted)
    if len(set(ids)) != len(ids):
        raise BadInput("The same node was named twice.")
    if len(ids) < MIN_NODES:
        raise BadInput(
            f"At least {MIN_NODES} nodes must be named, so that no single one can read the work.",
            do="Name each with --node; `immurtal node list` shows those that are announced.",
        )
    return ids


def _resolve_one(word: str, known: Sequence[str]) -> str:
    if len(word) == 66:
        return word
    fitting = [node_id for node_id in known if node_id.startswith(word)] if len(word) > 5 else []
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise BadInput(f"Several nodes begin with {word}.", do="Write more of the id.")
    raise NotFound(f"No announced node begins with {word!r}.", do="See `immurtal node list`.")


async def look_at(contracts: Contracts, ids: Sequence[str]) -> list[ChosenNode]:
    """Reads each node's record and asks it for its policy.

    Raises NotFound, Unreachable, NotAccepted (it takes no shares), IntegrityError (it is not the
    node that the registry says).
    """
    return list(await asyncio.gather(*(_look_at(contracts, node_id) for node_id in ids)))


async def _look_at(contracts: Contracts, node_id: str) -> ChosenNode:
    chain_id = contracts.deployment.chain_id
    record = await contracts.node(node_id)
    if record.retired:
        raise NotFound(f"Node {node_id} has retired.", do="Name another node.")
    checked = await check_url(record.api_url, chain_id == DEVELOPMENT_CHAIN)
    async with client_of(record, chain_id) as client:
        said = await client.get_json("/v1/node")
    _check_identity(record, contracts, said)
    policy = said.get("policy", {})
    if not policy.get("takesShares", False):
        raise NotAccepted(f"Node {node_id} takes no key shares.", do="Name another node.")
    return ChosenNode(
        record=record,
        network=_network(checked.address),
        max_release_bytes=_size(policy.get("maxReleaseBytes")),
        max_upload_bytes=_size(policy.get("maxUploadBytes")),
    )


def _check_identity(record: Node, contracts: Contracts, said: dict[str, Any]) -> None:
    chain = said.get("chain", {})
    here = contracts.deployment
    if (chain.get("chainId"), chain.get("registry")) != (here.chain_id, here.registry):
        raise IntegrityError(
            f"Node {record.id} follows another chain or registry than this one.",
            do="Name another node.",
        )
    keys = [key.get("nodeKey") for key in said.get("keys", [])]
    if said.get("node") != record.id or record.node_key not in keys:
        raise IntegrityError(
            f"What answers at {record.api_url!r} is not node {record.id} with the key of the "
            "registry.",
            do="Name another node, or ask its operator to announce it anew.",
        )


def _size(value: object) -> int:
    return value if type(value) is int and value > 0 else 0


def _network(address: str) -> str:
    """The /24 or /48 of an address: machines in one are often one machine room."""
    bits = 24 if ipaddress.ip_address(address).version == 4 else 48
    return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))


def check_size(nodes: Sequence[ChosenNode], release_bytes: int) -> None:
    """Raises NotAccepted where a release is larger than a chosen node takes."""
    for node in nodes:
        if release_bytes > min(node.max_release_bytes, node.max_upload_bytes):
            raise NotAccepted(
                f"Node {node.name} takes releases of at most "
                f"{min(node.max_release_bytes, node.max_upload_bytes)} bytes; this one has "
                f"{release_bytes}.",
                do="Name another node.",
            )


def warnings(nodes: Sequence[ChosenNode]) -> list[str]:
    """What an artist should know before trusting these nodes together (DESIGN 4.5)."""
    found = []
    ways: tuple[tuple[str, Callable[[ChosenNode], str]], ...] = (
        ("operator", lambda node: node.record.operator),
        ("domain", lambda node: node.record.domain),
        ("network", lambda node: node.network),
    )
    for word, key in ways:
        groups: dict[str, list[str]] = defaultdict(list)
        for node in nodes:
            groups[key(node)].append(node.name)
        for value, names in groups.items():
            if value and len(names) > 1:
                found.append(f"{', '.join(names)} share the {word} {value}: they may act as one.")
    return found


def named(error: ImmurtalError, node: ChosenNode) -> str:
    """One line on what a node answered."""
    return f"{node.name}: {error.what}"
