"""The operator's transactions: announce, change and retire this node in the NodeRegistry."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from immurtal.chain import abi
from immurtal.chain.contracts import Contracts, Node
from immurtal.chain.deployment import Deployment
from immurtal.chain.http import NodeClient
from immurtal.chain.rpc import RpcPool
from immurtal.chain.transactions import Receipt, Sender, TransactionWallet
from immurtal.config import DEVELOPMENT_CHAIN, NetworkConfig, NodeConfig
from immurtal.errors import BadInput, ImmurtalError, NotFound, Unreachable
from immurtal.node.identity import Identity

Record = Mapping[str, Any]
CONTRACT: Final = "NodeRegistry"


class Announcer:
    def __init__(
        self, sender: Sender, contracts: Contracts, config: NodeConfig, identity: Identity
    ) -> None:
        """Raises BadInput unless the wallet is the operator's."""
        if sender.wallet.address != identity.operator:
            raise BadInput(
                f"The wallet is {sender.wallet.address}, the node's operator is "
                f"{identity.operator}.",
                saved="Nothing was sent.",
                do="Name the operator's wallet, or correct node.operator in the settings.",
            )
        self._sender = sender
        self._contracts = contracts
        self._config = config
        self._identity = identity

    @property
    def node_id(self) -> str:
        return self._identity.node_id

    async def record(self) -> Record:
        """What is announced, read from settings and the running node.

        Raises Unreachable: it does not run; BadInput: another node answers there, or a URL that
        clients would refuse.
        """
        self._refuse_plain_http()
        live = await live_state(self._config)
        if live.get("node") != self.node_id:
            raise BadInput(
                f"Another node answers at {local_url(self._config)}.",
                saved="Nothing was sent.",
                do="Start this node, or correct api.port in its settings.",
            )
        return node_record(self._config, self._identity, str(live.get("peer") or ""))

    async def announce(self, record: Record) -> Receipt:
        """Raises TransactionFailed (NodeRegistry_NodeExists where it is announced already)."""
        return await self._send("announce", self._config.node.salt, record)

    async def change(self, record: Record) -> Receipt:
        return await self._send("change", self.node_id, record)

    async def retire(self) -> Receipt:
        return await self._send("retire", self.node_id)

    async def _send(self, function: str, *arguments: Any) -> Receipt:
        data = abi.encode_call(CONTRACT, function, *arguments)
        return await self._sender.send(self._contracts.deployment.node_registry, data)

    def _refuse_plain_http(self) -> None:
        if self._config.chain.id == DEVELOPMENT_CHAIN:
            return
        for name, url in (
            ("api.public_url", self._config.api.public_url),
            ("kubo.gateway_url", self._config.kubo.gateway_url),
        ):
            if not url.startswith("https://"):
                raise BadInput(
                    f"{name} is {url}: clients refuse announced URLs that are not HTTPS.",
                    saved="Nothing was sent.",
                    do="Put a TLS proxy before the node and set the URL that it answers at.",
                )


def node_record(config: NodeConfig, identity: Identity, peer: str) -> Record:
    """`NodeRecord`; peer: the libp2p address of the node's Kubo, with /p2p/."""
    public = identity.keys.current.public
    return {
        "apiUrl": config.api.public_url,
        "gatewayUrl": config.kubo.gateway_url,
        "peer": peer,
        "kem": public.kem,
        "key": public.key,
        "region": "0x" + (config.node.region.encode() or b"\0\0").hex(),
        "domain": config.node.domain,
    }


@asynccontextmanager
async def announcing(config: NodeConfig, wallet: TransactionWallet) -> AsyncIterator[Announcer]:
    """Raises BadInput (keys, wallet), NotFound (deployment)."""
    deployment = Deployment.load(config.chain.deployments)
    rpc = RpcPool(config.chain.rpc)
    try:
        sender = Sender(rpc, wallet, config.chain.id)
        yield Announcer(sender, Contracts(rpc, deployment), config, Identity.load(config))
    finally:
        await rpc.close()


async def describe(config: NodeConfig) -> dict[str, Any]:
    """The node as its keys, the registry and itself tell it; what cannot be asked says why."""
    identity = Identity.load(config)
    return {
        "node": identity.node_id,
        "operator": identity.operator,
        "nodeKeys": list(identity.keys.hashes),
        "announced": await _announced(config, identity.node_id),
        "live": await _live(config),
    }


async def announced_nodes(network: NetworkConfig) -> list[dict[str, Any]]:
    """Every node in the registry that has not retired, oldest first. Raises Unreachable,
    NotFound (deployment), IntegrityError."""
    deployment = Deployment.load(network.deployments)
    rpc = RpcPool(network.rpc)
    try:
        contracts = Contracts(rpc, deployment)
        nodes = [await contracts.node(node_id) for node_id in await contracts.node_ids()]
    finally:
        await rpc.close()
    return [
        {"id": node.id, "operator": node.operator, **_announcement(node)}
        for node in nodes
        if not node.retired
    ]


def local_url(config: NodeConfig) -> str:
    """Where this machine reaches the node's API."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
    host = everywhere.get(config.api.host, config.api.host)
    return (
        f"http://[{host}]:{config.api.port}" if ":" in host else f"http://{host}:{config.api.port}"
    )


async def live_state(config: NodeConfig) -> dict[str, Any]:
    """The running node's `/v1/node`. Raises Unreachable."""
    try:
        async with NodeClient(local_url(config), allow_local=True, timeout=5) as client:
            return await client.get_json("/v1/node")
    except Unreachable as error:
        raise Unreachable(
            f"The node does not answer at {local_url(config)}.",
            saved="Nothing was sent.",
            do=f"Start it with `immurtal node run --config {config.path}`.",
        ) from error


async def _announced(config: NodeConfig, node_id: str) -> Any:
    rpc = RpcPool(config.chain.rpc)
    try:
        found = await Contracts(rpc, Deployment.load(config.chain.deployments)).node(node_id)
        return _announcement(found)
    except NotFound:
        return "no"
    except ImmurtalError as error:
        return f"cannot be asked: {error.what}"
    finally:
        await rpc.close()


def _announcement(found: Node) -> dict[str, Any]:
    return {
        "apiUrl": found.api_url,
        "gatewayUrl": found.gateway_url,
        "peer": found.peer,
        "nodeKey": found.node_key,
        "region": found.region.strip("\0"),
        "domain": found.domain,
        "retired": found.retired,
    }


async def _live(config: NodeConfig) -> Any:
    try:
        return await live_state(config)
    except ImmurtalError as error:
        return error.what
