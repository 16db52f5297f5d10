"""An artist on a real chain, and nodes that can be told to fail.

The nodes speak the wire of `docs/architecture.md` and hold what they are sent in memory; access is
the real node's business, tested there and end to end. An endpoint in between writes down what the
chain is asked.
"""

import io
import json
import os
import secrets
import threading
import wave
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from local_chain import Anvil
from local_server import Reply, Seen, serve

from immurtal.chain import abi
from immurtal.chain.contracts import ZERO_ADDRESS, Contracts, Visibility
from immurtal.chain.deployment import Deployment
from immurtal.chain.problems import PREFIX
from immurtal.chain.rpc import Rpc
from immurtal.chain.transactions import Receipt, Sender
from immurtal.chain.wallet import LocalKey
from immurtal.content.car import read_car
from immurtal.content.cid import DAG_PB, Cid, parse_cid
from immurtal.content.keys_file import KeysFile, decode_keys_file
from immurtal.content.unixfs import resolve
from immurtal.keys import hpke
from immurtal.keys.bodies import ShareReply, decode_request, decode_store, encode_reply
from immurtal.keys.sealing import Binding, entry_for, open_share, seal_reply
from immurtal.publish.actions import Actions
from immurtal.publish.home import ArtistHome
from immurtal.publish.job import Choices, Details, Job, Sale
from immurtal.publish.pipeline import Publication, Published
from immurtal.publish.recordings import Track, look_at
from immurtal.publish.step import Step

PASSPHRASE = "correct horse"
Fault = Callable[["StandIn", Seen], Reply | None]


@dataclass
class StandIn:
    """One node. `fault`: asked first what to answer."""

    author: str
    deployment: Deployment
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    keys: list[hpke.PrivateKey] = field(default_factory=lambda: [hpke.generate()])
    url: str = ""
    id: str = ""
    fault: Fault | None = None
    policy: dict[str, Any] = field(default_factory=dict)
    blocks: dict[Cid, bytes] = field(default_factory=dict)
    spools: dict[str, bytearray] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    works: dict[str, str] = field(default_factory=dict)
    pinned: set[str] = field(default_factory=set)
    terms: set[str] = field(default_factory=set)
    seen: list[Seen] = field(default_factory=list)

    async def handle(self, seen: Seen) -> Reply:
        self.seen.append(seen)
        if self.fault and (reply := self.fault(self, seen)):
            return reply
        path = seen.target.partition("?")[0]
        for (method, start), answer in ROUTES.items():
            if seen.method == method and path.startswith(start):
                return answer(self, seen, path.removeprefix(start))
        return refusal("not-found", 404)

    def node(self, seen: Seen, rest: str) -> Reply:
        keys = [{"kem": k.public.kem, "nodeKey": k.public.hash} for k in reversed(self.keys)]
        policy = {"takesShares": True, "maxReleaseBytes": 1 << 30, "maxUploadBytes": 1 << 30}
        chain = {"chainId": 31337, "registry": self.deployment.registry}
        return said({"node": self.id, "keys": keys, "chain": chain, "policy": policy | self.policy})

    def store(self, seen: Seen, rest: str) -> Reply:
        asked = decode_store(seen.body).store
        if cid_of(asked.release) in self.pinned:
            return said({"release": asked.release, "state": "pinned", "upload": None}, 201)
        spool = self.spools.setdefault(asked.release, bytearray())
        self.sizes[asked.release] = asked.size
        self.works[asked.release] = asked.certificate
        upload = {"id": asked.release[2:], "offset": len(spool), "size": asked.size, "token": "t"}
        return said({"release": asked.release, "state": "queued", "upload": upload}, 201)

    def append(self, seen: Seen, rest: str) -> Reply:
        release, offset = "0x" + rest, int(seen.headers["upload-offset"])
        spool = self.spools[release]
        if offset != len(spool):
            return refusal("offset-mismatch", 409)
        spool += seen.body
        if len(spool) < self.sizes[release]:
            return Reply(204, b"", {"Upload-Offset": str(len(spool))})
        return self.take_in(release)

    def take_in(self, release: str) -> Reply:
        (root,), blocks = read_car(io.BytesIO(self.spools.pop(release)))
        self.blocks |= dict(blocks)
        try:
            self.keys_file(release)
            resolve(root, "audio/1.enc", self.blocks.__getitem__)
        except KeyError:
            return refusal("integrity", 422)
        self.pinned.add(root.text)
        return said({"release": release, "state": "pinned"})

    def share(self, seen: Seen, rest: str) -> Reply:
        signed = decode_request(seen.body)
        keys_file = self.keys_file(signed.request.release)
        entry = entry_for(keys_file, signed.request.node_key)
        key = next(k for k in self.keys if k.public.hash == signed.request.node_key)
        binding = Binding(31337, self.deployment.registry, signed.request.certificate, self.author)
        share = open_share(keys_file, key, binding)
        sealed = seal_reply(share, entry, keys_file.key_id, binding, signed.session.public)
        return Reply(200, encode_reply(ShareReply(self.id, 0x20, entry.index, sealed)))

    def state(self, seen: Seen, rest: str) -> Reply:
        return said({"state": "pinned" if rest in self.pinned else "unknown"})

    def take_terms(self, seen: Seen, rest: str) -> Reply:
        self.terms.add(rest)
        return said({"cid": rest})

    def block(self, seen: Seen, rest: str) -> Reply:
        found = self.blocks.get(parse_cid(rest))
        return Reply(404) if found is None else Reply(200, found)

    def keys_file(self, release: str) -> KeysFile:
        root = Cid(DAG_PB, bytes.fromhex(release[2:]))
        return decode_keys_file(self.blocks[resolve(root, "keys.json", self.blocks.__getitem__)])

    def asked(self, method: str, start: str) -> list[Seen]:
        return [s for s in self.seen if s.method == method and s.target.startswith(start)]


ROUTES: dict[tuple[str, str], Callable[[StandIn, Seen, str], Reply]] = {
    ("GET", "/v1/node"): StandIn.node,
    ("POST", "/v1/store"): StandIn.store,
    ("PATCH", "/v1/uploads/"): StandIn.append,
    ("POST", "/v1/key-shares"): StandIn.share,
    ("GET", "/v1/releases/"): StandIn.state,
    ("PUT", "/v1/terms/"): StandIn.take_terms,
    ("GET", "/ipfs/"): StandIn.block,
}


def cid_of(release: str) -> str:
    return Cid(DAG_PB, bytes.fromhex(release[2:])).text


def said(body: dict[str, Any], status: int = 200) -> Reply:
    return Reply(status, json.dumps({"v": 1} | body).encode())


def refusal(suffix: str, status: int = 403) -> Reply:
    body = {"type": PREFIX + suffix, "title": suffix, "status": status, "detail": "told to"}
    return Reply(status, json.dumps(body).encode())


def down(node: StandIn, seen: Seen) -> Reply | None:
    """Nothing that anyone could read."""
    return Reply(502, b"bad gateway")


@contextmanager
def ticking(anvil: Anvil) -> Iterator[None]:
    """Ten blocks a second, each a second of the chain's time."""
    stop = threading.Event()

    body = {"jsonrpc": "2.0", "id": 1, "method": "anvil_mine", "params": ["0x1", "0x1"]}

    def tick() -> None:
        with httpx.Client(trust_env=False) as client:  # one: making them takes 25 ms
            while not stop.wait(0.1):
                client.post(anvil.url, json=body)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@dataclass
class World:
    """`asked`: every body that went to the chain's endpoint, in order; `on_asked` hears each before
    the chain does."""

    anvil: Anvil
    deployment: Deployment
    folder: Path
    rpc: Rpc
    url: str
    wallet: LocalKey
    nodes: list[StandIn]
    asked: list[bytes]
    steps: list[Step] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    on_asked: Callable[[bytes], None] | None = None

    @property
    def contracts(self) -> Contracts:
        return Contracts(self.rpc, self.deployment)

    @property
    def actions(self) -> Actions:
        return Actions(self.contracts, Sender(self.rpc, self.wallet, 31337))

    @property
    def home(self) -> ArtistHome:
        return ArtistHome(self.folder / "artist")

    def recording(self, name: str = "song.wav", seconds: float = 0.3) -> Path:
        """Noise: never the same bytes twice."""
        path = self.folder / name
        with wave.open(str(path), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(48_000)
            out.writeframes(os.urandom(2 * int(48_000 * seconds)))
        return path

    def tracks(self, *paths: Path, **said: Any) -> list[Track]:
        return look_at(paths, details(**said), lambda name, done: None)

    def choices(self, tracks: Sequence[Track], **changes: Any) -> Choices:
        usual = Choices(
            chain_id=31337,
            registry=self.deployment.registry,
            author=self.wallet.address,
            sources=tuple(track.source for track in tracks),
            nodes=tuple(sorted(node.id for node in self.nodes)),
            threshold=2,
            replicas=2,
            visibility=Visibility.LICENSED,
            payout=ZERO_ADDRESS,
            split=(),
            sale=Sale(1000, None, 0, False, 0, ""),
            details=details(),
        )
        return replace(usual, **changes)

    def job(self, choices: Choices) -> Job:
        return Job.open(self.home.job_folder(choices.job_id), choices)

    def publication(self, tracks: Sequence[Track], **changes: Any) -> Publication:
        return Publication(
            job=self.job(self.choices(tracks, **changes)),
            tracks=tracks,
            actions=self.actions,
            wallet=self.wallet,
            home=self.home,
            passphrase=PASSPHRASE,
            report=self.hear,
            show_words=self.words.append,
        )

    async def publish(self, *paths: Path, **changes: Any) -> Published:
        return await self.publication(self.tracks(*paths), **changes).run()

    def hear(self, step: Step) -> None:
        self.steps.append(step)

    def said(self, name: str) -> list[str]:
        return [step.text for step in self.steps if step.name == name]

    async def send(
        self, contract: str, function: str, *args: object, wallet: LocalKey | None = None
    ) -> Receipt:
        sender = Sender(self.rpc, wallet or self.wallet, 31337)
        data = abi.encode_call(contract, function, *args)
        return await sender.send(self.deployment.addresses[contract], data)

    async def register(self, wallet: LocalKey, work_hash: str, release: str) -> None:
        """As anybody may who has the file."""
        packed = [wallet.address, keccak(bytes.fromhex(work_hash[2:])), bytes(32)]
        commitment = keccak(encode(["address", "bytes32", "bytes32"], packed))
        await self.send("CopyrightRegistry", "commit", commitment, wallet=wallet)
        self.anvil.mine(2, 2)
        work = (work_hash, release, int(Visibility.PRIVATE), ZERO_ADDRESS)
        await self.send("CopyrightRegistry", "register", [work], bytes(32), wallet=wallet)

    def rich(self, wei: int = 10**18) -> LocalKey:
        """A new account with so much."""
        wallet = LocalKey.generate()
        self.anvil.rpc("anvil_setBalance", wallet.address, hex(wei))
        return wallet

    async def announce(self, node: StandIn, function: str = "announce") -> None:
        public = node.keys[-1].public
        record = {
            "apiUrl": node.url,
            "gatewayUrl": node.url,
            "peer": "",
            "kem": public.kem,
            "key": public.key,
            "region": b"\0\0",
            "domain": "",
        }
        first = node.salt if function == "announce" else node.id
        await self.send("NodeRegistry", function, first, record)


def details(**said: Any) -> Details:
    usual = Details("", (("Somebody", "main"),), "", "", None, None, False)
    return replace(usual, **said)


@asynccontextmanager
async def world(
    anvil: Anvil, deployment: Deployment, folder: Path, count: int = 3
) -> AsyncIterator[World]:
    """An artist with money, and `count` announced nodes."""
    asked: list[bytes] = []
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=30))

        async def forward(seen: Seen) -> Reply:
            asked.append(seen.body)
            if made.on_asked:
                made.on_asked(seen.body)
            headers = {"Content-Type": "application/json"}
            answer = await client.post(anvil.url, content=seen.body, headers=headers)
            return Reply(answer.status_code, answer.content)

        url = await stack.enter_async_context(serve(forward))
        rpc = Rpc(url, timeout=30)
        stack.push_async_callback(rpc.close)
        wallet = LocalKey.generate()
        anvil.rpc("anvil_setBalance", wallet.address, hex(10**18))
        nodes = [StandIn(wallet.address, deployment) for _ in range(count)]
        made = World(anvil, deployment, folder, rpc, url, wallet, nodes, asked)
        for node in nodes:
            node.url = await stack.enter_async_context(serve(node.handle))
            packed = encode(["address", "bytes32"], [wallet.address, node.salt])
            node.id = "0x" + keccak(packed).hex()
            await made.announce(node)
        yield made
