"""What a failing machine leaves behind: a scenario to read, and a test that Python can read."""

import ast

import pytest
import scenario
from world import NOTHING, Disagreement, actors, open_world


@pytest.fixture
def told():
    """A small story whose last claim is wrong."""
    world = open_world()
    alice, bob = (actor.address for actor in actors()[1:3])
    factory = world.deploy("RoyaltySplitFactory")
    payee = world.deploy("MoodyPayee")
    payees = sorted([alice, payee])
    made = world.transact(bob, factory, "create", payees, [4000, 6000])
    split = world.at("RoyaltySplit", made.result)
    world.names[split] = "split"
    world.transact(bob, payee, "feel", 1, b"")
    world.warp(60)
    world.send(bob, split, 7)
    world.fund(split, 20_003)
    world.transact(bob, split, "distribute", NOTHING, value=10, gas=3_000_000)
    world.transact(bob, split, "withdraw", NOTHING, payee)
    world.transact(bob, split, "withdraw", NOTHING, bob)
    with pytest.raises(Disagreement) as found:
        world.expect("S1", 1, split, "creditOf", NOTHING, payee)
    return world, found.value


def test_a_scenario_says_who_did_what_when_and_what_came_of_it(told):
    lines = scenario.text(*told).splitlines()
    assert lines[4] == "  4. t+0 bob calls moody_payee.feel(mood_=1, data_=0x) → done"
    assert lines[5] == "  5. t+60 bob sends split nothing more with 7 wei → done"
    assert lines[6] == "  6. t+60 split is given 20003 wei"
    assert lines[7].startswith("  7. t+60 bob calls split.distribute(token=0) with 10 wei → done")
    assert "Credited(token=0, payee=moody_payee, amount=" in lines[7]
    assert lines[9].endswith("→ reverts: RoyaltySplit_NoCredit(0, bob)")
    assert "S1: RoyaltySplit.creditOf" in lines[10]


def test_the_ready_test_is_python_and_ends_in_the_claim(told, tmp_path, monkeypatch):
    monkeypatch.setattr(scenario, "FOLDER", tmp_path)
    source = scenario.write_test("Story", *told).read_text("utf-8")
    (function,) = [n for n in ast.parse(source).body if getattr(n, "name", "").startswith("test_")]
    assert isinstance(function.body[-1], ast.Assert)
    assert "creditOf" in ast.unparse(function.body[-1])


def test_what_has_no_assertion_fails_until_it_has_one(told, tmp_path, monkeypatch):
    world, _ = told
    monkeypatch.setattr(scenario, "FOLDER", tmp_path)
    with pytest.raises(Disagreement) as found:
        world.expect_true("S1", False, "received is not what was paid")
    source = scenario.write_test("Story", world, found.value).read_text("utf-8")
    assert source.rstrip().endswith(
        "pytest.fail('assert here what was expected: received is not what was paid')"
    )


def test_a_view_that_reverts_is_a_disagreement(told):
    world, _ = told
    registry = world.deploy("CopyrightRegistry", 1, world.deploy("RoyaltySplitFactory"))
    with pytest.raises(Disagreement, match=r"certificateOf.* reverts, and is not 1"):
        world.expect("R1", 1, registry, "certificateOf", bytes(32))
