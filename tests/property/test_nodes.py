"""The directory of nodes, by operators and outsiders.

N1 only its operator changes or retires a node; its id outlives its keys; a retired node stays as
   it is.

DESIGN 10 has no letter for it: this is what INodeRegistry says.
"""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from machine import Machine, run
from models.nodes import MOST, MOST_KEY, Directory, Errors, Record, Said, node_id
from world import Contract, Outcome, World, actors

OPERATORS = [actor.address for actor in actors()[1:4]]
SALTS = [bytes([n]) * 32 for n in range(3)]
IDS = [node_id(operator, salt) for operator in OPERATORS for salt in SALTS]
"""All that there can be."""
UNKNOWN = b"\xff" * 32

operators = st.sampled_from(OPERATORS)
salts = st.sampled_from(SALTS)
who = st.integers(0, 11)


def texts(most: int, least: int = 0) -> st.SearchStrategy[str]:
    """At the bounds too, and beyond; an é has two bytes."""
    lengths = [least, 1, 30, 30, 30, 30, most - 1, most, most + 1]
    return st.builds(
        lambda length, wide: "é" * (length // 2) + "a" * (length % 2) if wide else "a" * length,
        st.sampled_from(lengths),
        st.sampled_from([False, False, True]),
    )


KEMS = st.sampled_from([0, 0x20, 0x21, 0xFFFF])
plain_records = st.builds(
    lambda n, kem: Record(f"https://n{n}.example", "", "", kem, bytes([n]) * 32, b"DE", ""),
    st.integers(0, 255),
    KEMS,
)
odd_records = st.builds(
    Record,
    st.one_of(texts(MOST["apiUrl"], 1), texts(MOST["apiUrl"], 1), texts(MOST["apiUrl"])),
    texts(MOST["gatewayUrl"]),
    texts(MOST["peer"]),
    KEMS,
    st.builds(
        lambda length, byte: bytes([byte]) * length,
        st.sampled_from([1, 32, 32, 32, 1216, MOST_KEY, MOST_KEY + 1, 0]),
        st.integers(0, 255),
    ),
    st.sampled_from([b"\0\0", b"DE", b"PT"]),
    texts(MOST["domain"]),
)
records = st.one_of(plain_records, plain_records, odd_records)


class Nodes(Machine):
    promises = ("N1",)
    examples = 60
    steps = 30

    @classmethod
    def build(cls, world: World) -> Contract:
        return world.deploy("NodeRegistry")

    def __init__(self) -> None:
        super().__init__()
        self.model = Directory()

    @initialize(salt=salts, record=plain_records)
    def first(self, salt: bytes, record: Record) -> None:
        for operator in OPERATORS[:2]:
            self.announce(operator, salt, record)

    @rule(seconds=st.integers(1, 100))
    def wait(self, seconds: int) -> None:
        """Blocks come."""
        self.world.warp(seconds)

    @rule(operator=operators, salt=salts, record=records)
    def announce(self, operator: str, salt: bytes, record: Record) -> None:
        made = self.world.transact(operator, self.system, "announce", salt, record.plain())
        errors = self.model.announce_errors(operator, salt, record)
        block = self.world.height()
        self._ends(made, errors, lambda: self.model.announce(operator, salt, record, block))
        if made.ok:
            same = made.result == node_id(operator, salt)
            self.world.expect_true("N1", same, "a node has another id")

    @rule(n=who, i=who, record=records)
    def change(self, n: int, i: int, record: Record) -> None:
        """Key rotation included: the id stays."""
        identity, caller = self._case(n, i)
        self._change(caller, identity, record)

    @rule(n=who, i=who, outsider=operators, record=records)
    def retire(self, n: int, i: int, outsider: str, record: Record) -> None:
        """For good: nobody changes it, or announces it again."""
        identity, caller = self._case(n, i)
        errors = self.model.errors(caller, identity)
        made = self.world.transact(caller, self.system, "retire", identity)
        self._ends(made, errors, lambda: self.model.retire(identity))
        self._change(caller if n % 2 else outsider, identity, record)

    def _change(self, caller: str, identity: bytes, record: Record) -> None:
        errors = self.model.errors(caller, identity) + record.errors()
        made = self.world.transact(caller, self.system, "change", identity, record.plain())
        block = self.world.height()
        self._ends(made, errors, lambda: self.model.change(identity, record, block))

    def _case(self, n: int, i: int) -> tuple[bytes, str]:
        """A node, mostly one that is there, and who touches it, mostly its operator."""
        known = list(self.model.nodes)
        identity = known[n % len(known)] if known and n < 11 else UNKNOWN
        node = self.model.nodes.get(identity)
        return identity, OPERATORS[i % 3] if node is None or i < 4 else node.operator

    def _ends(self, made: Outcome, errors: Errors, change: Callable[[], Said]) -> None:
        """With one of the errors; or, if there is none, with the events of the change."""
        if not errors:
            self.world.expect_ok("N1", made)
            said, expected = made.said(self.system), change()
            self.world.expect_true("N1", said == expected, f"it said {said}, and not {expected}")
            return
        if len(errors) == 1:
            self.world.expect_failure("N1", made, errors[0][0], *errors[0][1])
        self.world.expect_true("N1", made.error in errors, f"{made.error}, and not of {errors}")

    @invariant()
    def nodes_are_the_models(self) -> None:
        for identity in [*IDS, UNKNOWN]:
            self.world.expect("N1", self.model.plain(identity), self.system, "nodeOf", identity)


def test_nodes() -> None:
    run(Nodes)
