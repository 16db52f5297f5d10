"""Whom this node's Kubo may be told to meet: announced peers, none inside a private network.

A name is resolved here and only public addresses go on, so that no registry entry leads Kubo to a
private service (DESIGN 7); on the development chain every address is fine.
"""

import asyncio
import ipaddress
import random
import re
import secrets
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import sqlalchemy as sa

from immurtal.chain.contracts import Node
from immurtal.chain.http import is_public
from immurtal.index import queries
from immurtal.index.database import Database

MOST: Final = 16
NAME_SECONDS: Final = 5
_LOOKUPS: Final = ThreadPoolExecutor(4, thread_name_prefix="names")
"""Of its own: a name server that never answers must not hold the threads that read the database."""
MAX_ADDRESS: Final = 400
_MULTIADDRESS: Final = re.compile(
    r"/(ip4|ip6|dns|dns4|dns6)/([A-Za-z0-9.:-]{1,253})"
    r"(/(?:tcp/[0-9]{1,5}|udp/[0-9]{1,5}/quic-v1)/p2p/[1-9A-Za-z]{20,80})"
)


class Neighbours:
    """`PeersOf` of storage: some of the registry's nodes, others each time. They begin anywhere
    among the ids, so whoever announces a hundred nodes of low ids does not hide the rest."""

    def __init__(self, database: Database, own_id: str, *, development: bool) -> None:
        self._database = database
        self._own_id = own_id
        self._development = development

    async def __call__(self, _certificates: frozenset[str]) -> Sequence[str]:
        some = await self._database.read(_from, "0x" + secrets.token_hex(32))
        others = [node.peer for node in some if node.id != self._own_id]
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


def _from(connection: sa.Connection, start: str) -> list[Node]:
    """Nodes behind `start`, and from the first on where these are few."""
    found = {node.id: node for node in queries.nodes(connection, start).items}
    if len(found) <= MOST:
        found |= {node.id: node for node in queries.nodes(connection).items}
    return list(found.values())


async def _resolve(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(NAME_SECONDS):
            found = await loop.run_in_executor(_LOOKUPS, _addresses, host)
        return [ipaddress.ip_address(text) for text in found]
    except (OSError, UnicodeError, ValueError):
        return []


def _addresses(host: str) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
