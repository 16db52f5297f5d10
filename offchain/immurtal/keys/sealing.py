"""Envelopes around key shares. Each is bound by its HPKE `info` to chain, registry, work, author,
key id, key and index: copied into somebody else's certificate it does not open (FORMATS, Keys)."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from immurtal.content.encoding import hex_decode
from immurtal.content.keys_file import KEY_ID_BYTES, KeysFile, RecoveryEnvelope, SealedShare
from immurtal.errors import BadInput, IntegrityError, KeySharesMissing, NotFound
from immurtal.keys import shares
from immurtal.keys.hpke import PrivateKey, PublicKey, node_key_hash, open_sealed, seal

SHARE_LABEL = b"immurtal/share/1"
RECOVERY_LABEL = b"immurtal/recovery/1"
REPLY_LABEL = b"immurtal/reply/1"


@dataclass(frozen=True, slots=True)
class NodeKey:
    """A node that the artist names: its NodeRegistry id (`0x` text) and its current HPKE key."""

    node_id: str
    public: PublicKey


@dataclass(frozen=True, slots=True)
class Binding:
    """What an envelope belongs to. `author` comes from the chain, never from the file; registry
    and author are addresses, `work_hash` 32 bytes, all `0x` text."""

    chain_id: int
    registry: str
    work_hash: str
    author: str

    def info(self, label: bytes, key_id: bytes, node_key: str, index: int) -> bytes:
        """label ‖ uint256 chainId ‖ address registry ‖ bytes32 workHash ‖ address author ‖
        bytes16 keyId ‖ bytes32 nodeKey ‖ uint8 index."""
        if len(key_id) != KEY_ID_BYTES:
            raise BadInput(f"A key id has {KEY_ID_BYTES} bytes, not {len(key_id)}.")
        return b"".join(
            (
                label,
                self.chain_id.to_bytes(32),
                hex_decode(self.registry, 20, name="registry"),
                hex_decode(self.work_hash, 32, name="workHash"),
                hex_decode(self.author, 20, name="author"),
                key_id,
                hex_decode(node_key, 32, name="nodeKey"),
                index.to_bytes(1),
            )
        )


@dataclass(frozen=True, slots=True)
class Combined:
    """A content key put together; `bad`: the shares that were not what keys.json says."""

    content_key: bytes = field(repr=False)
    bad: tuple[SealedShare, ...]


def seal_keys_file(
    content_key: bytes,
    key_id: bytes,
    threshold: int,
    nodes: Sequence[NodeKey],
    recovery: PublicKey,
    binding: Binding,
) -> KeysFile:
    """Splits a content key for `nodes`, any `threshold` of which give it back, and seals each share
    to its node and the whole to the artist's recovery key.

    Raises BadInput: fewer than 2 nodes, a threshold out of range, a node or key named twice (one
    operator would hold two shares).
    """
    if len({node.public for node in nodes}) != len(nodes):
        raise BadInput("Two of the nodes named have the same key.")
    split = shares.split(content_key, len(nodes), threshold)
    return KeysFile(
        key_id=key_id,
        threshold=threshold,
        nodes=tuple(
            _seal_share(share, key_id, node, binding)
            for share, node in zip(split, nodes, strict=True)
        ),
        recovery=RecoveryEnvelope(
            kem=recovery.kem,
            key=recovery.key,
            sealed=seal(recovery, content_key, _recovery_info(binding, key_id, recovery)),
        ),
    )


def _seal_share(share: bytes, key_id: bytes, node: NodeKey, binding: Binding) -> SealedShare:
    index = shares.share_index(share)
    return SealedShare(
        node=hex_decode(node.node_id, 32, name="node"),
        kem=node.public.kem,
        key=node.public.key,
        index=index,
        sealed=seal(node.public, share, binding.info(SHARE_LABEL, key_id, node.public.hash, index)),
        sha256=hashlib.sha256(share).digest(),
    )


def _recovery_info(binding: Binding, key_id: bytes, recovery: PublicKey) -> bytes:
    return binding.info(RECOVERY_LABEL, key_id, recovery.hash, 0)


def node_key_of(entry: SealedShare) -> str:
    """`nodeKey` of the key that an entry of keys.json is sealed to."""
    return node_key_hash(entry.kem, entry.key)


def entry_for(keys_file: KeysFile, node_key: str) -> SealedShare:
    """The entry sealed to `node_key`. Raises NotFound; BadInput if several are."""
    entries = [entry for entry in keys_file.nodes if node_key_of(entry) == node_key]
    if not entries:
        raise NotFound("This release holds no key share for this node key.")
    if len(entries) > 1:
        raise BadInput("This release names the same node key more than once.")
    return entries[0]


def open_share(keys_file: KeysFile, node: PrivateKey, binding: Binding) -> bytes:
    """A node's own 33-byte share, checked against its hash.

    Raises NotFound: no share for this key; IntegrityError: the envelope does not open under this
    binding, or holds another share than it says.
    """
    entry = entry_for(keys_file, node.public.hash)
    info = binding.info(SHARE_LABEL, keys_file.key_id, node.public.hash, entry.index)
    share = open_sealed(node, entry.sealed, info)
    if not check_share(share, entry):
        raise IntegrityError("The sealed key share is not the one that keys.json announces.")
    return share


def open_recovery(keys_file: KeysFile, recovery: PrivateKey, binding: Binding) -> bytes:
    """The content key, by the artist's recovery key.

    Raises NotFound: the release was sealed to another recovery key; IntegrityError.
    """
    public = recovery.public
    if (public.kem, public.key) != (keys_file.recovery.kem, keys_file.recovery.key):
        raise NotFound(
            "This release was sealed to another recovery key.",
            do="Check that these are the words shown at the first publish of this artist.",
        )
    info = _recovery_info(binding, keys_file.key_id, public)
    content_key = open_sealed(recovery, keys_file.recovery.sealed, info)
    if len(content_key) != shares.KEY_BYTES:
        raise IntegrityError("The recovery envelope holds no content key.")
    return content_key


def seal_reply(
    share: bytes, entry: SealedShare, key_id: bytes, binding: Binding, session: PublicKey
) -> bytes:
    """A node's reply: its share, sealed to the session key."""
    return seal(session, share, _reply_info(entry, key_id, binding, session))


def open_reply(
    sealed: bytes, entry: SealedShare, key_id: bytes, binding: Binding, session: PrivateKey
) -> bytes:
    """The 33-byte share in a node's reply. Raises IntegrityError: the reply does not open, or its
    share is not the one that `entry` announces: that node lied."""
    share = open_sealed(session, sealed, _reply_info(entry, key_id, binding, session.public))
    if not check_share(share, entry):
        raise IntegrityError(f"Node 0x{entry.node.hex()} sent a key share that is not its own.")
    return share


def _reply_info(entry: SealedShare, key_id: bytes, binding: Binding, session: PublicKey) -> bytes:
    info = binding.info(REPLY_LABEL, key_id, node_key_of(entry), entry.index)
    return info + hex_decode(session.hash, 32)


def check_share(share: bytes, entry: SealedShare) -> bool:
    """Whether this is the share that an entry of keys.json announces; in constant time."""
    return (
        len(share) == shares.SHARE_BYTES
        and share[-1] == entry.index
        and hmac.compare_digest(hashlib.sha256(share).digest(), entry.sha256)
    )


def combine_checked(keys_file: KeysFile, collected: Mapping[int, bytes]) -> Combined:
    """The content key from `threshold` good shares, by index; bad ones are left out and named.

    Shares of another keys.json are bad ones here. Raises KeySharesMissing: too few good ones;
    BadInput: an index that keys.json does not have.
    """
    entries = {entry.index: entry for entry in keys_file.nodes}
    if unknown := sorted(set(collected) - set(entries)):
        raise BadInput(f"keys.json has no key share of index {unknown[0]}.")
    good = [share for index, share in collected.items() if check_share(share, entries[index])]
    bad = tuple(
        entries[index]
        for index, share in collected.items()
        if not check_share(share, entries[index])
    )
    if len(good) < keys_file.threshold:
        named = ", ".join(f"0x{entry.node.hex()}" for entry in bad)
        raise KeySharesMissing(
            f"{len(good)} good key shares of {keys_file.threshold} needed."
            + (f" Bad ones came from {named}." if bad else ""),
            do="Try again when more of the release's nodes answer.",
        )
    return Combined(shares.combine(good[: keys_file.threshold]), bad)
