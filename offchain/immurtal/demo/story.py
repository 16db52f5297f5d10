"""The demo's story, step by step: every claim compared, every comparison in the report.

Publishing, buying, withdrawing and the first playback go through the command line as a person would
use it; the playback in which a node dies uses the same listener from inside, so that the death
falls in the middle.
"""

import functools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from immurtal.chain.contracts import ZERO_ID
from immurtal.chain.http import NodeClient
from immurtal.chain.rpc import Rpc
from immurtal.chain.wallet import KeystoreWallet
from immurtal.content.cid import RAW, parse_cid
from immurtal.demo.breaking import Break
from immurtal.demo.evidence import Report, blocks_of, file_cid, held, sha256_of
from immurtal.demo.network import Actor, DemoNode, LocalNetwork
from immurtal.demo.witness import Killer, Refusals, by_node, has_indexed, holds_none, until
from immurtal.errors import ImmurtalError
from immurtal.keys.asking import Asked, ask_patiently
from immurtal.keys.sealing import entry_for
from immurtal.stream.events import Observer
from immurtal.stream.opening import Opened
from immurtal.stream.player import Listener
from immurtal.stream.session import ListenerKeys

NODES = 3
THRESHOLD = 2
PRICE = 10**16  # wei
SHARES = {"singer": 5000, "drummer": 3000, "producer": 2000}  # basis points
CATCH_UP_SECONDS = 60.0
LET_GO_SECONDS = 60.0

Say = Callable[[str], None]


class Mismatch(ImmurtalError):
    """A comparison of the demo failed."""

    kind = "demo-failed"


def check(holds: bool, what: str) -> None:
    """Raises Mismatch."""
    if not holds:
        raise Mismatch(f"The demo failed: {what}.", saved="See .demo/report.json and the logs.")


@dataclass(frozen=True, slots=True)
class Work:
    """One published track; `original`: its file."""

    certificate: str
    title: str
    offer: str
    release: str
    cid: str
    original: Path


@dataclass
class Story:
    """`sabotage`: what DEMO_BREAK breaks on purpose."""

    network: LocalNetwork
    report: Report
    say: Say
    sabotage: Break
    works: list[Work] = field(default_factory=list)
    payout: str = ""
    killed: DemoNode | None = None

    async def step(self, name: str, act: Callable[[], Awaitable[str]]) -> None:
        """Runs one step, says what came of it, and writes it down with its time."""
        started = time.monotonic()
        told = await act()
        seconds = time.monotonic() - started
        self.report.values["seconds"][name] = round(seconds, 2)
        self.report.write()
        self.say(f"[{seconds:6.1f} s] {name}: {told}")

    async def raise_network(self) -> str:
        await self.network.start_chain()
        await self.network.add_nodes(NODES)
        chain = self.network.deployment
        return (
            f"contracts on chain {chain.chain_id} (registry {chain.registry}), "
            f"{NODES} nodes with an IPFS each"
        )

    async def publish(self, files: Sequence[Path]) -> str:
        artist = await self.network.add_actor("artist")
        payees = [await self.network.add_actor(name, 0) for name in SHARES]
        words = ["publish", *map(str, files), "--threshold", str(THRESHOLD)]
        words += ["--price", f"{PRICE}wei", "--preview", "1"]
        words += ["--recovery-words-file", str(self.network.folder / "recovery-words")]
        for node in self.network.nodes:
            words += ["--node", node.id]
        for payee in payees:
            words += ["--split", f"{payee.address}={SHARES[payee.name]}"]
        done = await self._as(artist, *words)
        self.payout = done["payout"]
        transactions = {entry["step"]: entry["hash"] for entry in done["transactions"]}
        rpc = Rpc(self.network.rpc_url)
        try:
            contracts = self.network.contracts(rpc)
            for file, made in zip(files, done["works"], strict=True):
                known = await contracts.certificate(made["certificate"])
                check(known.author == artist.address, "the certificate names another author")
                check(sha256_of(file) == known.id, "the certificate's id is not the file's hash")
                self.works.append(
                    Work(
                        known.id, made["title"], made["offer"], known.release, made["release"], file
                    )
                )
                self.report.values["certificates"].append(
                    {
                        "id": known.id,
                        "title": made["title"],
                        "transaction": transactions["register"],
                        "committedAt": known.committed_at,
                        "registeredAt": known.registered_at,
                        "releaseCid": made["release"],
                        "offer": made["offer"],
                    }
                )
        finally:
            await rpc.close()
        parts = ", ".join(f"{name} {share / 100:g} %" for name, share in SHARES.items())
        return f"{len(self.works)} track(s) certified, licensed and stored; split: {parts}"

    async def buy(self, buyer: Actor, work: Work, meddle: bool = True) -> str:
        """A licence, and the payees' balances on chain before and after."""
        payees = [self.network.actors[name] for name in SHARES]
        before = {payee.name: await self.network.balance(payee.address) for payee in payees}
        bought = await self._as(buyer, "buy", work.offer)
        if meddle:
            await self.sabotage.payout(self.network, payees[0])
        for payee in payees:
            after = await self.network.balance(payee.address)
            due = PRICE * SHARES[payee.name] // 10_000
            self.report.values["paid"].append(
                {
                    "payee": payee.address,
                    "name": payee.name,
                    "share": SHARES[payee.name],
                    "before": str(before[payee.name]),
                    "after": str(after),
                    "due": str(due),
                    "transaction": bought["transaction"],
                    "track": work.title,
                }
            )
            self.report.write()
            received = after - before[payee.name]
            check(received == due, f"{payee.name} received {received} wei instead of {due}")
        return f"{buyer.name} paid {PRICE} wei for {work.title!r}; each payee has their share"

    async def play(self, buyer: Actor, work: Work) -> str:
        """From an empty listener folder, by the command line; compared with the original."""
        await self.sabotage.bytes(self.network, work.cid)
        out = self.network.folder / "played" / work.original.name
        home = self.network.folder / "listeners" / f"{buyer.name}-{work.certificate[2:10]}"
        words = ["play", work.certificate, "-o", str(out), "--variant", "audio/1.enc"]
        played = await self._as(buyer, *words, "--home", str(home))
        self._compare(work, out, played["nodes"])
        by = by_node({n: s["blocks"] for n, s in played["nodes"].items()}, self.network.nodes)
        return f"{work.title!r}, {played['bytes']} bytes, equals what was published ({by})"

    async def play_through_a_death(self, buyer: Actor, work: Work) -> str:
        """A node that has served blocks is killed in the middle, and the play goes on."""
        out = self.network.folder / "played" / f"through-a-death-{work.original.name}"
        home = self.network.folder / "listeners" / f"{buyer.name}-through-a-death"
        killer = Killer(self.network.nodes)
        async with self._listener(home, killer) as listener:
            opened, key = await self._unlocked(listener, buyer, work)
            played = await listener.play_to_file(opened, key, out, "audio/1.enc")
        self.killed = killer.killed
        if killer.killed is None:
            raise Mismatch("No node served two blocks before the end: none was killed.")
        served = {n: {"blocks": s.blocks, "bytes": s.bytes} for n, s in played.served.items()}
        self._compare(work, out, served, killed=killer.evidence())
        return (
            f"{killer.killed.name} died after {killer.blocks_of_killed} blocks, and "
            f"{work.title!r} still equals what was published"
        )

    async def refuse(self, who: Actor, work: Work, relying_on: str, why: str) -> str:
        """Every node that is alive is asked, and every one must refuse, with the typed reason."""
        home = self.network.folder / "listeners" / f"{who.name}-refused"
        watcher = Refusals()
        async with self._listener(home, watcher) as listener:
            opened = await listener.open(work.certificate, who.address)
            await self._expect_refusals(listener, opened, who, relying_on, watcher, why, work)
        return f"{who.name} ({why}) was refused by {len(watcher.heard)} nodes"

    async def catch_up(self, friend: Actor, work: Work) -> str:
        """The killed node comes back, and releases a share for a grant that it slept through."""
        node = self.killed
        if node is None:
            raise Mismatch("No node was killed.")
        await self._as(self.network.actors["artist"], "grant", work.certificate, friend.address)
        await node.start()
        await node.ready()
        head = await self.network.head()
        caught_up = functools.partial(has_indexed, node, head)
        await until(caught_up, CATCH_UP_SECONDS, f"{node.name} lags behind")
        await self._ask_one(node, friend, work)
        async with NodeClient(node.api_url, allow_local=True) as client:
            pin = await client.get_json(f"/v1/releases/{work.cid}")
        check(pin["state"] == "pinned", f"{node.name} came back without the pin: {pin}")
        return f"{node.name} is at block {head} again and holds its pins"

    async def withdraw(self, work: Work, licensee: Actor) -> str:
        """The audio goes from every node; keys.json stays; a licence is refused."""
        opened = await self._opened(work, licensee)
        keys_json = await self._keys_cid(work)
        only = await self._leaves_of_this_alone(work, keys_json)
        pins = self.report.values["pins"]
        for node in self.network.nodes:
            before = await held(node, only)
            pins[node.name] = {work.cid: {"before": before}}
            check(all(before.values()), f"{node.name} lacked blocks before the withdrawal")
        await self._as(self.network.actors["artist"], "withdraw", work.certificate, "--yes")
        for node in self.network.nodes:
            await until(
                functools.partial(holds_none, node, only),
                LET_GO_SECONDS,
                f"{node.name} still holds audio of the withdrawn track",
            )
            pins[node.name][work.cid]["after"] = await held(node, only)
            keys = await held(node, [keys_json])
            pins[node.name][work.cid]["keysJson"] = keys
            check(all(keys.values()), f"{node.name} let go of keys.json")
        home = self.network.folder / "listeners" / f"{licensee.name}-withdrawn"
        watcher = Refusals()
        async with self._listener(home, watcher) as listener:
            listener.blocks.add(opened.nodes.values())
            await self._expect_refusals(
                listener, opened, licensee, work.offer, watcher, "after withdrawal", work
            )
        return f"{len(only)} blocks are gone from each of {NODES} nodes; keys.json stays"

    async def stay(self, work: Work) -> str:
        """What is left is what it should be, as `immurtal status` tells it."""
        seen = await self.network.immurtal(
            "status", work.certificate, *self.network.client_options()
        )
        states = [pin["state"] for pin in seen["pins"]]
        check(states == ["pinned"] * NODES, f"{work.title!r} is not held by every node: {states}")
        return (
            f"{work.title!r} is still pinned by {NODES} nodes, {len(seen['payments'])} payment(s)"
        )

    async def _ask_one(self, node: DemoNode, who: Actor, work: Work) -> None:
        """This very node's share, checked. Raises what it answers instead."""
        opened = await self._opened(work, who)
        keys = ListenerKeys(self.network.folder / "listeners" / who.name)
        session = keys.session(self.network.deployment, who.address, self._wallet(who))
        asked = Asked(opened.binding, opened.keys_file, work.release, ZERO_ID)
        entry = entry_for(opened.keys_file, opened.nodes[node.id].node_key)
        async with NodeClient(node.api_url, allow_local=True) as client:
            await ask_patiently(
                lambda body: client.post("/v1/key-shares", body),
                entry,
                asked,
                session,
                patience=CATCH_UP_SECONDS,
            )

    async def _expect_refusals(
        self,
        listener: Listener,
        opened: Opened,
        who: Actor,
        relying_on: str,
        watcher: Refusals,
        why: str,
        work: Work,
    ) -> None:
        try:
            await listener.unlock(opened, who.address, relying_on, self._wallet(who))
        except ImmurtalError as error:
            told = error.what
        else:
            told = ""
        for node_id, (kind, reason) in watcher.heard.items():
            self.report.values["refused"].append(
                {
                    "who": who.name,
                    "account": who.address,
                    "why": why,
                    "track": work.title,
                    "node": node_id,
                    "reason": kind,
                    "detail": reason,
                }
            )
        self.report.write()
        check(not watcher.shares, f"{who.name} ({why}) got a key share of {watcher.shares}")
        check(bool(told), f"{who.name} ({why}) was given the key")
        kinds = {kind for kind, _ in watcher.heard.values()}
        check(kinds == {"access-refused"}, f"{who.name} ({why}) was refused as {kinds}: {told}")

    def _compare(
        self,
        work: Work,
        out: Path,
        served: Mapping[str, Any],
        killed: Mapping[str, Any] | None = None,
    ) -> None:
        published, came_out = sha256_of(work.original), sha256_of(out)
        self.report.values["played"].append(
            {
                "track": work.title,
                "certificate": work.certificate,
                "published": published,
                "played": came_out,
                "file": str(out),
                "byNode": dict(served),
                "killed": dict(killed) if killed else None,
            }
        )
        self.report.write()
        check(published == came_out, f"what was played of {work.title!r} is not what was published")

    async def _leaves_of_this_alone(self, work: Work, keys_json: str) -> list[str]:
        """Raw blocks of the release that no other release and no pin of keys.json needs."""
        node = self.network.nodes[0]
        needed = {keys_json}
        for other in self.works:
            if other is not work:
                needed |= await blocks_of(node, other.cid)
        mine = await blocks_of(node, work.cid) - needed
        return sorted(cid for cid in mine if parse_cid(cid).codec == RAW)

    async def _keys_cid(self, work: Work) -> str:
        return await file_cid(self.network.nodes[0], f"/ipfs/{work.cid}/keys.json")

    async def _opened(self, work: Work, who: Actor) -> Opened:
        async with self._listener(self.network.folder / "listeners" / "looking") as listener:
            return await listener.open(work.certificate, who.address)

    async def _unlocked(self, listener: Listener, buyer: Actor, work: Work) -> tuple[Opened, bytes]:
        opened = await listener.open(work.certificate, buyer.address)
        key = await listener.unlock(opened, buyer.address, work.offer, self._wallet(buyer))
        return opened, key

    def _wallet(self, actor: Actor) -> Callable[[], KeystoreWallet]:
        passphrase = self.network.passphrase_file.read_text().strip()
        return lambda: KeystoreWallet.open(actor.keystore, passphrase)

    def _listener(self, home: Path, observer: Observer | None = None) -> "_Session":
        return _Session(self.network, home, observer)

    async def _as(self, actor: Actor, *words: str) -> dict[str, Any]:
        return await self.network.immurtal(
            *words, *self.network.client_options(), *self.network.wallet_options(actor)
        )


class _Session:
    """A listener with a way to the chain, opened and closed together."""

    def __init__(self, network: LocalNetwork, home: Path, observer: Observer | None) -> None:
        self._rpc = Rpc(network.rpc_url)
        contracts = network.contracts(self._rpc)
        self._listener = Listener(contracts, ListenerKeys(home), observer=observer)

    async def __aenter__(self) -> Listener:
        return self._listener

    async def __aexit__(self, *_: object) -> None:
        await self._listener.blocks.close()
        await self._rpc.close()
