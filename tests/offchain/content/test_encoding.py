"""Binary values have one spelling each."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immurtal.content import encoding
from immurtal.errors import BadInput


@given(st.binary(max_size=300))
def test_base64url_reads_back(data):
    text = encoding.b64u(data)
    assert base64.urlsafe_b64decode(text + "===") == data
    assert encoding.b64u_decode(text) == data


@pytest.mark.parametrize(
    "text", ["AA==", "AB", "A", "A+", "A/", "AA\n", "A A", "ÄÄ", None, 3, b"AA", ["AA"]]
)
def test_other_spellings_of_base64url_are_refused(text):
    with pytest.raises(BadInput):
        encoding.b64u_decode(text)


def test_base64url_is_bounded():
    assert encoding.b64u_decode(encoding.b64u(bytes(10)), limit=10) == bytes(10)
    with pytest.raises(BadInput, match="more than 9 bytes"):
        encoding.b64u_decode(encoding.b64u(bytes(10)), limit=9)
    with pytest.raises(BadInput, match="header has 2 bytes, not 40"):
        encoding.b64u_decode("AAA", size=40, name="header")


@given(st.binary(min_size=32, max_size=32))
def test_hashes_read_back(data):
    assert encoding.hex32_decode(encoding.hex32(data)) == data


@pytest.mark.parametrize(
    "text", ["0x" + "A" * 64, "a" * 64, "0x" + "a" * 63, "0x" + "a" * 64 + "\n", "0X" + "a" * 64, 5]
)
def test_other_spellings_of_a_hash_are_refused(text):
    with pytest.raises(BadInput):
        encoding.hex32_decode(text)


def test_a_hash_has_32_bytes():
    with pytest.raises(BadInput, match="32 bytes, not 31"):
        encoding.hex32(bytes(31))


def test_addresses_are_lower_case():
    text = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    assert encoding.address(text) == text.lower()
    for wrong in (text[:-1], text[2:], None, "0x" + "g" * 40):
        with pytest.raises(BadInput):
            encoding.address(wrong)
