"""Handing a release to one node: a signed `Store`, then the CAR by offset, resumed where it broke.

The wire is that of `docs/architecture.md`: POST /v1/store, PATCH /v1/uploads/{id}.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from immurtal.chain.eip712 import Store
from immurtal.chain.http import NodeClient
from immurtal.chain.wallet import Wallet
from immurtal.errors import AccessRefused, ImmurtalError, IntegrityError, NotFound, Unreachable
from immurtal.keys.bodies import encode_store
from immurtal.keys.store import make_store
from immurtal.publish.nodes import ChosenNode, client_of

PIECE: Final = 4 * 1024 * 1024
"""Bytes in one PATCH."""
SENT_AT_ONCE: Final = 256 * 1024
SILENCE: Final = 120.0
"""Seconds without progress; a node imports what it was sent before it answers the last piece."""
TRIES: Final = 8
"""In a row without a byte of progress; together they wait for about 45 s."""
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 15.0

PASSING: Final = frozenset(
    {
        "chain-lagging",  # it has not seen the registration yet
        "release-not-current",  # nor the new release
        "offset-mismatch",
        "unauthorized",  # another run of ours has a newer token
        "rate-limited",
        "unavailable",
        "too-slow",
    }
)
_UPLOAD_ID = re.compile("[0-9A-Za-z_-]{1,128}")

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
    """Returns when the node says that it holds the release. What was cut off goes on where the
    node's spool is; what may pass is tried again. A node that was in trouble before gets one try.

    Raises NotAccepted and the node's other typed refusals, Unreachable, IntegrityError.
    """
    tries = 1 if node.trouble else TRIES
    async with client_of(node.record, delivery.chain_id) as client:
        transfer = _Transfer(wallet, client, node, delivery, progress)
        failures, reached = 0, 0
        while True:
            try:
                await transfer.run()
                return
            except ImmurtalError as error:
                failures = 1 if transfer.reached > reached else failures + 1
                reached = transfer.reached
                if failures >= tries or not _may_pass(error):
                    raise
            await asyncio.sleep(min(FIRST_WAIT * 2 ** (failures - 1), LONGEST_WAIT))


def _may_pass(error: ImmurtalError) -> bool:
    if isinstance(error, AccessRefused):
        return error.reason in PASSING
    return isinstance(error, Unreachable | NotFound)


class _Transfer:
    """`reached`: the most bytes of the CAR that the node was seen to have."""

    def __init__(
        self,
        wallet: Wallet,
        client: NodeClient,
        node: ChosenNode,
        delivery: Delivery,
        progress: Progress | None,
    ) -> None:
        self._wallet = wallet
        self._client = client
        self._node = node
        self._delivery = delivery
        self._progress = progress
        self.reached = 0

    async def run(self) -> None:
        answer = await self._client.post_json("/v1/store", self._signed())
        upload, size = answer.get("upload"), self._delivery.car.size
        if upload is None:
            self._at(size)
            return
        path, headers, offset = self._ticket(upload)
        self._at(offset)
        while True:
            # At the end nothing is left to send: an empty piece asks for the import again.
            end = min(offset + PIECE, size)
            sent = {**headers, "Upload-Offset": str(offset)}
            await self._client.patch(path, self._bytes(offset, end), sent, seconds=SILENCE)
            offset = end
            self._at(offset)
            if offset == size:
                return

    def _signed(self) -> dict[str, Any]:
        delivery = self._delivery
        signed = make_store(
            self._wallet,
            Store(
                node_key=self._node.record.node_key,
                certificate=delivery.certificate,
                release=delivery.release,
                size=delivery.car.size,
                time=int(time.time()),
            ),
            chain_id=delivery.chain_id,
            registry=delivery.registry,
        )
        body: dict[str, Any] = json.loads(encode_store(signed))
        return body

    def _ticket(self, upload: object) -> tuple[str, dict[str, str], int]:
        """Path, headers and offset of an upload; the node may say anything."""
        values = upload if isinstance(upload, dict) else {}
        where, token, offset = (values.get(name) for name in ("id", "token", "offset"))
        if (
            not isinstance(where, str)
            or not _UPLOAD_ID.fullmatch(where)
            or not isinstance(token, str)
            or not (token.isascii() and token.isprintable())
            or type(offset) is not int
            or not 0 <= offset <= self._delivery.car.size
        ):
            raise IntegrityError(f"Node {self._node.name} answered with an upload that is none.")
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/offset+octet-stream",
        }
        return f"/v1/uploads/{where}", headers, offset

    async def _bytes(self, start: int, end: int) -> AsyncIterator[bytes]:
        for at in range(start, end, SENT_AT_ONCE):
            size = min(SENT_AT_ONCE, end - at)
            yield await asyncio.to_thread(self._delivery.car.read, at, size)

    def _at(self, offset: int) -> None:
        self.reached = max(self.reached, offset)
        if self._progress is not None:
            self._progress(offset, self._delivery.car.size)
