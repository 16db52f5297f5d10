"""CopyrightRegistry.publishRelease and tokenURI."""

from hashlib import sha256

import pytest
from multiformats import CID, multihash
from outcomes import refusal, reverts, said
from works import certify, work

NEXT = sha256(b"release 2").digest()


@pytest.fixture(scope="module")
def song(registry, author):
    return certify(registry, author, work("song"))[0]


@pytest.mark.parametrize("by", ["author", "operator"])
def test_publishes_the_next_version(registry, author, operator, song, by):
    registry.setApprovalForAll(operator, True, sender=author)
    account = {"author": author, "operator": operator}[by]
    receipt = registry.publishRelease(song, NEXT, sender=account)
    assert said(receipt, registry) == [
        ("ReleasePublished", {"certificate": song, "release": NEXT, "version": 2}),
        ("MetadataUpdate", {"tokenId": int.from_bytes(song)}),
    ]
    certificate = registry.certificateOf(song)
    assert (certificate.release, certificate.version) == (NEXT, 2)


def test_versions_only_grow(registry, author, song):
    for version in (2, 3, 4):
        registry.publishRelease(song, NEXT, sender=author)
        assert registry.certificateOf(song).version == version


def test_leaves_the_past_alone(registry, author, song):
    before = registry.certificateOf(song)
    registry.publishRelease(song, NEXT, sender=author)
    after = registry.certificateOf(song)
    assert (after.author, after.committedAt, after.registeredAt) == (
        before.author,
        before.committedAt,
        before.registeredAt,
    )


def test_a_stranger_may_not(registry, stranger, song):
    with reverts(
        registry, "CopyrightRegistry_NotAuthorized", certificate=song, caller=stranger.address
    ):
        registry.publishRelease(song, NEXT, sender=stranger)


def test_who_is_approved_for_the_token_may_only_transfer_it(registry, author, stranger, song):
    number = int.from_bytes(song)
    registry.approve(stranger, number, sender=author)
    with reverts(
        registry, "CopyrightRegistry_NotAuthorized", certificate=song, caller=stranger.address
    ):
        registry.publishRelease(song, NEXT, sender=stranger)
    registry.transferFrom(author, stranger, number, sender=stranger)
    assert registry.ownerOf(number) == stranger.address


def test_the_author_may_not_once_it_is_sold(registry, author, stranger, song):
    registry.transferFrom(author, stranger, int.from_bytes(song), sender=author)
    with reverts(
        registry, "CopyrightRegistry_NotAuthorized", certificate=song, caller=author.address
    ):
        registry.publishRelease(song, NEXT, sender=author)
    registry.publishRelease(song, NEXT, sender=stranger)
    assert registry.certificateOf(song).author == author.address


def test_refuses_an_empty_release(registry, author, song):
    with reverts(registry, "CopyrightRegistry_ZeroRelease", certificate=song):
        registry.publishRelease(song, bytes(32), sender=author)


def test_refuses_an_unknown_certificate(registry, author):
    with reverts(registry, "CopyrightRegistry_UnknownCertificate", certificate=NEXT):
        registry.publishRelease(NEXT, NEXT, sender=author)


@pytest.mark.parametrize(
    "digest",
    [bytes(31) + b"\x01", b"\xff" * 32, b"\x80" + bytes(31), sha256(b"any").digest(), NEXT],
    ids=lambda digest: digest.hex()[:8],
)
def test_token_uri_is_the_release_s_cid(registry, author, song, digest):
    registry.publishRelease(song, digest, sender=author)
    cid = CID("base32", 1, "dag-pb", multihash.wrap(digest, "sha2-256"))
    assert registry.tokenURI(int.from_bytes(song)) == f"ipfs://{cid}/metadata.json"


def test_token_uri_of_an_unknown_certificate(registry):
    error = ("CopyrightRegistry_UnknownCertificate", {"certificate": NEXT})
    assert refusal(registry.tokenURI, int.from_bytes(NEXT)) == error
