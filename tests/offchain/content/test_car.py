"""Archives are Kubo's, and what is not a whole, honest one is refused."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immurtal.content.car import block_prefix, car_header, read_car, write_car
from immurtal.content.cid import DAG_PB, RAW, Cid, cid_of
from immurtal.content.unixfs import LEAF
from immurtal.errors import BadInput, ImmurtalError, IntegrityError

BLOCKS = [(cid_of(RAW, data), data) for data in (b"one", b"two", b"", bytes(300))]
ROOT = Cid(DAG_PB, bytes(range(32)))


def archive(blocks=BLOCKS, root=ROOT):
    out = io.BytesIO()
    assert write_car(root, blocks, out) == len(out.getvalue())
    return out.getvalue()


def read(data, **bounds):
    roots, blocks = read_car(io.BytesIO(data), **bounds)
    return roots, list(blocks)


def test_an_archive_reads_back():
    assert read(archive()) == ((ROOT,), BLOCKS)
    assert read(car_header(ROOT)) == ((ROOT,), [])


def test_vectors(vectors):
    case = vectors("car")
    blocks = [
        (Cid(block["codec"], bytes.fromhex(block["digest"][2:])), bytes.fromhex(block["data"][2:]))
        for block in case["blocks"]
    ]
    data = bytes.fromhex(case["car"][2:])
    root = Cid(DAG_PB, bytes.fromhex(case["root"][2:]))
    assert archive(blocks, root) == data
    assert read(data) == ((root,), blocks)


def test_kubo_writes_what_we_read_and_reads_what_we_write(kubo, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"".join(bytes([i]) * LEAF for i in range(3)) + b"end")
    root = kubo.add(path)
    exported = kubo("dag", "export", "--progress=false", root)
    roots, blocks = read(exported)
    assert [str(cid) for cid in roots] == [root]
    assert archive(blocks, roots[0]) == exported
    assert len(blocks) == 5
    imported = kubo("dag", "import", "--stats", stdin=exported).decode()
    assert f"Pinned root\t{root}\tsuccess" in imported
    assert "Imported 5 blocks" in imported


def test_a_changed_block_is_named():
    data = bytearray(archive())
    data[data.index(b"two")] ^= 1
    with pytest.raises(IntegrityError, match=BLOCKS[1][0].text):
        read(bytes(data))


def test_blocks_are_checked_as_they_are_read():
    data = bytearray(archive())
    data[-1] ^= 1
    _, blocks = read_car(io.BytesIO(bytes(data)))
    assert [next(blocks) for _ in range(3)] == BLOCKS[:3]
    with pytest.raises(IntegrityError):
        next(blocks)


def test_an_archive_cut_off_anywhere_but_between_blocks_is_refused():
    data = archive()
    ends = [len(archive(BLOCKS[:count])) for count in range(len(BLOCKS) + 1)]
    for end in range(len(data)):
        if end in ends:
            assert len(read(data[:end])[1]) == ends.index(end)
        else:
            with pytest.raises(BadInput):
                read(data[:end])


def test_a_block_too_large_is_refused_before_it_is_read():
    class Counting(io.BytesIO):
        taken = 0

        def read(self, size=-1):
            self.taken += size
            return super().read(size)

    big = bytes(LEAF + 1)
    stream = Counting(car_header(ROOT) + block_prefix(cid_of(RAW, big), len(big)) + big)
    with pytest.raises(BadInput, match="at most 262144 fit"):
        list(read_car(stream, max_block=LEAF)[1])
    assert stream.taken < 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\x80\x80\x80\x80\x80\x01",
        b"\xba\x00" + car_header(ROOT)[1:],
        car_header(ROOT).replace(b"version\x01", b"version\x02"),
        car_header(ROOT) + b"\x01\x00",
        car_header(ROOT) + b"\x00",
        car_header(ROOT) + b"\x24" + b"\x01\x71" + BLOCKS[0][0].bytes[2:],
        b"\x0a\xa1\x67version\x02",
    ],
)
def test_what_is_no_archive(data):
    with pytest.raises(BadInput):
        read(data)


@given(st.integers(0, len(archive()) - 1), st.integers(1, 255))
def test_any_changed_byte_is_noticed(at, change):
    """Whatever byte changes: a typed error, or another root or block name, never other bytes."""
    data = bytearray(archive())
    data[at] ^= change
    try:
        roots, blocks = read(bytes(data))
    except ImmurtalError:
        return
    assert roots != (ROOT,) or [cid for cid, _ in blocks] != [cid for cid, _ in BLOCKS]
    assert all(cid_of(cid.codec, block) == cid for cid, block in blocks)
