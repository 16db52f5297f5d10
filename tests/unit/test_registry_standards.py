"""CopyrightRegistry as others see it: ERC-721, ERC-165, ERC-2981, ERC-4906, ERC-5267, ERC-7572."""

import json

import pytest
from ape import chain
from eth_utils import keccak
from outcomes import plain, refusal, reverts, said
from works import NOBODY, certify, work


@pytest.fixture(scope="module")
def song(registry, author):
    return int.from_bytes(certify(registry, author, work("song"))[0])


def test_claims_only_what_answers(registry, author, song):
    """Each interface id is that of selectors which the ABI has (ERC-4906 has only events)."""
    claims = {
        "0x01ffc9a7": ["supportsInterface"],
        "0x80ac58cd": [
            "balanceOf",
            "ownerOf",
            "safeTransferFrom",
            "transferFrom",
            "approve",
            "setApprovalForAll",
            "getApproved",
            "isApprovedForAll",
        ],
        "0x5b5e139f": ["name", "symbol", "tokenURI"],
        "0x2a55205a": ["royaltyInfo"],
    }
    methods = registry.contract_type.methods
    for interface, names in claims.items():
        assert registry.supportsInterface(interface)
        together = 0
        for abi in (abi for abi in methods if abi.name in names):
            together ^= int.from_bytes(keccak(text=abi.selector)[:4])
        assert together == int(interface, 16)
    assert registry.supportsInterface("0x49064906")
    for other in ("0xffffffff", "0x00000000", "0xd9b67a26", "0xe8a3d485"):
        assert not registry.supportsInterface(other)


def test_names_itself(registry):
    assert registry.name() == "Immurtal certificates"
    assert registry.symbol() == "IMMURTAL"
    head, _, body = registry.contractURI().partition(",")
    assert head == "data:application/json;utf8"
    assert json.loads(body)["name"] == "Immurtal certificates"


def test_tells_its_signing_domain(registry):
    domain = registry.eip712Domain()
    assert plain(list(domain)) == [
        b"\x0f",
        "Immurtal",
        "1",
        chain.chain_id,
        registry.address,
        bytes(32),
        [],
    ]


def test_tells_how_it_was_deployed(registry, factory):
    assert registry.minAge() == 1
    assert registry.factory() == factory.address


def test_transfers_by_owner_operator_and_approved(registry, author, buyer, operator, song):
    receipt = registry.approve(operator, song, sender=author)
    assert said(receipt, registry) == [
        ("Approval", {"owner": author.address, "account": operator.address, "id": song})
    ]
    receipt = registry.transferFrom(author, buyer, song, sender=operator)
    assert said(receipt, registry) == [
        ("Transfer", {"from": author.address, "to": buyer.address, "id": song})
    ]
    assert registry.getApproved(song) == NOBODY
    receipt = registry.setApprovalForAll(operator, True, sender=buyer)
    assert said(receipt, registry) == [
        (
            "ApprovalForAll",
            {"owner": buyer.address, "operator": operator.address, "isApproved": True},
        )
    ]
    registry.safeTransferFrom(buyer, author, song, sender=operator)
    assert registry.ownerOf(song) == author.address
    assert (registry.balanceOf(author), registry.balanceOf(buyer)) == (1, 0)


def test_a_stranger_does_not_transfer(registry, author, stranger, song):
    with reverts(registry, "NotOwnerNorApproved"):
        registry.transferFrom(author, stranger, song, sender=stranger)
    with reverts(registry, "NotOwnerNorApproved"):
        registry.approve(stranger, song, sender=stranger)


def test_safe_transfer_asks_the_receiver(registry, factory, author, song):
    with reverts(registry, "TransferToNonERC721ReceiverImplementer"):
        registry.safeTransferFrom(author, factory, song, sender=author)


def test_takes_no_money_along(registry, author, buyer, song):
    with reverts(registry, "CopyrightRegistry_UnwantedValue", value=1):
        registry.transferFrom(author, buyer, song, value=1, sender=author)
    with reverts(registry, "CopyrightRegistry_UnwantedValue", value=1):
        registry.safeTransferFrom(author, buyer, song, value=1, sender=author)
    with reverts(registry, "CopyrightRegistry_UnwantedValue", value=1):
        registry.approve(buyer, song, value=1, sender=author)


def test_certificate_of_an_unknown_work(registry):
    missing = b"\x07" * 32
    error = ("CopyrightRegistry_UnknownCertificate", {"certificate": missing})
    assert refusal(registry.certificateOf, missing) == error
