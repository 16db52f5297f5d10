"""LicenseManager: createOffer, updateOffer, closeOffer, offerOf, uri."""

from hashlib import sha256
from typing import NamedTuple

import ape
import pytest
from multiformats import CID, multihash
from outcomes import plain, refusal, reverts, said
from works import NOBODY, SALT, Kind, Offer, Visibility, as_tuple, certify, offer_id, work

TERMS = sha256(b"the terms").digest()
PRICE = 10**16


@pytest.fixture(scope="module")
def songs(registry, author):
    return certify(registry, author, *[work(f"song {i}") for i in range(3)])


@pytest.fixture(scope="module")
def create(licenses, author):
    def send(offer, price=PRICE, max_supply=0, sender=author):
        return licenses.createOffer(as_tuple(offer), price, max_supply, sender=sender)

    return send


class State(NamedTuple):
    seller: str
    price: int
    max_supply: int
    sold: int
    open: bool
    closed: bool


def kept(licenses, number):
    """What the contract keeps of an offer: the fields that never change, and the state."""
    offer, state = (plain(value) for value in licenses.offerOf(number))
    return offer, State(*state)


def pass_of(songs, **fields):
    return Offer(songs, kind=Kind.PASS, duration=3600, **fields)


class TestCreate:
    def offers(self, songs, token):
        return {
            "one": Offer(songs[:1]),
            "album": Offer(songs, transferable=True, referral_bps=5000, terms=TERMS, salt=SALT),
            "pass": pass_of(songs, token=token.address),
            "play": Offer(songs, kind=Kind.PER_PLAY, token=token.address, terms=bytes(32)),
        }

    @pytest.mark.parametrize("name", ["one", "album", "pass", "play"])
    def test_keeps_and_says_everything(self, licenses, create, author, songs, token, name):
        offer = self.offers(songs, token)[name]
        receipt = create(offer, price=2**128 - 1, max_supply=2**64 - 1)
        number = offer.id(author)
        assert offer_id(receipt) == number
        assert said(receipt, licenses) == [
            (
                "OfferCreated",
                {
                    "offerId": number,
                    "seller": author.address,
                    "offer": list(as_tuple(offer)),
                    "price": 2**128 - 1,
                    "maxSupply": 2**64 - 1,
                },
            )
        ]
        state = State(author.address, 2**128 - 1, 2**64 - 1, sold=0, open=True, closed=False)
        assert kept(licenses, number) == (list(as_tuple(offer)), state)

    def test_64_certificates(self, registry, licenses, create, author):
        certificates = certify(registry, author, *[work(f"box {i}") for i in range(64)])
        number = offer_id(create(Offer(certificates)))
        assert kept(licenses, number)[0][0] == certificates

    def test_a_free_licence(self, licenses, create, songs):
        assert licenses.quote(offer_id(create(Offer(songs), price=0)), NOBODY) == (0, NOBODY, 0)

    @pytest.mark.parametrize("visibility", list(Visibility))
    def test_whatever_the_visibility(self, registry, create, author, songs, visibility):
        registry.setVisibility(songs[0], visibility, sender=author)
        create(Offer(songs))

    def test_none(self, licenses, create):
        with reverts(licenses, "LicenseManager_NoCertificates"):
            create(Offer([]))

    def test_65(self, licenses, create):
        with reverts(licenses, "LicenseManager_TooManyCertificates", count=65):
            create(Offer([i.to_bytes(32) for i in range(1, 66)]))

    def test_not_sorted(self, licenses, create, songs):
        with reverts(licenses, "LicenseManager_CertificatesNotSorted", index=2):
            create(Offer([songs[0], songs[2], songs[1]]))

    def test_twice_the_same(self, licenses, create, songs):
        with reverts(licenses, "LicenseManager_CertificatesNotSorted", index=1):
            create(Offer([songs[0], songs[0]]))

    def test_an_unknown_certificate(self, licenses, create, songs):
        missing = b"\xff" * 32
        with reverts(licenses, "LicenseManager_UnknownCertificate", certificate=missing):
            create(Offer([*songs, missing]))

    def test_somebody_else_s_certificate(self, registry, licenses, create, author, stranger, songs):
        registry.setApprovalForAll(stranger, True, sender=author)
        with reverts(
            licenses,
            "LicenseManager_NotCertificateOwner",
            certificate=songs[0],
            caller=stranger.address,
        ):
            create(Offer(songs), sender=stranger)

    def test_a_token_without_code(self, licenses, create, songs, stranger):
        with reverts(licenses, "LicenseManager_TokenHasNoCode", token=stranger.address):
            create(Offer(songs, token=stranger.address))

    def test_too_much_for_referrers(self, licenses, create, songs):
        with reverts(licenses, "LicenseManager_ReferralTooHigh", referralBps=5001):
            create(Offer(songs, referral_bps=5001))

    @pytest.mark.parametrize(
        ("kind", "duration"), [(Kind.PERPETUAL, 1), (Kind.PASS, 0), (Kind.PER_PLAY, 1)]
    )
    def test_a_duration_that_does_not_fit(self, licenses, create, songs, kind, duration):
        with reverts(
            licenses, "LicenseManager_DurationMismatch", kind=int(kind), duration=duration
        ):
            create(Offer(songs, kind=kind, duration=duration))

    def test_a_kind_that_is_none(self, licenses, author, songs):
        offer = Offer(songs, salt=b"\xaa" * 32)
        call = bytes(licenses.createOffer.encode_input(as_tuple(offer), 1, 0))
        kind = call.index(offer.salt) - 6 * 32
        assert int.from_bytes(call[kind : kind + 32]) == offer.kind
        with ape.reverts():
            author.transfer(licenses, 0, data=call[:kind] + (3).to_bytes(32) + call[kind + 32 :])
        author.transfer(licenses, 0, data=call)
        assert licenses.offerOf(offer.id(author))[0][1] == offer.kind

    def test_a_transferable_pass(self, licenses, create, songs):
        with reverts(licenses, "LicenseManager_TransferablePass"):
            create(pass_of(songs, transferable=True))

    def test_a_play_for_nothing(self, licenses, create, songs):
        with reverts(licenses, "LicenseManager_ZeroPerPlayPrice"):
            create(Offer(songs, kind=Kind.PER_PLAY), price=0)

    def test_the_same_again(self, licenses, create, author, songs):
        offer = Offer(songs)
        create(offer)
        with reverts(licenses, "LicenseManager_OfferExists", offerId=offer.id(author)):
            create(offer, price=1)
        create(offer.but(salt=SALT))

    def test_the_same_again_once_closed(self, licenses, create, author, songs):
        offer = Offer(songs)
        licenses.closeOffer(offer_id(create(offer)), sender=author)
        with reverts(licenses, "LicenseManager_OfferExists", offerId=offer.id(author)):
            create(offer)


@pytest.fixture(scope="module")
def offer(create, songs):
    return offer_id(create(Offer(songs, salt=b"\x01" * 32)))


class TestUpdate:
    def test_sets_price_supply_and_whether_it_is_open(self, licenses, author, offer):
        receipt = licenses.updateOffer(offer, 7, 8, False, sender=author)
        assert said(receipt, licenses) == [
            ("OfferUpdated", {"offerId": offer, "price": 7, "maxSupply": 8, "open": False})
        ]
        _, state = kept(licenses, offer)
        assert state == State(author.address, 7, 8, sold=0, open=False, closed=False)

    def test_keeps_the_rest(self, licenses, author, offer):
        before = kept(licenses, offer)
        licenses.updateOffer(offer, 2**128 - 1, 2**64 - 1, False, sender=author)
        licenses.updateOffer(offer, PRICE, 0, True, sender=author)
        assert kept(licenses, offer) == before

    def test_only_its_seller(self, registry, licenses, author, stranger, offer, songs):
        """Also where the certificate is not the seller's any more: it sleeps, and stays theirs."""
        for song in songs:
            registry.transferFrom(author, stranger, int.from_bytes(song), sender=author)
        with reverts(licenses, "LicenseManager_NotSeller", offerId=offer, caller=stranger.address):
            licenses.updateOffer(offer, 7, 8, True, sender=stranger)
        licenses.updateOffer(offer, 7, 8, True, sender=author)

    def test_an_unknown_offer(self, licenses, author):
        with reverts(licenses, "LicenseManager_UnknownOffer", offerId=7):
            licenses.updateOffer(7, 7, 8, True, sender=author)

    def test_a_closed_one(self, licenses, author, offer):
        licenses.closeOffer(offer, sender=author)
        with reverts(licenses, "LicenseManager_OfferClosed", offerId=offer):
            licenses.updateOffer(offer, 7, 8, True, sender=author)

    def test_a_play_for_nothing(self, licenses, create, author, songs):
        offer = offer_id(create(Offer(songs, kind=Kind.PER_PLAY)))
        with reverts(licenses, "LicenseManager_ZeroPerPlayPrice"):
            licenses.updateOffer(offer, 0, 0, True, sender=author)


class TestClose:
    def test_for_good(self, licenses, author, offer):
        receipt = licenses.closeOffer(offer, sender=author)
        assert said(receipt, licenses) == [("OfferClosed", {"offerId": offer})]
        _, state = kept(licenses, offer)
        assert state == State(author.address, PRICE, 0, sold=0, open=False, closed=True)

    def test_only_once(self, licenses, author, offer):
        licenses.closeOffer(offer, sender=author)
        with reverts(licenses, "LicenseManager_OfferClosed", offerId=offer):
            licenses.closeOffer(offer, sender=author)

    def test_only_its_seller(self, licenses, stranger, offer):
        with reverts(licenses, "LicenseManager_NotSeller", offerId=offer, caller=stranger.address):
            licenses.closeOffer(offer, sender=stranger)

    def test_an_unknown_offer(self, licenses, author):
        with reverts(licenses, "LicenseManager_UnknownOffer", offerId=7):
            licenses.closeOffer(7, sender=author)


class TestRead:
    @pytest.mark.parametrize("terms", [TERMS, bytes(32), b"\xff" * 32], ids=["t", "0", "f"])
    def test_uri_is_the_cid_of_the_terms(self, licenses, create, songs, terms):
        offer = offer_id(create(Offer(songs, terms=terms)))
        cid = CID("base32", 1, "raw", multihash.wrap(terms, "sha2-256"))
        assert licenses.uri(offer) == f"ipfs://{cid}"

    def test_an_unknown_offer(self, licenses):
        error = ("LicenseManager_UnknownOffer", {"offerId": 7})
        assert refusal(licenses.uri, 7) == error
        assert refusal(licenses.offerOf, 7) == error
