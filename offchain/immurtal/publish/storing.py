"""Handing a release to one node: a signed `Store`, then the CAR by offset, resumed where it broke.

The wire is that of `docs/architecture.md`: POST /v1/store, PATCH /v1/uploads/{id}.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import stamina

from immurtal.chain.eip712 import Store
from immurtal.chain.http import NodeClient
from immurtal.chain.wallet import Wallet
from immurtal.errors import IntegrityError, Unreachable
from immurtal.keys.bodies import encode_store
from immurtal.keys.store import make_store
from immurtal.publish.nodes import ChosenNode, client_of

PIECE = 4 * 1024 * 1024  # bytes in one PATCH
TRIES = 5

Progress = Callable[[int, int], None]


class CarSource(Protocol):
    """A CAR whose bytes are the same each time: `read(offset, size)` of `size` bytes in all."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, size: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is delivered: a certificate's current release (0x digest), and its CAR."""

    chain_id: int
    registry: str
    certificate: str
    release: str
    car: CarSource


async def store(
    wallet: Wallet, node: ChosenNode, delivery: Delivery, progress: Progress | None = None
) -> None:
    """Returns when the node holds the release. Interrupted, it goes on where the node's spool is.

    Raises NotAccepted and the node's other typed refusals, Unreachable, IntegrityError.
    """
    async with client_of(node.record, delivery.chain_id) as client:
        async for attempt in stamina.retry_context(on=Unreachable, attempts=TRIES, timeout=120):
            with attempt:
                await _store_once(wallet, client, node, delivery, progress)


async def _store_once(
    wallet: Wallet,
    client: NodeClient,
    node: ChosenNode,
    delivery: Delivery,
    progress: Progress | None,
) -> None:
    signed = make_store(
        wallet,
        Store(
            node_key=node.record.node_key,
            certificate=delivery.certificate,
            release=delivery.release,
            size=delivery.car.size,
            time=int(time.time()),
        ),
        chain_id=delivery.chain_id,
        registry=delivery.registry,
    )
    answer = await client.post_json("/v1/store", json.loads(encode_store(signed)))
    upload = answer.get("upload")
    if upload is None:
        return
    try:
        path = f"/v1/uploads/{upload['id']}"
        headers = {"Authorization": f"Bearer {upload['token']}"}
        offset = int(upload["offset"])
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError(f"Node {node.name} answered without an upload.") from error
    await _upload(client, path, headers, offset, delivery.car, progress)


async def _upload(
    client: NodeClient,
    path: str,
    headers: dict[str, str],
    offset: int,
    car: CarSource,
    progress: Progress | None,
) -> None:
    while offset < car.size:
        piece = car.read(offset, min(PIECE, car.size - offset))
        sent = {
            **headers,
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
        }
        await client.patch(path, piece, sent, seconds=120)
        offset += len(piece)
        if progress is not None:
            progress(offset, car.size)
