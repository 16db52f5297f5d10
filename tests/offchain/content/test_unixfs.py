"""The DAG is the one that Kubo makes, and a hostile one is refused at no cost."""

import contextlib
import io
import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from immurtal.content.cid import DAG_PB, RAW, cid_of, parse_cid
from immurtal.content.dag_pb import Kind, Node, NodeLink, decode_node, encode_node
from immurtal.content.unixfs import (
    FANOUT,
    LEAF,
    FileBuilder,
    build_directory,
    build_file,
    leaves_of,
    leaves_of_async,
    plan_directory,
    resolve,
    resolve_async,
    run,
)
from immurtal.errors import BadInput, IntegrityError, NotFound


class Blocks(dict):
    """A block store: a sink, and something to get from."""

    def sink(self, cid, block):
        self[cid] = bytes(block)

    async def get(self, cid):
        return self[cid]

    def put(self, node):
        block = encode_node(node)
        cid = cid_of(DAG_PB, block)
        self[cid] = block
        return cid


def repeated(leaves, sink):
    """A file of equal zero leaves; hashes one only."""
    builder = FileBuilder(sink)
    leaf = cid_of(RAW, bytes(LEAF))
    for _ in range(leaves):
        builder.feed_hashed(leaf, LEAF)
    return builder.finish()


def test_vectors(vectors):
    for case in vectors("unixfs")["files"]:
        blocks = Blocks()
        link = repeated(case["leaves"], blocks.sink)
        assert (link.cid.text, link.tsize) == (case["cid"], case["tsize"])
        leaf = parse_cid(vectors("unixfs")["leaf"])
        assert leaves_of(link.cid, blocks.__getitem__) == [leaf] * case["leaves"]


@pytest.mark.parametrize(
    "size", [0, 1, LEAF - 1, LEAF, LEAF + 1, 2 * LEAF, 174 * LEAF, 174 * LEAF + 1]
)
def test_kubo_names_files_the_same(kubo, tmp_path, size):
    path = tmp_path / "file"
    path.write_bytes(bytes(i % 251 for i in range(LEAF)) * (size // LEAF) + b"\7" * (size % LEAF))
    with path.open("rb") as stream:
        assert build_file(stream, lambda *_: None).cid.text == kubo.add(path)


def test_kubo_names_directories_the_same_and_reads_them(kubo, vectors, tmp_path):
    contents = {"audio/1.enc": b"hi\n", "audio/2.enc": bytes(2 * LEAF), "metadata.json": b"{}\n"}
    blocks = Blocks()
    links = {}
    for path, data in contents.items():
        (tmp_path / "release" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "release" / path).write_bytes(data)
        links[path] = build_file(io.BytesIO(data), blocks.sink)
    root = build_directory(links, blocks.sink)
    assert root.cid.text == kubo.add(tmp_path / "release") == vectors("unixfs")["directory"]["cid"]
    stat = json.loads(kubo("files", "stat", "--enc=json", f"/ipfs/{root.cid}"))
    assert root.tsize == stat["CumulativeSize"]
    for cid, block in blocks.items():
        assert kubo("block", "get", cid.text) == block
    for path in contents:
        assert resolve(root.cid, path, blocks.__getitem__) == links[path].cid
    assert set(run(plan_directory(root.cid), blocks.__getitem__)) == {"audio", "metadata.json"}


def test_a_directory_takes_a_directory_that_is_not_at_hand():
    blocks = Blocks()
    file = build_file(io.BytesIO(b"x"), blocks.sink)
    whole = build_directory({"audio/1.enc": file, "a": file}, blocks.sink)
    audio = run(plan_directory(whole.cid), blocks.__getitem__)["audio"]
    assert build_directory({"audio": audio, "a": file}, lambda *_: None) == whole


def test_names_are_in_byte_order(kubo, tmp_path):
    names = ["ö", "z", "Z", "a.b", "a", "a0", "日本", "\U0001f3b5", "\uffee"]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    link = build_file(io.BytesIO(b"x"), lambda *_: None)
    assert build_directory(dict.fromkeys(names, link), lambda *_: None).cid.text == kubo.add(
        tmp_path
    )


async def test_blocks_that_have_to_be_awaited():
    blocks = Blocks()
    link = repeated(175, blocks.sink)
    root = build_directory({"audio/1.enc": link}, blocks.sink)
    assert await resolve_async(root.cid, "audio/1.enc", blocks.get) == link.cid
    assert len(await leaves_of_async(link.cid, blocks.get, 175 * LEAF)) == 175


def test_memory_stays_bounded_however_long_the_file():
    tracemalloc.start()
    repeated(FANOUT**2 + 1, lambda *_: None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_short_leaf_is_the_last():
    builder = FileBuilder(lambda *_: None)
    builder.feed(b"short")
    with pytest.raises(BadInput, match="but the last"):
        builder.feed(b"more")
    with pytest.raises(BadInput):
        FileBuilder(lambda *_: None).feed(bytes(LEAF + 1))


@pytest.mark.parametrize("paths", [["/a"], ["a/"], ["a//b"], ["../a"], ["."], [""], ["a", "a/b"]])
def test_paths_that_no_release_has(paths):
    link = build_file(io.BytesIO(b""), lambda *_: None)
    with pytest.raises(BadInput):
        build_directory(dict.fromkeys(paths, link), lambda *_: None)


def test_a_directory_of_too_many_names():
    link = build_file(io.BytesIO(b""), lambda *_: None)
    with pytest.raises(BadInput, match="at most 1024 names"):
        build_directory({str(i): link for i in range(1025)}, lambda *_: None)


def test_a_path_that_is_not_there():
    blocks = Blocks()
    link = build_file(io.BytesIO(b"x"), blocks.sink)
    root = build_directory({"audio/1.enc": link}, blocks.sink)
    for path in ("nothing", "audio/2.enc", "audio/1.enc/deeper"):
        with pytest.raises(NotFound, match=path):
            resolve(root.cid, path, blocks.__getitem__)
    with pytest.raises(BadInput, match="at most 8 names"):
        resolve(root.cid, "a/" * 8 + "a", blocks.__getitem__)


def test_a_lying_source_is_named():
    blocks = Blocks()
    link = repeated(2, blocks.sink)
    with pytest.raises(IntegrityError, match=link.cid.text):
        leaves_of(link.cid, lambda cid: b"something else")


def hostile(blocks):
    """Trees that are no file of a release, each with why."""
    leaf = cid_of(RAW, bytes(LEAF))

    def node(*links):
        return Node(
            Kind.FILE,
            tuple(NodeLink("", cid, size) for cid, size in links),
            tuple(size for _, size in links),
        )

    bomb, size = blocks.put(node((leaf, LEAF), (leaf, LEAF))), 2 * LEAF
    for _ in range(40):
        bomb, size = blocks.put(node((bomb, size), (bomb, size))), 2 * size
    yield bomb, "a size that cannot be"
    two = blocks.put(node((leaf, LEAF), (leaf, LEAF)))
    yield blocks.put(node((two, 2 * LEAF), (leaf, LEAF))), "balanced"
    yield blocks.put(node((two, LEAF), (leaf, LEAF))), "wrong depth"
    yield blocks.put(node((leaf, 1), (leaf, LEAF))), "balanced"
    yield blocks.put(node((leaf, LEAF))), "a size that cannot be"
    yield blocks.put(node(*[(leaf, LEAF)] * 175)), "is not a file"
    yield blocks.put(node()), "is not a file"
    yield blocks.put(Node(Kind.DIRECTORY, ())), "is not a file"
    yield blocks.put(node((two, 174 * LEAF), (two, LEAF))), "not 45613056 as said above"


def test_hostile_trees_are_refused():
    blocks = Blocks()
    for root, why in hostile(blocks):
        with pytest.raises(BadInput, match=why):
            leaves_of(root, blocks.__getitem__)


def test_a_file_of_another_size_is_refused():
    blocks = Blocks()
    link = repeated(2, blocks.sink)
    with pytest.raises(BadInput, match="not 5"):
        leaves_of(link.cid, blocks.__getitem__, 5)
    with pytest.raises(BadInput, match="several leaves"):
        leaves_of(cid_of(RAW, b""), blocks.__getitem__, LEAF + 1)


def test_a_file_is_not_a_directory():
    blocks = Blocks()
    link = repeated(2, blocks.sink)
    with pytest.raises(BadInput, match="not a directory"):
        run(plan_directory(link.cid), blocks.__getitem__)


NODES = st.one_of(
    st.builds(
        lambda sizes: Node(
            Kind.FILE,
            tuple(NodeLink("", cid_of(RAW, str(s).encode()), s) for s in sizes),
            tuple(sizes),
        ),
        st.lists(st.integers(0, 2**62), max_size=5),
    ),
    st.builds(
        lambda names: Node(
            Kind.DIRECTORY,
            tuple(
                NodeLink(n, cid_of(RAW, n.encode()), len(n)) for n in sorted(names, key=str.encode)
            ),
        ),
        st.sets(
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9), max_size=5
        ),
    ),
)


@given(NODES.filter(lambda node: node.file_size < 2**63))
def test_a_node_reads_back(node):
    assert decode_node(encode_node(node)) == node


@settings(max_examples=400)
@given(NODES.filter(lambda node: node.file_size < 2**63), st.data())
def test_a_node_has_one_spelling(node, data):
    """Whatever decodes, encodes to the same bytes: a changed block is refused or another node."""
    block = bytearray(encode_node(node))
    at = data.draw(st.integers(0, len(block) - 1))
    block[at] ^= data.draw(st.integers(1, 255))
    try:
        changed = decode_node(bytes(block))
    except BadInput:
        return
    assert changed != node
    assert encode_node(changed) == block


@given(st.binary(max_size=200))
def test_noise_is_refused_with_the_typed_error(noise):
    with contextlib.suppress(BadInput):
        assert encode_node(decode_node(noise)) == noise


def test_an_oversized_node_is_refused():
    with pytest.raises(BadInput, match="more than 2097152"):
        decode_node(bytes(2 * 1024 * 1024 + 1))


def test_names_out_of_order_are_refused():
    link = cid_of(RAW, b"")
    for names in (["b", "a"], ["a", "a"], [""]):
        node = Node(Kind.DIRECTORY, tuple(NodeLink(name, link, 0) for name in names))
        with pytest.raises(BadInput, match="in order"):
            decode_node(encode_node(node))
