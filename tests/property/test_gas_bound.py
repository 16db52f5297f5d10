"""L6 on both sides of its bound: no payee of a split can block a sale, as long as the splits of one
purchase have at most 90 payees together; beyond that anyone first sends each split one unit and
distributes, after which those who burn gas are credited, not called, until they withdraw.

(More of the bound itself, with a referrer, tokens, and payees who recur: test_licence_blockers.py.)
"""

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from models.offers import Kind, Offer
from models.registry import NOBODY, Visibility, commitment
from models.splits import ETH, Mood
from world import TX_GAS, Contract, World, actors, open_world

ARTIST, BUYER, ANYONE = actors()[1:4]
BOUND = 90
SALT = bytes(32)
PRICE = 10**12
COLD = 2_500 + 2 * 2_100
"""Gas that a payee costs more where accounts and storage are not warm, as they are on revm: the
account, its credit, and the slot of the split that its turn may read."""
COLD_SPLIT = 2_500 + 4 * 2_100
"""The same of a split: its account, the sum of its credits, and three slots of its certificate."""


@dataclass(frozen=True, slots=True)
class Stage:
    world: World
    registry: Contract
    licenses: Contract
    factory: Contract
    payees: list[Contract]


@pytest.fixture(scope="module")
def stage() -> Stage:
    world = open_world()
    factory = world.deploy("RoyaltySplitFactory")
    registry = world.deploy("CopyrightRegistry", 1, factory)
    licenses = world.deploy("LicenseManager", registry, factory)
    payees = [world.deploy("MoodyPayee") for _ in range(300)]
    for payee in payees:
        assert world.transact(ANYONE.address, payee, "feel", Mood.BURNS_GAS, b"").ok
    return Stage(world, registry, licenses, factory, payees)


def sell(stage: Stage, sizes: list[int]) -> tuple[Offer, list[Contract], list[int]]:
    """An album of a work for each split; all payees are different, and burn all gas.
    Returns each split's number of parts too: what its money is a multiple of."""
    world, splits, parts, used = stage.world, [], [], 0
    for size in sizes:
        payees = sorted(stage.payees[used : used + size])
        used += size
        shares = [10_000 // size] * (size - 1)
        shares.append(10_000 - sum(shares))
        made = world.transact(ARTIST.address, stage.factory, "create", payees, shares)
        assert made.ok
        splits.append(world.at("RoyaltySplit", made.result))
        parts.append(10_000 // shares[0] if len(set(shares)) == 1 else 10_000)
    works = [bytes([i + 1]) * 32 for i in range(len(sizes))]
    value = commitment(ARTIST.address, works, SALT)
    assert world.transact(ARTIST.address, stage.registry, "commit", value).ok
    world.warp(1)
    listed = [
        (work, work, int(Visibility.LICENSED), split)
        for work, split in zip(works, splits, strict=True)
    ]
    assert world.transact(ARTIST.address, stage.registry, "register", listed, SALT).ok
    offer = Offer(ARTIST.address, tuple(works), Kind.PERPETUAL, ETH, 0, False, 0, SALT, SALT)
    plain = offer.plain()
    assert world.transact(ARTIST.address, stage.licenses, "createOffer", plain, PRICE, 0).ok
    return offer, splits, parts


def buy(stage: Stage, offer: Offer, payees: int):
    order = (offer.id, BUYER.address, NOBODY, PRICE)
    spared = COLD * payees + COLD_SPLIT * len(offer.certificates)
    gas = TX_GAS - (spared if stage.world.engine == "revm" else 0)
    return stage.world.transact(
        BUYER.address, stage.licenses, "purchase", *order, value=PRICE, gas=gas
    )


@settings(
    max_examples=15,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(cuts=st.lists(st.integers(1, BOUND), max_size=12) | st.just([1] * 38 + [2] * 26))
def test_no_ninety_payees_block_a_sale(stage: Stage, cuts: list[int]) -> None:
    """However they are spread over splits."""
    sizes, left = [], BOUND
    for cut in cuts:
        sizes.append(min(cut, left))
        left -= sizes[-1]
        if not left:
            break
    sizes += [left] if left else []
    world = stage.world
    mark = world.snapshot()
    offer, splits, _ = sell(stage, sizes)
    sold = buy(stage, offer, BOUND)
    world.expect_ok("L6", sold)
    world.expect("L6", 1, stage.licenses, "balanceOf", BUYER.address, offer.id)
    owed = sum(world.call(split, "totalCredit", ETH) for split in splits)
    assert PRICE - 10_000 * len(splits) < owed <= PRICE
    world.restore(mark)


@pytest.mark.parametrize("sizes", [[100, 100], [100, 100, 100], [60, 50, 1, 40]])
def test_beyond_the_bound_there_is_a_way_out(stage: Stage, sizes: list[int]) -> None:
    world = stage.world
    mark = world.snapshot()
    offer, splits, parts = sell(stage, sizes)
    sold = buy(stage, offer, 0)
    if sum(sizes) >= 200:
        assert not sold.ok, "so many payees should not fit: is the bound too low?"
    if not sold.ok:
        world.expect("L6", 0, stage.licenses, "balanceOf", BUYER.address, offer.id)
        for split, unit in zip(splits, parts, strict=True):
            made = world.transact(ANYONE.address, split, "distribute", ETH, value=unit)
            world.expect_ok("L6", made)
            world.expect("L6", unit, split, "totalCredit", ETH)
        sold = buy(stage, offer, sum(sizes))
    world.expect_ok("L6", sold)
    world.expect("L6", 1, stage.licenses, "balanceOf", BUYER.address, offer.id)
    owed = sum(world.call(split, "totalCredit", ETH) for split in splits)
    assert PRICE - 10_000 * len(splits) < owed <= PRICE + sum(parts)
    world.restore(mark)
