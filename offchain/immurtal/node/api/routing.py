"""/routing/v1: who has a block, for stock IPFS clients.

Source: https://specs.ipfs.tech/routing/http-routing-v1/
"""

import ipaddress
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Path

from immurtal.content.cid import parse_cid
from immurtal.node.api.context import Here
from immurtal.node.api.problems import refusals

router = APIRouter(prefix="/routing/v1", tags=["routing"])


@router.get(
    "/providers/{cid}",
    summary="This node's gateway and peer, if it holds the block",
    responses=refusals("request-invalid", "unavailable"),
)
async def providers(
    here: Here, cid: Annotated[str, Path(max_length=200)]
) -> dict[str, list[dict[str, Any]]]:
    """Records of schema `peer`; an empty list where the block is not here."""
    if not await here.storage.has_block(parse_cid(cid).text):
        return {"Providers": []}
    peer = here.peer.address
    record = {
        "Schema": "peer",
        "ID": peer.rpartition("/p2p/")[2],
        "Addrs": [gateway_address(here.config.kubo.gateway_url), peer.rpartition("/p2p/")[0]],
        "Protocols": ["transport-ipfs-gateway-http", "transport-bitswap"],
    }
    return {"Providers": [record]}


def gateway_address(url: str) -> str:
    """A gateway's URL as a multiaddress (https://github.com/multiformats/multiaddr)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        name = f"ip{ipaddress.ip_address(host).version}"
    except ValueError:
        name = "dns"
    return f"/{name}/{host}/tcp/{port}/{parts.scheme}"
