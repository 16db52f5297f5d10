"""POST /v1/store: a certificate's owner asks this node to hold its current release."""

from fastapi import APIRouter, Request

from immurtal.errors import ImmurtalError
from immurtal.keys.bodies import decode_store
from immurtal.keys.store import SignedStore
from immurtal.node.api.context import Caller, Here, Limited, take
from immurtal.node.api.problems import reason_of, refusals
from immurtal.node.api.wire import StoreBody, Stored, UploadTicket, json_body
from immurtal.node.parts import Parts

router = APIRouter(prefix="/v1", tags=["storing"])


@router.post(
    "/store",
    status_code=201,
    summary="Ask this node to hold a certificate's current release",
    responses=refusals(
        "request-invalid",
        "clock-skew",
        "not-accepted",
        "not-found",
        "release-not-current",
        "too-large",
        "too-slow",
        "wrong-node",
        "rate-limited",
        "chain-lagging",
        "unavailable",
        "disk-full",
    ),
    openapi_extra=json_body(StoreBody),
)
async def store(request: Request, here: Here, limited: Limited, caller: Caller) -> Stored:
    """Repeating it gives the same upload, with its offset and a new token."""
    take(limited.stores_by_address, caller)
    signed = decode_store(await request.body())
    try:
        stored = await _store(here, signed)
    except ImmurtalError as error:
        here.metrics.stores.labels(reason_of(error)).inc()
        raise
    here.metrics.stores.labels("accepted").inc()
    return stored


async def _store(here: Parts, signed: SignedStore) -> Stored:
    """Accepted is what there is room for: the upload is opened first."""
    await here.storing.check(signed)
    asked = signed.store
    upload = await here.storage.open_upload(asked.certificate, asked.release, asked.size)
    await here.storage.accept(asked.certificate, asked.release, asked.size)
    if upload is None:
        return Stored(release=asked.release, state="pinned", upload=None)
    ticket = UploadTicket(id=upload.id, offset=upload.offset, size=upload.size, token=upload.token)
    return Stored(release=asked.release, state="queued", upload=ticket)
