"""Whatever is sent, the answer is a problem of RFC 9457 that tells nothing of the inside."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, Request
from pydantic import BaseModel

from immurtal.errors import AccessNotDeepYet, AccessRefused, BadInput, DiskFull, Unreachable
from immurtal.node.api import guard
from immurtal.node.api.build import build
from immurtal.node.api.problems import KINDS, MEDIA_TYPE, Refused

router = APIRouter()
ERRORS = {
    "refused": AccessRefused("No.", reason="release-not-current"),
    "early": AccessNotDeepYet("Wait.", retry_after=7),
    "limited": Refused("rate-limited", "Too many.", retry_after=3),
    "bad": BadInput("Not so."),
    "down": Unreachable("The RPC endpoint http://10.0.0.1/SECRET does not answer."),
    "full": DiskFull("There is no room to write /home/operator/SECRET."),
    "unlisted": AccessRefused("Odd SECRET.", reason="never-heard-of"),
    "bug": RuntimeError("SECRET"),
}


class Body(BaseModel):
    number: int


@router.get("/raise/{name}")
async def failing(name: str) -> None:
    raise ERRORS[name]


@router.post("/echo")
async def echo(body: Body) -> int:
    return body.number


@router.post("/raw")
async def raw(request: Request) -> int:
    return len(await request.body())


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    _, app = build(router, max_body=1000)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
        yield client


def assert_problem(answer: httpx.Response, reason: str) -> None:
    assert answer.status_code == KINDS[reason].status
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.headers["x-content-type-options"] == "nosniff"
    body = answer.json()
    assert body["type"] == f"urn:immurtal:error:{reason}"
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["detail"]
    assert "SECRET" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("refused", "release-not-current"),
        ("early", "access-not-deep-yet"),
        ("limited", "rate-limited"),
        ("bad", "request-invalid"),
        ("down", "unavailable"),
        ("full", "disk-full"),
        ("unlisted", "internal"),
        ("bug", "internal"),
    ],
)
async def test_every_error_is_a_problem(client: httpx.AsyncClient, name: str, reason: str) -> None:
    assert_problem(await client.get(f"/raise/{name}"), reason)


async def test_how_long_to_wait_is_in_header_and_body(client: httpx.AsyncClient) -> None:
    answer = await client.get("/raise/early")
    assert answer.headers["retry-after"] == "7"
    assert answer.json()["retryAfter"] == 7
    assert "retryAfter" not in (await client.get("/raise/refused")).json()


async def test_unknown_paths_and_methods(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/nothing"), "not-found")
    answer = await client.delete("/echo")
    assert_problem(answer, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"number": "x"}', b"[" * 900, b'{"number": 1e999}', b"\xff\xfe"]
)
async def test_bodies_that_are_none(client: httpx.AsyncClient, body: bytes) -> None:
    assert_problem(await client.post("/echo", content=body), "request-invalid")


async def test_a_body_is_bounded_before_it_is_read(client: httpx.AsyncClient) -> None:
    assert (await client.post("/raw", content=b"x" * 1000)).json() == 1000
    assert_problem(await client.post("/raw", content=b"x" * 1001), "too-large")


async def test_a_body_of_no_announced_length_is_bounded_too(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 100

    assert_problem(await client.post("/raw", content=endless()), "too-large")


async def test_a_body_that_never_ends_is_given_up(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.1)

    async def silent() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    assert_problem(await client.post("/raw", content=silent()), "too-slow")


async def test_pages_may_read_and_only_read(client: httpx.AsyncClient) -> None:
    page = {"Origin": "https://page.example"}
    assert (await client.get("/raise/bad", headers=page)).headers[
        "access-control-allow-origin"
    ] == "*"
    asked = await client.options(
        "/echo", headers=page | {"Access-Control-Request-Method": "DELETE"}
    )
    assert asked.status_code == 400
