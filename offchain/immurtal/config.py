"""Settings: `NodeConfig` for a node, `NetworkConfig` for a client.

Both are read whole before anything else happens: `BadInput` lists every wrong, missing and unknown
key at once. Paths in a file are relative to that file.
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

from immurtal.errors import BadInput

DEVELOPMENT_CHAIN: Final = 31337
MIB: Final = 1 << 20
GIB: Final = 1 << 30

T = TypeVar("T")
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
        reader = _Reader(_read_toml(path), path)
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
        values = _read_toml(file) if chosen or file.exists() else {}
        values |= _from_environment(env)
        if chain_id is not None:
            values["chain_id"] = chain_id
        if rpc:
            values["rpc"] = _urls_in(" ".join(rpc))
        if deployments is not None:
            values["deployments"] = str(deployments.absolute())
        reader = _Reader(values, file)
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


def _chain(r: "_Reader") -> ChainConfig:
    chain_id = r.integer("id", low=1)
    return ChainConfig(
        id=chain_id,
        rpc=r.urls("rpc"),
        deployments=_deployment_file(r.path("deployments"), chain_id),
        depth=r.integer(
            "depth", low=0, high=100_000, default=1 if chain_id == DEVELOPMENT_CHAIN else 12
        ),
    )


def _identity(r: "_Reader") -> IdentityConfig:
    return IdentityConfig(
        folder=r.path("folder", "."),
        operator=r.hexadecimal("operator", 20),
        salt=r.hexadecimal("salt", 32, "0x" + "00" * 32),
        secret=r.path("secret", "node.secret"),
        region=r.text("region", "", r"([A-Z]{2})?", "two capital letters (ISO 3166-1 alpha-2)"),
        domain=r.text("domain", "", r"[a-z0-9.-]{0,253}", "a domain name"),
    )


def _api(r: "_Reader") -> ApiConfig:
    host = r.text("host", "127.0.0.1")
    port = r.port("port", 8480)
    return ApiConfig(
        host=host,
        port=port,
        public_url=r.url("public_url", f"http://{host}:{port}"),
        trusted_proxies=r.strings("trusted_proxies"),
    )


def _kubo(r: "_Reader") -> KuboConfig:
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


def _storage(r: "_Reader") -> StorageConfig:
    return StorageConfig(
        policy=r.choice("policy", ("accepted", "all"), "accepted"),
        max_release_bytes=r.integer("max_release_bytes", low=MIB, default=2 * GIB),
        max_upload_bytes=r.integer("max_upload_bytes", low=MIB, default=2 * GIB),
        grace_seconds=r.integer("grace_seconds", low=0, default=7 * 86_400),
        disk_watermark=r.integer("disk_watermark", low=0, default=GIB),
    )


def _limits(r: "_Reader") -> LimitsConfig:
    return LimitsConfig(
        body_bytes=r.integer("body_bytes", low=4096, high=MIB, default=65_536),
        shares_per_account=r.integer("shares_per_account", low=1, default=120),
        shares_per_address=r.integer("shares_per_address", low=1, default=600),
        stores_per_address=r.integer("stores_per_address", low=1, default=120),
    )


class _Reader:
    """Takes typed values out of a TOML table and remembers every problem met on the way."""

    def __init__(
        self,
        table: Mapping[str, Any],
        file: Path,
        prefix: str = "",
        problems: list[str] | None = None,
    ) -> None:
        self._table = table
        self._file = file
        self._prefix = prefix
        self._problems: list[str] = [] if problems is None else problems
        self._known: set[str] = set()
        self._sections: list[_Reader] = []

    def section(self, name: str) -> "_Reader":
        table = self._value(name, {})
        if not isinstance(table, dict):
            self.problem(name, "must be a table")
            table = {}
        section = _Reader(table, self._file, f"{self._prefix}{name}.", self._problems)
        self._sections.append(section)
        return section

    def refuse_problems(self, do: str = "") -> None:
        self._name_unknown()
        if self._problems:
            listed = "; ".join(self._problems)
            raise BadInput(
                f"The settings in {self._file} cannot be used: {listed}.",
                do=do or "Correct them and start again.",
            )

    def problem(self, name: str, says: str) -> None:
        self._problems.append(f"{self._prefix}{name} {says}")

    def integer(
        self, name: str, *, low: int, high: int = 2**63 - 1, default: int | None = None
    ) -> int:
        def check(value: Any) -> bool:
            return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

        says = f"must be a whole number from {low} to {high}"
        return self._checked(name, default, check, says, low)

    def port(self, name: str, default: int) -> int:
        return self.integer(name, low=1, high=65_535, default=default)

    def text(
        self, name: str, default: str, pattern: str = r"\S*", says: str = "text without spaces"
    ) -> str:
        def check(value: Any) -> bool:
            return isinstance(value, str) and re.fullmatch(pattern, value) is not None

        return self._checked(name, default, check, f"must be {says}", "")

    def hexadecimal(self, name: str, size: int, default: str | None = None) -> str:
        def check(value: Any) -> bool:
            return isinstance(value, str) and bool(
                re.fullmatch(rf"0x[0-9a-fA-F]{{{2 * size}}}", value)
            )

        says = f"must be 0x and {2 * size} hexadecimal digits"
        return self._checked(name, default, check, says, "0x").lower()

    def url(self, name: str, default: str) -> str:
        def check(value: Any) -> bool:
            return value == default or _is_http_url(value)

        found = self._checked(name, default, check, "must be an http or https URL", "")
        return found.rstrip("/")

    def urls(self, name: str) -> tuple[str, ...]:
        def check(value: Any) -> bool:
            many = [value] if isinstance(value, str) else value
            return isinstance(many, list) and bool(many) and all(map(_is_http_url, many))

        says = "must be one or more http or https URLs"
        found: Any = self._checked(name, None, check, says, [])
        return (found,) if isinstance(found, str) else tuple(found)

    def strings(self, name: str) -> tuple[str, ...]:
        def check(value: Any) -> bool:
            return isinstance(value, list) and all(isinstance(item, str) for item in value)

        empty: list[str] = []
        return tuple(self._checked(name, empty, check, "must be a list of texts", empty))

    def path(self, name: str, default: str | None = None) -> Path:
        def check(value: Any) -> bool:
            return isinstance(value, str) and bool(value) and "\0" not in value

        found = self._checked(name, default, check, "must be a path", ".")
        return (self._file.parent / Path(found).expanduser()).resolve()

    def choice(self, name: str, options: tuple[T, ...], default: T) -> T:
        says = "must be one of " + ", ".join(map(repr, options))
        return self._checked(name, default, lambda value: value in options, says, default)

    def _value(self, name: str, default: Any) -> Any:
        self._known.add(name)
        return self._table.get(name, default)

    def _checked(
        self,
        name: str,
        default: T | None,
        check: Callable[[Any], bool],
        says: str,
        otherwise: T,
    ) -> T:
        value = self._value(name, default)
        if value is None:
            self.problem(name, f"is missing, and {says}")
            return otherwise
        if not check(value):
            self.problem(name, says)
            return otherwise
        found: T = value
        return found

    def _name_unknown(self) -> None:
        for name in self._table:
            if name not in self._known:
                self.problem(name, "is not a setting")
        for section in self._sections:
            section._name_unknown()


def _is_http_url(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > 2048 or re.search(r"\s", value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(
            f"There is no settings file {path}.",
            do="`immurtal node init FOLDER` writes a node's.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"The settings file {path} cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"The settings file {path} is not TOML: {error}.") from None


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
