"""The node's Kubo as other nodes reach it."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from immurtal.config import NodeConfig
from immurtal.errors import Unreachable

MAX_ANSWER = 64 * 1024


@dataclass(frozen=True, slots=True)
class Peer:
    """`address`: a multiaddress with /p2p/ to announce; `version`: of Kubo."""

    address: str
    version: str


async def ask_peer(config: NodeConfig, rpc_url: str) -> Peer:
    """Asks Kubo who it is. Raises Unreachable."""
    try:
        async with httpx.AsyncClient(timeout=10, follow_redirects=False) as client:
            answer = await client.post(f"{rpc_url}/api/v0/id")
            said = answer.json() if len(answer.content) <= MAX_ANSWER else {}
            peer_id, agent = str(said["ID"]), str(said["AgentVersion"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise Unreachable(
            f"Kubo does not say who it is: {type(error).__name__}.",
            do="Check that it runs and that kubo.rpc in the node's settings is right.",
        ) from error
    return Peer(f"{_host(config)}/tcp/{config.kubo.swarm_port}/p2p/{peer_id}", _version(agent))


def _host(config: NodeConfig) -> str:
    """The host of the node's public URL, as a multiaddress begins."""
    host = urlsplit(config.api.public_url).hostname or "127.0.0.1"
    try:
        return f"/ip{ipaddress.ip_address(host).version}/{host}"
    except ValueError:
        return f"/dns/{host}"


def _version(agent: str) -> str:
    """Of `kubo/0.43.0/…`."""
    parts = agent.split("/")
    return parts[1][:32] if len(parts) > 1 else agent[:32]
