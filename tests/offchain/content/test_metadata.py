"""metadata.json reads back, hostile ones are refused, and a private one says nothing."""

import base64
import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immurtal.content import metadata as room
from immurtal.content.cipher import Header, cipher_size
from immurtal.content.encoding import hex_decode
from immurtal.content.metadata import (
    Artist,
    Binding,
    Details,
    Metadata,
    Variant,
    counts_for,
    decode_metadata,
    decrypt_metadata,
    encrypt_metadata,
)
from immurtal.errors import BadInput, IntegrityError

REGISTRY = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
BINDING = Binding(31337, REGISTRY, b"\1" * 32)
HEADER = Header(b"\2" * 32, b"\3" * 7)
VARIANTS = (
    Variant("audio/1.enc", "flac", 900_000, 1_000_000, b"\4" * 32, cipher_size(1_000_000), HEADER),
    Variant("audio/2.enc", "opus", 128_000, 99_000, b"\5" * 32, cipher_size(99_000), HEADER),
)
DETAILS = Details(
    title="Nachtmusik ♫",
    artists=(Artist("Änne", "composer"), Artist("Bo")),
    isrc="QZABC2400001",
    duration_ms=183_250,
    album="Erstes",
    track=3,
    preview="preview.opus",
    description="Two lines\nof it",
    image="ipfs://bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
    external_url="https://example.org/nachtmusik",
)
WHOLE = Metadata(BINDING, b"\6" * 16, VARIANTS, DETAILS)


def changed(**changes):
    """The whole as JSON with fields of `music` replaced, or removed where None."""
    value = json.loads(WHOLE.encode())
    value["music"] |= changes
    return json.dumps(
        {**value, "music": {k: v for k, v in value["music"].items() if v is not None}}
    )


def refused(raw, match):
    with pytest.raises(BadInput, match=match):
        decode_metadata(raw if isinstance(raw, bytes) else raw.encode())


def test_reads_back():
    assert decode_metadata(WHOLE.encode()) == WHOLE
    minimal = replace(WHOLE, details=Details("Only a title"))
    assert decode_metadata(minimal.encode()) == minimal


def test_vectors(vectors):
    for case in vectors("metadata")["files"]:
        raw = case["json"].encode()
        decoded = decode_metadata(raw)
        assert decoded.encode() == raw
        assert case["counts"] == counts_for(
            decoded, hex_decode(case["workHash"], 32), case["registry"], case["chainId"]
        )
    for case in vectors("metadata")["refused"]:
        with pytest.raises(BadInput):
            decode_metadata(case["json"].encode())


def test_what_stands_in_the_file_is_what_formats_says():
    value = json.loads(WHOLE.encode())
    assert set(value) == {"name", "description", "image", "external_url", "music"}
    assert set(value["music"]) == {
        "v", "title", "artists", "isrc", "durationMs", "album", "track", "keyId", "workHash",
        "registry", "chainId", "variants", "preview",
    }  # fmt: skip
    assert value["name"] == value["music"]["title"] == DETAILS.title
    assert value["music"]["variants"][0] == {
        "path": "audio/1.enc",
        "codec": "flac",
        "bitrate": 900_000,
        "bytes": 1_000_000,
        "sha256": "0x" + "04" * 32,
        "cipherBytes": 1_000_104,
        "header": base64.b64encode(b"\x28" + b"\2" * 32 + b"\3" * 7).decode().rstrip("="),
    }


def test_a_private_release_shows_only_what_the_protocol_needs():
    raw = WHOLE.public_part().encode()
    value = json.loads(raw)
    assert set(value) == {"name", "music"}
    assert value["name"] == "Private recording"
    assert set(value["music"]) == {"v", "keyId", "workHash", "registry", "chainId", "variants"}
    assert decode_metadata(raw).details is None
    assert decode_metadata(raw) == WHOLE.public_part()


def test_private_metadata_opens_with_the_key_and_its_place_only():
    key = b"\x0a" * 32
    sealed = encrypt_metadata(WHOLE, key)
    assert b"Nachtmusik" not in sealed
    public = WHOLE.public_part()
    assert decrypt_metadata(public, sealed, key) == WHOLE
    with pytest.raises(IntegrityError):
        decrypt_metadata(public, sealed, b"\x0b" * 32)
    elsewhere = replace(public, binding=replace(BINDING, work_hash=b"\x0f" * 32))
    with pytest.raises(IntegrityError):
        decrypt_metadata(elsewhere, sealed, key)
    with pytest.raises(IntegrityError, match="different releases"):
        decrypt_metadata(replace(public, variants=VARIANTS[:1]), sealed, key)
    with pytest.raises(BadInput, match="more than it can need"):
        decrypt_metadata(public, bytes(cipher_size(room.METADATA_LIMIT) + 1), key)
    with pytest.raises(BadInput):
        decrypt_metadata(public, sealed[:30], key)


def test_counts_only_for_its_own_certificate():
    assert counts_for(WHOLE, b"\1" * 32, "0x" + REGISTRY[2:].upper(), 31337)
    assert not counts_for(WHOLE, b"\2" * 32, REGISTRY, 31337)
    assert not counts_for(WHOLE, b"\1" * 32, "0x" + "11" * 20, 31337)
    assert not counts_for(WHOLE, b"\1" * 32, REGISTRY, 1)


def test_unknown_fields_are_ignored_and_an_unknown_version_is_not():
    assert decode_metadata(changed(mood="blue").encode()) == WHOLE
    refused(changed(v=2), "version 2, this program knows 1")
    refused(changed(v=None), r"music\.v is not a whole number")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"workHash": "0x12"}, "workHash is not 0x"),
        ({"workHash": ("0x" + "AB" * 32)}, "workHash is not 0x"),
        ({"registry": "0x12"}, "registry is not 0x"),
        ({"chainId": 0}, "chainId is not a whole number"),
        ({"chainId": "31337"}, "chainId is not a whole number"),
        ({"chainId": True}, "chainId is not a whole number"),
        ({"chainId": 2**53}, "chainId is not a whole number"),
        ({"chainId": 1.5}, "chainId is not a whole number"),
        ({"keyId": "0x" + "00" * 15}, "keyId is not 0x"),
        ({"title": 5}, "title is not text"),
        ({"title": "\ud800"}, "title is not text in Unicode"),
        ({"title": "x" * 70_000}, "title is not text of at most"),
        ({"durationMs": -1}, "durationMs is not a whole number"),
        ({"artists": "me"}, "artists is not a list"),
        ({"artists": [{"role": "main"}]}, r"artists\[0\]\.name is not text"),
        ({"artists": [{"name": "a"}] * 1001}, "artists is not a list of at most 1000"),
        ({"variants": []}, "needs variants"),
        ({"variants": None}, "variants is not a list"),
        ({"variants": ["audio/1.enc"]}, r"variants\[0\] is not a JSON object"),
    ],
)
def test_fields_that_cannot_be(changes, match):
    refused(changed(**changes), match)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"path": "/etc/passwd"}, "Not a path"),
        ({"path": "audio/../../x"}, "Not a path"),
        ({"path": "audio\\1"}, "Not a path"),
        ({"path": ""}, "Not a path"),
        ({"path": "x" * 300}, "Not a path"),
        ({"bytes": 5}, "do not encrypt to"),
        ({"cipherBytes": 5}, "do not encrypt to"),
        ({"bytes": 2**53 - 1}, "more than the cipher can number"),
        ({"header": "KAIC"}, "header has 3 bytes, not 40"),
        ({"header": "A" * 54}, "Not a cipher header"),
        ({"sha256": None}, "sha256 is not 0x"),
    ],
)
def test_variants_that_cannot_be(changes, match):
    variant = json.loads(WHOLE.encode())["music"]["variants"][0] | changes
    refused(changed(variants=[variant]), match)


def test_two_variants_at_one_path():
    variant = json.loads(WHOLE.encode())["music"]["variants"][0]
    refused(changed(variants=[variant, variant]), "path of its own")


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b"\xff{}", b"\xef\xbb\xbf{}", b'{"a":NaN}', b"[" * 100_000,
     b'{"v":' + b"9" * 5000 + b"}", b'{"music":[]}'],
)  # fmt: skip
def test_what_is_no_metadata(raw):
    refused(raw, "is not")


def test_too_large():
    refused(b" " * (room.METADATA_LIMIT + 1), "more than 1048576")
    huge = replace(WHOLE, details=replace(DETAILS, description="x" * room.METADATA_LIMIT))
    with pytest.raises(BadInput, match=r"metadata\.json would have") as caught:
        huge.encode()
    assert "Shorten the description" in caught.value.do


def test_numbers_are_those_of_a_browser():
    raw = changed(chainId=31337.0, track=3e0)
    assert decode_metadata(raw.encode()) == WHOLE


def test_a_terminal_is_safe_from_a_title():
    decoded = decode_metadata(changed(title="a\x1b[2Jb\x9bc\nd").encode())
    assert decoded.details.title == "a[2Jbc\nd"


@given(st.text(max_size=50), st.text(max_size=50), st.none() | st.integers(0, 2**53 - 1))
def test_any_details_read_back(title, artist, track):
    """Whatever an artist writes is read back, but for control characters."""
    details = Details(title=title, artists=(Artist(artist, ""),), track=track)
    try:
        raw = replace(WHOLE, details=details).encode()
    except UnicodeEncodeError:
        return
    shown = room.Details(
        title="".join(c for c in title if c in "\n\t" or c.isprintable() or ord(c) > 0x9F),
        artists=(
            Artist(
                "".join(c for c in artist if c in "\n\t" or c.isprintable() or ord(c) > 0x9F), ""
            ),
        ),
        track=track,
    )
    assert decode_metadata(raw).details == shown


@given(st.binary(max_size=60), st.integers(0, 2000))
def test_noise_is_refused_with_the_typed_error(noise, at):
    raw = bytearray(WHOLE.encode())
    raw[at : at + len(noise)] = noise
    with contextlib.suppress(BadInput):
        decode_metadata(bytes(raw))
