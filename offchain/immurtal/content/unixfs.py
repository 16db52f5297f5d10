"""The DAG that FORMATS pins down: files as balanced trees of 256 KiB raw leaves, plain directories.

Same CIDs as `ipfs add --cid-version=1 --raw-leaves --chunker=size-262144`. Writing keeps one open
node a level; reading trusts nothing: blocks are checked against their CIDs, and a tree must have
exactly the shape that its size demands, so a hostile one costs no more than an honest one.
"""

from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from immurtal.content.cid import DAG_PB, RAW, Cid, check_block, cid_of
from immurtal.content.dag_pb import Kind, Node, NodeLink, decode_node, encode_node
from immurtal.content.streams import Readable, read_up_to
from immurtal.errors import BadInput, NotFound

LEAF: Final = 262_144
"""Bytes of every leaf but the last."""
FANOUT: Final = 174
"""Most links of one node of a file."""
LEAVES_LIMIT: Final = 65_536
"""Most leaves that are planned for one file: 16 GiB."""
DIRECTORY_LIMIT: Final = 1024
"""Most names in one directory; Kubo would shard one only far beyond it."""
DEPTH_LIMIT: Final = 8
"""Most names in a path."""

Sink = Callable[[Cid, bytes], None]
"""Is handed each block once; children before parents."""
GetBlock = Callable[[Cid], bytes]
GetBlockAsync = Callable[[Cid], Awaitable[bytes]]

T = TypeVar("T")
Plan = Generator[Cid, bytes, T]
"""Asks for blocks by CID, is sent each one checked, and returns what was to be found."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a directory needs to know of an entry. `tsize`: bytes of all its blocks together."""

    cid: Cid
    tsize: int


@dataclass(frozen=True, slots=True)
class _Branch:
    link: Link
    file_size: int


class FileBuilder:
    """Builds one file from its leaves in order; memory is one open node a level.

    Every leaf but the last has `LEAF` bytes; a file without any leaf is one empty leaf.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._levels: list[list[_Branch]] = [[]]
        self._ended = False

    def feed(self, leaf: bytes) -> Cid:
        """Takes the next leaf and returns its CID."""
        cid = cid_of(RAW, leaf)
        self.feed_hashed(cid, len(leaf))
        self._sink(cid, leaf)
        return cid

    def feed_hashed(self, cid: Cid, size: int) -> None:
        """Takes the next leaf by its CID and its bytes; the sink is not given it."""
        if self._ended or not 0 <= size <= LEAF:
            raise BadInput(f"Every leaf of a file but the last has {LEAF} bytes.")
        self._ended = size < LEAF
        self._push(0, _Branch(Link(cid, size), size))

    def finish(self) -> Link:
        """Closes the file and returns its root."""
        if self._levels == [[]]:
            self.feed(b"")
        level = 0
        while level + 1 < len(self._levels) or len(self._levels[level]) > 1:
            if self._levels[level]:
                self._close(level)
            level += 1
        return self._levels[level][0].link

    def _push(self, level: int, branch: _Branch) -> None:
        if level == len(self._levels):
            self._levels.append([])
        self._levels[level].append(branch)
        if len(self._levels[level]) == FANOUT:
            self._close(level)

    def _close(self, level: int) -> None:
        branches = self._levels[level]
        node = Node(
            Kind.FILE,
            tuple(NodeLink("", branch.link.cid, branch.link.tsize) for branch in branches),
            tuple(branch.file_size for branch in branches),
        )
        self._levels[level] = []
        self._push(level + 1, _Branch(_emit(node, self._sink), node.file_size))


def build_file(stream: Readable, sink: Sink) -> Link:
    """Builds a file from a stream of any length."""
    builder = FileBuilder(sink)
    while leaf := read_up_to(stream, LEAF):
        builder.feed(leaf)
    return builder.finish()


def build_directory(entries: Mapping[str, Link], sink: Sink) -> Link:
    """Builds a directory from paths (`audio/1.enc`); a path may also name a directory's link."""
    here: dict[str, Link] = {}
    below: dict[str, dict[str, Link]] = {}
    for path, link in entries.items():
        name, slash, rest = path.partition("/")
        if name in ("", ".", "..") or (slash and not rest):
            raise BadInput(f"Not a path in a release: {path!r}.")
        if slash:
            below.setdefault(name, {})[rest] = link
        else:
            here[name] = link
    if twice := here.keys() & below.keys():
        raise BadInput(f"Both a file and a folder: {min(twice)!r}.")
    here |= {name: build_directory(inner, sink) for name, inner in below.items()}
    if len(here) > DIRECTORY_LIMIT:
        raise BadInput(f"A directory has at most {DIRECTORY_LIMIT} names, not {len(here)}.")
    links = (
        NodeLink(name, here[name].cid, here[name].tsize)
        for name in sorted(here, key=lambda name: name.encode())
    )
    return _emit(Node(Kind.DIRECTORY, tuple(links)), sink)


def plan_leaves(root: Cid, size: int | None = None) -> Plan[list[Cid]]:
    """Plans the leaves of the file `root`, in order; `size`: its bytes, where they are known.

    Raises `BadInput` for what is not a file of that size in the pinned-down shape.
    """
    if root.codec == RAW:
        if size is not None and size > LEAF:
            raise BadInput("A file of several leaves cannot be one raw block.")
        return [root]
    node = _file_node(root, (yield root))
    if size not in (None, node.file_size):
        raise BadInput(f"File {root} has {node.file_size} bytes, not {size}.")
    if not LEAF < node.file_size <= LEAF * LEAVES_LIMIT:
        raise BadInput(f"File {root} has a size that cannot be: {node.file_size} bytes.")
    reach = LEAF
    while reach * FANOUT < node.file_size:
        reach *= FANOUT
    leaves: list[Cid] = []
    yield from _gather(root, node, reach, leaves)
    return leaves


def plan_path(root: Cid, path: str) -> Plan[Cid]:
    """Plans the way from the directory `root` to `path`; raises `NotFound` where it ends early."""
    names = path.split("/")
    if len(names) > DEPTH_LIMIT:
        raise BadInput(f"A path has at most {DEPTH_LIMIT} names: {path!r}.")
    here = root
    for name in names:
        links = (yield from plan_directory(here)) if here.codec == DAG_PB else {}
        if name not in links:
            raise NotFound(f"There is no {path!r} in {root}.")
        here = links[name].cid
    return here


def plan_directory(root: Cid) -> Plan[dict[str, Link]]:
    """Plans the names in the directory `root`."""
    node = decode_node((yield root))
    if node.kind is not Kind.DIRECTORY or len(node.links) > DIRECTORY_LIMIT:
        raise BadInput(f"{root} is not a directory of at most {DIRECTORY_LIMIT} names.")
    return {link.name: Link(link.cid, link.tsize) for link in node.links}


def run(plan: Plan[T], get_block: GetBlock) -> T:
    """Carries a plan out; raises `IntegrityError` for a block that does not match its CID."""
    try:
        cid = next(plan)
        while True:
            block = get_block(cid)
            check_block(cid, block)
            cid = plan.send(block)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def run_async(plan: Plan[T], get_block: GetBlockAsync) -> T:
    """`run` for blocks that have to be awaited."""
    try:
        cid = next(plan)
        while True:
            block = await get_block(cid)
            check_block(cid, block)
            cid = plan.send(block)
    except StopIteration as stop:
        result: T = stop.value
        return result


def leaves_of(root: Cid, get_block: GetBlock, size: int | None = None) -> list[Cid]:
    """The leaves of the file `root`, in order (`plan_leaves`)."""
    return run(plan_leaves(root, size), get_block)


async def leaves_of_async(
    root: Cid, get_block: GetBlockAsync, size: int | None = None
) -> list[Cid]:
    """`leaves_of` for blocks that have to be awaited."""
    return await run_async(plan_leaves(root, size), get_block)


def resolve(root: Cid, path: str, get_block: GetBlock) -> Cid:
    """The CID at `path` below the directory `root` (`plan_path`)."""
    return run(plan_path(root, path), get_block)


async def resolve_async(root: Cid, path: str, get_block: GetBlockAsync) -> Cid:
    """`resolve` for blocks that have to be awaited."""
    return await run_async(plan_path(root, path), get_block)


def _emit(node: Node, sink: Sink) -> Link:
    block = encode_node(node)
    cid = cid_of(DAG_PB, block)
    sink(cid, block)
    return Link(cid, len(block) + sum(link.tsize for link in node.links))


def _file_node(cid: Cid, block: bytes) -> Node:
    node = decode_node(block)
    if node.kind is not Kind.FILE or not 1 <= len(node.links) <= FANOUT:
        raise BadInput(f"{cid} is not a file as a release holds it.")
    return node


def _gather(cid: Cid, node: Node, reach: int, leaves: list[Cid]) -> Plan[None]:
    """Appends the leaves below `node`, each of whose links reaches over `reach` bytes."""
    full, rest = divmod(node.file_size, reach)
    if node.sizes != (reach,) * full + ((rest,) if rest else ()):
        raise BadInput(f"{cid} is not balanced as FORMATS says.")
    for link, size in zip(node.links, node.sizes, strict=True):
        if link.cid.codec != (RAW if reach == LEAF else DAG_PB):
            raise BadInput(f"{cid} has leaves at the wrong depth.")
        if link.cid.codec == RAW:
            leaves.append(link.cid)
            continue
        child = _file_node(link.cid, (yield link.cid))
        if child.file_size != size:
            raise BadInput(f"{link.cid} has {child.file_size} bytes, not {size} as said above it.")
        yield from _gather(link.cid, child, reach // FANOUT, leaves)
