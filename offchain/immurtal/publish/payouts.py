"""Whether a certificate's payout is its owner's own choice (DESIGN 4.1).

A transfer keeps the payout: who buys a certificate may be selling licences for somebody else.
"""

from collections.abc import Collection, Sequence
from typing import Any

from immurtal.chain import abi
from immurtal.chain.contracts import ZERO_ADDRESS, Certificate, Contracts
from immurtal.chain.logs import LogScan
from immurtal.errors import BadInput

FROM_NOBODY = "0x" + "00" * 32


async def check_payouts(
    contracts: Contracts, certificates: Sequence[Certificate], confirmed: Collection[str]
) -> None:
    """Raises BadInput for a payout that is older than its certificate's last transfer, unless its
    address is among `confirmed`."""
    for certificate in certificates:
        if certificate.payout in confirmed or not await is_inherited(contracts, certificate):
            continue
        raise BadInput(
            f"The money for {certificate.id} goes to {certificate.payout}, which was set before "
            f"{certificate.owner} owned it"
            + (" and is fixed for ever." if certificate.payout_locked else "."),
            saved="Nothing was sent.",
            do=f"If that is as it should be, add --confirm-payout {certificate.payout}; else set "
            "another one with `immurtal payout`.",
        )


async def is_inherited(contracts: Contracts, certificate: Certificate) -> bool:
    """Whether the payout was set before the certificate's last transfer."""
    if certificate.payout == ZERO_ADDRESS:  # it follows the owner
        return False
    topics = abi.event_topics("CopyrightRegistry")
    transfer = await _newest(contracts, [topics["Transfer"], None, None, certificate.id])
    if transfer is None or transfer["topics"][1] == FROM_NOBODY:
        return False
    change = await _newest(contracts, [topics["PayoutChanged"], certificate.id])
    return change is None or _place(change) < _place(transfer)


async def _newest(contracts: Contracts, topics: list[Any]) -> Any | None:
    at = contracts.deployment
    async for log in LogScan(contracts.rpc, at.registry, topics).newest_first(at.first_block):
        return log
    return None


def _place(log: Any) -> tuple[int, int]:
    return int(log["blockNumber"], 16), int(log["logIndex"], 16)
