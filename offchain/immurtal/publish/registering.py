"""From works to certificates: a commitment that names nothing, then the registration (DESIGN 4.1).

No endpoint is asked about a work before the registration is ready to be sent: whoever learns a work
hash earlier could commit and register first.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from immurtal.chain.contracts import Certificate
from immurtal.chain.eip712 import Work
from immurtal.chain.transactions import wait_for_time
from immurtal.errors import BadInput, NotFound, TransactionFailed, Unreachable
from immurtal.publish.actions import Actions, commitment
from immurtal.publish.build import BuiltTrack
from immurtal.publish.job import Job
from immurtal.publish.step import Report, Step

REGISTER_GAS = 100_000
REGISTER_GAS_EACH = 130_000
SEEN_SECONDS = 60.0
POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Standing:
    """How a work stands on chain. `left_out`: why this publish does not touch it; else empty."""

    certificate: Certificate
    track: BuiltTrack
    left_out: str


class Registration:
    """`transactions` hears (step, hash) of what is sent."""

    def __init__(
        self, job: Job, actions: Actions, report: Report, transactions: list[tuple[str, str]]
    ) -> None:
        self.job = job
        self._actions = actions
        self._contracts = actions.contracts
        self._report = report
        self._transactions = transactions
        self._works = job.choices.work_hashes

    async def commit(self) -> int:
        """The commitment's time, seconds; sends it unless it is on chain."""
        value = commitment(self.job.choices.author, self._works, self.job.salt)
        known = await self._contracts.committed_at(value)
        if known:
            return known
        self._report(Step("commit", "committing to the works, without naming them"))
        receipt = await self._actions.commit(value)
        self._transactions.append(("commit", receipt.hash))
        for event in receipt.events("CopyrightRegistry", "Committed"):
            return int(event.args["committedAt"])
        return await self._contracts.committed_at(value)

    async def register(self, built: Sequence[BuiltTrack], payout: str) -> list[Standing]:
        """Certificates for all works that have none, in one transaction, and how each stands then.

        Raises BadInput where none is left to publish.
        """
        found = await self._find_all() if self.job.revealed else [None] * len(built)
        if None in found:
            await self._wait()
            self.job = self.job.reveal([track.release for track in built])
            found = await self._find_all()
        if None in found:
            await self._send(built, payout)
            found = await self._seen()
        standings = [
            self._standing(certificate, track)
            for certificate, track in zip(found, built, strict=True)
            if certificate is not None
        ]
        if all(standing.left_out for standing in standings):
            raise BadInput(" ".join(standing.left_out for standing in standings))
        return standings

    async def _wait(self) -> None:
        """Until the commitment is old enough and the registration can be paid for."""
        committed_at = await self.commit()
        min_age = await self._contracts.min_age()
        self._report(Step("register", f"waiting until the commitment is {min_age} s old"))
        await wait_for_time(self._contracts.rpc, committed_at + min_age)
        gas = REGISTER_GAS + REGISTER_GAS_EACH * len(self._works)
        await self._actions.sender.afford(gas)

    async def _send(self, built: Sequence[BuiltTrack], payout: str) -> None:
        visibility = int(self.job.choices.visibility)
        works = [
            Work(work_hash, track.release, visibility, payout)
            for work_hash, track in zip(self._works, built, strict=True)
        ]
        self._report(Step("register", f"registering {len(works)} work(s)"))
        try:
            receipt = await self._actions.register(works, self.job.salt)
        except TransactionFailed:
            if None in await self._find_all():
                raise
            return  # an interrupted run of ours, or somebody else, was first
        self._transactions.append(("register", receipt.hash))

    async def _find_all(self) -> list[Certificate | None]:
        return [await self._find(work_hash) for work_hash in self._works]

    async def _find(self, work_hash: str) -> Certificate | None:
        try:
            return await self._contracts.certificate(work_hash)
        except NotFound:
            return None

    async def _seen(self) -> list[Certificate | None]:
        """Every work has a certificate now; an endpoint may see that later than another."""
        until = time.monotonic() + SEEN_SECONDS
        while None in (found := await self._find_all()):
            if time.monotonic() > until:
                raise Unreachable(
                    "The registration is in a block, but the RPC endpoint does not show it.",
                    do="Run the same command again, with another --rpc if this stays so.",
                )
            await asyncio.sleep(POLL_SECONDS)
        return found

    def _standing(self, certificate: Certificate, track: BuiltTrack) -> Standing:
        author, why = self.job.choices.author, ""
        if certificate.author != author:
            why = (
                f"{track.title} was registered by {certificate.author} before: `immurtal status "
                f"{certificate.id}` shows their certificate."
            )
        elif certificate.owner != author:
            why = f"{track.title} belongs to {certificate.owner} now."
        elif certificate.release != track.release:
            why = (
                f"{track.title} was published before and stands at version {certificate.version}: "
                "change it with `immurtal release`."
            )
        return Standing(certificate, track, why)
