"""A certificate as it stands: the chain's word on it, and what each node says it holds and saw.

What the chain says is asked of the chain; pins and payments are what nodes tell, node by node.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from immurtal.chain.contracts import ZERO_ADDRESS, Certificate, Contracts, Node, Split
from immurtal.chain.http import NodeClient
from immurtal.config import DEVELOPMENT_CHAIN
from immurtal.content.cid import release_cid
from immurtal.content.encoding import hex32_decode
from immurtal.errors import ImmurtalError, NotFound

MAX_NODES = 32
SECONDS = 10.0


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
    told_by, whole, payments = await _told(nodes, certificate, local)
    return Picture(
        certificate=known,
        cid=cid,
        split=await _split(contracts, known.payout),
        pins=tuple(pins),
        offers=tuple(whole.get("offers", ())),
        payments=tuple(payments.get("items", ())),
        told_by=told_by,
    )


async def _announced(contracts: Contracts) -> list[Node]:
    ids = await contracts.node_ids()
    nodes = await asyncio.gather(*(contracts.node(node_id) for node_id in ids[:MAX_NODES]))
    return [node for node in nodes if not node.retired]


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
        state=str(said.get("state", "unknown"))[:20],
        bytes=said["bytes"] if type(said.get("bytes")) is int else 0,
        reason=str(said.get("reason") or "")[:500],
    )


async def _told(
    nodes: Sequence[Node], certificate: str, local: bool
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    for node in nodes:
        path = f"/v1/certificates/{certificate}"
        try:
            whole = await _ask(node, local, path)
            payments = await _ask(node, local, f"{path}/payments")
        except ImmurtalError:
            continue
        return node.id, whole, payments
    return "", {}, {}


async def _ask(node: Node, local: bool, path: str) -> dict[str, Any]:
    async with NodeClient(node.api_url, allow_local=local, timeout=SECONDS) as client:
        return await client.get_json(path)
