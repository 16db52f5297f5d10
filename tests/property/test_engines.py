"""What every engine owes the properties: transactions, failures, logs, time, marks."""

import pytest
from world import NOTHING, Failure, Reverted, actors, open_world


@pytest.fixture(scope="module")
def world():
    return open_world()


@pytest.fixture
def split(world):
    payees = sorted(actor.address for actor in actors()[1:3])
    factory = world.deploy("RoyaltySplitFactory")
    made = world.transact(payees[0], factory, "create", payees, [7500, 2500])
    assert made.events[0].args == {"split": made.result, "payees": payees, "shares": [7500, 2500]}
    return world.at("RoyaltySplit", made.result)


def test_a_transaction_pays_and_says_so_and_gas_is_free(world, split):
    alice, payees = actors()[3].address, world.call(split, "payees")[0]
    before = [world.balance(a) for a in (alice, *payees)]
    outcome = world.transact(alice, split, "distribute", NOTHING, value=103)
    assert outcome.said(split) == [("Distributed", {"token": NOTHING, "amount": 100})]
    after = [world.balance(a) for a in (alice, *payees)]
    assert [b - a for a, b in zip(before, after, strict=True)] == [-103, 75, 25]
    assert world.balance(split) == 3


def test_a_failure_is_named_changes_nothing_and_does_not_stop_the_world(world, split):
    alice = actors()[1].address
    failed = world.transact(alice, split, "withdraw", NOTHING, alice)
    assert failed.error == ("RoyaltySplit_NoCredit", (NOTHING, alice))
    starved = world.transact(alice, split, "distribute", NOTHING, value=100, gas=60_000)
    assert starved.error == ("RoyaltySplit_TooLittleGas", ())
    assert world.balance(split) == 0
    assert world.transact(alice, split, "distribute", NOTHING, value=100).ok
    assert world.refusal(split, "creditOf", NOTHING, alice) is None


def test_transient_storage_does_not_outlive_a_transaction(world, split):
    alice = actors()[1].address
    for _ in range(2):  # the guard would refuse the second
        assert world.transact(alice, split, "distribute", NOTHING, value=100).ok


def test_marks_take_back_everything_as_often_as_wanted(world, split):
    alice = actors()[1].address
    mark, now, balance = world.snapshot(), world.now(), world.balance(alice)
    steps = len(world.history)
    for _ in range(2):
        world.warp(100)
        world.fund(split, 7)
        inner = world.snapshot()
        world.transact(alice, split, "distribute", NOTHING, value=100)
        second = world.deploy("RoyaltySplitFactory")
        world.restore(inner)
        assert (world.now(), world.balance(split), world.code(second)) == (now + 100, 7, b"")
        world.restore(mark)
        assert (world.now(), world.balance(split), world.balance(alice)) == (now, 0, balance)
        assert len(world.history) == steps


def test_time_stands_still_until_it_is_warped(world):
    factory = world.deploy("RoyaltySplitFactory")
    registry = world.deploy("CopyrightRegistry", 60, factory)
    alice = actors()[1].address
    world.transact(alice, registry, "commit", b"1" * 32)
    world.warp(5)
    world.transact(alice, registry, "commit", b"2" * 32)
    world.transact(alice, registry, "commit", b"3" * 32)
    times = [world.call(registry, "committedAt", bytes([digit]) * 32) for digit in b"123"]
    assert times == [world.now() - 5, world.now(), world.now()]


def test_a_contract_can_send_and_a_broken_deployment_says_why(world, split):
    world.fund(split, 5)
    with pytest.raises(Reverted):
        world.deploy("CopyrightRegistry", 60, NOTHING, value=1)
    with pytest.raises(Reverted) as failed:
        world.call(world.at("CopyrightRegistry", split), "certificateOf", b"1" * 32)
    assert failed.value.failure == Failure("")


def test_addresses_are_those_of_a_deployer_who_does_nothing_else():
    world = open_world()
    if world.engine == "revm":
        assert world.deploy("RoyaltySplitFactory") == "0x5fbdb2315678afecb367f032d93f642f64180aa3"
