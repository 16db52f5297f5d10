"""Ids and addresses as people write them."""

import pytest

from immurtal.cli.client import account, certificate_id, offer_id
from immurtal.errors import BadInput

ID = "0x" + "a1" * 32
CHECKSUMMED = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"


def test_ids_are_read_in_any_case() -> None:
    assert certificate_id(ID.upper().replace("0X", "0x")) == ID
    assert offer_id(f" {ID}\n") == ID


@pytest.mark.parametrize("text", ["", "0x", ID[:-1], ID + "0", ID[2:], "0x" + "g" * 64, ID + "\n0"])
def test_what_is_no_id(text: str) -> None:
    with pytest.raises(BadInput, match="is no certificate id"):
        certificate_id(text)
    with pytest.raises(BadInput, match="is no offer id"):
        offer_id(text)


def test_a_checksum_must_be_right() -> None:
    assert account(CHECKSUMMED) == CHECKSUMMED.lower()
    with pytest.raises(BadInput, match="is no address"):
        account(CHECKSUMMED.replace("dA", "Da"))


@pytest.mark.parametrize("text", ["", "0x12", "ab" * 20, "0X" + "ab" * 20, "vitalik.eth"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(BadInput, match="is no address"):
        account(text)
