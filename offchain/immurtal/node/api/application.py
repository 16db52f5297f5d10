"""The node's API over its parts."""

from starlette.types import ASGIApp

from immurtal.node.api import (
    catalogue,
    health,
    key_shares,
    node,
    releases,
    routing,
    store,
    terms,
    uploads,
)
from immurtal.node.api.build import build
from immurtal.node.api.context import Limits
from immurtal.node.limits import RateLimit
from immurtal.node.parts import Parts

ROUTERS = (
    node.router,
    catalogue.router,
    store.router,
    uploads.router,
    terms.router,
    releases.router,
    key_shares.router,
    routing.router,
    health.router,
)


def build_api(parts: Parts) -> ASGIApp:
    limits = parts.config.limits
    app, served = build(*ROUTERS, max_body=limits.body_bytes)
    app.state.parts = parts
    app.state.limits = Limits(
        shares_by_account=RateLimit(limits.shares_per_account),
        shares_by_address=RateLimit(limits.shares_per_address),
        stores_by_address=RateLimit(limits.stores_per_address),
    )
    return served
