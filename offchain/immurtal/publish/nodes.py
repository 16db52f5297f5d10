"""The nodes an artist names: found in the registry, looked at, and warned about.

Nobody's keys are shared with a node merely because it is listed (DESIGN 4.5): the artist chooses.
"""

import asyncio
import ipaddress
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from immurtal.chain.contracts import Contracts, Node
from immurtal.chain.http import NodeClient, check_url
from immurtal.config import DEVELOPMENT_CHAIN
from immurtal.errors import (
    BadInput,
    ImmurtalError,
    IntegrityError,
    NotAccepted,
    NotFound,
    Unreachable,
)
from immurtal.keys.hpke import PublicKey
from immurtal.keys.sealing import NodeKey

MIN_NODES = 2
MAX_NODES = 255
NODE_ID = re.compile("0x[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ChosenNode:
    """A node as the registry has it and as it answered. `network`: where its API is reached;
    `max_bytes`: of a release that it takes, 0: it does not say; `trouble`: why it is of no use
    now."""

    record: Node
    network: str = ""
    max_bytes: int = 0
    trouble: ImmurtalError | None = None

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
    """NodeRegistry ids in ascending order for what was written: whole ids, or beginnings of ids.

    Raises NotFound, BadInput: fewer than 2, one twice, or a beginning that fits several.
    """
    known: list[str] = []
    if any(len(word) < 66 for word in wanted):
        known = await contracts.node_ids()
    ids = tuple(sorted(_resolve_one(word.lower(), known) for word in wanted))
    if len(set(ids)) != len(ids):
        raise BadInput("The same node was named twice.")
    if len(ids) > MAX_NODES:
        raise BadInput(f"A key is shared among at most {MAX_NODES} nodes, not {len(ids)}.")
    if len(ids) < MIN_NODES:
        raise BadInput(
            f"At least {MIN_NODES} nodes must be named, so that no single one can read the work.",
            do="Name each with --node; `immurtal node list` shows those that are announced.",
        )
    return ids


def _resolve_one(word: str, known: Sequence[str]) -> str:
    if NODE_ID.fullmatch(word):
        return word
    fitting = [node_id for node_id in known if node_id.startswith(word)] if len(word) > 5 else []
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise BadInput(f"Several nodes begin with {word}.", do="Write more of the id.")
    raise NotFound(f"No announced node begins with {word!r}.", do="See `immurtal node list`.")


async def look_at(contracts: Contracts, ids: Sequence[str]) -> list[ChosenNode]:
    """Reads each node's record from the chain and asks the node itself for its policy; what is
    wrong with a node stands in its `trouble`. Raises NotFound: a node that was never announced."""
    return list(await asyncio.gather(*(_look_at(contracts, node_id) for node_id in ids)))


async def _look_at(contracts: Contracts, node_id: str) -> ChosenNode:
    record = await contracts.node(node_id)
    try:
        return await _ask(contracts, record)
    except ImmurtalError as error:
        return ChosenNode(record, trouble=error)


async def _ask(contracts: Contracts, record: Node) -> ChosenNode:
    """Raises NotFound (retired), Unreachable, BadInput (a URL that may not be asked), NotAccepted
    (it takes no shares), IntegrityError (it is not the node that the registry says)."""
    chain_id = contracts.deployment.chain_id
    if record.retired:
        raise NotFound(f"Node {record.id} has retired.", do="Name another node.")
    checked = await check_url(record.api_url, chain_id == DEVELOPMENT_CHAIN)
    async with client_of(record, chain_id) as client:
        said = await client.get_json("/v1/node")
    _check_identity(record, contracts, said)
    policy = _object(said.get("policy"))
    if policy.get("takesShares") is not True:
        raise NotAccepted(f"Node {record.id} takes no key shares.", do="Name another node.")
    sizes = (policy.get("maxReleaseBytes"), policy.get("maxUploadBytes"))
    most = min((size for size in sizes if type(size) is int and size > 0), default=0)
    return ChosenNode(record, _network(checked.address), most)


def _check_identity(record: Node, contracts: Contracts, said: dict[str, Any]) -> None:
    chain, here = _object(said.get("chain")), contracts.deployment
    if (chain.get("chainId"), chain.get("registry")) != (here.chain_id, here.registry):
        raise IntegrityError(
            f"Node {record.id} follows another chain or registry than this one.",
            do="Name another node.",
        )
    listed = said.get("keys")
    keys = [_object(key).get("nodeKey") for key in listed] if isinstance(listed, list) else []
    if said.get("node") != record.id or record.node_key not in keys:
        raise IntegrityError(
            f"What answers at {record.api_url!r} is not node {record.id} with the key of the "
            "registry.",
            do="Name another node, or ask its operator to announce it anew.",
        )


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def check_enough(nodes: Sequence[ChosenNode], needed: int) -> None:
    """Whether a release may be sealed to these nodes: each is who the registry says, and `needed`
    of them answer. One that is down may come back: its key is on chain.

    Raises the first trouble that is more than that.
    """
    troubles = [node.trouble for node in nodes if node.trouble is not None]
    for trouble in troubles:
        if not isinstance(trouble, Unreachable):
            raise trouble
    if len(nodes) - len(troubles) < needed:
        raise Unreachable(
            f"{len(troubles)} of the {len(nodes)} nodes named do not answer, and {needed} must: "
            + " ".join(trouble.what for trouble in troubles),
            saved="Nothing was sent.",
            do="Name other nodes, or try again when they are well.",
        )


def _network(address: str) -> str:
    """The /24 or /48 of an address: machines in one are often one machine room."""
    bits = 24 if ipaddress.ip_address(address).version == 4 else 48
    return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))


def check_size(nodes: Sequence[ChosenNode], release_bytes: int) -> None:
    """Raises NotAccepted where a release is larger than a chosen node takes."""
    for node in nodes:
        if node.max_bytes and release_bytes > node.max_bytes:
            raise NotAccepted(
                f"Node {node.name} takes releases of at most {node.max_bytes} bytes; this one has "
                f"{release_bytes}.",
                do="Name another node.",
            )


def warnings(nodes: Sequence[ChosenNode]) -> list[str]:
    """What an artist should know before trusting these nodes together (DESIGN 4.5)."""
    found = [named(node.trouble, node) for node in nodes if node.trouble]
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
