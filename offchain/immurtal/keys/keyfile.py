"""The artist's key file: one for each work and content key, encrypted, on the disk before anything
leaves the machine. With it a release can be made again; without it the recovery words can."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from immurtal.content.encoding import b64u, b64u_decode, hex_decode, hex_encode
from immurtal.content.keys_file import KEY_ID_BYTES
from immurtal.errors import BadInput
from immurtal.keys.at_rest import Secret, read_encrypted, write_encrypted
from immurtal.keys.hpke import PublicKey
from immurtal.keys.sealing import Binding, NodeKey
from immurtal.keys.shares import KEY_BYTES

KIND = "immurtal/artist-key"


@dataclass(frozen=True, slots=True)
class ArtistKey:
    """All that making or resharing a work's keys.json takes."""

    binding: Binding
    key_id: bytes
    content_key: bytes = field(repr=False)
    threshold: int
    nodes: tuple[NodeKey, ...]
    recovery: PublicKey


def write_key_file(path: Path, key: ArtistKey, secret: Secret, *, replace: bool = False) -> None:
    """Raises BadInput if the file is there and `replace` is not set, DiskFull."""
    payload = {
        "chainId": key.binding.chain_id,
        "registry": key.binding.registry,
        "workHash": key.binding.work_hash,
        "author": key.binding.author,
        "keyId": hex_encode(key.key_id),
        "contentKey": b64u(key.content_key),
        "threshold": key.threshold,
        "nodes": [{"node": node.node_id, **_public_json(node.public)} for node in key.nodes],
        "recovery": _public_json(key.recovery),
    }
    write_encrypted(path, KIND, payload, secret, replace=replace)


def read_key_file(path: Path, secret: Secret) -> ArtistKey:
    """Raises BadInput: unreadable, wrong secret, not an artist's key file."""
    payload = read_encrypted(path, KIND, secret)
    try:
        return ArtistKey(
            binding=Binding(
                chain_id=int(payload["chainId"]),
                registry=payload["registry"],
                work_hash=payload["workHash"],
                author=payload["author"],
            ),
            key_id=hex_decode(payload["keyId"], KEY_ID_BYTES, name="keyId"),
            content_key=b64u_decode(payload["contentKey"], size=KEY_BYTES, name="contentKey"),
            threshold=int(payload["threshold"]),
            nodes=tuple(NodeKey(node["node"], _public(node)) for node in payload["nodes"]),
            recovery=_public(payload["recovery"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path} opens, but lacks {error}.") from error


def _public_json(public: PublicKey) -> dict[str, Any]:
    return {"kem": public.kem, "key": b64u(public.key)}


def _public(values: dict[str, Any]) -> PublicKey:
    return PublicKey(values["kem"], b64u_decode(values["key"], name="key"))
