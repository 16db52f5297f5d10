"""Envelopes: each opens for its node, its work, its author, its chain, and nothing else; bad shares
are named."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from immurtal.content.keys_file import KeysFile, decode_keys_file
from immurtal.errors import BadInput, IntegrityError, KeySharesMissing, NotFound
from immurtal.keys import sealing
from immurtal.keys.hpke import PrivateKey, generate
from immurtal.keys.sealing import (
    Binding,
    NodeKey,
    check_share,
    combine_checked,
    entry_for,
    open_recovery,
    open_reply,
    open_share,
    seal_keys_file,
    seal_reply,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/sealing.json").read_text())
BINDING = Binding(31337, "0x" + "c0" * 20, "0x" + "11" * 32, "0x" + "a1" * 20)
CONTENT_KEY, KEY_ID = bytes(range(32)), bytes(range(16))
PRIVATE = [generate() for _ in range(3)]
RECOVERY, SESSION = generate(), generate()
NODES = [NodeKey(f"0x{i:064x}", key.public) for i, key in enumerate(PRIVATE, start=1)]
KEYS_FILE = seal_keys_file(CONTENT_KEY, KEY_ID, 2, NODES, RECOVERY.public, BINDING)
SHARES = {
    entry.index: open_share(KEYS_FILE, key, BINDING)
    for key, entry in zip(PRIVATE, KEYS_FILE.nodes, strict=True)
}

OTHER_BINDINGS = [
    pytest.param(replace(BINDING, chain_id=1), id="another chain"),
    pytest.param(replace(BINDING, registry="0x" + "c1" * 20), id="another registry"),
    pytest.param(replace(BINDING, work_hash="0x" + "12" * 32), id="another work"),
    pytest.param(replace(BINDING, author="0x" + "a2" * 20), id="another author"),
]


def flip(data: bytes, bit: int = 0) -> bytes:
    return (int.from_bytes(data) ^ 1 << bit).to_bytes(len(data))


def with_entry(at: int, **changes: object) -> KeysFile:
    nodes = list(KEYS_FILE.nodes)
    nodes[at] = replace(nodes[at], **changes)
    return replace(KEYS_FILE, nodes=tuple(nodes))


@pytest.mark.parametrize("other", OTHER_BINDINGS)
def test_a_file_pasted_into_another_certificate_does_not_open(other: Binding) -> None:
    """K2: whoever copies keys.json gets neither a share, nor the key, nor a reply."""
    with pytest.raises(IntegrityError, match="does not open"):
        open_share(KEYS_FILE, PRIVATE[0], other)
    with pytest.raises(IntegrityError, match="does not open"):
        open_recovery(KEYS_FILE, RECOVERY, other)
    entry = KEYS_FILE.nodes[0]
    reply = seal_reply(SHARES[entry.index], entry, KEY_ID, BINDING, SESSION.public)
    with pytest.raises(IntegrityError, match="does not open"):
        open_reply(reply, entry, KEY_ID, other, SESSION)


def test_an_envelope_under_another_key_id_does_not_open() -> None:
    pasted = replace(KEYS_FILE, key_id=bytes(16))
    with pytest.raises(IntegrityError, match="does not open"):
        open_share(pasted, PRIVATE[0], BINDING)
    with pytest.raises(IntegrityError, match="does not open"):
        open_recovery(pasted, RECOVERY, BINDING)


def test_an_envelope_under_another_index_does_not_open() -> None:
    free = next(i for i in range(1, 256) if i not in SHARES)
    with pytest.raises(IntegrityError, match="does not open"):
        open_share(with_entry(0, index=free), PRIVATE[0], BINDING)


def test_another_nodes_envelope_does_not_open() -> None:
    pasted = with_entry(0, sealed=KEYS_FILE.nodes[1].sealed)
    with pytest.raises(IntegrityError, match="does not open"):
        open_share(pasted, PRIVATE[0], BINDING)


def test_a_share_that_is_not_the_announced_one() -> None:
    lying = with_entry(0, sha256=flip(KEYS_FILE.nodes[0].sha256))
    with pytest.raises(IntegrityError, match=r"not the one that keys\.json announces"):
        open_share(lying, PRIVATE[0], BINDING)


def test_a_key_without_an_entry_and_a_key_with_two() -> None:
    with pytest.raises(NotFound, match="no key share for this node key"):
        open_share(KEYS_FILE, generate(), BINDING)
    twice = with_entry(1, key=KEYS_FILE.nodes[0].key)
    with pytest.raises(BadInput, match="more than once"):
        entry_for(twice, PRIVATE[0].public.hash)


def test_another_recovery_key_is_told_so() -> None:
    with pytest.raises(NotFound, match="another recovery key"):
        open_recovery(KEYS_FILE, generate(), BINDING)


def test_nodes_that_cannot_be_named() -> None:
    for nodes, threshold, match in (
        (NODES[:1], 1, "1 of 1 is no way"),
        (NODES, 4, "4 of 3 is no way"),
        ([*NODES, NodeKey(NODES[0].node_id, generate().public)], 2, "one node twice"),
        ([*NODES, NodeKey("0x" + "99" * 32, NODES[0].public)], 2, "have the same key"),
        ([*NODES, NodeKey("0x99", generate().public)], 2, "64 lower-case hex digits"),
    ):
        with pytest.raises(BadInput, match=match):
            seal_keys_file(CONTENT_KEY, KEY_ID, threshold, nodes, RECOVERY.public, BINDING)
    with pytest.raises(BadInput, match="16 bytes, not 15"):
        seal_keys_file(CONTENT_KEY, bytes(15), 2, NODES, RECOVERY.public, BINDING)


def test_a_captured_reply_opens_for_its_session_only() -> None:
    """K4."""
    entry = KEYS_FILE.nodes[0]
    reply = seal_reply(SHARES[entry.index], entry, KEY_ID, BINDING, SESSION.public)
    assert open_reply(reply, entry, KEY_ID, BINDING, SESSION) == SHARES[entry.index]
    with pytest.raises(IntegrityError, match="does not open"):
        open_reply(reply, entry, KEY_ID, BINDING, generate())
    with pytest.raises(IntegrityError, match="does not open"):
        open_reply(reply, KEYS_FILE.nodes[1], KEY_ID, BINDING, SESSION)
    with pytest.raises(IntegrityError, match="does not open"):
        open_reply(reply, entry, bytes(16), BINDING, SESSION)


def test_a_node_that_seals_another_share_lied() -> None:
    entry = KEYS_FILE.nodes[0]
    reply = seal_reply(flip(SHARES[entry.index], 200), entry, KEY_ID, BINDING, SESSION.public)
    with pytest.raises(IntegrityError, match=f"Node {NODES[0].node_id} sent a key share"):
        open_reply(reply, entry, KEY_ID, BINDING, SESSION)


def test_envelopes_of_different_kinds_do_not_pass_for_each_other() -> None:
    """A share's envelope is no reply, even where the node's key is the session key."""
    entry = KEYS_FILE.nodes[0]
    with pytest.raises(IntegrityError, match="does not open"):
        open_reply(entry.sealed, entry, KEY_ID, BINDING, PRIVATE[0])


@settings(max_examples=60, deadline=None)
@given(bit=st.integers(0, 33 * 8 - 1))
def test_a_share_with_any_bit_flipped_is_named(bit: int) -> None:
    """K3: whichever bit of a share is wrong, its node is named, and the others give the key."""
    bad = KEYS_FILE.nodes[1]
    collected = SHARES | {bad.index: flip(SHARES[bad.index], bit)}
    combined = combine_checked(KEYS_FILE, collected)
    assert combined.content_key == CONTENT_KEY
    assert combined.bad == (bad,)


def test_too_few_good_shares_say_how_many_and_who_was_bad() -> None:
    first, second, _ = KEYS_FILE.nodes
    with pytest.raises(KeySharesMissing, match="0 good key shares of 2 needed"):
        combine_checked(KEYS_FILE, {})
    with pytest.raises(KeySharesMissing, match="1 good key shares of 2 needed") as caught:
        combine_checked(KEYS_FILE, {first.index: SHARES[first.index], second.index: bytes(33)})
    assert NODES[1].node_id in caught.value.what
    assert NODES[0].node_id not in caught.value.what


def test_shares_of_another_keys_json_are_bad_here() -> None:
    """Two sealings of one key are of two polynomials: their shares must not be mixed."""
    other = seal_keys_file(CONTENT_KEY, KEY_ID, 2, NODES, RECOVERY.public, BINDING)
    foreign = {
        mine.index: open_share(other, key, BINDING)
        for key, mine in zip(PRIVATE[1:], KEYS_FILE.nodes[1:], strict=True)
    }
    first = KEYS_FILE.nodes[0]
    with pytest.raises(KeySharesMissing, match="1 good key shares of 2"):
        combine_checked(KEYS_FILE, {first.index: SHARES[first.index], **foreign})


def test_an_index_that_the_file_does_not_have() -> None:
    free = next(i for i in range(1, 256) if i not in SHARES)
    with pytest.raises(BadInput, match=f"no key share of index {free}"):
        combine_checked(KEYS_FILE, {free: bytes(33)})


def test_a_share_is_checked_whole() -> None:
    entry = KEYS_FILE.nodes[0]
    assert check_share(SHARES[entry.index], entry)
    assert not check_share(b"", entry)
    assert not check_share(SHARES[entry.index][:-1], entry)
    assert not check_share(SHARES[entry.index], KEYS_FILE.nodes[1])
    other_x = bytes(32) + bytes([entry.index ^ 1])
    assert not check_share(other_x, replace(entry, sha256=hashlib.sha256(other_x).digest()))


@settings(max_examples=15, deadline=None)
@given(data=st.data(), nodes=st.integers(2, 5), key=st.binary(min_size=32, max_size=32))
def test_any_threshold_of_nodes_give_the_key_back(
    data: st.DataObject, nodes: int, key: bytes
) -> None:
    """For every key, n, t: through a keys.json on the wire, any t nodes' shares give the key, any
    t − 1 are refused, and the recovery key needs none of them."""
    threshold = data.draw(st.integers(2, nodes))
    private = [generate() for _ in range(nodes)]
    named = [NodeKey(f"0x{i:064x}", p.public) for i, p in enumerate(private)]
    made = seal_keys_file(key, KEY_ID, threshold, named, RECOVERY.public, BINDING)
    keys_file = decode_keys_file(made.encode())
    chosen = data.draw(st.permutations(private))[:threshold]
    collected = {
        entry_for(keys_file, p.public.hash).index: open_share(keys_file, p, BINDING) for p in chosen
    }
    assert combine_checked(keys_file, collected).content_key == key
    with pytest.raises(KeySharesMissing):
        combine_checked(keys_file, dict(list(collected.items())[1:]))
    assert open_recovery(keys_file, RECOVERY, BINDING) == key


def test_secrets_show_themselves_nowhere() -> None:
    assert repr(combine_checked(KEYS_FILE, SHARES)) == "Combined(bad=())"


@pytest.mark.parametrize("name", ["share", "recovery", "reply"])
def test_info_vectors(name: str) -> None:
    """The `info` strings of FORMATS, put together by hand in the vector file."""
    vector = VECTORS["info"][name]
    assert INFO[name]() == bytes.fromhex(vector["info"][2:])


def vector_binding() -> Binding:
    values = VECTORS["binding"]
    return Binding(values["chainId"], values["registry"], values["workHash"], values["author"])


def vector_key(name: str) -> PrivateKey:
    return PrivateKey(0x20, bytes.fromhex(VECTORS[name][2:]))


def vector_file() -> KeysFile:
    return decode_keys_file(json.dumps(VECTORS["keysFile"]).encode())


INFO: dict[str, Callable[[], bytes]] = {
    "share": lambda: vector_binding().info(
        sealing.SHARE_LABEL,
        vector_file().key_id,
        vector_key("nodePrivate").public.hash,
        vector_file().nodes[0].index,
    ),
    "recovery": lambda: vector_binding().info(
        sealing.RECOVERY_LABEL, vector_file().key_id, vector_key("recoveryPrivate").public.hash, 0
    ),
    "reply": lambda: sealing._reply_info(
        vector_file().nodes[0],
        vector_file().key_id,
        vector_binding(),
        vector_key("sessionPrivate").public,
    ),
}


def test_a_whole_keys_file_of_the_vectors_opens() -> None:
    keys_file, binding = vector_file(), vector_binding()
    share = open_share(keys_file, vector_key("nodePrivate"), binding)
    assert "0x" + share.hex() == VECTORS["share"]
    content_key = open_recovery(keys_file, vector_key("recoveryPrivate"), binding)
    assert "0x" + content_key.hex() == VECTORS["contentKey"]
    reply = bytes.fromhex(VECTORS["reply"][2:])
    session = vector_key("sessionPrivate")
    assert open_reply(reply, keys_file.nodes[0], keys_file.key_id, binding, session) == share
