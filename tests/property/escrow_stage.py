"""What the pay-per-play machine plays on: certificates with payouts of every temper, tokens,
devices; and how devices sign, well or badly."""

from copy import deepcopy
from dataclasses import dataclass

from eth_utils import keccak
from models.escrow import (
    Escrow,
    PullToken,
    Signed,
    Statement,
    statement_digest,
)
from models.registry import NOBODY, Registry, Visibility, Work, commitment
from models.splits import Coin, Ether, FeeToken, HarmlessToken, Mood, Split, ToppingFeeToken
from signing import ORDER, address, sign, signer
from world import CHAIN_ID, Contract, World, actors

MIN_AGE = 60
RELEASE = b"\xa0" * 32
CERTIFICATES = [bytes([n]) * 32 for n in range(1, 5)]
LATER, NEVER = b"\x05" * 32, b"\x06" * 32
"""One that is registered only while the machine runs, and one that never is."""
PEOPLE = [actor.address for actor in actors()[1:5]]
PAYER = PEOPLE[3]
"""Who deposits tokens."""
DEVICE_KEYS = [keccak(text=f"device {n}") for n in range(3)]
DEVICES = [address(int.from_bytes(key)) for key in DEVICE_KEYS]
TOKENS = {
    "MockERC20": Coin,
    "OddPullToken": PullToken,
    "ReenteringPullToken": HarmlessToken,
    "ReenteringToken": HarmlessToken,
    "BlocklistToken": Coin,
    "FalseReturnToken": Coin,
    "MissingReturnToken": HarmlessToken,
    "FeeToken": FeeToken,
    "ToppingFeeToken": ToppingFeeToken,
}
MARKABLE = ("ReenteringToken", "BlocklistToken", "FalseReturnToken")
CROOKED = ("ToppingFeeToken",)
"""Tokens that take more than they are told: they harm only their own books."""


@dataclass(frozen=True, slots=True)
class System:
    escrow: Contract
    registry: Contract
    split: Contract
    moody: list[Contract]
    reenterer: Contract
    tokens: dict[str, Contract]
    certificates: Registry
    shares: Split

    @property
    def payouts(self) -> list[str]:
        """Zero is the owner; the escrow itself is nobody."""
        chosen = [NOBODY, self.split, *self.moody, self.reenterer, PEOPLE[2], self.escrow]
        return [str(payout) for payout in chosen]

    @property
    def holders(self) -> list[str]:
        found = [*PEOPLE, *self.moody, self.reenterer, self.split, self.escrow]
        return [str(holder) for holder in found]

    @property
    def accounts(self) -> list[tuple[str, str]]:
        """Listeners and devices: a listener with two, a device of two, a listener with code."""
        moody = str(self.moody[0])
        return [
            (PEOPLE[0], DEVICES[0]),
            (PEOPLE[0], DEVICES[1]),
            (PEOPLE[1], DEVICES[0]),
            (moody, DEVICES[1]),
        ]


def build(world: World) -> System:
    factory = world.deploy("RoyaltySplitFactory")
    registry = world.deploy("CopyrightRegistry", MIN_AGE, factory)
    escrow = world.deploy("StreamingEscrow", registry, factory)
    moody = [world.deploy("MoodyPayee") for _ in range(2)]
    reenterer = world.deploy("ReenteringPayee")
    payees, shares = sorted([PEOPLE[1], *map(str, moody)]), [5000, 3000, 2000]
    made = world.transact(PEOPLE[0], factory, "create", payees, shares)
    split = world.at("RoyaltySplit", made.result)
    world.names[split] = "split"
    tokens = {name: world.deploy(name) for name in TOKENS}
    for token in tokens.values():
        assert world.transact(PAYER, token, "approve", escrow, 2**256 - 1).ok
    books = Split(str(split), payees, shares)
    model = Registry(MIN_AGE)
    system = System(escrow, registry, split, moody, reenterer, tokens, model, books)
    _register(world, system)
    return system


def _register(world: World, system: System) -> None:
    for author, hashes in ((PEOPLE[0], [*CERTIFICATES[:3], LATER]), (PEOPLE[1], CERTIFICATES[3:])):
        for album in (hashes[:3], hashes[3:]):
            value = commitment(author, album, bytes(32))
            assert world.transact(author, system.registry, "commit", value).ok
            system.certificates.commit(value, world.now())
    world.warp(MIN_AGE)
    register(world, system, system.certificates, PEOPLE[0], CERTIFICATES[:3])
    register(world, system, system.certificates, PEOPLE[1], CERTIFICATES[3:])


def register(
    world: World, system: System, model: Registry, author: str, hashes: list[bytes]
) -> None:
    """Each with another payout."""
    payouts = [system.payouts[n % len(system.payouts)] for n in range(1, 1 + len(hashes))]
    works = [
        Work(work_hash, RELEASE, Visibility.LICENSED, payout)
        for work_hash, payout in zip(hashes, payouts, strict=True)
    ]
    plain = [work.plain() for work in works]
    assert world.transact(author, system.registry, "register", plain, bytes(32)).ok
    model.register(author, works, bytes(32), world.now())


def open_books(world: World, system: System) -> tuple[Registry, Escrow, Ether, dict[str, Coin]]:
    """The model as it is where every example begins."""
    registry = deepcopy(system.certificates)
    split = deepcopy(system.shares)
    escrow = Escrow(str(system.escrow), registry.payout_of, {split.address: split})
    ether = Ether(dict.fromkeys([*system.moody, system.reenterer], Mood.ACCEPTS))
    for holder in system.holders:
        ether.balances[holder] = world.balance(holder)
    coins = {name: TOKENS[name](str(token)) for name, token in system.tokens.items()}
    return registry, escrow, ether, coins


GOOD = ("plain", "twin", "compact")
NOBODYS = ("empty", "short", "long", "v 0", "s 0", "s too large", "r 0")
ELSEWHERE = ("other chain", "other contract")
"""Good signatures of something else: here they are somebody's, who has no money."""


def signed(escrow: str, statement: Statement, device: int, how: str) -> Signed:
    chain = CHAIN_ID + (how == "other chain")
    contract = PEOPLE[3] if how == "other contract" else escrow
    digest = statement_digest(chain, contract, statement)
    made = sign(DEVICE_KEYS[device], digest)
    if how in ELSEWHERE:
        here = statement_digest(CHAIN_ID, escrow, statement)
        return Signed(statement, made.plain, signer(here, made))
    good = {"plain": made.plain, "twin": made.twin.plain, "compact": made.compact}
    if how in good:
        return Signed(statement, good[how], DEVICES[device])
    r, s, v = made.plain[:32], made.plain[32:64], made.plain[64:]
    bad = {
        "empty": b"",
        "short": made.plain[:63],
        "long": made.plain + b"\x00",
        "v 0": r + s + bytes([v[0] - 27]),
        "s 0": r + bytes(32) + v,
        "s too large": r + ORDER.to_bytes(32) + v,
        "r 0": bytes(32) + s + v,
    }
    return Signed(statement, bad[how], None)
