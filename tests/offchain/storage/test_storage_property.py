"""X3 in small, over random stories of chain, operator, network and faults.

In words: **(1)** what is pinned, and was wanted at any moment since the last final block that
this process saw, stays pinned, whatever happens. **(2)** Once the network has everything, the
backend answers and all is final, our pins are exactly those that the chain and the acceptances call
for, from any state.
**(3)** Pins of others are there at the end, with their names. **(4)** Then nothing that we
brought is left that no pin needs.
"""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from memory_backend import MemoryBackend
from storage_world import QUICK, REGISTRY, Chain, Made, leaf, make_release, terms_of

from immurtal.content.cid import Cid
from immurtal.index.database import INDEX, open_database
from immurtal.storage import Storage, StorageSettings
from immurtal.storage.desired import Registered, Visibility
from immurtal.storage.ledger import STORAGE

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Stories write no disk where there is a folder in memory."""
TERMS = b"terms of them all"
SHARED = make_release("shared", b"same audio")
WORKS = [
    make_release("one", b"same audio"),
    make_release("one", b"same audio", note="2"),
    make_release("two", b"same audio"),
    make_release("three", b"its own audio"),
    make_release("thief", b"same audio", named=SHARED.certificate),
]
FOREIGN = b"a foreign block"
EVERYTHING = {cid: block for made in WORKS for cid, block in made.blocks.items()} | {
    leaf(data): data for data in (TERMS, FOREIGN)
}

work = st.sampled_from(WORKS)
step = st.one_of(
    st.tuples(st.just("name"), work, st.sampled_from(list(Visibility))),
    st.tuples(st.just("name as another's"), work, work),
    st.tuples(st.just("accept"), work),
    st.tuples(st.just("retract"), work),
    st.tuples(st.just("finalise")),
    st.tuples(st.just("reorganise")),
    st.tuples(st.just("upload"), work),
    st.tuples(st.just("offer to the network"), work),
    st.tuples(st.just("lose"), work),
    st.tuples(st.just("pin by a stranger"), work),
    st.tuples(st.just("unpin by a stranger"), work),
    st.tuples(st.just("pin of a lost table"), work),
    st.tuples(st.just("down"), st.booleans()),
    st.tuples(st.just("restart")),
)


@dataclass
class World:
    folder: Path
    chain: Chain = field(default_factory=Chain)
    backend: MemoryBackend = field(default_factory=MemoryBackend)
    foreign: dict[str, str] = field(default_factory=dict)
    accepted: set[tuple[str, str]] = field(default_factory=set)
    strange: set[Cid] = field(default_factory=set)
    recent: set[str] = field(default_factory=set)
    now: int = 1_000_000

    def open(self) -> None:
        self.database = open_database(self.folder / "node.db", (INDEX, STORAGE))
        self.storage = Storage(
            StorageSettings(
                REGISTRY, self.folder / "uploads", disk_watermark=0, pace=replace(QUICK, at_once=99)
            ),
            database=self.database,
            backend=self.backend,
            source=self.chain,
            clock=lambda: self.now,
        )

    async def settle(self) -> None:
        for _ in range(3):
            self.now += 100_000
            self.storage.reconciler._collect_from = 0  # by another clock
            await self.storage.reconciler._safe_pass()
            await self.storage.reconciler.settle()

    async def take(self, name: str, *of: object) -> None:
        match name, of:
            case "name", (Made() as made, Visibility() as visibility):
                self.chain.name(made, visibility, terms=(terms_of(TERMS),))
            case "name as another's", (Made() as made, Made() as other):
                self.chain.name(made, certificate=other.certificate)
            case "accept", (Made() as made,):
                for certificate in {other.certificate for other in WORKS}:
                    self.accepted.add((certificate, made.release))
                    await self.storage.accept(certificate, made.release)
            case "retract", (Made() as made,):
                self.accepted.discard((made.certificate, made.release))
                await self.storage.retract(made.certificate, made.release)
                self.recent.clear()  # not the chain's doing: nothing of it waits to be final
            case "finalise", ():
                self.chain.finalise()
                self.recent.clear()
            case "reorganise", ():
                self.chain.seen = dict(self.chain.settled)
                self.chain.head = max(self.chain.final, self.chain.head - 1)
            case "upload", (Made() as made,):
                await self.upload(made)
            case "offer to the network", (Made() as made,):
                self.backend.network |= made.blocks
            case "lose", (Made() as made,):
                for cid in made.blocks:
                    self.backend.network.pop(cid, None)
            case "pin by a stranger", (Made() as made,):
                if made.cid not in self.backend.pins:
                    self.strange |= made.blocks.keys()
                    self.backend.blocks |= made.blocks
                    self.backend.pins[made.cid] = self.foreign[made.cid] = "a stranger's"
            case "unpin by a stranger", (Made() as made,):
                self.backend.pins.pop(made.cid, None)
                self.foreign.pop(made.cid, None)
            case "pin of a lost table", (Made() as made,):
                if made.cid not in self.backend.pins:
                    self.backend.blocks |= made.blocks
                    self.backend.pins[made.cid] = "immurtal:release"
            case "down", (bool() as down,):
                self.backend.down = down
            case "restart", ():
                self.database.close()
                self.open()
                self.recent.clear()  # the highest head is known again from the next pass on

    async def upload(self, made: Made) -> None:
        if self.backend.down or made is WORKS[-1]:
            return
        upload = await self.storage.open_upload(made.certificate, made.release, len(made.car()))
        if upload is not None:

            async def car():  # type: ignore[no-untyped-def]
                yield made.car()

            await self.storage.append_upload(upload.id, upload.token, 0, car())

    def wanted(self, view: dict[str, Registered]) -> set[str]:
        """By the words of DESIGN 6.1 and 7, told once more and differently."""
        pins: set[str] = set()
        by_release = {made.release: made for made in WORKS}
        for item in view.values():
            made = by_release[item.release]
            if (item.certificate, item.release) not in self.accepted:
                continue
            is_shown = item.visibility != Visibility.WITHDRAWN
            if made is WORKS[-1] or made.certificate != item.certificate:
                pins |= {made.metadata.text} if is_shown else set()
                continue
            pins.add(made.keys.text)
            if is_shown:
                pins.add(made.cid)
                pins |= {leaf(TERMS).text} if item.terms else set()
        return pins


async def play(
    started: tuple[list[Made], list[Made]],
    story: list[tuple[object, ...]],
    watch: Callable[[World], None],
) -> None:
    """`started`: what is accepted, and what the network has, when the story begins."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        world = World(Path(folder))
        world.open()
        try:
            for made in started[0]:
                await world.take("accept", made)
            for made in started[1]:
                await world.take("offer to the network", made)
            world.backend.network[leaf(TERMS)] = TERMS
            for name, *of in story:
                await world.take(str(name), *of)
                world.recent |= world.wanted(world.chain.seen)
                world.recent |= world.wanted(world.chain.settled)
                held = set(world.backend.pins)
                await world.settle()
                lost = (held & world.recent) - set(world.backend.pins)
                assert not lost, f"let go while it was wanted, after {name}"
            world.backend.down = False
            world.backend.network = dict(EVERYTHING)
            world.chain.head += 100  # above every head of the story
            world.chain.finalise()
            for _ in range(3):
                await world.settle()
            watch(world)
        finally:
            world.database.close()


def check_end(world: World) -> None:
    pins = world.backend.pins
    ours = {cid for cid, name in pins.items() if name.startswith("immurtal:")}
    assert ours == world.wanted(world.chain.seen) - set(world.foreign)
    assert {cid: pins.get(cid) for cid in world.foreign} == world.foreign
    needed = {cid for root in pins for cid in below(root)}
    assert world.backend.blocks.keys() <= needed | world.strange


def below(root: str) -> set[Cid]:
    for made in WORKS:
        if made.cid == root:
            return set(made.blocks)
    return {cid for cid in EVERYTHING if cid.text == root}


some = st.lists(work, unique_by=lambda made: made.cid)


@settings(max_examples=100, deadline=None)
@given(st.tuples(some, some), st.lists(step, min_size=3, max_size=16))
def test_pins_follow_the_chain_from_any_state(
    started: tuple[list[Made], list[Made]], story: list[tuple[object, ...]]
) -> None:
    asyncio.run(play(started, story, check_end))
