"""Whom this node's Kubo may be told to meet: announced peers, none inside a private network.

A name is resolved here and only public addresses go on, so that no registry entry leads Kubo to a
private service (DESIGN 7); on the development chain every address is fine.
"""

import asyncio
import ipaddress
import random
import re
import socket
from collections.abc import Sequence
from typing import Final

from immurtal.chain.http import is_public
from immurtal.index import queries
from immurtal.index.database import Database

MOST: Final = 16
NAME_SECONDS: Final = 5
MAX_ADDRESS: Final = 400
_MULTIADDRESS: Final = re.compile(
    r"/(ip4|ip6|dns|dns4|dns6)/([A-Za-z0-9.:-]{1,253})"
    r"(/(?:tcp/[0-9]{1,5}|udp/[0-9]{1,5}/quic-v1)/p2p/[1-9A-Za-z]{20,80})"
)


class Neighbours:
    """`PeersOf` of storage: some of the registry's nodes, in another order each time."""

    def __init__(self, database: Database, own_id: str, *, development: bool) -> None:
        self._database = database
        self._own_id = own_id
        self._development = development

    async def __call__(self, _certificates: frozenset[str]) -> Sequence[str]:
        page = await self._database.read(queries.nodes)
        others = [node.peer for node in page.items if node.id != self._own_id]
        random.shuffle(others)
        found = await asyncio.gather(*(self._checked(peer) for peer in others[:MOST]))
        return [address for address in found if address]

    async def _checked(self, peer: str) -> str:
        """The address with its name resolved; empty if Kubo must not go there."""
        parts = _MULTIADDRESS.fullmatch(peer) if len(peer) <= MAX_ADDRESS else None
        if parts is None:
            return ""
        if self._development:
            return peer
        _, host, rest = parts.groups()
        for address in await _resolve(host):
            if is_public(address):
                return f"/ip{address.version}/{address}{rest}"
        return ""


async def _resolve(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(NAME_SECONDS):
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return [ipaddress.ip_address(entry[4][0]) for entry in found]
    except (OSError, UnicodeError, ValueError):
        return []
