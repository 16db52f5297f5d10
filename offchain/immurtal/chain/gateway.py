"""One block from one announced gateway, checked against its CID (IPFS trustless gateway spec)."""

from immurtal.chain.http import HttpClient
from immurtal.content.cid import Cid, check_block
from immurtal.errors import NotFound

MAX_BLOCK_BYTES = 2 * 1024 * 1024
RAW = "application/vnd.ipld.raw"


async def fetch_block(gateway: HttpClient, cid: Cid, seconds: float | None = None) -> bytes:
    """Raises NotFound (the gateway has no such block), IntegrityError (it sent other bytes),
    Unreachable, BadInput (a URL that may not be asked)."""
    answer = await gateway.request(
        "GET",
        f"/ipfs/{cid.text}?format=raw",
        headers={"Accept": RAW},
        max_bytes=MAX_BLOCK_BYTES,
        seconds=seconds,
    )
    if answer.status != 200:
        raise NotFound(f"{gateway.name} has no block {cid.text} (it answers {answer.status}).")
    check_block(cid, answer.body)
    return answer.body
