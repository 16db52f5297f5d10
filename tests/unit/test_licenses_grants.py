"""LicenseManager: grant and revokeGrant."""

import pytest
from outcomes import reverts, said
from works import NOBODY, Visibility, certify, work


@pytest.fixture(scope="module")
def song(registry, author):
    return certify(registry, author, work("song", visibility=Visibility.PRIVATE))[0]


def told(certificate, account, by):
    return {"certificate": certificate, "account": account.address, "by": by.address}


def test_grants_and_revokes(licenses, author, buyer, song):
    assert not licenses.isGranted(song, buyer)
    receipt = licenses.grant(song, buyer, sender=author)
    assert said(receipt, licenses) == [("Granted", told(song, buyer, author))]
    assert licenses.isGranted(song, buyer)
    receipt = licenses.revokeGrant(song, buyer, sender=author)
    assert said(receipt, licenses) == [("GrantRevoked", told(song, buyer, author))]
    assert not licenses.isGranted(song, buyer)


def test_again_changes_nothing(licenses, author, buyer, song):
    for _ in range(2):
        licenses.grant(song, buyer, sender=author)
        assert licenses.isGranted(song, buyer)
    for _ in range(2):
        licenses.revokeGrant(song, buyer, sender=author)
        assert not licenses.isGranted(song, buyer)


def test_is_of_one_account_and_one_certificate(registry, licenses, author, buyer, stranger, song):
    other = certify(registry, author, work("other"))[0]
    licenses.grant(song, buyer, sender=author)
    assert not licenses.isGranted(song, stranger)
    assert not licenses.isGranted(other, buyer)


def test_survives_a_transfer_and_the_new_owner_may_revoke(
    registry, licenses, author, buyer, stranger, song
):
    licenses.grant(song, buyer, sender=author)
    registry.transferFrom(author, stranger, int.from_bytes(song), sender=author)
    assert licenses.hasAccess(song, buyer, 0)
    with reverts(
        licenses, "LicenseManager_NotCertificateOwner", certificate=song, caller=author.address
    ):
        licenses.revokeGrant(song, buyer, sender=author)
    receipt = licenses.revokeGrant(song, buyer, sender=stranger)
    assert said(receipt, licenses) == [("GrantRevoked", told(song, buyer, stranger))]
    assert not licenses.hasAccess(song, buyer, 0)


@pytest.mark.parametrize("method", ["grant", "revokeGrant"])
class TestRefuses:
    def test_others_operators_too(self, registry, licenses, author, operator, song, method):
        registry.setApprovalForAll(operator, True, sender=author)
        with reverts(
            licenses,
            "LicenseManager_NotCertificateOwner",
            certificate=song,
            caller=operator.address,
        ):
            getattr(licenses, method)(song, operator, sender=operator)

    def test_an_unknown_certificate(self, licenses, author, method):
        missing = b"\x07" * 32
        with reverts(licenses, "LicenseManager_UnknownCertificate", certificate=missing):
            getattr(licenses, method)(missing, author, sender=author)


def test_nobody_is_not_granted(licenses, author, song):
    with reverts(licenses, "LicenseManager_ZeroRecipient"):
        licenses.grant(song, NOBODY, sender=author)
