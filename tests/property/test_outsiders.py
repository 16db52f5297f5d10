"""Nobody but its owner moves anything: every external function of every contract, from the ABI.

For each function the table (outsider_table.py) says what an outsider may cause; a function without
an entry fails, and an entry without a function. Outsiders then call all of them, with arguments
among which are others' works, offers, splits, accounts, nodes and used signatures. After each call
whatever is others' is as it was, but for what the entry allows; and always, together and each:

R4, S4 nobody's certificate, offer, grant, node, approval or split is changed by an outsider.
L4, E3 nobody's wealth (balance, credit, deposit, accrued money) falls, and that of the outsiders
       together, with all that they put somewhere themselves, does not grow.
"""

from functools import cache
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule
from machine import Machine, run
from models.registry import NOBODY, commitment
from outsider_calls import allowed, rightful
from outsider_stage import (
    CAROL,
    DEVICE,
    LATE,
    MALLORY,
    OUTSIDERS,
    PLANNED,
    PRICE,
    SALT,
    THEIRS,
    VICTIMS,
    WORKS,
    Books,
    Town,
    build,
    read,
    spoils,
    wealth,
)
from outsider_table import TABLE, May
from world import Contract, Outcome, World
from world.artefacts import artefact
from world.coding import signature

ELEMENTARY = {"bytes4": 4, "bytes2": 2}


@pytest.fixture(autouse=True)
def _a_stage_of_its_own() -> None:
    """ape takes back what each test did to the chain."""
    Outsiders._stage = None


@cache
def functions(name: str) -> dict[str, dict[str, Any]]:
    """A contract's external functions by signature, its receive and fallback too."""
    found = {}
    for entry in artefact(name).abi:
        if entry["type"] == "function":
            found[signature(entry)] = entry
        elif entry["type"] in ("receive", "fallback"):
            found[f"{entry['type']}()"] = entry | {"inputs": [], "name": entry["type"]}
    return found


@pytest.mark.parametrize("name", TABLE)
def test_every_function_has_an_entry(name: str) -> None:
    assert sorted(TABLE[name]) == sorted(functions(name))


@pytest.mark.parametrize("name", TABLE)
def test_what_views_do_is_nothing(name: str) -> None:
    views = {text for text, may in TABLE[name].items() if may.phrase.startswith("a view")}
    pure = {text for text, e in functions(name).items() if e["stateMutability"] in ("view", "pure")}
    assert views == pure


# Arguments


def _texts(field: str) -> st.SearchStrategy[str]:
    return st.sampled_from(["", "https://a.example", "x" * 300])


def _numbers(kind: str, field: str, town: Town) -> st.SearchStrategy[int]:
    most = 2 ** int(kind[4:]) - 1
    known = [0, 1, 27, PRICE, 1000, 500, LATE, most]
    if kind == "uint256":
        ids = [int.from_bytes(work) for work in [*WORKS, THEIRS]]
        known += town.offers if "offer" in field.lower() or field == "ids" else []
        known += [*town.offers, *ids] if field in ("id", "tokenId") else []
    if field in ("offerId", "id", "tokenId", "ids"):
        known = [*known[8:], 1]
    if "price" in field.lower():
        known = [PRICE, PRICE, most, 0]
    if field == "shares":
        known = [5000]
    return st.sampled_from([n for n in known if n <= most])


def _words(field: str, town: Town) -> st.SearchStrategy[bytes]:
    plans = [commitment(who, [PLANNED], SALT) for who in (CAROL.address, *OUTSIDERS)]
    if "node" in field.lower():
        return st.sampled_from([*town.nodes, town.own_node, SALT])
    if field == "salt":
        return st.sampled_from([SALT, SALT, bytes(32)])
    return st.sampled_from([*WORKS, THEIRS, PLANNED, THEIRS, *plans])


def _addresses(field: str, town: Town) -> st.SearchStrategy[str]:
    if "token" in field.lower():
        return st.sampled_from([*town.coins, *town.coins, *VICTIMS])
    if field == "payees":
        return st.sampled_from([*VICTIMS, town.refuser])
    contracts = [*town.contracts.values(), *town.splits, town.refuser]
    return st.sampled_from([*VICTIMS, *OUTSIDERS, DEVICE.address, *contracts, NOBODY])


def _argument(entry: dict[str, Any], town: Town) -> st.SearchStrategy[Any]:
    kind, field = entry["type"], entry["name"]
    if kind.endswith("[]"):
        item = _argument(entry | {"type": kind[:-2]}, town)
        if field == "statements":
            item = st.one_of(st.sampled_from(town.statements), item)
        lists = st.lists(item, max_size=3)
        return lists.map(sorted) if field in ("payees", "certificates", "accounts") else lists
    if kind == "tuple":
        return st.tuples(*(_argument(part, town) for part in entry["components"]))
    if kind.startswith("uint"):
        return _numbers(kind, field, town)
    if kind == "bytes32":
        return _words(field, town)
    if kind == "address":
        return _addresses(field, town)
    if kind == "bool":
        return st.booleans()
    if kind == "string":
        return _texts(field)
    if kind == "bytes":
        used = [part for call in town.used.values() for each in call for part in each]
        return st.sampled_from([b"", b"\x01" * 65, *(u for u in used if isinstance(u, bytes))])
    return st.binary(min_size=ELEMENTARY[kind], max_size=ELEMENTARY[kind])


@cache
def _calls(name: str, text: str) -> st.SearchStrategy[tuple[Any, ...]]:
    """Arguments for a function; now and then those of a signature that was used already, or of a
    call that is good, or would be of somebody else."""
    town = Outsiders.stage()[1]
    entry = functions(name)[text]
    drawn = st.tuples(*(_argument(part, town) for part in entry["inputs"]))
    good = [*town.used.get(entry["name"], [])]
    for known in (allowed(town), rightful(town)):
        call = known.get(name, {}).get(entry["name"])
        if call and len(call.arguments) == len(entry["inputs"]):
            good.append(call.arguments)
    if not good:
        return drawn
    altered = st.tuples(st.sampled_from(good), drawn, st.integers(0, 7)).map(_alter)
    return st.one_of(st.sampled_from(good), altered, drawn)


def _alter(given: tuple[tuple[Any, ...], tuple[Any, ...], int]) -> tuple[Any, ...]:
    """A good call with one argument of another."""
    good, other, i = given
    i %= max(1, len(good))
    return (*good[:i], *other[i : i + 1], *good[i + 1 :])


CHANGING = [
    (name, text)
    for name, entries in TABLE.items()
    for text, may in entries.items()
    if not may.phrase.startswith("a view")
]
VIEWS = [
    (name, text)
    for name, entries in TABLE.items()
    for text, may in entries.items()
    if may.phrase.startswith("a view")
]
calls = st.one_of(*[st.sampled_from(CHANGING)] * 9, st.sampled_from(VIEWS)).flatmap(
    lambda call: st.tuples(st.just(call[0]), st.just(call[1]), st.deferred(lambda: _calls(*call)))
)


def transact(
    world: World, town: Town, sender: str, name: str, text: str, arguments: Any, value: int, i: int
) -> Outcome:
    contract: Contract = town.splits[i % 2] if name == "RoyaltySplit" else town.contracts[name]
    if text in ("receive()", "fallback()"):
        return world.send(sender, contract, value)
    return world.transact(sender, contract, text, *arguments, value=value)


def changes(before: Books, after: Books) -> set[str]:
    """Kind of what changed, and which way it did."""
    found = set()
    for key, old in before.items():
        if after[key] != old:
            number = isinstance(old, int) and not isinstance(old, bool)
            found.add(f"{key[0]} {('+' if after[key] > old else '-') if number else '!'}")
    return found


class Outsiders(Machine):
    promises = ("R4", "L4", "S4", "E3")
    examples = 60
    steps = 60

    @classmethod
    def build(cls, world: World) -> Town:
        return build(world)

    def __init__(self) -> None:
        super().__init__()
        self.books = read(self.world, self.system)
        self.spoils = spoils(self.world, self.system)

    @rule(
        call=calls,
        sender=st.sampled_from(OUTSIDERS),
        value=st.sampled_from([0, PRICE, 0, 1]),
        i=st.integers(0, 1),
    )
    def meddle(self, call: tuple[str, str, Any], sender: str, value: int, i: int) -> None:
        name, text, arguments = call
        payable = functions(name)[text]["stateMutability"] == "payable"
        self.call(name, text, sender, arguments, value if payable else 0, i)

    def call(
        self, name: str, text: str, sender: str, arguments: Any, value: int, i: int
    ) -> Outcome:
        """By an outsider; what fails changes nothing."""
        made = transact(self.world, self.system, sender, name, text, arguments, value, i)
        if made.ok:
            self._compare(TABLE[name][text])
        return made

    @rule(seconds=st.sampled_from([1, 3600, 86_400, 86_400, 10**6]))
    def wait(self, seconds: int) -> None:
        self.world.warp(seconds)

    def _compare(self, may: May) -> None:
        world, before = self.world, self.books
        self.books = read(world, self.system)
        beyond = sorted(changes(before, self.books) - may.changes)
        text = f"an outsider may cause: {may.phrase}; and caused: {beyond}"
        world.expect_true(_promise(beyond), not beyond, text)
        richer, poorer = wealth(self.books), wealth(before)
        for (coin, whose), had in poorer.items():
            lost = had - richer[coin, whose]
            world.expect_true("L4", lost <= 0, f"{world.name(whose)} lost {lost} of {coin}")
        spoils_now = spoils(world, self.system)
        for coin, had in self.spoils.items():
            won = spoils_now[coin] - had
            world.expect_true("E3", won <= 0, f"outsiders won {won} of {coin}")
        self.spoils = spoils_now


def _promise(beyond: list[str]) -> str:
    """The letter under which it was promised."""
    kinds = {each.split()[0] for each in beyond}
    if kinds & {"deposit", "request", "recorded", "accrued"}:
        return "E3"
    if kinds & {"credit", "waiting"}:
        return "S4"
    return "R4" if kinds & {"certificate", "commitment", "approval"} else "L4"


def test_outsiders() -> None:
    run(Outsiders)


def _in_full(name: str, short: str, count: int) -> str:
    return next(
        text
        for text, entry in functions(name).items()
        if entry["name"] == short and len(entry["inputs"]) == count
    )


def test_there_is_a_call_for_all_that_may_be_caused() -> None:
    found = {
        (name, text.split("(")[0])
        for name, entries in TABLE.items()
        for text, may in entries.items()
        if may.changes
    }
    listed = allowed(Outsiders.stage()[1])
    assert found == {(name, short) for name, calls in listed.items() for short in calls}


def test_what_an_outsider_may_cause_can_be_caused() -> None:
    """So that the machine does not pass for want of calls that succeed."""
    for name, listed in allowed(Outsiders.stage()[1]).items():
        for short, call in listed.items():
            machine = Outsiders()
            before = machine.books
            text = _in_full(name, short, len(call.arguments))
            made = machine.call(name, text, MALLORY.address, call.arguments, call.value, 1)
            assert made.ok, (short, made.error)
            assert changes(before, machine.books), short


def test_what_is_due_to_others_is_only_theirs() -> None:
    """No outsider, before they do; but they, with the very same arguments."""
    for name, listed in rightful(Outsiders.stage()[1]).items():
        for short, call in listed.items():
            machine = Outsiders()
            world, town = machine.world, machine.system
            text = _in_full(name, short, len(call.arguments))
            before = machine.books
            for outsider in OUTSIDERS:
                made = machine.call(name, text, outsider, call.arguments, 0, 1)
                assert not made.ok, f"{world.name(outsider)} may {short}"
            if call.sender == town.refuser:
                data = town.splits[1].function(text, len(call.arguments)).encode(call.arguments)
                done = world.transact(
                    MALLORY.address, town.refuser, "execute", town.splits[1], data
                )
            else:
                done = transact(world, town, call.sender, name, text, call.arguments, 0, 1)
            assert done.ok, (short, done.error)
            created = short in ("register", "createOffer")
            assert created or changes(before, read(world, town)), short
