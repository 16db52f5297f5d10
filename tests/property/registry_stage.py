"""What the registry machine plays on: works, payouts; how authors sign, well or badly."""

from dataclasses import dataclass, replace

from eth_utils import keccak
from hypothesis import strategies as st
from models.registry import NOBODY, Work, register_digest
from signing import sign
from world import CHAIN_ID, Contract, World, actors

MIN_AGE = 60
HASHES = [bytes([n]) * 32 for n in range(1, 25)]
UNKNOWN = b"\xff" * 32
RELEASES = [keccak(text=f"release {n}") for n in range(6)]
PEOPLE = [actor.address for actor in actors()[1:5]]
KEYS = {actor.address: actor.key for actor in actors()[1:5]}

people = st.sampled_from(PEOPLE)
index = st.integers(0, 23)
coin = st.booleans()
albums = st.lists(st.sampled_from([*HASHES * 2, bytes(32)]), max_size=4)
releases = st.lists(st.sampled_from([*RELEASES * 5, bytes(32)]), min_size=4, max_size=4)
chances = st.integers(0, 9)
"""9 stands for what is not there."""
RIPE = {"exact": 0, "early": -1, "late": 1000}
"""Seconds from the one at which a commitment is old enough."""
ripeness = st.sampled_from(["exact", "exact", "late", "early", "now"])
lefts = st.sampled_from([100, 100, 0, 0, -1])
"""Seconds that a signature still has."""

GOOD_FORMS = ("plain", "compact", "twin")
BAD_FORMS = {
    "another's": 1,
    "late": 0,
    "altered": 0,
    "elsewhere": 0,
    "other chain": 0,
    "cut": 5,
    "none": 2,
    "zeros": 3,
    "garbage": 4,
}
"""What is wrong with a signature; and what a WalletAuthor answers in its place: 0 accepts what was
signed and nothing else, 1 refuses, 2 reverts, 3 burns gas, 4 returns a bomb, 5 too little."""
good_forms = st.sampled_from(GOOD_FORMS)
forms = st.sampled_from([*GOOD_FORMS * 5, *BAD_FORMS])


@dataclass(frozen=True, slots=True)
class System:
    """foreign: a split of another factory. wallet: an author with code."""

    registry: Contract
    split: str
    foreign: str
    wallet: Contract

    @property
    def payouts(self) -> list[str]:
        return [NOBODY, self.split, PEOPLE[1], self.foreign]


@dataclass(frozen=True, slots=True)
class Plan:
    """What somebody committed to, or will."""

    author: str
    hashes: tuple[bytes, ...]
    salt: bytes


def build(world: World) -> System:
    factory, stranger = (world.deploy("RoyaltySplitFactory") for _ in range(2))
    registry = world.deploy("CopyrightRegistry", MIN_AGE, factory)
    payees = sorted(PEOPLE[:2])
    split, foreign = (
        world.transact(payees[0], made, "create", payees, [5000, 5000]).result
        for made in (factory, stranger)
    )
    return System(registry, split, foreign, world.deploy("WalletAuthor"))


def signed(
    system: System, plan: Plan, works: list[Work], deadline: int, form: str
) -> tuple[bytes, bytes]:
    """The digest that is signed, which may be another than it should be, and the signature."""
    chain, registry = CHAIN_ID, system.registry
    if form == "late":
        deadline += 1
    elif form == "altered" and works:
        works = [replace(works[0], payout=PEOPLE[3]), *works[1:]]
    elif form == "elsewhere":
        registry = system.wallet
    elif form == "other chain":
        chain += 1
    digest = register_digest(chain, registry, plan.author, works, plan.salt, deadline)
    return digest, _signature(plan.author, digest, form)


def _signature(author: str, digest: bytes, form: str) -> bytes:
    if form == "none" or author not in KEYS:
        return b""
    if form == "zeros":
        return bytes(65)
    if form == "garbage":
        return keccak(digest) * 2 + b"\x1b"
    who = author if form != "another's" else PEOPLE[PEOPLE.index(author) - 1]
    made = sign(KEYS[who], digest)
    if form == "compact":
        return made.compact
    if form == "twin":
        return made.twin.plain
    # 64 bytes could be a compact signature, and a good one.
    return made.plain[:-2] if form == "cut" else made.plain
