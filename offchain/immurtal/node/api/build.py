"""The API as one ASGI application: routers, errors, bounds, headers."""

from fastapi import APIRouter, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from immurtal import __version__
from immurtal.node.api import openapi, problems
from immurtal.node.api.guard import BodyBound, SecurityHeaders

EXPOSED = ["Retry-After", "Upload-Offset", "Upload-Length"]


def build(*routers: APIRouter, max_body: int) -> tuple[FastAPI, ASGIApp]:
    """The FastAPI object (its state is the caller's to fill) and the application to serve.

    The headers are set outside of everything, so that the answer to a failure has them too. Any
    page may read (nothing here goes by cookies); `max_body` in bytes.
    """
    app = FastAPI(
        title="Immurtal node",
        version=__version__,
        description="One node of the Immurtal network. Errors are RFC 9457; their `type` is "
        "`urn:immurtal:error:` and one of the suffixes listed at each call.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for router in routers:
        app.include_router(router)
    problems.install(app)
    openapi.install(app)
    app.add_middleware(BodyBound, max_bytes=max_body)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD"],
        expose_headers=EXPOSED,
    )
    return app, SecurityHeaders(app)
