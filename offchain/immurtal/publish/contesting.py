"""Proving an older commitment to a work that somebody else registered (DESIGN 4.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

from immurtal.chain.contracts import Certificate, Contracts
from immurtal.errors import BadInput, NotFound
from immurtal.publish.commitments import Commitment


@dataclass(frozen=True, slots=True)
class Claim:
    """claimed_at: when the claimant committed, seconds; older than the certificate's."""

    certificate: Certificate
    commitment: Commitment
    claimed_at: int


async def check_claim(
    contracts: Contracts, work: str, held: Sequence[Commitment], claimant: str
) -> Claim:
    """The oldest of these commitments to the work, if it proves anything. Of the commitment's
    other works nothing is asked: nobody is told of them before the claimant agrees.

    Raises NotFound (no certificate, no such commitment), BadInput (not older; the claimant's own).
    """
    certificate = await contracts.certificate(work)
    if certificate.author == claimant:
        raise BadInput(f"{claimant} is the author of {work} already.")
    with_work = [commitment for commitment in held if work in commitment.works]
    dated = [(await contracts.committed_at(c.value), c) for c in with_work]
    on_chain = sorted((pair for pair in dated if pair[0]), key=lambda pair: pair[0])
    if not on_chain:
        why = "none that names it is kept here" if not with_work else "it was never sent"
        raise NotFound(
            f"No commitment of {claimant} to {work} is on chain: {why}.",
            saved="Nothing was revealed.",
            do="Name another artist's folder with --home, or the commitment itself with --work "
            "(each, in order) and --salt-file.",
        )
    claimed_at, commitment = on_chain[0]
    if claimed_at >= certificate.committed_at:
        raise BadInput(
            f"The commitment of {claimant} is of {claimed_at}, not older than the author's, of "
            f"{certificate.committed_at} (seconds since 1970).",
            saved="Nothing was revealed.",
        )
    return Claim(certificate, commitment, claimed_at)
