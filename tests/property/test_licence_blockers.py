"""L6 for few splits: a hundred payees and a referrer, each of whom burns all gas, block no sale.

The splits of one purchase have a hundred payees together; they recur in the album, not side by
side, and nobody was ever paid before. All of them are credited; the next sale is cheaper. (Over
more than 20 splits 90 payees are the bound: test_gas_bound.py, and on cold accounts
tests/unit/test_licenses_hostile.py.)
"""

from dataclasses import dataclass

import pytest
from models.money import TokenMood
from models.offers import Kind, Offer
from models.registry import NOBODY, Visibility, commitment
from models.splits import ETH, Mood
from world import Contract, World, actors, open_world

ARTIST, BUYER = actors()[1:3]
PAYEES = 100
PRICE = 10**9
SALT = bytes(32)


@dataclass(frozen=True, slots=True)
class Stage:
    world: World
    registry: Contract
    licenses: Contract
    factory: Contract
    token: Contract
    burners: list[Contract]


@pytest.fixture(scope="module")
def stage() -> Stage:
    """Payees and referrer burn the gas of ETH and of the token alike."""
    world = open_world()
    factory = world.deploy("RoyaltySplitFactory")
    registry = world.deploy("CopyrightRegistry", 1, factory)
    licenses = world.deploy("LicenseManager", registry, factory)
    token = world.deploy("MoodyToken")
    burners = [world.deploy("GasBurningPayee") for _ in range(PAYEES + 1)]
    for burner in burners:
        assert world.transact(BUYER.address, token, "mark", burner, True).ok
    assert world.transact(BUYER.address, token, "setMood", TokenMood.BURNS_GAS).ok
    assert world.transact(BUYER.address, token, "mint", BUYER.address, 10 * PRICE).ok
    assert world.transact(BUYER.address, token, "approve", licenses, 10 * PRICE).ok
    return Stage(world, registry, licenses, factory, token, burners)


def splits_of(stage: Stage, count: int, among: list[Contract]) -> list[Contract]:
    """The payees shared out over so many splits."""
    found = []
    each = PAYEES // count
    for i in range(count):
        payees = sorted(among[i * each : (i + 1) * each])
        shares = [10_000 // each] * each
        made = stage.world.transact(ARTIST.address, stage.factory, "create", payees, shares)
        assert made.ok
        found.append(stage.world.at("RoyaltySplit", made.result))
    return found


def certify(stage: Stage, payouts: list[str], first: int) -> list[bytes]:
    world, works = stage.world, [bytes([first + i]) * 32 for i in range(len(payouts))]
    value = commitment(ARTIST.address, works, SALT)
    assert world.transact(ARTIST.address, stage.registry, "commit", value).ok
    world.warp(1)
    listed = [
        (work, work, int(Visibility.LICENSED), payout)
        for work, payout in zip(works, payouts, strict=True)
    ]
    assert world.transact(ARTIST.address, stage.registry, "register", listed, SALT).ok
    return works


@pytest.mark.parametrize("in_eth", [True, False], ids=["ETH", "token"])
@pytest.mark.parametrize("count", [1, 4, 20])
def test_a_hundred_who_burn_all_gas_block_no_sale(stage: Stage, count: int, in_eth: bool) -> None:
    world = stage.world
    mark = world.snapshot()
    coin = ETH if in_eth else stage.token
    splits = splits_of(stage, count, stage.burners)
    works = certify(stage, [*splits, *splits], 1)
    offer = Offer(ARTIST.address, tuple(works), Kind.PERPETUAL, coin, 0, False, 1000, SALT, SALT)
    made = world.transact(ARTIST.address, stage.licenses, "createOffer", offer.plain(), PRICE, 0)
    assert made.ok
    order = (offer.id, BUYER.address, stage.burners[PAYEES], PRICE)
    for sales in (1, 2):
        value = PRICE if in_eth else 0
        sold = world.transact(BUYER.address, stage.licenses, "purchase", *order, value=value)
        world.expect_ok("L6", sold)
        world.expect("L6", sales, stage.licenses, "balanceOf", BUYER.address, offer.id)
        owed = sum(world.call(split, "totalCredit", coin) for split in splits)
        waiting = sales * PRICE - owed
        assert 0 <= waiting < 10_000 * count
    world.restore(mark)


def test_who_wastes_gas_and_takes_the_money_is_called_once_a_purchase(stage: Stage) -> None:
    """They have no credit open, so only that a split is distributed once stands against them."""
    world = stage.world
    mark = world.snapshot()
    wasters = [world.deploy("MoodyPayee") for _ in range(PAYEES)]
    for waster in wasters:
        assert world.transact(BUYER.address, waster, "feel", Mood.RETURNS_HUGE, b"").ok
    works = certify(stage, splits_of(stage, 2, wasters) * 8, 1)
    offer = Offer(ARTIST.address, tuple(works), Kind.PERPETUAL, ETH, 0, False, 0, SALT, SALT)
    made = world.transact(ARTIST.address, stage.licenses, "createOffer", offer.plain(), PRICE, 0)
    assert made.ok
    order = (offer.id, BUYER.address, NOBODY, PRICE)
    sold = world.transact(BUYER.address, stage.licenses, "purchase", *order, value=PRICE)
    world.expect_ok("L6", sold)
    paid = sum(world.balance(waster) for waster in wasters)
    assert PRICE - 20_000 < paid <= PRICE
    world.restore(mark)


def test_neither_the_referrer_nor_anybody_is_called_for_nothing(stage: Stage) -> None:
    world = stage.world
    mark = world.snapshot()
    (split,) = splits_of(stage, 1, stage.burners)
    (work,) = certify(stage, [split], 1)
    offer = Offer(ARTIST.address, (work,), Kind.PERPETUAL, ETH, 0, False, 5000, SALT, SALT)
    assert world.transact(ARTIST.address, stage.licenses, "createOffer", offer.plain(), 0, 0).ok
    order = (offer.id, BUYER.address, stage.burners[PAYEES], 0)
    sold = world.transact(BUYER.address, stage.licenses, "purchase", *order, gas=500_000)
    world.expect_ok("L6", sold)
    assert [name for name, _ in sold.said(stage.licenses)] == ["TransferSingle", "Purchased"]
    assert not sold.said(split)
    assert sold.said(stage.licenses)[1][1]["referrer"] != NOBODY
    world.restore(mark)
