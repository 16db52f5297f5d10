"""PUT /v1/terms/{digest}: the terms of an offer, from anybody."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from immurtal.node.api.context import Caller, Here, Limited, take
from immurtal.node.api.problems import refusals
from immurtal.node.api.wire import Held

router = APIRouter(prefix="/v1", tags=["storing"])


@router.put(
    "/terms/{digest}",
    summary="Hand over the terms of an offer on a work that this node holds",
    responses=refusals(
        "request-invalid",
        "not-accepted",
        "too-slow",
        "too-large",
        "rate-limited",
        "chain-lagging",
        "unavailable",
        "disk-full",
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
            },
        }
    },
)
async def terms(
    request: Request,
    here: Here,
    limited: Limited,
    caller: Caller,
    digest: Annotated[str, Path(pattern="^0x[0-9a-f]{64}$")],
) -> Held:
    """`digest`: the SHA-256 of the body, as the offer names it on chain."""
    take(limited.stores_by_address, caller)
    return Held(cid=await here.terms.take(digest, await request.body()))
