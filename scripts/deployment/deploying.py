"""Makes a plan true on a chain, from wherever it stopped the last time."""

from collections.abc import Callable, Iterable
from pathlib import Path

from scripts.deployment import record
from scripts.deployment.chain import Chain
from scripts.deployment.plan import Step
from scripts.deployment.record import Entry


class DeploymentFailed(Exception):
    """Nothing is lost: what was deployed is recorded, and the next run goes on from there."""


def deploy(
    steps: Iterable[Step],
    chain: Chain,
    path: Path,
    send: Callable[[Step], tuple[str, int]],
    say: Callable[[str], None],
    replace: bool = False,
) -> None:
    """Deploys what is not there yet, and writes the record after each contract.

    `send` sends a step's data to the proxy and returns (transaction hash, block) once it is mined.
    A record that names another contract, which is still there, is kept unless `replace`.
    Raises NotDeployable, RecordError, DeploymentFailed.
    """
    chain.must_be_deployable()
    chain_id = chain.id()
    steps = list(steps)
    entries = record.read(path, chain_id)
    for step in steps:
        known = entries.get(step.name)
        moved = known is not None and known.address != step.address
        if known and moved and not replace and chain.code(known.address):
            raise DeploymentFailed(
                f"{path} names another {step.name}, at {known.address}; these sources give "
                f"{step.address}. Pass --replace to deploy and record the new one."
            )
    for step in steps:
        entries[step.name] = _make(step, chain, entries.get(step.name), send, say)
        record.write(path, chain_id, entries)


def _make(
    step: Step,
    chain: Chain,
    known: Entry | None,
    send: Callable[[Step], tuple[str, int]],
    say: Callable[[str], None],
) -> Entry:
    transaction: str | None
    if chain.code(step.address):
        if known and _still_true(known, step, chain):
            say(f"{step.name:<20} {step.address} recorded already")
            return known
        transaction, block = chain.creation_of(step)
        say(f"{step.name:<20} {step.address} there already, since block {block or 'unknown'}")
    else:
        transaction, block = send(step)
        say(f"{step.name:<20} {step.address} deployed in block {block}, {transaction}")
    code_hash = chain.code_hash(step.address)
    if code_hash is None:
        raise DeploymentFailed(f"{step.name} is not at {step.address} after {transaction}")
    return Entry(step.address, transaction, block, step.arguments, code_hash)


def _still_true(known: Entry, step: Step, chain: Chain) -> bool:
    """A development chain may have been reset under its record."""
    return (
        known.address == step.address
        and known.arguments == step.arguments
        and known.code_hash == chain.code_hash(step.address)
        and known.transaction is not None
        and known.block == chain.block_of(known.transaction)
    )
