"""Who this node is: its registry id, and the HPKE keys that shares are sealed to.

The private keys rest encrypted (`keys.node_keys`), the retired ones with them: current releases
sealed to an earlier key stay playable.
"""

from dataclasses import dataclass, field
from pathlib import Path

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from immurtal.config import NodeConfig
from immurtal.errors import BadInput
from immurtal.keys.at_rest import MachineSecret
from immurtal.keys.node_keys import NodeKeys, read_node_keys, write_node_keys


@dataclass(frozen=True, slots=True)
class Identity:
    node_id: str
    operator: str
    keys: NodeKeys = field(repr=False)

    @classmethod
    def load(cls, config: NodeConfig) -> "Identity":
        """Raises BadInput: no key file or secret, or one that does not open."""
        for path in (config.node.secret, config.key_file):
            if not path.is_file():
                raise BadInput(
                    f"The node's {path.name} is missing at {path.parent}.",
                    do="Restore it from your backup; without it the shares sealed to this node "
                    "are lost. `immurtal node init FOLDER` makes a new node.",
                )
        keys = read_node_keys(config.key_file, MachineSecret.load(config.node.secret))
        node = node_id(config.node.operator, config.node.salt)
        return cls(node, config.node.operator, keys)


def node_id(operator: str, salt: str) -> str:
    """keccak256(abi.encode(operator, salt)): key rotation leaves it alone (FORMATS, Keys)."""
    salted = bytes.fromhex(salt.removeprefix("0x"))
    return "0x" + keccak(encode(["address", "bytes32"], [operator, salted])).hex()


def create_keys(key_file: Path, secret: Path) -> NodeKeys:
    """A new node's keys and the secret that opens them, each readable by its user only.

    Raises BadInput if one is there already: keys are never overwritten; DiskFull.
    """
    if key_file.exists():
        raise BadInput(f"{key_file} is there already.", saved="It was left as it is.")
    keys = NodeKeys.generate()
    write_node_keys(key_file, keys, MachineSecret.create(secret))
    return keys
