"""The small world that properties are written against; an engine fills in its last part.

Time stands still but for `warp`: a transaction's block has the time `now()`. Nobody pays for gas.
Addresses are lower-case hex text.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from world.artefacts import artefact
from world.coding import codec, tuple_of
from world.outcome import NOTHING, Contract, Failure, Outcome, RawLog, failure

CHAIN_ID = 31337
START = 2_000_000_000
"""Seconds since 1970 at which every world begins."""
TX_GAS = 16_777_216
"""Most that one transaction may have (EIP-7825)."""


class Reverted(Exception):
    """A view or a deployment failed."""

    def __init__(self, what: str, failure: Failure) -> None:
        super().__init__(f"{what}: {failure.name or 'no reason given'}{failure.args or ''}")
        self.failure = failure


class Disagreement(AssertionError):
    """The chain is not as the model says. promise: its letter.

    claim: (kind, contract, function name, arguments, expected), from which the scenario writes the
    last line of its test; kind is "view", "balance" or "outcome".
    """

    def __init__(self, promise: str, text: str, claim: tuple[Any, ...]) -> None:
        super().__init__(f"{promise}: {text}")
        self.promise = promise
        self.claim = claim


class Executed(NamedTuple):
    """What an engine says of a transaction. output: what it returned, or the revert's data; of a
    creation the new address's 20 bytes."""

    ok: bool
    output: bytes
    logs: list[RawLog]
    gas: int


@dataclass(slots=True)
class _Mark:
    point: Any
    time: int
    length: int


class World(ABC):
    """A chain with contracts on it, what was done to it, and how often it was asked.

    transactions, views: how many there were since the world began, restored or not.
    history: the transactions since it began that were not undone by `restore`.
    """

    engine: str

    def __init__(self) -> None:
        self.transactions = 0
        self.views = 0
        self.history: list[Outcome] = []
        self.names: dict[str, str] = {}
        self.disagreement: Disagreement | None = None
        self._marks: list[_Mark] = []
        self._time = START
        self._begin(START)

    # What is done

    def deploy(
        self, name: str, *arguments: Any, sender: str | None = None, value: int = 0
    ) -> Contract:
        """Deploys a contract by its name in the sources. The default sender does nothing else, so
        that addresses are the same on every engine. Raises Reverted."""
        compiled = artefact(name)
        inputs = next((e["inputs"] for e in compiled.abi if e["type"] == "constructor"), [])
        coded = tuple_of([codec(field) for field in inputs]).encode(arguments)
        outcome = Outcome(
            "deploy", sender or self.deployer, NOTHING, None, arguments, value, self._time
        )
        outcome.subject = name
        self._fill(outcome, self._create(outcome.sender, compiled.bytecode + coded, value))
        if not outcome.ok:
            raise Reverted(f"deploy {name}", failure(outcome.output))
        outcome.to = self.at(name, "0x" + outcome.output.hex())
        self.names.setdefault(outcome.to, _fresh(name, self.names.values()))
        return outcome.to

    def at(self, name: str, address: str) -> Contract:
        """The contract of that name (or interface) at an address."""
        return Contract(address, name)

    def transact(
        self,
        sender: str,
        contract: Contract,
        function: str,
        *arguments: Any,
        value: int = 0,
        gas: int = TX_GAS,
    ) -> Outcome:
        """Sends a transaction; one that reverts says so in its outcome. Raises CodingError for
        arguments that have no encoding, ValueError for a sender that lacks `value`."""
        coder = contract.function(function, len(arguments))
        outcome = Outcome("call", sender, contract, coder, arguments, value, self._time)
        outcome.gas_limit = gas
        return self._fill(
            outcome, self._execute(sender, contract, coder.encode(arguments), value, gas)
        )

    def send(
        self, sender: str, to: str, value: int = 0, data: bytes = b"", gas: int = TX_GAS
    ) -> Outcome:
        """Sends ETH plainly, or any data."""
        outcome = Outcome("send", sender, to, None, (data,), value, self._time)
        return self._fill(outcome, self._execute(sender, to, data, value, gas))

    def _fill(self, outcome: Outcome, executed: Executed) -> Outcome:
        outcome.ok, outcome.output, outcome.logs, outcome.gas = executed
        self.transactions += 1
        self.history.append(outcome)
        return outcome

    def fund(self, address: str, amount: int) -> None:
        """Gives wei to any address, whether it wants it or not; its code does not run."""
        self._fund(address, amount)
        self.history.append(Outcome("fund", "", address, None, (), amount, self._time))

    def set_code(self, address: str, code: bytes) -> None:
        """Puts code at an address, whose balance stays. Before the first snapshot only."""
        if self._marks:
            raise ValueError("code is set before the first snapshot: revm would not take it back")
        self._set_code(address, code)
        self.history.append(Outcome("code", "", address, None, (code,), 0, self._time))

    def warp(self, seconds: int) -> None:
        """Lets time pass; not backwards."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        if seconds:
            self._time += seconds
            self._set_time(self._time)

    # What is asked

    def call(
        self, contract: Contract, function: str, *arguments: Any, sender: str = NOTHING
    ) -> Any:
        """Asks a view: one value bare, several as a tuple. Raises Reverted."""
        coder = contract.function(function, len(arguments))
        self.views += 1
        ok, output = self._view(sender, contract, coder.encode(arguments))
        if not ok:
            raise Reverted(f"{contract.name}.{function}{arguments}", failure(output))
        return coder.decode(output)

    def refusal(
        self, contract: Contract, function: str, *arguments: Any, sender: str = NOTHING
    ) -> Failure | None:
        """What a view fails with; None if it answers."""
        coder = contract.function(function, len(arguments))
        ok, output = self.ask(contract, coder.encode(arguments), sender)
        return None if ok else failure(output)

    def ask(self, to: str, data: bytes, sender: str = NOTHING) -> tuple[bool, bytes]:
        """A call of any data that changes nothing: whether it succeeded, and what it returned."""
        self.views += 1
        return self._view(sender, to, data)

    def now(self) -> int:
        """Seconds since 1970, of the next transaction and of views."""
        return self._time

    @abstractmethod
    def height(self) -> int:
        """Number of the last transaction's block: it grows with time; on anvil with each too."""

    @property
    def calls(self) -> int:
        return self.transactions + self.views

    # What must be

    def expect(
        self, promise: str, expected: Any, contract: Contract, function: str, *arguments: Any
    ) -> None:
        """The view answers `expected`. Raises Disagreement, which ends up in the ready test."""
        claim = ("view", contract, function, arguments, expected)
        asked = f"{contract.name}.{function}{arguments}"
        try:
            seen = self.call(contract, function, *arguments)
        except Reverted as reverted:
            self._disagree(promise, f"{asked} reverts, and is not {expected!r}: {reverted}", claim)
        if seen != expected:
            self._disagree(promise, f"{asked} is {seen!r}, and not {expected!r}", claim)

    def expect_balance(self, promise: str, expected: int, address: str) -> None:
        seen = self.balance(address)
        if seen != expected:
            text = f"the balance of {self.name(address)} is {seen} wei, and not {expected}"
            self._disagree(promise, text, ("balance", address, "", (), expected))

    def expect_ok(self, promise: str, outcome: Outcome) -> None:
        if not outcome.ok:
            claim = ("outcome", outcome, "", (), None)
            self._disagree(promise, f"the last call failed with {outcome.error}", claim)

    def expect_failure(self, promise: str, outcome: Outcome, name: str, *arguments: Any) -> None:
        """The transaction failed with exactly this error; name "" for one without a name."""
        expected = Failure(name, arguments)
        if outcome.error != expected:
            claim = ("outcome", outcome, "", (), expected)
            text = f"the last call ended with {outcome.error or 'success'}, and not {expected}"
            self._disagree(promise, text, claim)

    def expect_true(self, promise: str, condition: bool, text: str) -> None:
        """Anything else; the ready test fails with the text until somebody writes its assertion."""
        if not condition:
            self._disagree(promise, text, ("text", text, "", (), None))

    def _disagree(self, promise: str, text: str, claim: tuple[Any, ...]) -> NoReturn:
        self.disagreement = Disagreement(promise, text, claim)
        raise self.disagreement

    # What comes back

    def snapshot(self) -> int:
        """A mark to `restore` to, as often as wanted. Later marks are forgotten when it is."""
        self._marks.append(_Mark(self._checkpoint(), self._time, len(self.history)))
        return len(self._marks) - 1

    def restore(self, mark: int) -> None:
        found = self._marks[mark]
        del self._marks[mark + 1 :]
        self._revert(found.point)
        found.point = self._checkpoint()
        del self.history[found.length :]
        self.disagreement = None
        self._time = found.time
        self._set_time(found.time)

    def name(self, address: str) -> str:
        """What a scenario calls an address."""
        return self.names.get(address.lower(), address)

    # What an engine does

    deployer: str

    @abstractmethod
    def _begin(self, time: int) -> None: ...

    @abstractmethod
    def _create(self, sender: str, code: bytes, value: int) -> Executed: ...

    @abstractmethod
    def _execute(self, sender: str, to: str, data: bytes, value: int, gas: int) -> Executed: ...

    @abstractmethod
    def _view(self, sender: str, to: str, data: bytes) -> tuple[bool, bytes]: ...

    @abstractmethod
    def _set_time(self, time: int) -> None: ...

    @abstractmethod
    def _checkpoint(self) -> Any: ...

    @abstractmethod
    def _revert(self, point: Any) -> None: ...

    @abstractmethod
    def balance(self, address: str) -> int:
        """Wei."""

    @abstractmethod
    def code(self, address: str) -> bytes: ...

    @abstractmethod
    def _fund(self, address: str, amount: int) -> None: ...

    @abstractmethod
    def _set_code(self, address: str, code: bytes) -> None: ...


def _fresh(name: str, taken: Sequence[str]) -> str:
    """`RoyaltySplit` becomes `royalty_split`, then `royalty_split_2`."""
    base = "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
    number = 1
    while (candidate := base if number == 1 else f"{base}_{number}") in taken:
        number += 1
    return candidate
