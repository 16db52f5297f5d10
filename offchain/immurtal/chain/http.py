"""HTTP to URLs that somebody announced: bounded, no redirects, never into private networks.

A name is resolved once and checked; the connection goes to the address that was checked, so a
second answer of the name server cannot lead elsewhere (DNS rebinding).
"""

import asyncio
import ipaddress
import json
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Self
from urllib.parse import SplitResult, urlsplit

import httpx

from immurtal.chain.problems import problem_error
from immurtal.chain.rpc import printable
from immurtal.errors import BadInput, ImmurtalError, IntegrityError, Unreachable

MAX_URL: Final = 2048
MAX_JSON_BYTES: Final = 1024 * 1024
MAX_PROBLEM_BYTES: Final = 64 * 1024
TIMEOUT: Final = 15.0  # seconds

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class CheckedUrl:
    """A base URL and the address that it may be reached at. authority: the Host header."""

    text: str
    scheme: str
    host: str
    port: int
    path: str
    address: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(self.scheme) else f"{host}:{self.port}"

    def pinned(self, path: str) -> str:
        """The URL of `path` below this one, with the checked address in place of the name."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.scheme}://{address}:{self.port}{self.path}/{path.lstrip('/')}"


async def check_url(url: str, allow_local: bool = False) -> CheckedUrl:
    """Resolves an announced URL. allow_local: plain HTTP and private addresses are fine (31337).

    Raises BadInput for a URL that may not be asked, Unreachable for a name without an address.
    """
    parts = _split(url, allow_local)
    host = parts.hostname or ""
    port = parts.port or _default_port(parts.scheme)
    addresses = await _resolve(host, port)
    if not allow_local:
        for address in addresses:
            if not is_public(address):
                raise _refused(url, f"it leads to {address}, which is no public address")
    return CheckedUrl(url, parts.scheme, host, port, parts.path.rstrip("/"), str(addresses[0]))


def is_public(address: Address) -> bool:
    """Whether an address, and the IPv4 address that it may wrap, is of the open internet."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(address.packed[-4:]))
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """One announced base URL. timeout: seconds for a whole answer."""

    def __init__(self, url: str, *, allow_local: bool = False, timeout: float = TIMEOUT) -> None:
        self.url = url
        self.name = printable(url, 200)
        self._allow_local = allow_local
        self._timeout = timeout
        self._checked: CheckedUrl | None = None
        self._client = httpx.AsyncClient(
            verify=_tls(), follow_redirects=False, trust_env=False, timeout=timeout
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._client.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterator[bytes] | None = None,
        max_bytes: int = MAX_JSON_BYTES,
        seconds: float | None = None,
        stall: float | None = None,
    ) -> Answer:
        """The whole answer, whatever its status. seconds: for all of it; with a streamed `content`,
        without progress. stall: seconds without progress, where that is less.

        Raises BadInput (the URL may not be asked), Unreachable.
        """
        seconds = seconds or self._timeout
        quiet = min(stall or seconds, seconds)
        streamed = content is not None and not isinstance(content, bytes)
        try:
            async with asyncio.timeout(None if streamed else seconds):
                return await self._exchange(method, path, headers or {}, content, max_bytes, quiet)
        except TimeoutError:
            raise self.unreachable(f"did not answer within {seconds:g} s") from None
        except httpx.TimeoutException:
            raise self.unreachable(f"sent nothing for {quiet:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            self._checked = None  # the next try looks the name up again, and checks it again
            reason = printable(str(error)) or type(error).__name__
            raise self.unreachable(f"cannot be reached ({reason})") from None

    async def _exchange(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        content: bytes | AsyncIterator[bytes] | None,
        max_bytes: int,
        quiet: float,
    ) -> Answer:
        self._checked = at = self._checked or await check_url(self.url, self._allow_local)
        request = self._client.build_request(
            method,
            at.pinned(path),
            headers={**headers, "Host": at.authority, "Accept-Encoding": "identity"},
            content=content,
            timeout=quiet,
            extensions={"sni_hostname": at.host},
        )
        response = await self._client.send(request, stream=True)
        try:
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > max_bytes:
                    raise self.unreachable(f"answered with more than {max_bytes} bytes")
            found = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, found, bytes(body))
        finally:
            await response.aclose()

    def unreachable(self, reason: str) -> Unreachable:
        return Unreachable(
            f"{self.name} {reason}.", do="Check that it runs and that you are online, or try later."
        )


class NodeClient:
    """A node's API. Every method raises what its typed problem means (`problems.problem_error`),
    Unreachable, BadInput (a URL that may not be asked), IntegrityError (an answer that is none)."""

    def __init__(
        self, api_url: str, *, allow_local: bool = False, timeout: float = TIMEOUT
    ) -> None:
        self.http = HttpClient(api_url, allow_local=allow_local, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self.http.close()

    async def get_json(
        self, path: str, *, max_bytes: int = MAX_JSON_BYTES, seconds: float | None = None
    ) -> dict[str, Any]:
        answer = await self._good("GET", path, max_bytes=max_bytes, seconds=seconds)
        return self._object(answer.body)

    async def post_json(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        max_bytes: int = MAX_JSON_BYTES,
        seconds: float | None = None,
    ) -> dict[str, Any]:
        answer = await self._good(
            "POST",
            path,
            headers={"Content-Type": "application/json"},
            content=json.dumps(body).encode(),
            max_bytes=max_bytes,
            seconds=seconds,
        )
        return self._object(answer.body)

    async def patch(
        self,
        path: str,
        content: bytes | AsyncIterator[bytes],
        headers: Mapping[str, str],
        *,
        seconds: float | None = None,
    ) -> Answer:
        """Sends bytes; a stream goes out as it comes. seconds: without progress."""
        return await self._good("PATCH", path, headers=headers, content=content, seconds=seconds)

    async def post(self, path: str, body: bytes, *, max_bytes: int = MAX_JSON_BYTES) -> bytes:
        """Sends a JSON body that is encoded already; the answer's body as it came."""
        headers = {"Content-Type": "application/json"}
        options = {"headers": headers, "content": body, "max_bytes": max_bytes}
        return (await self._good("POST", path, **options)).body

    async def put(self, path: str, content: bytes) -> Answer:
        """Sends bytes whose place is their hash."""
        headers = {"Content-Type": "application/octet-stream"}
        return await self._good("PUT", path, headers=headers, content=content)

    async def head(self, path: str, headers: Mapping[str, str]) -> Mapping[str, str]:
        """The answer's headers, names in lower case."""
        return (await self._good("HEAD", path, headers=headers)).headers

    async def _good(self, method: str, path: str, **options: Any) -> Answer:
        answer = await self.http.request(method, path, **options)
        if 200 <= answer.status < 300:
            return answer
        raise self._problem(answer)

    def _problem(self, answer: Answer) -> ImmurtalError:
        return problem_error(
            self.http.name, answer.status, answer.headers, answer.body[:MAX_PROBLEM_BYTES]
        )

    def _object(self, body: bytes) -> dict[str, Any]:
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise IntegrityError(
                f"{self.http.name} answered with something that is no JSON object."
            )
        if value.get("v", 1) != 1:
            raise IntegrityError(
                f"{self.http.name} answers in version {printable(str(value['v']), 20)}, "
                "which is not known here.",
                do="Update immurtal.",
            )
        return value


@cache
def _tls() -> ssl.SSLContext:
    """One for all clients: reading the certificate store takes 25 ms, and holds up the loop."""
    return httpx.create_ssl_context(trust_env=False)


def _split(url: str, allow_local: bool) -> SplitResult:
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise _refused(url, "it is too long or has characters that no URL has")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused(url, "it cannot be read") from None
    if parts.scheme not in (("https", "http") if allow_local else ("https",)):
        raise _refused(url, "it is not HTTPS")
    if not parts.hostname or "@" in parts.netloc or "%" in parts.netloc or port == 0:
        raise _refused(url, "it has no plain host")
    if parts.query or parts.fragment or "?" in url or "#" in url or ".." in parts.path:
        raise _refused(url, "it is no base URL")
    return parts


async def _resolve(host: str, port: int) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [ipaddress.ip_address(entry[4][0]) for entry in found]
    except (OSError, UnicodeError, ValueError) as error:
        raise Unreachable(
            f"The name {printable(host, 253)} has no address ({printable(str(error))}).",
            do="Check the name and that you are online.",
        ) from None


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _refused(url: str, reason: str) -> BadInput:
    return BadInput(
        f"The announced URL {printable(url, 200)!r} is not asked: {reason}.",
        do="Its operator must announce a public HTTPS URL.",
    )
