"""GET /v1/releases/{cid}: how far this node is with a release."""

from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy import Connection

from immurtal.content.cid import DAG_PB, parse_cid
from immurtal.content.encoding import hex32
from immurtal.errors import BadInput
from immurtal.index import queries
from immurtal.node.api.context import Here
from immurtal.node.api.problems import refusals
from immurtal.node.api.wire import ReleaseState

router = APIRouter(prefix="/v1", tags=["storing"])
CidText = Annotated[str, Path(max_length=200, description="CIDv1, base32")]


@router.get(
    "/releases/{cid}",
    summary="Whether this node accepted a release, and how its pin stands",
    responses=refusals("request-invalid", "unavailable"),
)
async def release(here: Here, cid: CidText) -> ReleaseState:
    """`unknown`: this node neither holds it nor is about to. `certificates`: those that name it
    now, at most 100."""
    parsed = parse_cid(cid)
    if parsed.codec != DAG_PB:
        raise BadInput("A release is a directory: its CID has codec dag-pb.")
    digest = hex32(parsed.digest)
    certificates = await here.database.read(_naming, digest)
    content = await here.storage.content(digest)
    # the content says it too, before the index has seen the registration
    works = {*certificates, *([content.certificate] if content and content.certificate else [])}
    accepted = [await here.storage.is_accepted(work, digest) for work in works]
    status = await here.storage.status(cid)
    return ReleaseState(
        release=digest,
        cid=cid,
        certificates=certificates,
        accepted=any(accepted),
        state=status.state,  # type: ignore[arg-type]  # pydantic checks it
        bytes=status.bytes_total if status.bytes_done is None else status.bytes_done,
        reason=status.reason,
    )


def _naming(connection: Connection, release: str) -> list[str]:
    return [found.id for found in queries.certificates_of_release(connection, release)]
