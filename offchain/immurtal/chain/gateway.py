"""One block from one announced gateway, checked against its CID (IPFS trustless gateway spec)."""

from typing import Final

from immurtal.chain.http import HttpClient
from immurtal.chain.rpc import printable
from immurtal.content.cid import RAW, Cid, check_block
from immurtal.content.unixfs import LEAF
from immurtal.errors import IntegrityError, NotFound

MAX_NODE_BYTES: Final = 1024 * 1024
"""Of a block that is no leaf: a directory of 1024 long names, or 174 links."""
SAID_BYTES: Final = 200
"""Of a refusal's own words, which say what is wrong with the node's disk."""
RAW_BLOCK: Final = "application/vnd.ipld.raw"
DAMAGED: Final = "different hash than requested"
"""What Kubo answers where HashOnRead finds that a block on its disk is not what it should be."""


class DamagedBlock(IntegrityError):
    """The node says itself that its copy is damaged: no lie, and its other blocks may be good."""


async def fetch_block(
    gateway: HttpClient, cid: Cid, *, seconds: float | None = None, stall: float | None = None
) -> bytes:
    """seconds: for the whole block; stall: without a byte.

    Raises NotFound (the gateway has no such block), DamagedBlock, IntegrityError (it sent other
    bytes), Unreachable (late, dead, or no answer of a gateway), BadInput (a URL that may not be
    asked).
    """
    answer = await gateway.request(
        "GET",
        f"ipfs/{cid}?format=raw",
        headers={"Accept": RAW_BLOCK},
        max_bytes=LEAF if cid.codec == RAW else MAX_NODE_BYTES,
        seconds=seconds,
        stall=stall,
    )
    if answer.status in (404, 410):
        raise NotFound(f"{gateway.name} does not have block {cid}.")
    if answer.status != 200:
        said = printable(answer.body[:SAID_BYTES].decode("utf-8", "replace"))
        if DAMAGED in said:
            raise DamagedBlock(f"{gateway.name} says that its copy of block {cid} is damaged.")
        raise gateway.unreachable(f"answered with HTTP {answer.status}: {said}")
    check_block(cid, answer.body)
    return answer.body
