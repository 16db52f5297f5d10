"""A release served by small nodes of which each can be told to lie, hang or die.

Content, seals, certificate and registry are real; only the serving is a stand-in, for its faults.
"""

import asyncio
import hashlib
import json
import os
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_chain import Anvil
from local_server import Reply, Seen, serve

from immurtal.chain import abi
from immurtal.chain.contracts import ZERO_ADDRESS, Contracts, Node
from immurtal.chain.problems import PREFIX
from immurtal.chain.transactions import Receipt, Sender
from immurtal.content.cid import DAG_PB, Cid, parse_cid
from immurtal.content.keys_file import KeysFile
from immurtal.content.metadata import Artist, Details
from immurtal.content.release import BuiltRelease, VariantSource, build_release
from immurtal.keys import hpke
from immurtal.keys.bodies import ShareReply, decode_request, encode_reply
from immurtal.keys.sealing import (
    Binding,
    NodeKey,
    entry_for,
    open_share,
    seal_keys_file,
    seal_reply,
)
from immurtal.stream.events import Observer
from immurtal.stream.player import Listener
from immurtal.stream.session import ListenerKeys


@dataclass
class FakeNode:
    """One node: gateway and API on one port. fault: what its gateway does instead of serving."""

    node_id: str
    private: hpke.PrivateKey
    url: str = ""
    blocks: Mapping[Cid, bytes] = field(default_factory=dict)
    fault: Callable[["FakeNode", Cid], Any] | None = None
    share: Callable[["FakeNode", bytes], Any] | None = None
    asked: Counter[str] = field(default_factory=Counter)

    @property
    def record(self) -> Node:
        public = self.private.public
        return Node(
            id=self.node_id,
            operator=ZERO_ADDRESS,
            api_url=self.url,
            gateway_url=self.url,
            peer="",
            kem=public.kem,
            key=public.key,
            node_key=public.hash,
            region="",
            domain="",
            retired=False,
            updated_block=0,
        )

    async def handle(self, seen: Seen) -> Reply:
        if seen.target == "/v1/key-shares":
            self.asked["shares"] += 1
            assert self.share is not None
            return await self.share(self, seen.body)
        path, _, query = seen.target.partition("?")
        assert (query, seen.headers["accept"]) == ("format=raw", "application/vnd.ipld.raw")
        cid = parse_cid(path.removeprefix("/ipfs/"))
        self.asked["blocks"] += 1
        if self.fault is not None:
            return await self.fault(self, cid)
        return honest(self, cid)


def honest(node: FakeNode, cid: Cid) -> Reply:
    block = node.blocks.get(cid)
    return Reply(404) if block is None else Reply(200, block)


async def lies(node: FakeNode, cid: Cid) -> Reply:
    block = bytearray(node.blocks[cid])
    block[len(block) // 2] ^= 1
    return Reply(200, bytes(block))


async def lacks(node: FakeNode, cid: Cid) -> Reply:
    return Reply(404, b"no")


async def fails(node: FakeNode, cid: Cid) -> Reply:
    return Reply(500, b"no")


async def is_damaged(node: FakeNode, cid: Cid) -> Reply:
    """As Kubo 0.43 with HashOnRead answers for a block that is damaged on its disk."""
    words = f"failed to resolve /ipfs/{cid}: block in storage has different hash than requested"
    return Reply(500, words.encode())


async def redirects(node: FakeNode, cid: Cid) -> Reply:
    return Reply(302, b"", {"Location": "http://127.0.0.1:1/"})


async def cuts(node: FakeNode, cid: Cid) -> Reply:
    block = node.blocks[cid]
    return Reply(200, block[: len(block) // 2], length=len(block))


async def floods(node: FakeNode, cid: Cid) -> Reply:
    return Reply(200, node.blocks[cid] + bytes(2 * 1024 * 1024))


async def hangs(node: FakeNode, cid: Cid) -> Reply:
    await asyncio.Event().wait()
    raise AssertionError


async def drips(node: FakeNode, cid: Cid) -> Reply:
    return Reply(200, node.blocks[cid], pause=0.05, piece=8)


FAULTS = {
    f.__name__: f for f in (lies, lacks, fails, is_damaged, redirects, cuts, floods, hangs, drips)
}


async def gives_share(node: FakeNode, body: bytes) -> Reply:
    """An honest node that checks nothing (access is the real node's business, tested there)."""
    return Reply(200, encode_reply(_reply(node, body)))


async def lies_about_share(node: FakeNode, body: bytes) -> Reply:
    world = WORLDS[node.node_id]
    signed = decode_request(body)
    entry = entry_for(world.keys_file, node.private.public.hash)
    wrong = secrets.token_bytes(32) + bytes([entry.index])
    sealed = seal_reply(wrong, entry, world.keys_file.key_id, world.binding, signed.session.public)
    return Reply(200, encode_reply(ShareReply(node.node_id, 0x20, entry.index, sealed)))


async def babbles(node: FakeNode, body: bytes) -> Reply:
    return Reply(200, b'{"v":1,"node":"me"}')


async def hangs_on_shares(node: FakeNode, body: bytes) -> Reply:
    await asyncio.Event().wait()
    raise AssertionError


def refuses(suffix: str, times: int | None = None, **more: object) -> Callable[..., Any]:
    """Refuses by this type; after so many times, gives the share."""

    async def answer(node: FakeNode, body: bytes) -> Reply:
        if times is not None and node.asked["shares"] > times:
            return await gives_share(node, body)
        problem = {"type": PREFIX + suffix, "title": suffix, "status": 403, **more}
        return Reply(403, json.dumps(problem).encode())

    return answer


def _reply(node: FakeNode, body: bytes) -> ShareReply:
    world = WORLDS[node.node_id]
    signed = decode_request(body)
    entry = entry_for(world.keys_file, node.private.public.hash)
    share = open_share(world.keys_file, node.private, world.binding)
    sealed = seal_reply(share, entry, world.keys_file.key_id, world.binding, signed.session.public)
    return ShareReply(node.node_id, signed.session.session.kem, entry.index, sealed)


@dataclass(frozen=True)
class Work:
    """One work's release and its nodes."""

    audio: bytes
    content_key: bytes
    keys_file: KeysFile
    binding: Binding
    built: BuiltRelease
    blocks: Mapping[Cid, bytes]
    nodes: tuple[FakeNode, ...]

    @property
    def release(self) -> str:
        return "0x" + self.built.root.hex()

    @property
    def root(self) -> Cid:
        return Cid(DAG_PB, self.built.root)


WORLDS: dict[str, Work] = {}
"""By node id: what a node's handler must know of the work."""


def make_work(
    folder: Path,
    *,
    size: int,
    registry: str,
    author: str,
    nodes: int = 3,
    threshold: int = 2,
    private: bool = False,
    node_ids: tuple[str, ...] = (),
) -> Work:
    """A release of `size` random bytes of audio, for nodes that are not serving yet."""
    source = folder / "audio.wav"
    audio = os.urandom(size)
    source.write_bytes(audio)
    work_hash = hashlib.sha256(audio).digest()
    binding = Binding(31337, registry, "0x" + work_hash.hex(), author)
    ids = node_ids or tuple("0x" + secrets.token_hex(32) for _ in range(nodes))
    fakes = tuple(FakeNode(node_id, hpke.generate()) for node_id in ids)
    key, key_id = secrets.token_bytes(32), secrets.token_bytes(16)
    keys_file = seal_keys_file(
        key,
        key_id,
        threshold,
        [NodeKey(fake.node_id, fake.private.public) for fake in fakes],
        hpke.generate().public,
        binding,
    )
    built = build_release(
        folder / "release",
        variants=[VariantSource(source, "wav", 1_411_000)],
        details=Details("A Song", (Artist("Somebody"),)),
        keys_json=keys_file.encode(),
        content_key=key,
        key_id=key_id,
        chain_id=31337,
        registry=registry,
        work_hash=work_hash,
        private=private,
    )
    blocks = dict(built.nodes)
    for cid, at in built.leaves.items():
        with at.path.open("rb") as file:
            file.seek(at.offset)
            blocks[cid] = file.read(at.size)
    work = Work(audio, key, keys_file, binding, built, blocks, fakes)
    for fake in fakes:
        fake.blocks = blocks
        fake.share = gives_share
        WORLDS[fake.node_id] = work
    return work


@asynccontextmanager
async def serving(nodes: tuple[FakeNode, ...]) -> AsyncIterator[dict[str, AsyncExitStack]]:
    """All nodes up; closing a node's stack kills that node."""
    stacks: dict[str, AsyncExitStack] = {}
    try:
        for node in nodes:
            stack = AsyncExitStack()
            node.url = await stack.enter_async_context(serve(node.handle))
            stacks[node.node_id] = stack
        yield stacks
    finally:
        for stack in stacks.values():
            await stack.aclose()


class Recorder(Observer):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.blocks: list[tuple[str, int, int]] = []
        self.trouble: dict[str, str] = {}
        self.refusals: dict[str, str] = {}
        self.shares: list[str] = []
        self.waits: list[tuple[str, int]] = []
        self.progress: list[tuple[int, int]] = []

    async def on_block(self, node_id: str, index: int, size: int) -> None:
        self.blocks.append((node_id, index, size))

    def on_trouble(self, node_id: str, reason: str) -> None:
        self.trouble[node_id] = reason

    def on_share(self, node_id: str) -> None:
        self.shares.append(node_id)

    def on_refusal(self, node_id: str, kind: str, reason: str) -> None:
        self.refusals[node_id] = kind

    def on_wait(self, node_id: str, seconds: int) -> None:
        self.waits.append((node_id, seconds))

    def on_progress(self, done: int, total: int) -> None:
        self.progress.append((done, total))


@dataclass
class Stage:
    """The work on chain and its serving nodes; `kill` ends one of them."""

    work: Work
    anvil: Anvil
    contracts: Contracts
    sender: Sender
    recorder: Recorder
    folder: Path
    stacks: dict[str, AsyncExitStack]

    @property
    def certificate(self) -> str:
        return self.work.binding.work_hash

    def listener(self, **options: Any) -> Listener:
        named = [node.node_id for node in self.work.nodes]
        keys = ListenerKeys(self.folder / "listener")
        settings = {"nodes": named, "observer": self.recorder, "stall": 0.5, "whole": 1.5}
        return Listener(self.contracts, keys, **{**settings, **options})

    async def kill(self, node_id: str) -> None:
        await self.stacks[node_id].aclose()

    async def send(self, contract: str, function: str, *args: object) -> Receipt:
        data = abi.encode_call(contract, function, *args)
        return await self.sender.send(self.contracts.deployment.addresses[contract], data)
