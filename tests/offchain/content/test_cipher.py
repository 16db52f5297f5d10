"""The cipher is Tink's to the byte, and notices every change."""

import hashlib
import io
import os

import pytest
import tink_judge
from hypothesis import given, settings
from hypothesis import strategies as st

from immurtal.content import cipher
from immurtal.content.cipher import SEGMENT, Header, SegmentDecryptor
from immurtal.content.encoding import b64u_decode, hex_decode
from immurtal.content.unixfs import LEAF
from immurtal.errors import BadInput, IntegrityError

KEY = bytes(range(32))
AAD = cipher.associated_data(31337, "0x" + "ab" * 20, b"\7" * 32, "audio/1.enc")
FIRST = SEGMENT - 56
REST = SEGMENT - 16
SIZES = [0, 1, FIRST - 1, FIRST, FIRST + 1, FIRST + REST - 1, FIRST + REST, FIRST + REST + 1]
SIZES += [SEGMENT, 2 * SEGMENT, 3 * SEGMENT + 5]


def pattern(size):
    """Byte i is i mod 251: no two segments are alike."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def encrypt(plain, key=KEY, aad=AAD, header=None):
    return list(cipher.encrypt_stream(key, aad, io.BytesIO(plain), header))


def opener(segments, key=KEY, aad=AAD):
    size = sum(map(len, segments))
    return SegmentDecryptor(key, aad, Header.parse(segments[0][:40]), size)


def decrypt(segments, **binding):
    decryptor = opener(segments, **binding)
    return b"".join(decryptor.decrypt(i, segment) for i, segment in enumerate(segments))


def cut(ciphertext):
    return [ciphertext[at : at + SEGMENT] for at in range(0, len(ciphertext), SEGMENT)]


@pytest.mark.parametrize("size", SIZES)
def test_tink_reads_what_we_write(size):
    ciphertext = b"".join(encrypt(pattern(size)))
    assert tink_judge.decrypt(KEY, AAD, ciphertext) == pattern(size)
    assert len(ciphertext) == cipher.cipher_size(size)


@pytest.mark.parametrize("size", SIZES)
def test_we_read_what_tink_writes(size):
    ciphertext = tink_judge.encrypt(KEY, AAD, pattern(size))
    assert cipher.plain_size(len(ciphertext)) == size
    assert decrypt(cut(ciphertext)) == pattern(size)


def test_segments_are_leaves():
    segments = encrypt(pattern(3 * SEGMENT))
    assert SEGMENT == LEAF
    assert [len(segment) for segment in segments[:-1]] == [LEAF] * 3
    assert segments[0][:1] == b"\x28"


def test_vectors(vectors):
    for case in vectors("cipher")["ciphertexts"]:
        aad = cipher.associated_data(
            case["chainId"], case["registry"], hex_decode(case["workHash"], 32), case["path"]
        )
        assert "0x" + aad.hex() == case["associatedData"]
        key, plain = hex_decode(case["key"], 32), pattern(case["plainBytes"])
        header = Header.parse(b64u_decode(case["header"], size=40))
        segments = encrypt(plain, key, aad, header)
        assert ["0x" + hashlib.sha256(s).hexdigest() for s in segments] == case["segments"]
        assert sum(map(len, segments)) == case["cipherBytes"]
        assert tink_judge.decrypt(key, aad, b"".join(segments)) == plain


def test_two_ciphertexts_of_one_plaintext_share_nothing():
    one, two = encrypt(b"x" * 99), encrypt(b"x" * 99)
    assert one[0][1:40] != two[0][1:40]
    assert one[0][40:] != two[0][40:]


@given(st.integers(0, 2**45))
def test_sizes_invert_each_other(size):
    assert cipher.plain_size(cipher.cipher_size(size)) == size


@given(st.integers(0, 10 * SEGMENT))
def test_a_ciphertext_size_has_a_plaintext_or_is_refused(size):
    try:
        plain = cipher.plain_size(size)
    except BadInput:
        return
    assert cipher.cipher_size(plain) == size


@pytest.mark.parametrize("size", [-1, 0, 55, SEGMENT + 1, SEGMENT + 16, 2 * SEGMENT + 16])
def test_sizes_that_no_ciphertext_has(size):
    with pytest.raises(BadInput, match="No ciphertext has"):
        cipher.plain_size(size)


@pytest.mark.parametrize("size", SIZES)
def test_ranges_cover_the_plaintext_in_order(size):
    segments = encrypt(pattern(size))
    decryptor = opener(segments)
    at = 0
    for i, segment in enumerate(segments):
        start, stop = decryptor.plain_range(i)
        assert start == at
        assert decryptor.decrypt(i, segment) == pattern(size)[start:stop]
        at = stop
    assert at == decryptor.plain_bytes == size
    assert decryptor.segments == len(segments)


@given(st.integers(0, 5 * SEGMENT - 1))
def test_the_segment_of_an_offset_holds_it(offset):
    decryptor = SegmentDecryptor(KEY, AAD, Header.fresh(), cipher.cipher_size(5 * SEGMENT))
    start, stop = decryptor.plain_range(cipher.segment_for_offset(offset))
    assert start <= offset < stop


LONG = encrypt(pattern(2 * SEGMENT + 100), header=Header(bytes(32), bytes(7)))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_flipped_byte_is_noticed_in_its_segment_and_only_there(data):
    """Whichever byte changes, its own segment is refused and every other is read as before."""
    i = data.draw(st.integers(0, len(LONG) - 1))
    at = data.draw(st.integers(0, len(LONG[i]) - 1))
    changed = bytearray(LONG[i])
    changed[at] ^= data.draw(st.integers(1, 255))
    decryptor = opener(LONG)
    with pytest.raises(IntegrityError):
        decryptor.decrypt(i, bytes(changed))
    for other in set(range(len(LONG))) - {i}:
        assert decryptor.decrypt(other, LONG[other])


def test_a_flipped_bit_in_every_byte_of_a_short_one_is_noticed():
    (segment,) = encrypt(b"every byte counts")
    decryptor = opener([segment])
    for at in range(len(segment)):
        changed = bytearray(segment)
        changed[at] ^= 1
        with pytest.raises(IntegrityError):
            decryptor.decrypt(0, bytes(changed))


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_any_truncation_is_noticed(data):
    """A ciphertext cut off at any place never yields all its segments, whole ones left or not."""
    whole = b"".join(LONG)
    end = data.draw(st.integers(40, len(whole) - 1) | st.sampled_from([SEGMENT, 2 * SEGMENT]))
    with pytest.raises((IntegrityError, BadInput)):
        decrypt(cut(whole[:end]))


@pytest.mark.parametrize("end", [41, SEGMENT - 1, SEGMENT + 1, 2 * SEGMENT + 7])
def test_a_truncated_segment_is_refused_where_the_size_is_known(end):
    pieces = cut(b"".join(LONG)[:end])
    with pytest.raises(IntegrityError, match=rf"Segment {len(pieces) - 1} has \d+ bytes"):
        opener(LONG).decrypt(len(pieces) - 1, pieces[-1])


@given(st.permutations(range(3)).filter(lambda order: order != [0, 1, 2]))
def test_segments_in_another_order_are_noticed(order):
    decryptor = opener(LONG)
    with pytest.raises(IntegrityError):
        b"".join(decryptor.decrypt(i, LONG[moved]) for i, moved in enumerate(order))


def test_a_segment_of_another_ciphertext_is_noticed():
    other = encrypt(pattern(2 * SEGMENT + 100))
    with pytest.raises(IntegrityError, match="Segment 1 does not decrypt"):
        opener(LONG).decrypt(1, other[1])
    with pytest.raises(IntegrityError, match="header is not the one announced"):
        opener(LONG).decrypt(0, other[0])


@pytest.mark.parametrize(
    "other",
    [
        (1, "0x" + "ab" * 20, b"\7" * 32, "audio/1.enc"),
        (31337, "0x" + "ac" * 20, b"\7" * 32, "audio/1.enc"),
        (31337, "0x" + "ab" * 20, b"\6" * 32, "audio/1.enc"),
        (31337, "0x" + "ab" * 20, b"\7" * 32, "audio/2.enc"),
    ],
)
def test_a_ciphertext_is_bound_to_its_place(other):
    segments = encrypt(b"mine")
    with pytest.raises(IntegrityError):
        decrypt(segments, aad=cipher.associated_data(*other))
    with pytest.raises(IntegrityError):
        decrypt(segments, key=os.urandom(32))


def test_inputs_that_cannot_be():
    with pytest.raises(BadInput, match="32 bytes, not 16"):
        encrypt(b"", key=bytes(16))
    with pytest.raises(BadInput):
        Header.parse(bytes(40))
    with pytest.raises(BadInput):
        Header.parse(b"\x28" * 41)
    with pytest.raises(BadInput):
        Header(bytes(32), bytes(8))
    with pytest.raises(BadInput):
        cipher.associated_data(0, "0x" + "ab" * 20, bytes(32), "p")
    with pytest.raises(BadInput):
        cipher.associated_data(1, "0x" + "ab" * 20, bytes(31), "p")
    with pytest.raises(BadInput, match="no segment 3"):
        opener(LONG).decrypt(3, b"")
    with pytest.raises(BadInput):
        opener(LONG).plain_range(-1)
    for measure in (cipher.cipher_size, cipher.segment_for_offset):
        with pytest.raises(BadInput, match="not negative"):
            measure(-1)
    with pytest.raises(BadInput, match="more than the cipher can number"):
        cipher.cipher_size(2**51)


def test_a_source_that_hands_out_little_at_a_time():
    class Slow(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 70_000))

    plain = pattern(FIRST + 10)
    assert decrypt(list(cipher.encrypt_stream(KEY, AAD, Slow(plain)))) == plain
