"""Who and what the split machine plays with: tokens of every temper, parties, and faulty ones."""

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import strategies as st
from models.splits import (
    BASIS_POINTS,
    ETH,
    Coin,
    FeeToken,
    HarmlessToken,
    Mood,
    ToppingFeeToken,
    UnreadableToken,
)
from world import TX_GAS, Contract, World, actors

TOKENS = {
    "MockERC20": HarmlessToken,
    "MissingReturnToken": HarmlessToken,
    "ReenteringToken": HarmlessToken,
    "BlocklistToken": Coin,
    "FalseReturnToken": Coin,
    "ShortReturnToken": Coin,
    "ReturnBombToken": Coin,
    "GasBurningToken": Coin,
    "FeeToken": FeeToken,
    "ToppingFeeToken": ToppingFeeToken,
    "UnreadableToken": UnreadableToken,
}
MARKABLE = [name for name, model in TOKENS.items() if model is Coin] + ["ReenteringToken"]
MOODY = 3
MOST_SPLITS = 3
senders = st.sampled_from([actor.address for actor in actors()[1:5]])
moods = st.sampled_from([*Mood, Mood.ACCEPTS, Mood.ACCEPTS, Mood.REFUSES])
amounts = st.one_of(st.integers(0, 30_000), st.integers(0, 10**21))
plenty = st.integers(10_000, 10**21)
little_gas = st.integers(30_000, 1_200_000)
any_gas = st.one_of(st.just(TX_GAS), st.integers(100_000, 900_000))
index = st.integers(0, 11)


@st.composite
def shares(draw: st.DrawFn, count: int) -> list[int]:
    """`count` shares that sum to 10,000, with a small or a large common divisor."""
    step = draw(st.sampled_from([1, 100, 1000]))
    cuts = st.integers(1, BASIS_POINTS // step - 1)
    inner = draw(st.lists(cuts, min_size=count - 1, max_size=count - 1, unique=True))
    edges = [0, *sorted(inner), BASIS_POINTS // step]
    return [(b - a) * step for a, b in pairwise(edges)]


@st.composite
def parties(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Which of those who can be payees, and their shares."""
    who = draw(st.lists(index, min_size=1, max_size=5, unique=True))
    return who, draw(shares(len(who)))


FAULTS = ("none", "many", "short", "twice", "unsorted", "zero payee", "zero share", "more", "less")


def spoil(payees: list[str], shares: list[int], fault: str) -> tuple[list[str], list[int]]:
    """One fault in what could be a split."""
    last, share = payees[-1], shares[-1]
    if fault == "none":
        return [], []
    if fault == "many":
        return [f"0x{n:040x}" for n in range(1, 102)], [100] * 99 + [50] * 2
    if fault == "short":
        return payees, [*shares[:-1], share - 1, 1]
    if fault == "twice":
        return [*payees, last], [*shares[:-1], share - 1, 1]
    if fault == "unsorted":
        return [*payees, f"0x{1:040x}"], [*shares[:-1], share - 1, 1]
    if fault == "zero payee":
        return [ETH, *payees], [1, *shares[:-1], share - 1]
    if fault == "zero share":
        return [*payees, f"0x{'ff' * 20}"], [*shares, 0]
    return payees, [*shares[:-1], share + (1 if fault == "more" else -1)]


@dataclass(frozen=True, slots=True)
class System:
    """imitator: another factory, whose splits are none of ours."""

    factory: Contract
    imitator: Contract
    moody: list[Contract]
    people: list[str]
    tokens: list[Contract]


def build(world: World) -> System:
    moody = [world.deploy("MoodyPayee") for _ in range(MOODY)]
    people = [actor.address for actor in actors()[1:5]] + [world.deploy("HungryPayee")]
    tokens = [world.deploy(name) for name in TOKENS]
    factories = [world.deploy("RoyaltySplitFactory") for _ in range(2)]
    return System(*factories, moody, people, tokens)
