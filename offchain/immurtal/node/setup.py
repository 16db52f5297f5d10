"""A new node's folder: settings with comments, keys, and ports that are free."""

import json
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from immurtal.chain.files import write_new
from immurtal.config import NetworkConfig, NodeConfig
from immurtal.errors import BadInput, PortInUse
from immurtal.node.identity import create_keys

SETTINGS: Final = "node.toml"
FIRST_PORT: Final = 8480
PORT_STEP: Final = 10
PORT_TRIES: Final = 50


@dataclass(frozen=True, slots=True)
class Ports:
    api: int
    gateway: int
    swarm: int
    kubo: int


@dataclass(frozen=True, slots=True)
class Choices:
    """What the operator decides at `init`; empty URLs follow from host and ports."""

    operator: str
    host: str = "127.0.0.1"
    public_url: str = ""
    gateway_url: str = ""
    kubo_rpc: str = ""
    region: str = ""
    domain: str = ""
    policy: str = "accepted"
    first_port: int = FIRST_PORT


def create(folder: Path, network: NetworkConfig, choices: Choices) -> NodeConfig:
    """Writes settings, keys and folders, and reads them back as the node will.

    Raises BadInput (there is a node already, or a choice that cannot be), PortInUse, DiskFull.
    """
    file = folder / SETTINGS
    if file.exists():
        raise BadInput(
            f"There is a node at {folder} already.",
            saved="It was left as it is.",
            do="Start it with `immurtal node run`, or name another folder.",
        )
    text = _settings(network, choices, free_ports(choices.host, choices.first_port))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = _checked(file, text)
    create_keys(draft.key_file, draft.node.secret)
    write_new(file, text.encode())
    return NodeConfig.load(file)


def free_ports(host: str, first: int) -> Ports:
    """Four ports in a row that nobody has now, from `first` up. Raises PortInUse."""
    for base in range(first, min(first + PORT_STEP * PORT_TRIES, 65_530), PORT_STEP):
        if all(_is_free(host, base + offset) for offset in range(4)):
            return Ports(base, base + 1, base + 2, base + 3)
    raise PortInUse(
        f"There are no four free ports in a row from {first} on.",
        do="Name another first port with --port.",
    )


def _is_free(host: str, port: int) -> bool:
    for address in {host, "127.0.0.1"}:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def _checked(file: Path, text: str) -> NodeConfig:
    """The settings as a node would read them: what is refused is never written."""
    draft = file.with_name(f".{SETTINGS}.draft")
    draft.unlink(missing_ok=True)
    write_new(draft, text.encode())
    try:
        return NodeConfig.load(draft)
    finally:
        draft.unlink()


def _settings(network: NetworkConfig, choices: Choices, ports: Ports) -> str:
    def quoted(value: str | Path) -> str:
        return json.dumps(str(value), ensure_ascii=False)  # a TOML basic string is a JSON string

    def url(chosen: str, port: int) -> str:
        host = f"[{choices.host}]" if ":" in choices.host else choices.host
        return quoted(chosen or f"http://{host}:{port}")

    endpoints = ", ".join(quoted(endpoint) for endpoint in network.rpc)
    return f"""\
# Settings of an Immurtal node. Paths are relative to this file.
# Everything is checked at the start: `immurtal node run --config {SETTINGS}`.

log = "console"                   # or "json"

[chain]
id = {network.chain_id}
rpc = [{endpoints}]               # several: failover, and answers are compared
deployments = {quoted(network.deployments)}
# depth = 12                      # blocks below the head at which access must hold (31337: 1)

[node]
folder = "."                      # keys, database, uploads, and Kubo's repository
operator = {quoted(choices.operator)}
salt = "0x{secrets.token_bytes(32).hex()}"  # with the operator: this node's id
secret = "node.secret"            # opens the key file. Back both up, apart from each other
region = {quoted(choices.region)}                       # ISO 3166-1 alpha-2, announced
domain = {quoted(choices.domain)}                       # announced

[api]
host = {quoted(choices.host)}
port = {ports.api}
public_url = {url(choices.public_url, ports.api)}   # announced: HTTPS, except on chain 31337
trusted_proxies = []              # addresses whose X-Forwarded-For counts

[kubo]
rpc = {quoted(choices.kubo_rpc)}                          # an existing Kubo; empty: its own
gateway_host = {quoted(choices.host)}
gateway_port = {ports.gateway}
gateway_url = {url(choices.gateway_url, ports.gateway)}  # announced
swarm_port = {ports.swarm}
api_port = {ports.kubo}                   # on 127.0.0.1 only

[storage]
policy = {quoted(choices.policy)}               # "accepted": stored here; "all": every release
# max_release_bytes = 2147483648
# max_upload_bytes = 2147483648
# grace_seconds = 604800          # from a final withdrawal to the unpin
# disk_watermark = 1073741824     # free bytes that must stay

[limits]                          # requests a minute
# shares_per_account = 120
# shares_per_address = 600
# stores_per_address = 120
"""
