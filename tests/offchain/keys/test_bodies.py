"""Bodies on the wire: every value of its one type and range, bounded, and back again unchanged."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immurtal.chain.eip712 import KeyRequest, Session, Store
from immurtal.keys.bodies import (
    ShareReply,
    decode_reply,
    decode_request,
    decode_store,
    encode_reply,
    encode_request,
    encode_store,
)
from immurtal.keys.refusals import RequestInvalid
from immurtal.keys.sessions import SignedRequest, SignedSession
from immurtal.keys.store import SignedStore

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/bodies.json").read_text())
REQUEST, STORE, REPLY = (VECTORS[name] for name in ("request", "store", "reply"))

whole = st.integers(0, 2**53 - 1)
hash32 = st.binary(min_size=32, max_size=32).map(lambda b: "0x" + b.hex())
account = st.binary(min_size=20, max_size=20).map(lambda b: "0x" + b.hex())
signature = st.binary(max_size=200)
sessions = st.builds(
    Session, account, account, st.integers(0, 65535), st.binary(max_size=2000), whole, whole
)
requests = st.builds(
    KeyRequest, hash32, hash32, hash32, st.binary(min_size=16, max_size=16), hash32, whole
)
stores = st.builds(Store, hash32, hash32, hash32, whole, whole)


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


def changed(body: dict[str, Any], path: str, value: Any) -> bytes:
    """The body with one value replaced, or left out if it is `...`."""
    copy = json.loads(json.dumps(body))
    *parents, last = path.split(".")
    inner = copy
    for parent in parents:
        inner = inner[parent]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return encoded(copy)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b"\xff\xfe", b"\xef\xbb\xbf{}", b"[" * 16_000, b'{"v":NaN}'],
    ids=["empty", "null", "list", "cut", "UTF-16", "byte-order mark", "deep", "NaN"],
)
def test_what_is_no_body(body: bytes) -> None:
    for decode in (decode_request, decode_store, decode_reply):
        with pytest.raises(RequestInvalid):
            decode(body)


def test_a_body_has_at_most_16_kib() -> None:
    padded = encoded(STORE | {"padding": "x" * (16 * 1024)})
    with pytest.raises(RequestInvalid, match="more than 16384"):
        decode_store(padded)


@pytest.mark.parametrize("version", [..., None, 0, 2, "1", True, 1.5])
def test_another_version(version: Any) -> None:
    for body, decode in ((REQUEST, decode_request), (STORE, decode_store), (REPLY, decode_reply)):
        with pytest.raises(RequestInvalid, match="body"):
            decode(changed(body, "v", version))


BAD_VALUES = {
    "session.account": [..., None, 0, "0x", "0x" + "aa" * 19, "aa" * 20, "0x" + "zz" * 20],
    "session.kem": [..., -1, 65536, "32", 32.5, True, None],
    "session.sessionKey": [..., None, 0, "a", "AAA=", "A A", "+/+/", "AB", "A" * 6000],
    "session.expires": [..., -1, 2**53, 2**64, "1", []],
    "sessionSignature": [..., None, 5, "A=", "A" * 6000],
    "request": [..., None, [], "text"],
    "request.nodeKey": [..., None, "0x" + "11" * 31, "0x" + "AA" * 32, "11" * 33],
    "request.keyId": [..., "0x" + "11" * 15, "0x" + "11" * 32, "AAAAAAAAAAAAAAAAAAAAAA"],
    "request.time": [..., -1, "now", None, False],
    "requestSignature": [..., {}, "!"],
}


@pytest.mark.parametrize(
    ("path", "value"),
    [(path, value) for path, values in BAD_VALUES.items() for value in values],
    ids=lambda v: repr(v)[:24],
)
def test_a_value_that_is_not_what_it_must_be(path: str, value: Any) -> None:
    with pytest.raises(RequestInvalid, match=path.rpartition(".")[2]) as caught:
        decode_request(changed(REQUEST, path, value))
    assert caught.value.reason == "request-invalid"


@pytest.mark.parametrize(
    ("path", "value"),
    [("index", 0), ("index", 256), ("node", "0x11"), ("sealed", ...), ("kem", -1)],
)
def test_a_reply_that_is_not_what_it_must_be(path: str, value: Any) -> None:
    with pytest.raises(RequestInvalid, match=path):
        decode_reply(changed(REPLY, path, value))


def test_unknown_fields_are_ignored() -> None:
    assert decode_request(changed(REQUEST, "request.later", 1)) == decode_request(encoded(REQUEST))


@given(st.builds(SignedRequest, st.builds(SignedSession, sessions, signature), requests, signature))
def test_requests_come_back_unchanged(signed: SignedRequest) -> None:
    """For all values in range: decode(encode(x)) = x."""
    assert decode_request(encode_request(signed)) == signed


@given(st.builds(SignedStore, stores, signature))
def test_stores_come_back_unchanged(signed: SignedStore) -> None:
    """For all values in range: decode(encode(x)) = x."""
    assert decode_store(encode_store(signed)) == signed


@given(st.builds(ShareReply, hash32, st.integers(0, 65535), st.integers(1, 255), signature))
def test_replies_come_back_unchanged(reply: ShareReply) -> None:
    """For all values in range: decode(encode(x)) = x."""
    assert decode_reply(encode_reply(reply)) == reply


def test_vectors() -> None:
    """What we write is the vector to the byte, but for spaces."""
    for body, decode, encode in (
        (REQUEST, decode_request, encode_request),
        (STORE, decode_store, encode_store),
        (REPLY, decode_reply, encode_reply),
    ):
        assert json.loads(encode(decode(encoded(body)))) == body
