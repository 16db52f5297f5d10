"""A counterexample as people read it: numbered lines, and a test that `ape test` runs as it is."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from eth_utils import is_hex_address, to_checksum_address
from world import NOTHING, START, Disagreement, Event, Failure, Outcome, World, actors
from world.outcome import error_fields

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("IMMURTAL_COUNTEREXAMPLES") or ROOT / ".audit" / "counterexamples")

FULL = 15_000_000
"""Gas of a block above which the next one's base fee rises."""

_HEAD = '''"""Counterexample to {promise}, found by {machine} on {engine}:

{message}

    ape test .audit/counterexamples/{file} -c tests/unit/pytest.ini --rootdir . \\\\
        --network ethereum:local:foundry
"""

import sys

import ape
import pytest

sys.path.insert(0, "tests/unit")
from outcomes import plain, reverts  # noqa: E402

FREE = {{"gas_price": 0, "type": 0}}


def rpc(method, *arguments):
    return ape.chain.provider.make_request(method, list(arguments))


def at(time):
    """The next transaction's block has this time and no base fee."""
    rpc("evm_setNextBlockTimestamp", time)
    rpc("anvil_setNextBlockBaseFeePerGas", "0x0")


def fund(address, amount):
    ape.chain.provider.set_balance(address, ape.chain.provider.get_balance(address) + amount)


def seen(value):
    value = plain(value)
    return list(value.values()) if isinstance(value, dict) else value


def test_counterexample(accounts, project):
    rpc("anvil_setBlockTimestampInterval", 0)
    for account in accounts[:20]:
        ape.chain.provider.set_balance(account.address, 10**27)
'''


def text(world: World, error: BaseException) -> str:
    """Who called what, with what, when, and what came of it."""
    lines = [f"{number:3}. {_line(world, made)}" for number, made in enumerate(world.history, 1)]
    return "\n".join(["Scenario:", *lines, f"     and then: {error}"])


def _line(world: World, made: Outcome) -> str:
    when = f"t+{made.time - START}"
    if made.kind == "fund":
        return f"{when} {world.name(made.to)} is given {made.value} wei"
    if made.kind == "code":
        return f"{when} {world.name(made.to)} is given code of {len(made.arguments[0])} bytes"
    value = f" with {made.value} wei" if made.value else ""
    return f"{when} {world.name(made.sender)} {_deed(world, made)}{value} → {_end(world, made)}"


def _deed(world: World, made: Outcome) -> str:
    if made.kind == "deploy":
        arguments = ", ".join(_say(world, argument) for argument in made.arguments)
        return f"deploys {made.subject}({arguments}) as {world.name(made.to)}"
    if made.function is None:
        data = made.arguments[0]
        return f"sends {world.name(made.to)} {'0x' + data.hex() if data else 'nothing more'}"
    named = zip(made.function.names, made.arguments, strict=True)
    arguments = ", ".join(f"{name}={_say(world, value)}" for name, value in named)
    return f"calls {world.name(made.to)}.{made.function.name}({arguments})"


def _end(world: World, made: Outcome) -> str:
    if made.error is not None:
        inner = ", ".join(_say(world, argument) for argument in made.error.args)
        return f"reverts: {made.error.name or 'no reason'}({inner})"
    if made.kind == "deploy":
        return "done"
    events = "; ".join(_log(world, event) for event in made.events)
    return f"done: {events}" if events else "done"


def _log(world: World, event: Event) -> str:
    arguments = ", ".join(f"{name}={_say(world, value)}" for name, value in event.args.items())
    return f"{event.name or 'a log'}({arguments})"


def _say(world: World, value: Any) -> str:
    if isinstance(value, str) and is_hex_address(value):
        return "0" if value == NOTHING else world.name(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_say(world, item) for item in value)}]"
    return str(value)


def write_test(machine: str, world: World, error: BaseException) -> Path:
    """Writes the ready test and says where."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    promise = getattr(error, "promise", "")
    path = FOLDER / f"test_{machine.lower()}{'_' + promise.lower() if promise else ''}.py"
    head = _HEAD.format(
        promise=promise or "a promise",
        machine=machine,
        engine=world.engine,
        message=str(error).replace("\\", "\\\\").replace('"""', "'''"),
        file=path.name,
    )
    found = error if isinstance(error, Disagreement) else None
    path.write_text(head + "".join(f"    {line}\n" for line in _test(world, found)), "utf-8")
    return path


def _test(world: World, found: Disagreement | None) -> Iterator[str]:
    bound: dict[str, str] = {}
    for sender in {made.sender: None for made in world.history if made.sender}:
        bound[sender] = world.names.setdefault(sender, f"sender_{len(bound)}")
        yield f"{bound[sender]} = {_account(sender)}"
    time, full = 0, False
    for made in world.history:
        if made.time != time or full:
            yield f"at({made.time})"
        time, full = made.time, made.gas > FULL
        if made.kind == "call" and made.to not in bound:
            bound[made.to] = _variable(world.name(made.to), made.to)
            yield f"{bound[made.to]} = project.{made.to.name}.at({_literal(made.to)})"
        yield from _replay(world, made, found, bound)
        if made.kind == "deploy":
            bound[made.to] = _variable(world.name(made.to), made.to)
    if found is not None:
        yield f"# {str(found).splitlines()[0]}"
        yield from _claim(found)


def _variable(name: str, address: str) -> str:
    return name if name.isidentifier() else f"contract_{address[2:8]}"


def _account(address: str) -> str:
    index = next((actor.index for actor in actors() if actor.address == address), None)
    if index is not None:
        return f"accounts[{index}]"
    return f"accounts.impersonate_account({_literal(address)})"


def _replay(
    world: World, made: Outcome, found: Disagreement | None, bound: dict[str, str]
) -> Iterator[str]:
    to = _literal(made.to)
    if made.kind == "fund":
        yield f"fund({to}, {made.value})"
        return
    if made.kind == "code":
        yield f"ape.chain.provider.set_code({to}, {made.arguments[0]!r})"
        return
    sender = bound[made.sender]
    arguments = [_literal(argument, bound) for argument in made.arguments]
    paid = [f"value={made.value}"] if made.value else []
    if made.kind == "deploy":
        name = _variable(world.name(made.to), made.to)
        listed = ", ".join([f"project.{made.subject}", *arguments, *paid, "**FREE"])
        yield f"{name} = {sender}.deploy({listed})"
        yield f"assert {name}.address == {to}"
        return
    if made.kind == "send":
        call = f"{sender}.transfer({to}, {made.value}, data={made.arguments[0]!r}, **FREE)"
        contract = ""
    else:
        contract = bound[made.to]
        listed = ", ".join(
            [*arguments, *paid, f"sender={sender}", f"gas={made.gas_limit}", "**FREE"]
        )
        call = f"{contract}.{made.function.name}({listed})"
    failure = _expected(made, found)
    if failure is None:
        yield call
        return
    yield f"with {_reverts(contract, failure)}:"
    yield f"    {call}"


def _expected(made: Outcome, found: Disagreement | None) -> Failure | None:
    """How the transaction should have ended: as it did, unless that is what broke the promise."""
    if found is not None and found.claim[0] == "outcome" and found.claim[1] is made:
        return found.claim[4]
    return made.error


def _reverts(contract: str, failure: Failure) -> str:
    if not contract or not failure.name or failure.name in ("Error", "Panic"):
        return "ape.reverts()"
    inputs = zip(error_fields(failure.name), failure.args, strict=True)
    listed = "".join(f", {name}={_literal(value)}" for name, value in inputs)
    return f'reverts({contract}, "{failure.name}"{listed})'


def _claim(found: Disagreement) -> Iterator[str]:
    kind, subject, function, arguments, expected = found.claim
    if kind == "view":
        listed = ", ".join(_literal(argument) for argument in arguments)
        call = f"project.{subject.name}.at({_literal(subject)}).{function}({listed})"
        yield f"assert seen({call}) == seen({_literal(expected)})"
    elif kind == "balance":
        yield f"assert ape.chain.provider.get_balance({_literal(subject)}) == {expected}"
    elif kind == "text":
        yield f"pytest.fail({'assert here what was expected: ' + subject!r})"


def _literal(value: Any, bound: Mapping[str, str] = MappingProxyType({})) -> str:
    """Python for a value; an address that has a variable is that variable."""
    if isinstance(value, str):
        if value in bound:
            return bound[value]
        return repr(to_checksum_address(value) if is_hex_address(value) else str(value))
    if isinstance(value, bytes | bool):
        return repr(value)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, Sequence):
        return f"[{', '.join(_literal(item, bound) for item in value)}]"
    return repr(value)
