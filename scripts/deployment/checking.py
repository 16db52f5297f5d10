"""Compares a deployment record with its chain."""

from collections.abc import Iterator, Mapping

from scripts.deployment.chain import Chain
from scripts.deployment.plan import ORDER, Argument, Step, min_age
from scripts.deployment.record import Entry

WIRED = {"factory": "RoyaltySplitFactory", "registry": "CopyrightRegistry"}


def differences(entries: Mapping[str, Entry], chain: Chain) -> list[str]:
    """What is not as it should be, one line each; empty if all is well."""
    chain_id = chain.id()
    found = [f"{name}: not in the record" for name in ORDER if name not in entries]
    for name, entry in entries.items():
        found += _code(name, entry, chain)
        found += _wiring(name, entry, entries, chain_id)
        found += _views(name, entry, chain)
    factory = entries.get("RoyaltySplitFactory")
    if factory and chain.code(factory.address):
        implementation = chain.view(factory.address, "implementation")
        if not implementation or not chain.code(_address(implementation)):
            found.append("RoyaltySplitFactory: its implementation has no code")
    return found


def source_differences(entries: Mapping[str, Entry], steps: list[Step]) -> list[str]:
    """Where the record is not what the present sources deploy to: an address is a hash of both."""
    return [
        f"{step.name}: recorded at {entries[step.name].address}, these sources give {step.address}"
        for step in steps
        if step.name in entries and entries[step.name].address != step.address
    ]


def _code(name: str, entry: Entry, chain: Chain) -> Iterator[str]:
    code_hash = chain.code_hash(entry.address)
    if code_hash is None:
        yield f"{name}: no code at {entry.address}"
    elif code_hash != entry.code_hash:
        yield f"{name}: code at {entry.address} is {code_hash}, recorded {entry.code_hash}"
    if entry.transaction is not None:
        block = chain.block_of(entry.transaction)
        if block != entry.block:
            where = "not on the chain" if block is None else f"in block {block}"
            yield f"{name}: {entry.transaction} is {where}, recorded in block {entry.block}"


def _wiring(name: str, entry: Entry, entries: Mapping[str, Entry], chain_id: int) -> Iterator[str]:
    """The record must agree with itself, and with the rules of its chain."""
    for argument, value in entry.arguments.items():
        if argument in WIRED and WIRED[argument] in entries:
            expected: Argument = entries[WIRED[argument]].address
        elif argument == "minAge":
            expected = min_age(chain_id)
        else:
            continue
        if value != expected:
            yield f"{name}: recorded with {argument} {value}, should be {expected}"


def _views(name: str, entry: Entry, chain: Chain) -> Iterator[str]:
    for argument, value in entry.arguments.items():
        word = chain.view(entry.address, argument)
        actual = _address(word) if isinstance(value, str) and word is not None else word
        if actual != value:
            yield f"{name}: {argument}() is {actual}, recorded {value}"


def _address(word: int) -> str:
    return f"0x{word:040x}"
