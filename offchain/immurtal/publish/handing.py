"""Releases on their way to the nodes that were named: stored, then proved (DESIGN 6.1)."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from immurtal.chain.wallet import Wallet
from immurtal.content.keys_file import KeysFile
from immurtal.errors import DiskFull, ImmurtalError, IntegrityError, KeySharesMissing, NotFound
from immurtal.keys.sealing import Binding
from immurtal.publish.nodes import ChosenNode, named
from immurtal.publish.proof import NodeProof, owner_session, prove
from immurtal.publish.step import Report, Step
from immurtal.publish.storing import CarSource, Delivery, Progress, store


@dataclass(frozen=True, slots=True)
class Package:
    """A certificate's current release (0x digest). `cars`: each gives a node a reading of its own;
    the first is the least that has to be sent, the next is for nodes that lack what it leaves out,
    and may raise NotFound."""

    title: str
    release: str
    binding: Binding
    keys_file: KeysFile
    cars: tuple[Callable[[], CarSource], ...]


async def hand_out(
    wallet: Wallet, nodes: Sequence[ChosenNode], packages: Sequence[Package], report: Report
) -> list[tuple[NodeProof, ...]]:
    """Stores every package at every node, then asks each for its share and its pin. What is wrong
    with a node is reported and stands in its proofs; `shortfall` says whether it matters."""
    if not packages:
        return []
    refusals = await asyncio.gather(*(_store_all(wallet, n, packages, report) for n in nodes))
    report(Step("prove", "asking every node for its share and its pin"))
    first = packages[0].binding
    session = owner_session(wallet, first.chain_id, first.registry)

    def waiting(seconds: int) -> None:
        report(Step("prove", f"the chain is not deep enough yet: {seconds} s more"))

    proofs = []
    for number, package in enumerate(packages):
        shown = await prove(
            nodes, package.keys_file, package.release, package.binding, session, waiting
        )
        proofs.append(
            tuple(
                _explained(proof, refused[number])
                for proof, refused in zip(shown, refusals, strict=True)
            )
        )
    return proofs


def shortfall(package: Package, proofs: Sequence[NodeProof], threshold: int, replicas: int) -> str:
    """What is missing of `threshold` good shares and `replicas` pins, in words; else empty."""
    shares = sum(proof.share for proof in proofs)
    pins = sum(proof.pinned for proof in proofs)
    if shares >= threshold and pins >= replicas:
        return ""
    problems = "; ".join(
        f"{proof.node[:10]}…: {proof.problem}" for proof in proofs if proof.problem
    )
    return (
        f"{package.title}: {shares} nodes of {threshold} needed gave a good share, and {pins} of "
        f"{replicas} hold its pins ({problems})."
    )


def too_few(proofs: Iterable[NodeProof]) -> type[ImmurtalError]:
    """The kind of a shortfall: DiskFull where want of room is all that is wrong with the nodes."""
    lacking = [proof.full for proof in proofs if proof.problem]
    return DiskFull if lacking and all(lacking) else KeySharesMissing


async def _store_all(
    wallet: Wallet, node: ChosenNode, packages: Sequence[Package], report: Report
) -> list[ImmurtalError | None]:
    """Why the node did not take each package, where it did not."""
    refusals: list[ImmurtalError | None] = []
    for package in packages:
        name = f"storing {package.title} at {node.name}"

        def progress(done: int, total: int, name: str = name) -> None:
            report(Step("store", name, done, total))

        try:
            await _store(wallet, node, package, progress)
            refusals.append(None)
        except ImmurtalError as error:
            report(Step("warning", named(error, node)))
            refusals.append(error)
    return refusals


async def _store(wallet: Wallet, node: ChosenNode, package: Package, progress: Progress) -> None:
    at = package.binding
    first, *more = package.cars

    async def send(car: CarSource) -> None:
        delivery = Delivery(at.chain_id, at.registry, at.work_hash, package.release, car)
        await store(wallet, node, delivery, progress)

    try:
        await send(await asyncio.to_thread(first))
    except IntegrityError:
        for other in more:
            with contextlib.suppress(NotFound):
                return await send(await asyncio.to_thread(other))
        raise


def _explained(proof: NodeProof, refused: ImmurtalError | None) -> NodeProof:
    """A node that did not take the release says more about why than one that does not have it."""
    if refused is None or not proof.problem:
        return proof
    return dataclasses.replace(proof, problem=refused.what, full=isinstance(refused, DiskFull))
