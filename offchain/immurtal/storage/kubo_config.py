"""Where Kubo's program is, and the settings that a node runs it with (DESIGN section 7).

Settings: https://github.com/ipfs/kubo/blob/v0.43.0/docs/config.md
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from immurtal.errors import BadInput

VERSION: Final = "v0.43.0"
"""The version that `make setup` builds."""
OLDEST: Final = (0, 43)


@dataclass(frozen=True, slots=True)
class KuboPorts:
    """`gateway_host`: where blocks are served; the RPC answers on loopback only."""

    gateway_host: str
    gateway: int
    api: int
    swarm: int


def cached_binary(env: Mapping[str, str] = os.environ) -> Path:
    """Where set-up leaves the program that it builds."""
    base = env.get("XDG_CACHE_HOME")
    cache = Path(base) if base else Path.home() / ".cache"
    return cache / "immurtal" / "kubo" / VERSION / "ipfs"


def find_binary(binary: str = "", env: Mapping[str, str] = os.environ) -> Path:
    """The first that is there of: `binary`, $IMMURTAL_IPFS, `ipfs` on PATH if it is new enough, the
    user's cache folder. Raises `BadInput` if there is none, or if the one named is too old."""
    do = "Run `make setup`, which builds it, or install Kubo 0.43 or newer."
    if named := binary or env.get("IMMURTAL_IPFS", ""):
        version = _version_of(Path(named))
        if version is None:
            raise BadInput(f"{named} is not an IPFS program (Kubo) that runs here.", do=do)
        if version < OLDEST:
            raise BadInput(f"{named} is Kubo {_text(version)}, older than {_text(OLDEST)}.", do=do)
        return Path(named)
    on_path = shutil.which("ipfs", path=env.get("PATH"))
    found = [Path(on_path)] if on_path else []
    for candidate in (*found, cached_binary(env)):
        if (_version_of(candidate) or (0, 0)) >= OLDEST:
            return candidate
    raise BadInput(f"There is no IPFS program (Kubo {_text(OLDEST)} or newer) here.", do=do)


def _version_of(binary: Path) -> tuple[int, int] | None:
    if not binary.is_file():
        return None
    try:
        done = subprocess.run(  # noqa: S603 (the operator's own program)
            [binary, "version", "--number"], capture_output=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(rb"(\d+)\.(\d+)\.", done.stdout)
    return (int(found[1]), int(found[2])) if found else None


def _text(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def configured(
    config: dict[str, Any], ports: KuboPorts, peers: Sequence[str], *, local: bool
) -> dict[str, Any]:
    """`config` with everything that a node needs set; what it does not name stays as it is.

    `local`: a network on one machine, that neither asks nor tells anyone outside anything.
    """
    sections: dict[str, dict[str, Any]] = {
        "Addresses": {
            "API": f"/ip4/127.0.0.1/tcp/{ports.api}",
            "Gateway": f"/{_family(ports.gateway_host)}/{ports.gateway_host}/tcp/{ports.gateway}",
            "Swarm": _swarm(ports.swarm, local=local),
        },
        "Datastore": {"HashOnRead": True},
        "Gateway": {
            "NoFetch": True,
            "NoDNSLink": True,
            "DeserializedResponses": False,
            "ExposeRoutingAPI": False,
            "PublicGateways": {"localhost": None},
            "HTTPHeaders": {
                "Access-Control-Allow-Origin": ["*"],
                "X-Content-Type-Options": ["nosniff"],
            },
        },
        "Peering": {"Peers": _peering(peers)},
        "Plugins": {"Plugins": {"telemetry": {"Disabled": True}}},
    }
    if local:
        sections |= {
            "Routing": {"Type": "none", "DelegatedRouters": []},
            "Discovery": {"MDNS": {"Enabled": False}},
            "AutoConf": {"Enabled": False},
            "AutoTLS": {"Enabled": False},
            "Provide": {"Enabled": False},
            "HTTPRetrieval": {"Enabled": False},
            "Version": {"SwarmCheckEnabled": False},
        }
        config = config | {"Bootstrap": []}
    merged = {name: {**(config.get(name) or {}), **values} for name, values in sections.items()}
    return config | merged


def _swarm(port: int, *, local: bool) -> list[str]:
    if local:
        return [f"/ip4/127.0.0.1/tcp/{port}"]
    return [
        f"/ip4/0.0.0.0/tcp/{port}",
        f"/ip6/::/tcp/{port}",
        f"/ip4/0.0.0.0/udp/{port}/quic-v1",
        f"/ip6/::/udp/{port}/quic-v1",
    ]


def _family(host: str) -> str:
    if ":" in host:
        return "ip6"
    return "ip4" if re.fullmatch(r"[0-9.]+", host) else "dns4"


def _peering(peers: Sequence[str]) -> list[dict[str, Any]]:
    """Kubo's form of multiaddresses that end in /p2p/<peer id>."""
    grouped: dict[str, list[str]] = {}
    for peer in peers:
        address, mark, identity = peer.rpartition("/p2p/")
        if not mark or not address or not re.fullmatch(r"[1-9A-Za-z]{20,80}", identity):
            raise BadInput(
                f"Not a peer's address: {peer[:200]!r}.",
                do="Give it as /ip4/<address>/tcp/<port>/p2p/<peer id>.",
            )
        grouped.setdefault(identity, []).append(address)
    return [{"ID": identity, "Addrs": addresses} for identity, addresses in grouped.items()]
