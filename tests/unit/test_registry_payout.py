"""CopyrightRegistry: where money goes: setPayout, lockPayout, payoutOf, royaltyInfo."""

import pytest
from outcomes import reverts, said
from works import NOBODY, certify, work


@pytest.fixture(scope="module")
def song(registry, author):
    return certify(registry, author, work("song"))[0]


@pytest.fixture(scope="module")
def split(create_split, author, operator):
    return create_split({author.address: 5000, operator.address: 5000}).address


class TestSetPayout:
    @pytest.mark.parametrize("by", ["author", "operator"])
    def test_sets_it(self, registry, author, operator, stranger, song, by):
        registry.setApprovalForAll(operator, True, sender=author)
        account = {"author": author, "operator": operator}[by]
        receipt = registry.setPayout(song, stranger, sender=account)
        assert said(receipt, registry) == [
            ("PayoutChanged", {"certificate": song, "payout": stranger.address})
        ]
        assert registry.payoutOf(song) == stranger.address
        assert registry.certificateOf(song).payout == stranger.address

    def test_zero_is_whoever_owns_it(self, registry, author, stranger, song):
        registry.setPayout(song, stranger, sender=author)
        registry.setPayout(song, NOBODY, sender=author)
        assert registry.payoutOf(song) == author.address
        assert registry.certificateOf(song).payout == NOBODY
        registry.transferFrom(author, stranger, int.from_bytes(song), sender=author)
        assert registry.payoutOf(song) == stranger.address

    def test_a_transfer_keeps_it(self, registry, author, buyer, stranger, song):
        registry.setPayout(song, stranger, sender=author)
        registry.transferFrom(author, buyer, int.from_bytes(song), sender=author)
        assert registry.payoutOf(song) == stranger.address

    def test_others_may_not(self, registry, author, stranger, song):
        registry.approve(stranger, int.from_bytes(song), sender=author)
        with reverts(
            registry, "CopyrightRegistry_NotAuthorized", certificate=song, caller=stranger.address
        ):
            registry.setPayout(song, stranger, sender=stranger)

    def test_an_unknown_certificate(self, registry, author):
        missing = b"\x07" * 32
        with reverts(registry, "CopyrightRegistry_UnknownCertificate", certificate=missing):
            registry.setPayout(missing, author, sender=author)

    def test_not_once_it_is_locked(self, registry, author, song, split):
        registry.setPayout(song, split, sender=author)
        registry.lockPayout(song, split, sender=author)
        for payout in (author.address, NOBODY, split):
            with reverts(registry, "CopyrightRegistry_PayoutIsLocked", certificate=song):
                registry.setPayout(song, payout, sender=author)


class TestLockPayout:
    def test_locks_it_for_ever(self, registry, author, song, split):
        registry.setPayout(song, split, sender=author)
        before = registry.certificateOf(song)
        receipt = registry.lockPayout(song, split, sender=author)
        assert said(receipt, registry) == [("PayoutLocked", {"certificate": song, "payout": split})]
        after = registry.certificateOf(song)
        assert after.payoutLocked
        assert (after.owner, after.visibility, after.committedAt, after.registeredAt) == (
            before.owner,
            before.visibility,
            before.committedAt,
            before.registeredAt,
        )

    def test_stays_locked_through_other_changes(self, registry, author, buyer, song, split):
        registry.setPayout(song, split, sender=author)
        registry.lockPayout(song, split, sender=author)
        registry.setVisibility(song, 3, sender=author)
        registry.publishRelease(song, b"\x02" * 32, sender=author)
        registry.transferFrom(author, buyer, int.from_bytes(song), sender=author)
        with reverts(registry, "CopyrightRegistry_PayoutIsLocked", certificate=song):
            registry.setPayout(song, buyer, sender=buyer)
        assert registry.payoutOf(song) == split

    def test_only_once(self, registry, author, song, split):
        registry.setPayout(song, split, sender=author)
        registry.lockPayout(song, split, sender=author)
        with reverts(registry, "CopyrightRegistry_PayoutIsLocked", certificate=song):
            registry.lockPayout(song, split, sender=author)

    def test_no_operator(self, registry, author, operator, song, split):
        registry.setApprovalForAll(operator, True, sender=author)
        registry.setPayout(song, split, sender=operator)
        with reverts(
            registry, "CopyrightRegistry_NotOwner", certificate=song, caller=operator.address
        ):
            registry.lockPayout(song, split, sender=operator)

    def test_an_operator_who_changes_it_just_before_gets_nothing_locked(
        self, registry, create_split, author, operator, song, split
    ):
        mine = create_split({operator.address: 10_000}).address
        registry.setApprovalForAll(operator, True, sender=author)
        registry.setPayout(song, mine, sender=operator)
        with reverts(
            registry,
            "CopyrightRegistry_PayoutNotExpected",
            certificate=song,
            expected=split,
            actual=mine,
        ):
            registry.lockPayout(song, split, sender=author)

    def test_only_a_split_of_our_factory(self, project, registry, deployer, author, song):
        foreign = project.RoyaltySplitFactory.deploy(sender=deployer)
        other = foreign.create([author], [10_000], sender=deployer).return_value
        for payout in (author.address, other, registry.address):
            registry.setPayout(song, payout, sender=author)
            with reverts(
                registry, "CopyrightRegistry_PayoutNotSplit", certificate=song, payout=payout
            ):
                registry.lockPayout(song, payout, sender=author)

    def test_no_payout_is_no_split(self, registry, author, song):
        with reverts(registry, "CopyrightRegistry_PayoutNotSplit", certificate=song, payout=NOBODY):
            registry.lockPayout(song, NOBODY, sender=author)

    def test_no_split_before_it_is_created(self, registry, factory, author, song):
        planned = factory.predict([author], [10_000])
        registry.setPayout(song, planned, sender=author)
        with reverts(
            registry, "CopyrightRegistry_PayoutNotSplit", certificate=song, payout=planned
        ):
            registry.lockPayout(song, planned, sender=author)

    def test_an_unknown_certificate(self, registry, author, split):
        missing = b"\x07" * 32
        with reverts(registry, "CopyrightRegistry_UnknownCertificate", certificate=missing):
            registry.lockPayout(missing, split, sender=author)


class TestRoyaltyInfo:
    @pytest.mark.parametrize("price", [0, 9, 10, 12_345, 2**256 - 1])
    def test_is_a_tenth_to_the_payout_or_the_owner(self, registry, author, song, split, price):
        number = int.from_bytes(song)
        assert registry.royaltyInfo(number, price) == (author.address, price // 10)
        registry.setPayout(song, split, sender=author)
        assert registry.royaltyInfo(number, price) == (split, price // 10)

    def test_of_an_unknown_certificate_is_nothing(self, registry):
        assert registry.royaltyInfo(7, 1000) == (NOBODY, 0)


def test_payout_of_an_unknown_certificate_is_nobody(registry):
    assert registry.payoutOf(b"\x07" * 32) == NOBODY
