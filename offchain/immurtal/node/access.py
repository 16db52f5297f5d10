"""Whether the chain entitles an account to a key share (DESIGN 6.4)."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from immurtal.chain.contracts import ZERO_ID, Contracts
from immurtal.errors import AccessNotDeepYet, AccessRefused, WrongNetwork
from immurtal.node.clock import Clock
from immurtal.node.view import ChainView, View


@dataclass(frozen=True, slots=True)
class Claim:
    """Who asks for what, and what they rely on: `offer_id` of zeros is owner, grant or Open."""

    certificate: str
    account: str
    offer_id: str


class AccessCheck(Protocol):
    async def check(self, claim: Claim, view: View) -> None:
        """Returns if the claim holds at both blocks of the view.

        Raises AccessRefused (`access-refused`, `chain-lagging`), AccessNotDeepYet.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Standing:
    at_head: bool
    at_depth: bool
    expiry: int


class ChainAccess:
    """`hasAccess` at head and at head − depth, and a pass's expiry by the node's own clock too."""

    def __init__(self, chain: ChainView, clock: Clock) -> None:
        self._chain = chain
        self._clock = clock

    async def check(self, claim: Claim, view: View) -> None:
        standing = await self._chain.agreed(lambda contracts: _standing(contracts, claim, view))
        if not standing.at_head:
            raise AccessRefused("The chain does not entitle this account to this work.")
        if standing.expiry and standing.expiry <= self._clock.now():
            raise AccessRefused("The pass has expired.")
        if not standing.at_depth:
            raise AccessNotDeepYet(
                f"The access is newer than the {view.depth} blocks that this node waits for.",
                retry_after=view.seconds_until_deep(),
            )


async def _standing(contracts: Contracts, claim: Claim, view: View) -> _Standing:
    async def holds(block_hash: str) -> bool:
        return await contracts.has_access(
            claim.certificate, claim.account, claim.offer_id, block_hash
        )

    async def at_depth() -> bool:
        if view.deep is None:
            return False
        try:
            return await holds(view.deep.hash)
        except WrongNetwork:  # the contracts are younger than that block
            return False

    async def expiry() -> int:
        if claim.offer_id == ZERO_ID:
            return 0
        return await contracts.expiry_of(claim.offer_id, claim.account, view.head.hash)

    return _Standing(*await asyncio.gather(holds(view.head.hash), at_depth(), expiry()))
