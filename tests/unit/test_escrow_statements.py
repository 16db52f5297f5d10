"""StreamingEscrow.record: who signed, for what, and that a bad statement harms no other."""

import pytest
from eth_utils import keccak, to_checksum_address
from outcomes import said
from plays import (
    DEVICE,
    ETH,
    KEY,
    ONE,
    ORDER,
    Rejection,
    Skip,
    digest,
    fund,
    revert_data,
    signed,
)
from works import certify, work

from immurtal.chain.wallet import LocalKey

OTHER = LocalKey(keccak(text="another device"))


@pytest.fixture(scope="module")
def song(registry, author):
    (song,) = certify(registry, author, work("song"))
    return song


@pytest.fixture
def funded(escrow, buyer):
    fund(escrow, buyer, ONE)


def recorded(escrow, listener, certificate, device=DEVICE):
    return tuple(escrow.recordedOf(listener, device, ETH, certificate))


def compact(signature):
    """The 64 bytes of ERC-2098."""
    r, s, v = signature[:32], int.from_bytes(signature[32:64]), signature[64]
    return r + (s | (v - 27) << 255).to_bytes(32)


def twin(signature):
    """The other signature that the same key's holder, or anyone, can give."""
    s = ORDER - int.from_bytes(signature[32:64])
    return signature[:32] + s.to_bytes(32) + bytes([55 - signature[64]])


def test_signatures_that_are_none(escrow, buyer, stranger, song, funded):
    statement, good = signed(escrow, buyer, [(song, 1, 5)])
    bad = [
        b"",
        good[:63],
        good[:64] + b"\x00" * 2,
        good + b"\x00",
        good[:64] + b"\x00",
        good[:64] + b"\x1d",
        bytes(65),
        bytes(64),
        good[:32] + ORDER.to_bytes(32) + good[64:],
    ]
    receipt = escrow.record([(statement, signature) for signature in bad], sender=stranger)
    assert said(receipt, escrow) == [
        ("StatementRejected", {"index": i, "reason": Rejection.INVALID_SIGNATURE})
        for i in range(len(bad))
    ]
    assert recorded(escrow, buyer, song) == (0, 0)


@pytest.mark.parametrize("form", [compact, twin, lambda signature: compact(twin(signature))])
def test_every_form_of_a_signature_is_the_same(escrow, buyer, stranger, song, funded, form):
    """All are the device's; none takes more than the first."""
    statement, signature = signed(escrow, buyer, [(song, 1, 5)])
    escrow.record([(statement, form(signature)), (statement, signature)], sender=stranger)
    assert recorded(escrow, buyer, song) == (1, 5)
    assert escrow.available(buyer, DEVICE, ETH) == ONE - 5


def another_contract(escrow, registry, buyer, song):
    return KEY.sign_digest(digest(registry, buyer, [(song, 1, 5)]))


def another_chain(escrow, registry, buyer, song):
    return KEY.sign_digest(digest(escrow, buyer, [(song, 1, 5)], chain_id=1))


def another_listener(escrow, registry, buyer, song):
    return KEY.sign_digest(digest(escrow, registry, [(song, 1, 5)]))


def another_token(escrow, registry, buyer, song):
    return KEY.sign_digest(digest(escrow, buyer, [(song, 1, 5)], token=registry))


def another_amount(escrow, registry, buyer, song):
    return KEY.sign_digest(digest(escrow, buyer, [(song, 1, 4)]))


def more_plays(escrow, registry, buyer, song):
    return KEY.sign_digest(digest(escrow, buyer, [(song, 2, 5)]))


def another_certificate(escrow, registry, buyer, song):
    return KEY.sign_digest(digest(escrow, buyer, [(bytes(32), 1, 5)]))


def one_entry_more(escrow, registry, buyer, song):
    return KEY.sign_digest(digest(escrow, buyer, [(song, 1, 5), (song, 1, 5)]))


def another_device(escrow, registry, buyer, song):
    return OTHER.sign_digest(digest(escrow, buyer, [(song, 1, 5)]))


@pytest.mark.parametrize(
    "sign",
    [
        another_contract,
        another_chain,
        another_listener,
        another_token,
        another_amount,
        more_plays,
        another_certificate,
        one_entry_more,
        another_device,
    ],
)
def test_what_the_device_did_not_sign_takes_nothing_of_its(
    escrow, registry, buyer, stranger, song, funded, sign
):
    """It is the signature of some other key, whose account is empty."""
    statement, _ = signed(escrow, buyer, [(song, 1, 5)])
    signature = sign(escrow, registry, buyer, song)
    receipt = escrow.record([(statement, signature)], sender=stranger)
    ((name, values),) = said(receipt, escrow)
    assert (name, values["reason"]) == ("EntrySkipped", Skip.BALANCE_TOO_LOW)
    assert values["device"] != DEVICE
    assert recorded(escrow, buyer, song) == (0, 0)
    assert escrow.available(buyer, DEVICE, ETH) == ONE


def test_the_zero_address_is_no_device(escrow, buyer, stranger, song):
    """Nobody funds it, and a failed recovery is not its signature."""
    statement, _ = signed(escrow, buyer, [(song, 1, 0)])
    escrow.record([(statement, bytes(65))], sender=stranger)
    assert recorded(escrow, buyer, song, ETH) == (0, 0)


def test_devices_and_listeners_have_their_own_accounts(escrow, buyer, stranger, song, funded):
    fund(escrow, stranger, 10)
    mine = signed(escrow, buyer, [(song, 3, 30)])
    theirs = signed(escrow, stranger, [(song, 1, 10)])
    other = signed(escrow, buyer, [(song, 2, 0)], key=OTHER)
    escrow.record([mine, theirs, other], sender=stranger)
    assert recorded(escrow, buyer, song) == (3, 30)
    assert recorded(escrow, stranger, song) == (1, 10)
    assert recorded(escrow, buyer, song, to_checksum_address(OTHER.address)) == (2, 0)


def test_256_entries_and_no_more(escrow, buyer, stranger, author, song, funded):
    entries = [(song, n, n) for n in range(1, 257)]
    full = signed(escrow, buyer, entries)
    (listener, token, _), signature = full
    over = ((listener, token, [*entries, (song, 257, 257)]), signature)
    receipt = escrow.record([over], sender=stranger)
    assert said(receipt, escrow) == [
        ("StatementRejected", {"index": 0, "reason": Rejection.TOO_MANY_ENTRIES})
    ]
    receipt = escrow.record([full], sender=stranger)
    ((name, values),) = said(receipt, escrow)
    assert name == "UsageRecorded"
    assert values["usages"] == [[song, 1, 1, author.address]] * 256
    assert recorded(escrow, buyer, song) == (256, 256)
    assert escrow.accruedOf(author, ETH) == 256


def test_too_many_entries_come_before_a_bad_signature(escrow, buyer, stranger, song):
    over = ((buyer.address, ETH, [(song, 1, 1)] * 257), b"")
    receipt = escrow.record([over], sender=stranger)
    assert said(receipt, escrow) == [
        ("StatementRejected", {"index": 0, "reason": Rejection.TOO_MANY_ENTRIES})
    ]


def test_a_bad_statement_harms_no_other(escrow, buyer, stranger, song, funded):
    statement, signature = signed(escrow, buyer, [(song, 1, 5)])
    later = signed(escrow, buyer, [(song, 2, 9)])
    too_many = ((buyer.address, ETH, [(song, 1, 1)] * 257), b"")
    batch = [too_many, (statement, signature), (statement, b""), (statement, signature), later]
    receipt = escrow.record(batch, sender=stranger)
    assert [name for name, _ in said(receipt, escrow)] == [
        "StatementRejected",
        "UsageRecorded",
        "StatementRejected",
        "EntrySkipped",
        "UsageRecorded",
    ]
    indices = [values["index"] for _, values in said(receipt, escrow) if "index" in values]
    assert indices == [0, 2]
    assert recorded(escrow, buyer, song) == (2, 9)
    assert escrow.available(buyer, DEVICE, ETH) == ONE - 9


@pytest.mark.parametrize(("word", "bits"), [(1, 64), (2, 128)])
def test_numbers_wider_than_their_types_are_no_statement(
    escrow, buyer, stranger, song, funded, word, bits
):
    """Whoever sends it made it so: it reverts as a whole, without a word."""
    entries = [(song, 1, 5)]
    statement, signature = signed(escrow, buyer, entries)
    data = bytearray(escrow.record.encode_input([(statement, signature)]))
    at = data.index(song) + 32 * word
    data[at + 31 - bits // 8] = 1
    method = escrow.record

    class Widened:
        contract = method.contract

        @staticmethod
        def encode_input():
            return bytes(data)

    # Its digest is another, so that an empty account's device "signed" it; money would not move.
    assert revert_data(Widened, sender=stranger) == b""
