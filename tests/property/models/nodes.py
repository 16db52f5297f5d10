"""What the directory of nodes does, written from INodeRegistry.

Every function that may refuse says which errors are right: any of them will do.
"""

from dataclasses import astuple, dataclass, field
from typing import Any

from eth_utils import keccak

NOBODY = "0x0000000000000000000000000000000000000000"
Errors = list[tuple[str, tuple[Any, ...]]]
Said = list[tuple[str, dict[str, Any]]]
MOST = {"apiUrl": 256, "gatewayUrl": 256, "peer": 256, "domain": 253}
"""Bytes."""
MOST_KEY = 2048


@dataclass(frozen=True, slots=True)
class Record:
    """In the order of the interface's struct."""

    api_url: str
    gateway_url: str
    peer: str
    kem: int
    key: bytes
    region: bytes
    domain: str

    def plain(self) -> tuple[Any, ...]:
        return astuple(self)

    def errors(self) -> Errors:
        found: Errors = []
        if not self.api_url:
            found.append(("NodeRegistry_ZeroUrl", ()))
        texts = zip(MOST, (self.api_url, self.gateway_url, self.peer, self.domain), strict=True)
        for name, text in texts:
            length = len(text.encode())
            if length > MOST[name]:
                found.append(("NodeRegistry_StringTooLong", (name, length, MOST[name])))
        if not 1 <= len(self.key) <= MOST_KEY:
            found.append(("NodeRegistry_KeyLength", (len(self.key),)))
        return found

    def node_key(self) -> bytes:
        return keccak(self.kem.to_bytes(2) + self.key)


@dataclass(slots=True)
class Node:
    """In the order of the interface's struct."""

    operator: str
    updated_block: int
    retired: bool
    node_key: bytes

    def plain(self) -> tuple[Any, ...]:
        return astuple(self)


def node_id(operator: str, salt: bytes) -> bytes:
    return keccak(bytes(12) + bytes.fromhex(operator[2:]) + salt)


@dataclass(slots=True)
class Directory:
    nodes: dict[bytes, Node] = field(default_factory=dict)

    def announce_errors(self, operator: str, salt: bytes, record: Record) -> Errors:
        identity = node_id(operator, salt)
        taken = [("NodeRegistry_NodeExists", (identity,))] if identity in self.nodes else []
        return taken + record.errors()

    def errors(self, caller: str, identity: bytes) -> Errors:
        """Of a function that is for the node's operator."""
        node = self.nodes.get(identity)
        if node is None:
            return [("NodeRegistry_UnknownNode", (identity,))]
        found: Errors = []
        if node.operator != caller:
            found.append(("NodeRegistry_NotOperator", (identity, caller)))
        if node.retired:
            found.append(("NodeRegistry_NodeIsRetired", (identity,)))
        return found

    def announce(self, operator: str, salt: bytes, record: Record, block: int) -> Said:
        identity = node_id(operator, salt)
        self.nodes[identity] = Node(operator, block, False, record.node_key())
        who = {"nodeId": identity, "operator": operator, "salt": salt}
        return [("NodeAnnounced", who | {"record": record.plain()})]

    def change(self, identity: bytes, record: Record, block: int) -> Said:
        node = self.nodes[identity]
        node.updated_block, node.node_key = block, record.node_key()
        return [("NodeChanged", {"nodeId": identity, "record": record.plain()})]

    def retire(self, identity: bytes) -> Said:
        self.nodes[identity].retired = True
        return [("NodeRetired", {"nodeId": identity})]

    def plain(self, identity: bytes) -> tuple[Any, ...]:
        node = self.nodes.get(identity)
        return node.plain() if node else (NOBODY, 0, False, bytes(32))
