"""Settings: `NodeConfig` for a node, `NetworkConfig` for a client.

Both are read whole before anything else happens: `BadInput` lists every wrong, missing and unknown
key at once. Paths in a file are relative to that file.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from immurtal.settings import Reader, read_toml

DEVELOPMENT_CHAIN: Final = 31337
MIB: Final = 1 << 20
GIB: Final = 1 << 30

PinPolicy = Literal["accepted", "all"]


@dataclass(frozen=True, slots=True)
class ChainConfig:
    """`depth`: blocks below the head at which access must already hold (DESIGN 6.4)."""

    id: int
    rpc: tuple[str, ...]
    deployments: Path
    depth: int


@dataclass(frozen=True, slots=True)
class IdentityConfig:
    """`folder` holds keys, database and uploads; `secret` is the file with the passphrase of the
    key file; `region` (ISO 3166-1 alpha-2) and `domain` are announced."""

    folder: Path
    operator: str
    salt: str
    secret: Path
    region: str
    domain: str


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """`trusted_proxies`: addresses whose X-Forwarded-For is believed (rate limits)."""

    host: str
    port: int
    public_url: str
    trusted_proxies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KuboConfig:
    """`rpc`: an existing Kubo, else the node runs its own with the ports given."""

    rpc: str
    binary: str
    gateway_host: str
    gateway_port: int
    gateway_url: str
    swarm_port: int
    api_port: int


@dataclass(frozen=True, slots=True)
class StorageConfig:
    """`grace_seconds`: between a final withdrawal and the unpin; `disk_watermark`: free bytes below
    which nothing more is taken."""

    policy: PinPolicy
    max_release_bytes: int
    max_upload_bytes: int
    grace_seconds: int
    disk_watermark: int


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """Rates are requests a minute, with as many at once; `body_bytes` bounds a JSON body."""

    body_bytes: int
    shares_per_account: int
    shares_per_address: int
    stores_per_address: int


@dataclass(frozen=True, slots=True)
class NodeConfig:
    path: Path
    chain: ChainConfig
    node: IdentityConfig
    api: ApiConfig
    kubo: KuboConfig
    storage: StorageConfig
    limits: LimitsConfig
    log: Literal["console", "json"]

    @classmethod
    def load(cls, path: Path) -> "NodeConfig":
        """Raises `BadInput` with every problem of the file at once."""
        reader = Reader(read_toml(path), path)
        config = cls(
            path=path.resolve(),
            chain=_chain(reader.section("chain")),
            node=_identity(reader.section("node")),
            api=_api(reader.section("api")),
            kubo=_kubo(reader.section("kubo")),
            storage=_storage(reader.section("storage")),
            limits=_limits(reader.section("limits")),
            log=reader.choice("log", ("console", "json"), "console"),
        )
        reader.refuse_problems()
        return config

    @property
    def database(self) -> Path:
        return self.node.folder / "node.db"

    @property
    def key_file(self) -> Path:
        return self.node.folder / "keys.json"

    @property
    def kubo_repo(self) -> Path:
        return self.node.folder / "ipfs"

    @property
    def uploads(self) -> Path:
        return self.node.folder / "uploads"

    def masked(self) -> dict[str, Any]:
        """Everything, as plain data; endpoints without what may be a secret in them."""
        data: dict[str, Any] = _plain(asdict(self))
        data["chain"]["rpc"] = [mask_url(url) for url in self.chain.rpc]
        data["kubo"]["rpc"] = mask_url(self.kubo.rpc) if self.kubo.rpc else ""
        return data


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Which chain a client talks to, and how."""

    chain_id: int
    rpc: tuple[str, ...]
    deployments: Path

    @classmethod
    def load(
        cls,
        path: Path | None = None,
        *,
        chain_id: int | None = None,
        rpc: tuple[str, ...] = (),
        deployments: Path | None = None,
        env: Mapping[str, str] = os.environ,
    ) -> "NetworkConfig":
        """Options win over IMMURTAL_CHAIN_ID, IMMURTAL_RPC (with commas or spaces between) and
        IMMURTAL_DEPLOYMENTS, and these over the file (IMMURTAL_CONFIG, or `client_config()`).
        `deployments` may be the folder that holds `<chain id>.json`.

        Raises `BadInput` with every problem at once.
        """
        chosen = path or (Path(env["IMMURTAL_CONFIG"]) if env.get("IMMURTAL_CONFIG") else None)
        file = chosen or client_config(env)
        values = read_toml(file) if chosen or file.exists() else {}
        values |= _from_environment(env)
        if chain_id is not None:
            values["chain_id"] = chain_id
        if rpc:
            values["rpc"] = _urls_in(" ".join(rpc))
        if deployments is not None:
            values["deployments"] = str(deployments.absolute())
        reader = Reader(values, file)
        chain = reader.integer("chain_id", low=1)
        config = cls(
            chain_id=chain,
            rpc=reader.urls("rpc"),
            deployments=_deployment_file(reader.path("deployments"), chain),
        )
        reader.refuse_problems(
            "Give --chain-id, --rpc and --deployments, or IMMURTAL_CHAIN_ID, IMMURTAL_RPC and "
            f"IMMURTAL_DEPLOYMENTS, or write them into {file}."
        )
        return config

    def masked(self) -> dict[str, Any]:
        data: dict[str, Any] = _plain(asdict(self))
        data["rpc"] = [mask_url(url) for url in self.rpc]
        return data


def client_config(env: Mapping[str, str] = os.environ) -> Path:
    """Where a client's settings stand (XDG base directory specification)."""
    base = env.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "immurtal" / "config.toml"


def mask_url(url: str) -> str:
    """Scheme, host and port; userinfo, path and query often carry an API key."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    hidden = "@" in parts.netloc or parts.path.strip("/") or parts.query
    return f"{parts.scheme}://{host}" + ("/…" if hidden else "")


def _deployment_file(path: Path, chain_id: int) -> Path:
    return path / f"{chain_id}.json" if path.is_dir() else path


def _chain(r: Reader) -> ChainConfig:
    chain_id = r.integer("id", low=1)
    return ChainConfig(
        id=chain_id,
        rpc=r.urls("rpc"),
        deployments=_deployment_file(r.path("deployments"), chain_id),
        depth=r.integer(
            "depth", low=0, high=100_000, default=1 if chain_id == DEVELOPMENT_CHAIN else 12
        ),
    )


def _identity(r: Reader) -> IdentityConfig:
    return IdentityConfig(
        folder=r.path("folder", "."),
        operator=r.hexadecimal("operator", 20),
        salt=r.hexadecimal("salt", 32, "0x" + "00" * 32),
        secret=r.path("secret", "node.secret"),
        region=r.text("region", "", r"([A-Z]{2})?", "two capital letters (ISO 3166-1 alpha-2)"),
        domain=r.text("domain", "", r"[a-z0-9.-]{0,253}", "a domain name"),
    )


def _api(r: Reader) -> ApiConfig:
    host = r.text("host", "127.0.0.1")
    port = r.port("port", 8480)
    proxies = r.strings("trusted_proxies")
    if not all(map(_is_network, proxies)):  # a `*` would believe whatever a caller says of itself
        r.problem("trusted_proxies", "must be addresses or networks, as 10.0.0.0/8")
    return ApiConfig(
        host=host,
        port=port,
        public_url=r.url("public_url", f"http://{host}:{port}"),
        trusted_proxies=proxies,
    )


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _kubo(r: Reader) -> KuboConfig:
    host = r.text("gateway_host", "127.0.0.1")
    port = r.port("gateway_port", 8481)
    config = KuboConfig(
        rpc=r.url("rpc", ""),
        binary=r.text("binary", ""),
        gateway_host=host,
        gateway_port=port,
        gateway_url=r.url("gateway_url", f"http://{host}:{port}"),
        swarm_port=r.port("swarm_port", 8482),
        api_port=r.port("api_port", 8483),
    )
    if config.rpc and config.binary:
        r.problem("binary", "has no use beside rpc: an existing Kubo is not started by the node")
    return config


def _storage(r: Reader) -> StorageConfig:
    return StorageConfig(
        policy=r.choice("policy", ("accepted", "all"), "accepted"),
        max_release_bytes=r.integer("max_release_bytes", low=MIB, default=2 * GIB),
        max_upload_bytes=r.integer("max_upload_bytes", low=MIB, default=2 * GIB),
        grace_seconds=r.integer("grace_seconds", low=0, default=7 * 86_400),
        disk_watermark=r.integer("disk_watermark", low=0, default=GIB),
    )


def _limits(r: Reader) -> LimitsConfig:
    return LimitsConfig(
        body_bytes=r.integer("body_bytes", low=4096, high=MIB, default=65_536),
        shares_per_account=r.integer("shares_per_account", low=1, default=120),
        shares_per_address=r.integer("shares_per_address", low=1, default=600),
        stores_per_address=r.integer("stores_per_address", low=1, default=120),
    )


def _from_environment(env: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if chain_id := env.get("IMMURTAL_CHAIN_ID"):
        values["chain_id"] = int(chain_id) if chain_id.isdecimal() else chain_id
    if rpc := env.get("IMMURTAL_RPC"):
        values["rpc"] = _urls_in(rpc)
    if deployments := env.get("IMMURTAL_DEPLOYMENTS"):
        values["deployments"] = str(Path(deployments).absolute())
    return values


def _urls_in(text: str) -> list[str]:
    return [url for url in re.split(r"[,\s]+", text) if url]


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
