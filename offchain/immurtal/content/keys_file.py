"""keys.json: the shares of the content key, sealed to nodes, and the artist's way back (FORMATS).

The codec only: what the envelopes hold and how they are made is the business of `immurtal.keys`.
"""

from dataclasses import dataclass
from typing import Final

from immurtal.content.encoding import b64u, hex32, hex_encode
from immurtal.content.strict_json import JSON_LIMIT, Fields, decode_object, encode_json
from immurtal.errors import BadInput

KEY_ID_BYTES: Final = 16

_KEM_LIMIT: Final = 0xFFFF
_KEY_LIMIT: Final = 8 * 1024  # hybrids with ML-KEM have public keys and seals of some kilobytes


@dataclass(frozen=True, slots=True)
class SealedShare:
    """`node`: its NodeRegistry id; `key`: the node's public key; `sealed`: HPKE enc ‖ ct.

    `index`: the share's x, 1 to 255; `sha256`: of the 33-byte share.
    """

    node: bytes
    kem: int
    key: bytes
    index: int
    sealed: bytes
    sha256: bytes


@dataclass(frozen=True, slots=True)
class RecoveryEnvelope:
    """The content key sealed to the artist's recovery key `key`."""

    kem: int
    key: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class KeysFile:
    """`key_id`: 16 bytes; any `threshold` of `nodes` give the content key back."""

    key_id: bytes
    threshold: int
    nodes: tuple[SealedShare, ...]
    recovery: RecoveryEnvelope

    def __post_init__(self) -> None:
        if len(self.key_id) != KEY_ID_BYTES:
            raise BadInput(f"A key id has {KEY_ID_BYTES} bytes, not {len(self.key_id)}.")
        if not 2 <= self.threshold <= len(self.nodes):
            raise BadInput(
                f"keys.json needs {self.threshold} of {len(self.nodes)} nodes: at least 2 are"
                " needed, and no more than there are."
            )
        indices = [share.index for share in self.nodes]
        if len(set(indices)) < len(indices) or not all(1 <= i <= 255 for i in indices):
            raise BadInput("The indices in keys.json must be distinct, from 1 to 255.")
        if len({share.node for share in self.nodes}) < len(self.nodes):
            raise BadInput("keys.json names one node twice.")

    def encode(self) -> bytes:
        """The file's bytes."""
        raw = encode_json(
            {
                "v": 1,
                "keyId": hex_encode(self.key_id),
                "threshold": self.threshold,
                "nodes": [
                    {
                        "node": hex32(share.node),
                        "kem": share.kem,
                        "key": b64u(share.key),
                        "index": share.index,
                        "sealed": b64u(share.sealed),
                        "sha256": hex32(share.sha256),
                    }
                    for share in self.nodes
                ],
                "recovery": {
                    "kem": self.recovery.kem,
                    "key": b64u(self.recovery.key),
                    "sealed": b64u(self.recovery.sealed),
                },
            }
        )
        if len(raw) > JSON_LIMIT:
            raise BadInput(
                f"keys.json would have {len(raw)} bytes, more than {JSON_LIMIT}.",
                do="Name fewer nodes.",
            )
        return raw


def decode_keys_file(raw: bytes) -> KeysFile:
    """keys.json from a stranger; raises `BadInput`."""
    fields = decode_object(raw, JSON_LIMIT, "keys.json")
    fields.version()
    recovery = fields.object("recovery")
    return KeysFile(
        fields.hex("keyId", KEY_ID_BYTES),
        fields.whole("threshold", 2, 255),
        tuple(_decode_share(share) for share in fields.objects("nodes", 255)),
        RecoveryEnvelope(
            recovery.whole("kem", 0, _KEM_LIMIT),
            recovery.binary("key", limit=_KEY_LIMIT),
            recovery.binary("sealed", limit=_KEY_LIMIT),
        ),
    )


def _decode_share(fields: Fields) -> SealedShare:
    return SealedShare(
        fields.hex("node", 32),
        fields.whole("kem", 0, _KEM_LIMIT),
        fields.binary("key", limit=_KEY_LIMIT),
        fields.whole("index", 1, 255),
        fields.binary("sealed", limit=_KEY_LIMIT),
        fields.hex("sha256", 32),
    )
