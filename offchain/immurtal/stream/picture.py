"""A certificate as it stands: the chain's word on it, and what each node says it holds and saw.

What the chain says is asked of the chain; pins and payments are what nodes tell, node by node, read
as a stranger's word.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from immurtal.chain.contracts import ZERO_ADDRESS, Certificate, Contracts, Node, Split
from immurtal.chain.http import NodeClient
from immurtal.chain.rpc import printable
from immurtal.config import DEVELOPMENT_CHAIN
from immurtal.content.cid import release_cid
from immurtal.content.encoding import hex32_decode
from immurtal.errors import ImmurtalError, NotFound
from immurtal.stream.providers import records
from immurtal.stream.told import offers_told, payments_told

MAX_NODES = 32
SECONDS = 10.0

Told = tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Pin:
    """What one node says of the release: `state` as its API has it, or why it does not say."""

    node: str
    name: str
    accepted: bool
    state: str
    bytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Picture:
    """`payments`: newest first, as one node told them; `told_by`: its id, empty for none."""

    certificate: Certificate
    cid: str
    split: Split | None
    pins: tuple[Pin, ...]
    offers: tuple[dict[str, Any], ...]
    payments: tuple[dict[str, Any], ...]
    told_by: str

    def to_json(self) -> dict[str, Any]:
        """With the names that the nodes' API has."""
        known = self.certificate
        return {
            "certificate": {
                "id": known.id,
                "author": known.author,
                "owner": known.owner,
                "committedAt": known.committed_at,
                "registeredAt": known.registered_at,
                "release": known.release,
                "releaseCid": self.cid,
                "version": known.version,
                "visibility": known.visibility.name.lower(),
                "payout": known.payout,
                "payoutLocked": known.payout_locked,
            },
            "split": None if self.split is None else asdict(self.split),
            "pins": [asdict(pin) for pin in self.pins],
            "offers": list(self.offers),
            "payments": list(self.payments),
            "toldBy": self.told_by,
        }


async def picture_of(contracts: Contracts, certificate: str) -> Picture:
    """Raises NotFound, Unreachable (the chain; a node that does not answer is shown as such)."""
    known = await contracts.certificate(certificate)
    nodes = await _announced(contracts)
    local = contracts.deployment.chain_id == DEVELOPMENT_CHAIN
    cid = release_cid(hex32_decode(known.release))
    pins = await asyncio.gather(*(_pin(node, cid, local) for node in nodes))
    told_by, offers, payments = await _told(contracts, nodes, known.id, local)
    return Picture(
        certificate=known,
        cid=cid,
        split=await _split(contracts, known.payout),
        pins=tuple(pins),
        offers=offers,
        payments=payments,
        told_by=told_by,
    )


async def _announced(contracts: Contracts) -> list[Node]:
    ids = await contracts.node_ids()
    found = await records(contracts, ids[:MAX_NODES])
    return [node for node in found.nodes.values() if not node.retired]


async def _split(contracts: Contracts, payout: str) -> Split | None:
    if payout == ZERO_ADDRESS:
        return None
    try:
        return await contracts.split(payout)
    except NotFound:
        return None


async def _pin(node: Node, cid: str, local: bool) -> Pin:
    name = node.domain or node.id[:10]
    try:
        said = await _ask(node, local, f"/v1/releases/{cid}")
    except ImmurtalError as error:
        return Pin(node.id, name, False, "unreachable", 0, error.what)
    return Pin(
        node=node.id,
        name=name,
        accepted=said.get("accepted") is True,
        state=printable(str(said.get("state", "unknown")), 20),
        bytes=said["bytes"] if type(said.get("bytes")) is int else 0,
        reason=printable(str(said.get("reason") or "")),
    )


async def _told(
    contracts: Contracts, nodes: Sequence[Node], certificate: str, local: bool
) -> tuple[str, Told, Told]:
    """The first node that tells sense, its offers and its payments."""
    path = f"/v1/certificates/{certificate}"
    for node in nodes:
        try:
            offers = await _ask(node, local, path)
            payments = await _ask(node, local, f"{path}/payments")
            known = await offers_told(contracts, certificate, offers)
            return node.id, known, payments_told(payments)
        except ImmurtalError:
            continue
    return "", (), ()


async def _ask(node: Node, local: bool, path: str) -> dict[str, Any]:
    async with NodeClient(node.api_url, allow_local=local, timeout=SECONDS) as client:
        return await client.get_json(path)
