"""Alive, ready, and the figures."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from immurtal.node.api.context import Here
from immurtal.node.api.wire import Alive, Readiness
from immurtal.node.readiness import reasons_against

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Whether the process answers")
async def healthz() -> Alive:
    return Alive(alive=True)


@router.get(
    "/readyz",
    summary="Whether the node does its work, or why not",
    responses={503: {"model": Readiness, "description": "Not now, for these reasons"}},
)
async def readyz(here: Here, response: Response) -> Readiness:
    reasons = reasons_against(here)
    response.status_code = 503 if reasons else 200
    return Readiness(ready=not reasons, reasons=reasons)


@router.get("/metrics", summary="Prometheus", response_class=Response)
async def metrics(here: Here) -> Response:
    ready = not reasons_against(here)
    text = here.metrics.exposition(here.indexer.status, ready=ready)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
