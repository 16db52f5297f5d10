"""Releases made to wear a node down: what is looked into and pinned stays within bounds."""

from dataclasses import replace
from pathlib import Path

import pytest
from memory_backend import MemoryBackend
from storage_world import REGISTRY, make_release

from immurtal.content.cid import DAG_PB, RAW, Cid, cid_of
from immurtal.content.dag_pb import Kind, Node, NodeLink, encode_node
from immurtal.index.database import INDEX, open_database
from immurtal.storage import Storage, StorageSettings
from immurtal.storage.desired import ChainState, Wanted
from immurtal.storage.desired import Kind as PinKind
from immurtal.storage.examine import examine, local_blocks
from immurtal.storage.ledger import STORAGE, Ledger
from immurtal.storage.obtain import Limits, Obtain, TooLarge, nobody


def crumbs(count: int) -> dict[Cid, bytes]:
    """A file of blocks of four bytes."""
    leaves = [number.to_bytes(4) for number in range(count)]
    blocks = {cid_of(RAW, leaf): leaf for leaf in leaves}
    links = tuple(NodeLink("", cid, 4) for cid in blocks)
    root = encode_node(Node(Kind.FILE, links, (4,) * count))
    return {cid_of(DAG_PB, root): root, **blocks}


async def test_crumbs_that_peers_hand_out_are_given_up(tmp_path: Path) -> None:
    """Their bytes are few; each is a file on the disk all the same."""
    backend, made, tree = MemoryBackend(), make_release("song"), crumbs(5000)
    backend.network = tree
    root = next(iter(tree)).text
    database = open_database(tmp_path / "node.db", (INDEX, STORAGE))
    obtain = Obtain(backend, Ledger(database), REGISTRY, Limits(1 << 30), nobody(), "ours:")
    backend.blocks = dict(made.blocks)
    content = await examine(local_blocks(backend), made.release, REGISTRY)
    whose = frozenset({made.certificate})
    wanted = Wanted(root, PinKind.RELEASE, whose, True, 0)
    with pytest.raises(TooLarge, match="more blocks"):
        await obtain.release(content, wanted, lambda _: None)
    assert backend.pins == {}
    database.close()


async def test_sizes_that_no_database_holds() -> None:
    """A directory may say anything of what is below it: what it says is kept, and is too large."""
    backend, made = MemoryBackend(), make_release("song")
    root = encode_node(
        Node(
            Kind.DIRECTORY,
            tuple(NodeLink(name, made.metadata, 2**63 - 1) for name in ("a", "b", "c")),
        )
    )
    backend.blocks = {**made.blocks, cid_of(DAG_PB, root): root}
    release = "0x" + cid_of(DAG_PB, root).digest.hex()
    content = await examine(local_blocks(backend), release, REGISTRY)
    assert content == replace(content, certificate=None, size=2**63 - 1)


async def test_what_went_wrong_inside_is_not_told_outside(tmp_path: Path) -> None:
    """`problem` is read by everyone, at /readyz."""

    async def broken() -> ChainState:
        raise RuntimeError("no such table: secrets [SQL: SELECT 1] at /home/operator")

    database = open_database(tmp_path / "node.db", (INDEX, STORAGE))
    settings = StorageSettings(REGISTRY, tmp_path / "uploads")
    storage = Storage(settings, database=database, backend=MemoryBackend(), source=broken)
    await storage.reconciler._safe_pass()
    assert storage.problem == "RuntimeError: the log says more."
    database.close()
