"""Announced URLs: what may be asked, what an answer may be, what a refusal means."""

import asyncio
import ipaddress
import json
import socket
from collections.abc import AsyncIterator

import pytest
from local_server import Reply, Seen, serve

from immurtal.chain.http import HttpClient, NodeClient, check_url, is_public
from immurtal.chain.problems import PREFIX, reason_of
from immurtal.errors import (
    AccessNotDeepYet,
    AccessRefused,
    BadInput,
    ImmurtalError,
    IntegrityError,
    NotAccepted,
    NotFound,
    Unreachable,
)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "https://127.0.0.1",
        "https://localhost:8480",
        "https://[::1]/",
        "https://10.1.2.3",
        "https://192.168.0.1",
        "https://172.16.0.1",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1",
        "https://0.0.0.0",
        "https://224.0.0.1",
        "https://[fe80::1]",
        "https://[fc00::1]",
        "https://[ff02::1]",
        "https://[::ffff:127.0.0.1]",
        "https://[2002:7f00:0001::]",
        "https://[64:ff9b::7f00:1]",
        "https://user@93.184.216.34",
        "https://93.184.216.34/?key=1",
        "https://93.184.216.34/#x",
        "https://93.184.216.34/a/../b",
        "https://93.184.216.34:0",
        "https://93.184.216.34:99999",
        "https://93.184.216.34/ x",
        "https://" + "a" * 3000,
        "file:///etc/passwd",
        "https://",
        "https://127.1",
        "https://2130706433",
        "https://0x7f.1",
    ],
)
async def test_urls_that_lead_elsewhere_than_the_open_internet_are_not_asked(url: str) -> None:
    with pytest.raises(BadInput, match="is not asked"):
        await check_url(url)


async def test_a_name_is_refused_if_any_of_its_addresses_is_private(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolves_to(monkeypatch, ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(BadInput, match=r"leads to 10\.0\.0\.1"):
        await check_url("https://example.org")


async def test_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolves_to(monkeypatch, ["93.184.216.34"])
    checked = await check_url("https://example.org:8443/base/")
    resolves_to(monkeypatch, ["127.0.0.1"])
    assert checked.pinned("/v1/node") == "https://93.184.216.34:8443/base/v1/node"
    assert checked.authority == "example.org:8443"
    assert checked.host == "example.org"


async def test_the_name_travels_though_the_address_is_pinned() -> None:
    seen: list[Seen] = []

    async def handle(request: Seen) -> Reply:
        seen.append(request)
        return Reply(200, b"{}")

    async with serve(handle) as url:
        named = url.replace("127.0.0.1", "localhost")
        async with NodeClient(named, allow_local=True) as client:
            await client.get_json("/v1/node")
    assert seen[0].headers["host"] == named.removeprefix("http://")
    assert seen[0].target == "/v1/node"


def test_addresses_of_the_open_internet_are_public() -> None:
    assert is_public(ipaddress.ip_address("93.184.216.34"))
    assert is_public(ipaddress.ip_address("2606:4700::1111"))


async def test_a_name_without_an_address_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves_to(monkeypatch, [])
    with pytest.raises(Unreachable, match="has no address"):
        await check_url("https://nowhere.example")


async def test_redirects_are_not_followed() -> None:
    async def elsewhere(request: Seen) -> Reply:
        assert request.target == "/v1/node"
        return Reply(302, b"", {"Location": "http://127.0.0.1:1/"})

    async with serve(elsewhere) as url, NodeClient(url, allow_local=True) as client:
        with pytest.raises(Unreachable, match="HTTP 302"):
            await client.get_json("/v1/node")


@pytest.mark.parametrize("body", [b"[]", b"nonsense", b"[" * 100_000, b'{"v": 2}'])
async def test_an_answer_that_is_none_is_an_integrity_error(body: bytes) -> None:
    async def handle(request: Seen) -> Reply:
        return Reply(200, body)

    async with serve(handle) as url, NodeClient(url, allow_local=True) as client:
        with pytest.raises(IntegrityError):
            await client.get_json("/v1/node")


async def test_floods_bombs_and_drips_are_cut_off() -> None:
    async def flood(request: Seen) -> Reply:
        assert request.headers["accept-encoding"] == "identity"
        return Reply(200, b" " * 100_000)

    async with serve(flood) as url, NodeClient(url, allow_local=True) as client:
        with pytest.raises(Unreachable, match="more than 5000 bytes"):
            await client.get_json("/", max_bytes=5000)

    async def drip(request: Seen) -> Reply:
        return Reply(200, b" " * 1000, pause=0.05, piece=1)

    async with serve(drip) as url, HttpClient(url, allow_local=True, timeout=0.3) as http:
        with pytest.raises(Unreachable, match=r"within 0\.3 s"):
            await http.request("GET", "/")


@pytest.mark.parametrize(
    ("suffix", "kind", "reason"),
    [
        ("access-refused", AccessRefused, "access-refused"),
        ("access-not-deep-yet", AccessNotDeepYet, "access-not-deep-yet"),
        ("release-not-current", AccessRefused, "release-not-current"),
        ("clock-skew", AccessRefused, "clock-skew"),
        ("not-accepted", NotAccepted, "not-accepted"),
        ("too-large", NotAccepted, "not-accepted"),
        ("not-found", NotFound, "not-found"),
        ("integrity", IntegrityError, "integrity"),
    ],
)
async def test_problems_become_the_errors_that_they_mean(
    suffix: str, kind: type[ImmurtalError], reason: str
) -> None:
    async def refuse(request: Seen) -> Reply:
        problem = {"type": PREFIX + suffix, "detail": "because\x1b[2J", "status": 403}
        return Reply(403, json.dumps(problem).encode(), {"Retry-After": "7"})

    async with serve(refuse) as url, NodeClient(url, allow_local=True) as client:
        with pytest.raises(kind, match=f"refused .{suffix}.: because") as caught:
            await client.post_json("/v1/key-shares", {"v": 1})
    assert type(caught.value) is kind
    assert reason_of(caught.value) == reason
    assert "\x1b" not in caught.value.what
    if isinstance(caught.value, AccessNotDeepYet):
        assert caught.value.retry_after == 7


@pytest.mark.parametrize("retry", ["soon", -5, None, 10**30, {"a": 1}, float("inf")])
async def test_retry_after_is_bounded_whatever_is_said(retry: object) -> None:
    async def refuse(request: Seen) -> Reply:
        problem = {"type": PREFIX + "access-not-deep-yet", "retryAfter": retry}
        return Reply(403, json.dumps(problem).encode())

    async with serve(refuse) as url, NodeClient(url, allow_local=True) as client:
        with pytest.raises(AccessNotDeepYet) as caught:
            await client.get_json("/")
    assert 1 <= caught.value.retry_after <= 86_400


async def test_a_stream_is_sent_and_headers_are_read() -> None:
    got: list[Seen] = []

    async def upload(request: Seen) -> Reply:
        got.append(request)
        return Reply(204 if request.method == "PATCH" else 200, b"", {"Upload-Offset": "6"})

    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"
        await asyncio.sleep(0)
        yield b"def"

    async with serve(upload) as url, NodeClient(url, allow_local=True) as client:
        answer = await client.patch("/v1/uploads/1", pieces(), {"Upload-Offset": "0"})
        assert answer.headers["upload-offset"] == "6"
        headers = await client.head("/v1/uploads/1", {"Authorization": "Bearer t"})
    assert headers["upload-offset"] == "6"
    assert got[0].body == b"abcdef"
    assert got[1].headers["authorization"] == "Bearer t"


def resolves_to(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    def lookup(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        if not addresses:
            raise socket.gaierror("no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
