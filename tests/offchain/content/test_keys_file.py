"""keys.json reads back, and one that cannot be is refused."""

import json
from dataclasses import replace

import pytest

from immurtal.content.keys_file import KeysFile, RecoveryEnvelope, SealedShare, decode_keys_file
from immurtal.errors import BadInput

SHARES = tuple(
    SealedShare(bytes([i]) * 32, 0x20, bytes([i + 16]) * 32, i, bytes([i]) * 81, bytes([i]) * 32)
    for i in (1, 2, 7)
)
RECOVERY = RecoveryEnvelope(0x20, b"\x55" * 32, b"\x66" * 80)
FILE = KeysFile(b"\6" * 16, 2, SHARES, RECOVERY)


def test_reads_back():
    assert decode_keys_file(FILE.encode()) == FILE


def test_vectors(vectors):
    for case in vectors("keys_file")["files"]:
        assert decode_keys_file(case["json"].encode()).encode() == case["json"].encode()
    for case in vectors("keys_file")["refused"]:
        with pytest.raises(BadInput):
            decode_keys_file(case["json"].encode())


def test_what_stands_in_the_file_is_what_formats_says():
    value = json.loads(FILE.encode())
    assert set(value) == {"v", "keyId", "threshold", "nodes", "recovery"}
    assert set(value["nodes"][0]) == {"node", "kem", "key", "index", "sealed", "sha256"}
    assert set(value["recovery"]) == {"kem", "key", "sealed"}
    assert value["nodes"][2] == {
        "node": "0x" + "07" * 32,
        "kem": 32,
        "key": "FxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxcXFxc",
        "index": 7,
        "sealed": "BwcH" * 27,
        "sha256": "0x" + "07" * 32,
    }


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"threshold": 1}, "at least 2"),
        ({"threshold": 4}, "4 of 3 nodes"),
        ({"nodes": SHARES[:1]}, "2 of 1 nodes"),
        ({"nodes": (*SHARES, replace(SHARES[0], node=b"\x09" * 32))}, "indices"),
        ({"nodes": (replace(SHARES[0], index=0), *SHARES[1:])}, "indices"),
        ({"nodes": (replace(SHARES[0], index=256), *SHARES[1:])}, "indices"),
        ({"nodes": (*SHARES, replace(SHARES[0], index=9))}, "one node twice"),
        ({"key_id": bytes(15)}, "16 bytes"),
    ],
)
def test_a_file_that_cannot_be(changes, match):
    with pytest.raises(BadInput, match=match):
        replace(FILE, **changes)


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        (("v",), 2, "version 2"),
        (("threshold",), 1, "threshold"),
        (("threshold",), "2", "threshold"),
        (("keyId",), "0x00", "keyId"),
        (("nodes",), {}, "nodes is not a list"),
        (("nodes", 0, "index"), 0, r"nodes\[0\]\.index"),
        (("nodes", 0, "index"), 256, r"nodes\[0\]\.index"),
        (("nodes", 0, "index"), 2, "distinct"),
        (("nodes", 0, "kem"), 65536, "kem"),
        (("nodes", 0, "key"), "!!", "key is not base64url"),
        (("nodes", 0, "sealed"), "A" * 20_000, "more than 8192 bytes"),
        (("nodes", 0, "node"), "0x1", "node is not 0x"),
        (("nodes", 0, "sha256"), None, "sha256 is not 0x"),
        (("recovery",), None, "recovery is not a JSON object"),
        (("recovery", "sealed"), 5, "sealed is not base64url"),
    ],
)
def test_a_hostile_file_is_refused_by_field(path, value, match):
    whole = json.loads(FILE.encode())
    place = whole
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(BadInput, match=match):
        decode_keys_file(json.dumps(whole).encode())


def test_too_large():
    with pytest.raises(BadInput, match="more than 65536"):
        decode_keys_file(FILE.encode() + b" " * 65536)
    many = tuple(
        SealedShare(bytes([i]) * 32, 0x20, bytes(32), i, bytes(300), bytes(32))
        for i in range(1, 256)
    )
    with pytest.raises(BadInput, match=r"keys\.json would have"):
        replace(FILE, nodes=many).encode()
