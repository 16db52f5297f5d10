"""A node's HPKE private keys at rest, the retired ones too: current releases sealed to an earlier
key stay playable (DESIGN 6.5)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from immurtal.content.encoding import b64u, b64u_decode
from immurtal.errors import BadInput
from immurtal.keys.at_rest import Secret, read_encrypted, write_encrypted
from immurtal.keys.hpke import PrivateKey, generate
from immurtal.keys.refusals import WrongNode

KIND = "immurtal/node-keys"


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """The key that a node announces, and those that it announced before, newest first."""

    current: PrivateKey
    retired: tuple[PrivateKey, ...] = ()

    @classmethod
    def generate(cls) -> "NodeKeys":
        return cls(generate())

    @property
    def all(self) -> tuple[PrivateKey, ...]:
        return (self.current, *self.retired)

    @property
    def hashes(self) -> tuple[str, ...]:
        """`nodeKey` of each, the current one first."""
        return tuple(key.public.hash for key in self.all)

    def rotated(self) -> "NodeKeys":
        """With a new current key; nothing is forgotten."""
        return NodeKeys(generate(), self.all)

    def by_hash(self, node_key: str) -> PrivateKey:
        """The key of that `nodeKey`. Raises WrongNode."""
        for key in self.all:
            if key.public.hash == node_key:
                return key
        raise WrongNode(f"Node key {node_key} is none of this node's.")


def write_node_keys(path: Path, keys: NodeKeys, secret: Secret, *, replace: bool = False) -> None:
    """Raises BadInput if the file is there and `replace` is not set, DiskFull."""
    payload = {
        "current": _key_json(keys.current),
        "retired": [_key_json(key) for key in keys.retired],
    }
    write_encrypted(path, KIND, payload, secret, replace=replace)


def read_node_keys(path: Path, secret: Secret) -> NodeKeys:
    """Raises BadInput: unreadable, wrong secret, not a node's keys."""
    payload = read_encrypted(path, KIND, secret)
    try:
        return NodeKeys(_key(payload["current"]), tuple(_key(key) for key in payload["retired"]))
    except (KeyError, TypeError) as error:
        raise BadInput(f"{path} opens, but lacks {error}.") from error


def _key_json(key: PrivateKey) -> dict[str, Any]:
    return {"kem": key.kem, "secret": b64u(key.secret)}


def _key(values: dict[str, Any]) -> PrivateKey:
    return PrivateKey(values["kem"], b64u_decode(values["secret"], name="secret"))
