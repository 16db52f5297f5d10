"""What the routers work with: one object, made by the app, found by dependency."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from immurtal.node.api.problems import Refused
from immurtal.node.limits import RateLimit
from immurtal.node.parts import Parts


@dataclass(frozen=True, slots=True)
class Limits:
    shares_by_account: RateLimit
    shares_by_address: RateLimit
    stores_by_address: RateLimit


def parts(request: Request) -> Parts:
    found: Parts = request.app.state.parts
    return found


def limits(request: Request) -> Limits:
    found: Limits = request.app.state.limits
    return found


def caller(request: Request) -> str:
    """The address that asks; uvicorn has put a trusted proxy's client here."""
    return request.client.host if request.client else "unknown"


def take(limit: RateLimit, key: str) -> None:
    """Raises Refused `rate-limited`."""
    wait = limit.take(key)
    if wait:
        raise Refused("rate-limited", "Too many requests.", retry_after=int(wait) + 1)


Here = Annotated[Parts, Depends(parts)]
Limited = Annotated[Limits, Depends(limits)]
Caller = Annotated[str, Depends(caller)]
