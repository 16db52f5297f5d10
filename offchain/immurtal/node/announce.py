"""The operator's transactions: announce, change and retire this node in the NodeRegistry."""

from collections.abc import Mapping
from typing import Any

from immurtal.chain import abi
from immurtal.chain.contracts import Contracts, Node
from immurtal.chain.transactions import Receipt, Sender
from immurtal.config import NodeConfig
from immurtal.errors import BadInput, NotFound
from immurtal.node.identity import Identity

Record = Mapping[str, Any]
CONTRACT = "NodeRegistry"


def record(config: NodeConfig, identity: Identity, peer: str) -> Record:
    """What is announced. `peer`: the libp2p address of the node's Kubo, with /p2p/."""
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


class Announcer:
    def __init__(self, sender: Sender, contracts: Contracts, config: NodeConfig) -> None:
        """Raises BadInput unless the wallet is the operator's."""
        if sender.wallet.address != config.node.operator:
            raise BadInput(
                f"The wallet is {sender.wallet.address}, the node's operator is "
                f"{config.node.operator}.",
                saved="Nothing was sent.",
                do="Name the operator's wallet, or correct node.operator in the settings.",
            )
        self._sender = sender
        self._contracts = contracts
        self._config = config

    async def announce(self, record: Record) -> Receipt:
        """Raises TransactionFailed (NodeRegistry_NodeExists where it is announced already)."""
        return await self._send("announce", self._config.node.salt, record)

    async def change(self, node_id: str, record: Record) -> Receipt:
        return await self._send("change", node_id, record)

    async def retire(self, node_id: str) -> Receipt:
        return await self._send("retire", node_id)

    async def announced(self, node_id: str) -> Node | None:
        try:
            return await self._contracts.node(node_id)
        except NotFound:
            return None

    async def _send(self, function: str, *arguments: Any) -> Receipt:
        data = abi.encode_call(CONTRACT, function, *arguments)
        return await self._sender.send(self._contracts.deployment.node_registry, data)
