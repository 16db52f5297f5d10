"""Every error of the API as RFC 9457, and the one list of the types there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from immurtal.chain.problems import PREFIX
from immurtal.errors import (
    AccessNotDeepYet,
    AccessRefused,
    BadInput,
    ImmurtalError,
    Unreachable,
)
from immurtal.storage.backend import BackendError

MEDIA_TYPE: Final = "application/problem+json"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """`retry_after`: seconds, where the refusal itself does not know better."""

    status: int
    title: str
    retry_after: int | None = None


KINDS: Final[Mapping[str, Kind]] = {
    "access-refused": Kind(403, "The chain does not entitle this account"),
    "access-not-deep-yet": Kind(403, "The chain entitles this account, but not deep enough yet"),
    "chain-lagging": Kind(503, "The node's view of the chain cannot be relied on now", 5),
    "clock-skew": Kind(400, "The time signed is too far from the node's clock"),
    "disk-full": Kind(507, "The node has no room"),
    "integrity": Kind(422, "Bytes that do not match their hash"),
    "internal": Kind(500, "Something went wrong in the node"),
    "method-not-allowed": Kind(405, "No such method here"),
    "not-accepted": Kind(403, "The node does not hold this release"),
    "not-found": Kind(404, "Not found"),
    "offset-mismatch": Kind(409, "The upload stands at another offset"),
    "rate-limited": Kind(429, "Too many requests"),
    "release-not-current": Kind(409, "The certificate has another release now"),
    "request-invalid": Kind(400, "The request cannot be understood"),
    "session-expired": Kind(403, "The session is not valid at this time"),
    "session-invalid": Kind(403, "The session or a signature does not hold"),
    "too-large": Kind(413, "More than this node takes"),
    "too-slow": Kind(408, "The body did not arrive in time"),
    "unauthorized": Kind(401, "The upload's token is missing or wrong"),
    "unavailable": Kind(503, "A part of the node does not answer now", 5),
    "wrong-node": Kind(421, "Meant for another node"),
}


class Problem(BaseModel):
    """RFC 9457; `type` is `urn:immurtal:error:` and a suffix that stays the same for ever."""

    type: str
    title: str
    status: int
    detail: str
    retry_after: int | None = Field(
        default=None, serialization_alias="retryAfter", description="seconds"
    )


class Refused(ImmurtalError):
    """A refusal that is the API's own; `reason` is a key of `KINDS`."""

    def __init__(
        self,
        reason: str,
        detail: str,
        *,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.retry_after = retry_after
        self.headers = headers or {}


def answer(
    reason: str,
    detail: str,
    *,
    retry_after: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    kind = KINDS[reason]
    wait = kind.retry_after if retry_after is None else retry_after
    problem = Problem(
        type=PREFIX + reason, title=kind.title, status=kind.status, detail=detail, retry_after=wait
    )
    extra = dict(headers or {})
    if wait is not None:
        extra["Retry-After"] = str(wait)
    return JSONResponse(
        problem.model_dump(by_alias=True, exclude_none=True),
        kind.status,
        headers=extra,
        media_type=MEDIA_TYPE,
    )


def reason_of(error: ImmurtalError) -> str:
    """The type suffix that answers an error; `internal` for what no caller should cause."""
    reason = error.reason if isinstance(error, Refused | AccessRefused) else error.kind
    if reason in KINDS:
        return reason
    if isinstance(error, BadInput):
        return "request-invalid"
    if isinstance(error, Unreachable | BackendError):
        return "unavailable"
    return "internal"


def refusals(*reasons: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route in OpenAPI: for each status the types it may carry."""
    by_status: dict[int | str, list[str]] = {}
    for reason in reasons:
        by_status.setdefault(KINDS[reason].status, []).append(reason)
    return {
        status: {
            "description": ", ".join(f"`{reason}`: {KINDS[reason].title}" for reason in names),
            "content": {
                MEDIA_TYPE: {
                    "schema": {
                        "allOf": [{"$ref": "#/components/schemas/Problem"}],
                        "properties": {"type": {"enum": [PREFIX + reason for reason in names]}},
                    }
                }
            },
        }
        for status, names in by_status.items()
    }


def install(app: FastAPI) -> None:
    """Makes every way in which a request can fail end in a problem, none in a traceback."""
    app.add_exception_handler(ImmurtalError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ImmurtalError)
    reason = reason_of(error)
    if reason == "internal":
        return await _unexpected(request, error)
    wait = error.retry_after if isinstance(error, Refused | AccessNotDeepYet) else None
    headers = error.headers if isinstance(error, Refused) else None
    detail = error.what
    if KINDS[reason].status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("refused", reason=reason, path=request.url.path, detail=detail)
        if not isinstance(error, Refused | AccessRefused):
            detail = KINDS[reason].title + "."  # the error's own words name our paths and endpoints
    return answer(reason, detail, retry_after=wait, headers=headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return answer("request-invalid", f"{where}: {first['msg']}"[:500])


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    match error.status_code:
        case 404:
            return answer("not-found", "There is nothing at this address.")
        case 405:
            return answer(
                "method-not-allowed", "See /openapi.json for what is here.", headers=error.headers
            )
        case status if 400 <= status < 500:
            return answer("request-invalid", str(error.detail)[:500])
    return await _unexpected(request, error)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("request-failed", path=request.url.path, exc_info=error)
    return answer("internal", "The node's log says more.")
