"""POST /v1/key-shares: a share for whom the chain entitles."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from immurtal.chain.signatures import ZERO_ADDRESS
from immurtal.errors import ImmurtalError
from immurtal.keys.bodies import decode_request, encode_reply
from immurtal.keys.sessions import SignedRequest
from immurtal.node.api.context import Caller, Here, Limited, take
from immurtal.node.api.problems import reason_of, refusals
from immurtal.node.api.wire import KeyShareBody, KeyShareReply, json_body

router = APIRouter(tags=["keys"])

REFUSALS: Final[dict[int | str, dict[str, Any]]] = refusals(
    "request-invalid",
    "clock-skew",
    "access-refused",
    "access-not-deep-yet",
    "session-invalid",
    "session-expired",
    "not-accepted",
    "too-slow",
    "release-not-current",
    "too-large",
    "wrong-node",
    "rate-limited",
    "chain-lagging",
    "unavailable",
)


@router.post(
    "/v1/key-shares",
    summary="Ask for this node's share of a content key",
    response_model=KeyShareReply,
    responses=REFUSALS,
    openapi_extra=json_body(KeyShareBody),
)
async def key_share(request: Request, here: Here, limited: Limited, caller: Caller) -> Response:
    """The share, sealed to the session key. `access-not-deep-yet` says in Retry-After when to ask
    again; every other refusal stands until what it names has changed."""
    take(limited.shares_by_address, caller)
    try:
        signed = decode_request(await request.body())
        await here.release.authenticate(signed)
        take(limited.shares_by_account, _asker(signed))
        reply = await here.release.decide(signed)
    except ImmurtalError as error:
        here.metrics.shares.labels(reason_of(error)).inc()
        raise
    here.metrics.shares.labels("released").inc()
    return Response(encode_reply(reply), media_type="application/json")


def _asker(signed: SignedRequest) -> str:
    session = signed.session.session
    return session.device if session.account == ZERO_ADDRESS else session.account
