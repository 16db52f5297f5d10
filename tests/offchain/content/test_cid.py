"""CIDs have one spelling each; blocks are checked against them."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multiformats import CID

from immurtal.content.cid import (
    DAG_PB,
    RAW,
    Cid,
    check_block,
    cid_from_bytes,
    cid_of,
    dag_pb_cid,
    parse_cid,
    raw_cid,
    release_cid,
)
from immurtal.errors import BadInput, IntegrityError


def test_vectors(vectors):
    for case in vectors("cid")["cids"]:
        cid = Cid(case["codec"], bytes.fromhex(case["digest"][2:]))
        assert cid.text == case["text"], case["what"]
        assert "0x" + cid.bytes.hex() == case["bytes"]
        assert parse_cid(case["text"]) == cid
    assert cid_of(RAW, b"hello world").text == vectors("cid")["cids"][0]["text"]


def test_everything_else_is_refused(vectors):
    for text, why in vectors("cid")["refused"]:
        try:
            cid = parse_cid(text)
        except BadInput:
            continue
        pytest.fail(f"{why}: read as {cid}")


@given(st.sampled_from([RAW, DAG_PB]), st.binary(min_size=32, max_size=32))
def test_every_cid_reads_back_and_multiformats_agrees(codec, digest):
    cid = Cid(codec, digest)
    assert parse_cid(cid.text) == cid
    assert cid_from_bytes(cid.bytes) == cid
    other = CID("base32", 1, codec, ("sha2-256", digest))
    assert (str(other), bytes(other)) == (cid.text, cid.bytes)


def test_names_for_the_two_codecs():
    digest = hashlib.sha256(b"x").digest()
    assert raw_cid(digest) == Cid(RAW, digest).text
    assert dag_pb_cid(digest) == release_cid(digest) == Cid(DAG_PB, digest).text


@pytest.mark.parametrize(("codec", "digest"), [(0x71, bytes(32)), (RAW, bytes(31))])
def test_a_cid_that_cannot_be(codec, digest):
    with pytest.raises(BadInput):
        Cid(codec, digest)


def test_a_changed_block_is_named():
    cid = cid_of(RAW, b"good")
    check_block(cid, b"good")
    with pytest.raises(IntegrityError, match=cid.text):
        check_block(cid, b"evil")
