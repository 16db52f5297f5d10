"""What the routers work with: one object, made by the app, found by dependency."""

import ipaddress
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
    """Whoever asks, as limits count them: an IPv4 address, or a /64 of IPv6, of which one customer
    has them all. uvicorn has put a trusted proxy's client here."""
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.IPv6Network((address, 64), strict=False))


def take(limit: RateLimit, key: str) -> None:
    """Raises Refused `rate-limited`."""
    wait = limit.take(key)
    if wait:
        raise Refused("rate-limited", "Too many requests.", retry_after=int(wait) + 1)


Here = Annotated[Parts, Depends(parts)]
Limited = Annotated[Limits, Depends(limits)]
Caller = Annotated[str, Depends(caller)]
