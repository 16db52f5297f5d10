"""What a transaction or a view came to, decoded when somebody looks."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from world.artefacts import Artefact, artefact
from world.coding import CodingError, ErrorCoder, EventCoder, Function

NOTHING = "0x0000000000000000000000000000000000000000"


class Failure(NamedTuple):
    """Why a call failed: a custom error, `Error` (text), `Panic` (code), or no name: a revert
    without data, a halt such as no gas left, or data that no known contract declares."""

    name: str
    args: tuple[Any, ...] = ()


class Event(NamedTuple):
    """A log. name: empty if no known contract declares it; args then has `topics` and `data`."""

    address: str
    name: str
    args: dict[str, Any]


class RawLog(NamedTuple):
    address: str
    topics: list[bytes]
    data: bytes


class Contract(str):
    """An address that knows its ABI; equal to, and usable as, the plain lower-case address."""

    name: str
    functions: dict[str | tuple[str, int], Function]

    def __new__(cls, address: str, name: str) -> "Contract":
        self = super().__new__(cls, address.lower())
        self.name = name
        self.functions = interface(name)
        return self

    def function(self, name: str, count: int) -> Function:
        """By name or signature; overloads of a name are told apart by their number of arguments."""
        return self.functions.get((name, count)) or self.functions[name]


_interfaces: dict[str, dict[str | tuple[str, int], Function]] = {}
_events: dict[tuple[bytes, int], EventCoder] = {}
_errors: dict[bytes, ErrorCoder] = {}

for _name, _type in (("Error", "string"), ("Panic", "uint256")):
    _coder = ErrorCoder({"name": _name, "inputs": [{"name": "", "type": _type}]})
    _errors[_coder.selector] = _coder


def interface(name: str) -> dict[str | tuple[str, int], Function]:
    """The functions of a contract; from now on its events and errors are known too."""
    if name not in _interfaces:
        _interfaces[name] = _read(artefact(name))
    return _interfaces[name]


def _read(compiled: Artefact) -> dict[str | tuple[str, int], Function]:
    functions: dict[str | tuple[str, int], Function] = {}
    for entry in compiled.abi:
        if entry["type"] == "function":
            function = Function(entry)
            functions[function.signature] = function
            functions[function.name, len(function.names)] = function
            functions.setdefault(function.name, function)
        elif entry["type"] == "event":
            event = EventCoder(entry)
            _events[event.topic, event.topics] = event
        elif entry["type"] == "error":
            error = ErrorCoder(entry)
            _errors[error.selector] = error
    return functions


def failure(output: bytes) -> Failure:
    coder = _errors.get(output[:4])
    if coder is None:
        return Failure("")
    try:
        return Failure(coder.name, coder.inputs.decode(output[4:], 0))
    except CodingError:
        return Failure("")


def error_fields(name: str) -> list[str]:
    """What the arguments of a known error are called."""
    return next(coder.fields for coder in _errors.values() if coder.name == name)


def event(log: RawLog) -> Event:
    coder = _events.get((log.topics[0], len(log.topics))) if log.topics else None
    if coder is None:
        return Event(log.address, "", {"topics": log.topics, "data": log.data})
    return Event(log.address, coder.name, coder.decode(log.topics, log.data))


class Outcome:
    """A transaction that was made, and what came of it. gas: what it used.

    kind: "call" of a function; "send" of ETH and the data in `arguments`; "deploy" of the contract
    whose name stands in `subject`, at `to`; "fund" and "code", which no transaction could do.
    """

    __slots__ = (
        "arguments",
        "function",
        "gas",
        "gas_limit",
        "kind",
        "logs",
        "ok",
        "output",
        "sender",
        "subject",
        "time",
        "to",
        "value",
    )

    def __init__(
        self,
        kind: str,
        sender: str,
        to: str,
        function: Function | None,
        arguments: Sequence[Any],
        value: int,
        time: int,
    ) -> None:
        self.kind = kind
        self.sender = sender
        self.to = to
        self.function = function
        self.arguments = arguments
        self.value = value
        self.time = time
        self.subject = ""
        self.ok = kind in ("fund", "code")
        self.output = b""
        self.logs: list[RawLog] = []
        self.gas = 0
        self.gas_limit = 0

    @property
    def result(self) -> Any:
        """What the function returned: one value bare, several as a tuple."""
        assert self.ok, f"no result: {self.error}"
        return self.function.decode(self.output) if self.function else self.output

    @property
    def error(self) -> Failure | None:
        return None if self.ok else failure(self.output)

    @property
    def events(self) -> list[Event]:
        return [event(log) for log in self.logs]

    def said(self, address: str) -> list[tuple[str, dict[str, Any]]]:
        """The events of one contract, in order: name and arguments."""
        return [(name, args) for emitter, name, args in self.events if emitter == address]
