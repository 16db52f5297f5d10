"""LicenseManager.hasAccess, against the table of visibilities in words; and transfers of licences.

Relying on nothing: the owner always; everyone where Open; the granted where Private or Licensed.
Relying on an offer: who holds a unit of it (Perpetual) or has time left (Pass), unless Withdrawn.
"""

import pytest
from ape import chain
from outcomes import reverts, said
from works import NOBODY, Kind, Offer, Visibility, as_tuple, certify, offer_id, work

PRIVATE, LICENSED, OPEN, WITHDRAWN = Visibility


@pytest.fixture(scope="module")
def songs(registry, author):
    return certify(registry, author, *[work(f"song {i}") for i in range(5)])


@pytest.fixture(scope="module")
def create(licenses, author):
    def send(offer, price=0, max_supply=0):
        return offer_id(licenses.createOffer(as_tuple(offer), price, max_supply, sender=author))

    return send


@pytest.fixture(scope="module")
def licence(licenses, create, songs, buyer):
    """A perpetual licence of the first two songs that the buyer holds."""
    number = create(Offer(songs[:2]))
    licenses.purchase(number, buyer, NOBODY, 0, sender=buyer)
    return number


class TestRelyingOnNothing:
    @pytest.mark.parametrize("visibility", list(Visibility))
    def test_by_visibility(
        self, registry, licenses, author, buyer, operator, stranger, songs, licence, visibility
    ):
        song = songs[0]
        registry.setApprovalForAll(operator, True, sender=author)
        licenses.grant(song, stranger, sender=author)
        registry.setVisibility(song, visibility, sender=author)
        answers = {
            name: licenses.hasAccess(song, account, 0)
            for name, account in {
                "owner": author,
                "granted": stranger,
                "licensed": buyer,
                "operator": operator,
                "nobody": NOBODY,
            }.items()
        }
        everyone = visibility == OPEN
        assert answers == {
            "owner": True,
            "granted": visibility != WITHDRAWN,
            "licensed": everyone,
            "operator": everyone,
            "nobody": everyone,
        }

    def test_ownership_goes_with_the_certificate(self, registry, licenses, author, stranger, songs):
        registry.transferFrom(author, stranger, int.from_bytes(songs[0]), sender=author)
        assert licenses.hasAccess(songs[0], stranger, 0)
        assert not licenses.hasAccess(songs[0], author, 0)

    def test_nobody_has_access_to_what_is_unknown(self, licenses, author):
        for missing in (bytes(32), b"\x07" * 32, b"\xff" * 32):
            assert not licenses.hasAccess(missing, NOBODY, 0)
            assert not licenses.hasAccess(missing, author, 0)


class TestRelyingOnALicence:
    @pytest.mark.parametrize("visibility", list(Visibility))
    def test_by_visibility(
        self, registry, licenses, author, buyer, stranger, songs, licence, visibility
    ):
        song = songs[0]
        licenses.grant(song, stranger, sender=author)
        registry.setVisibility(song, visibility, sender=author)
        assert licenses.hasAccess(song, buyer, licence) == (visibility != WITHDRAWN)
        for other in (author, stranger, NOBODY):
            assert not licenses.hasAccess(song, other, licence)

    def test_wakes_after_a_withdrawal(self, registry, licenses, author, buyer, songs, licence):
        registry.setVisibility(songs[0], WITHDRAWN, sender=author)
        assert not licenses.hasAccess(songs[0], buyer, licence)
        assert licenses.hasAccess(songs[1], buyer, licence)
        registry.setVisibility(songs[0], PRIVATE, sender=author)
        assert licenses.hasAccess(songs[0], buyer, licence)

    def test_survives_a_sale_of_the_certificate_and_a_closed_offer(
        self, registry, licenses, author, buyer, stranger, songs, licence
    ):
        registry.transferFrom(author, stranger, int.from_bytes(songs[0]), sender=author)
        licenses.closeOffer(licence, sender=author)
        assert licenses.hasAccess(songs[0], buyer, licence)

    @pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
    def test_covers_the_offer_s_certificates_and_no_other(
        self, licenses, create, buyer, songs, count
    ):
        for first in range(6 - count):
            covered = songs[first : first + count]
            offer = create(Offer(covered, salt=b"\x01" * 32))
            licenses.purchase(offer, buyer, NOBODY, 0, sender=buyer)
            for song in songs:
                assert licenses.hasAccess(song, buyer, offer) == (song in covered)

    def test_covers_each_of_64(self, registry, licenses, create, author, buyer, songs):
        box = certify(registry, author, *[work(f"box {i}") for i in range(64)])
        offer = create(Offer(box))
        licenses.purchase(offer, buyer, NOBODY, 0, sender=buyer)
        assert all(licenses.hasAccess(song, buyer, offer) for song in box)
        assert not any(licenses.hasAccess(song, buyer, offer) for song in songs)

    def test_an_unknown_offer(self, licenses, author, buyer, songs):
        for account in (author, buyer, NOBODY):
            assert not licenses.hasAccess(songs[0], account, 7)
            assert not licenses.hasAccess(bytes(32), account, 7)

    def test_a_play_offer_gives_none(self, licenses, create, author, buyer, songs):
        offer = create(Offer(songs, kind=Kind.PER_PLAY), price=1)
        for account in (author, buyer):
            assert not licenses.hasAccess(songs[0], account, offer)


@pytest.fixture(scope="module")
def offer(create, songs):
    return create(Offer(songs[:2], kind=Kind.PASS, duration=3600))


@pytest.fixture
def ends(licenses, buyer, offer):
    """When the buyer's pass of the first two songs ends."""
    licenses.purchase(offer, buyer, NOBODY, 0, sender=buyer)
    return licenses.expiryOf(offer, buyer)


class TestRelyingOnAPass:
    def test_until_its_last_second(self, licenses, buyer, stranger, songs, offer, ends):
        assert ends == chain.blocks.head.timestamp + 3600
        assert licenses.hasAccess(songs[0], buyer, offer)
        assert not licenses.hasAccess(songs[2], buyer, offer)
        assert not licenses.hasAccess(songs[0], stranger, offer)
        chain.mine(timestamp=ends - 1)
        assert licenses.hasAccess(songs[0], buyer, offer)
        chain.mine(timestamp=ends)
        assert not licenses.hasAccess(songs[0], buyer, offer)

    def test_not_while_withdrawn(self, registry, licenses, author, buyer, songs, offer, ends):
        for visibility in Visibility:
            registry.setVisibility(songs[0], visibility, sender=author)
            assert licenses.hasAccess(songs[0], buyer, offer) == (visibility != WITHDRAWN)

    def test_who_never_had_one(self, licenses, buyer, songs, offer):
        assert licenses.expiryOf(offer, buyer) == 0
        assert not licenses.hasAccess(songs[0], buyer, offer)

    def test_it_does_not_move(self, licenses, buyer, stranger, offer, ends):
        with reverts(licenses, "LicenseManager_NotTransferable", offerId=offer):
            licenses.safeTransferFrom(buyer, stranger, offer, 1, b"", sender=buyer)


@pytest.fixture(scope="module")
def movable(licenses, create, songs, buyer):
    offer = create(Offer(songs[:1], transferable=True))
    licenses.purchase(offer, buyer, NOBODY, 0, sender=buyer)
    return offer


class TestTransfers:
    def test_access_moves_with_a_transferable_licence(
        self, licenses, buyer, stranger, songs, movable
    ):
        receipt = licenses.safeTransferFrom(buyer, stranger, movable, 1, b"", sender=buyer)
        assert said(receipt, licenses) == [
            (
                "TransferSingle",
                {
                    "operator": buyer.address,
                    "from": buyer.address,
                    "to": stranger.address,
                    "id": movable,
                    "amount": 1,
                },
            )
        ]
        assert licenses.hasAccess(songs[0], stranger, movable)
        assert not licenses.hasAccess(songs[0], buyer, movable)

    def test_a_licence_stays_unless_its_offer_says_so(self, licenses, buyer, stranger, licence):
        with reverts(licenses, "LicenseManager_NotTransferable", offerId=licence):
            licenses.safeTransferFrom(buyer, stranger, licence, 1, b"", sender=buyer)

    def test_nor_in_a_batch(self, licenses, buyer, stranger, licence, movable):
        with reverts(licenses, "LicenseManager_NotTransferable", offerId=licence):
            licenses.safeBatchTransferFrom(
                buyer, stranger, [movable, licence], [1, 1], b"", sender=buyer
            )
        licenses.safeBatchTransferFrom(buyer, stranger, [movable], [1], b"", sender=buyer)
        assert licenses.balanceOf(stranger, movable) == 1

    def test_a_stranger_takes_none(self, licenses, buyer, stranger, movable):
        with reverts(licenses, "NotOwnerNorApproved"):
            licenses.safeTransferFrom(buyer, stranger, movable, 1, b"", sender=stranger)
        receipt = licenses.setApprovalForAll(stranger, True, sender=buyer)
        assert said(receipt, licenses)[0][0] == "ApprovalForAll"
        licenses.safeTransferFrom(buyer, stranger, movable, 1, b"", sender=stranger)

    def test_a_stranger_moves_not_even_nothing(self, licenses, buyer, stranger, movable):
        """Of nobody's, where the hook takes it for minting, or of a holder's."""
        for holder in (NOBODY, buyer):
            with reverts(licenses, "NotOwnerNorApproved"):
                licenses.safeTransferFrom(holder, stranger, movable, 0, b"", sender=stranger)
            with reverts(licenses, "NotOwnerNorApproved"):
                licenses.safeBatchTransferFrom(
                    holder, stranger, [movable], [0], b"", sender=stranger
                )

    def test_nothing_of_what_stays_or_is_unknown(self, licenses, buyer, stranger, licence):
        for offer in (licence, 7):
            with reverts(licenses, "LicenseManager_NotTransferable", offerId=offer):
                licenses.safeTransferFrom(buyer, stranger, offer, 0, b"", sender=buyer)

    def test_to_oneself_changes_nothing(self, licenses, buyer, movable):
        licenses.safeTransferFrom(buyer, buyer, movable, 1, b"", sender=buyer)
        licenses.safeBatchTransferFrom(buyer, buyer, [movable] * 2, [1, 1], b"", sender=buyer)
        assert licenses.balanceOf(buyer, movable) == 1

    def test_none_that_is_not_held(self, licenses, stranger, buyer, movable):
        with reverts(licenses, "InsufficientBalance"):
            licenses.safeTransferFrom(stranger, buyer, movable, 1, b"", sender=stranger)
