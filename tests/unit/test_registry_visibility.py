"""CopyrightRegistry.setVisibility and access."""

import ape
import pytest
from outcomes import reverts, said
from works import NOBODY, Visibility, certify, work


@pytest.fixture(scope="module")
def song(registry, author):
    return certify(registry, author, work("song", visibility=Visibility.PRIVATE))[0]


@pytest.mark.parametrize("visibility", list(Visibility))
def test_sets_it(registry, author, song, visibility):
    receipt = registry.setVisibility(song, visibility, sender=author)
    assert said(receipt, registry) == [
        ("VisibilityChanged", {"certificate": song, "visibility": visibility})
    ]
    assert registry.access(song) == (author.address, visibility)


def test_touches_nothing_else(registry, author, song):
    before = registry.certificateOf(song)
    for visibility in Visibility:
        registry.setVisibility(song, visibility, sender=author)
    registry.setVisibility(song, before.visibility, sender=author)
    assert registry.certificateOf(song) == before


def test_an_operator_may(registry, author, operator, song):
    registry.setApprovalForAll(operator, True, sender=author)
    registry.setVisibility(song, Visibility.OPEN, sender=operator)
    assert registry.access(song).visibility == Visibility.OPEN


def test_a_stranger_may_not_nor_who_is_approved_for_the_token(registry, author, stranger, song):
    for _ in range(2):
        with reverts(
            registry, "CopyrightRegistry_NotAuthorized", certificate=song, caller=stranger.address
        ):
            registry.setVisibility(song, Visibility.OPEN, sender=stranger)
        registry.approve(stranger, int.from_bytes(song), sender=author)


def test_an_unknown_certificate(registry, author):
    missing = b"\x07" * 32
    with reverts(registry, "CopyrightRegistry_UnknownCertificate", certificate=missing):
        registry.setVisibility(missing, Visibility.OPEN, sender=author)


def test_a_visibility_that_is_none_is_refused(registry, author, song):
    call = registry.setVisibility.encode_input(song, 3)
    with ape.reverts():
        author.transfer(registry, 0, data=bytes(call)[:-1] + b"\x04")
    assert registry.access(song).visibility == Visibility.PRIVATE


def test_access_never_reverts(registry):
    for unknown in (bytes(32), b"\xff" * 32, b"\x01" + bytes(31)):
        assert registry.access(unknown) == (NOBODY, Visibility.PRIVATE)
