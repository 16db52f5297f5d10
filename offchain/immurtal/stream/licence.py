"""What an account may rely on to hear a work: asked of the chain itself (DESIGN 4.2)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from immurtal.chain import abi
from immurtal.chain.contracts import ZERO_ID, Contracts, OfferKind
from immurtal.chain.logs import LogScan


@dataclass(frozen=True, slots=True)
class EndedPass:
    """A pass that ended at `expiry`, seconds since 1970."""

    offer: str
    expiry: int


async def find_access(contracts: Contracts, certificate: str, account: str) -> str | None:
    """What the account may rely on to hear the work now: zero (owner, grant, open to all), or the
    id of an offer of which it holds a licence; None: nothing.

    Licences are looked for among the chain's own transfers, newest first, so no node is trusted
    and none has to have seen a purchase of a moment ago.
    """
    if await contracts.has_access(certificate, account):
        return ZERO_ID
    async for offer_id in _offers_held(contracts, account):
        if await contracts.has_access(certificate, account, offer_id):
            return offer_id
    return None


async def ended_pass(
    contracts: Contracts, certificate: str, account: str, offer_id: str | None = None
) -> EndedPass | None:
    """The account's pass for this work that ended last, of this offer or of any; None: it has
    none, or one that has not ended."""
    head = await contracts.rpc.call("eth_getBlockByNumber", ["latest", False])
    now = int(head["timestamp"], 16)
    found: EndedPass | None = None
    offers = [offer_id] if offer_id else [o async for o in _offers_held(contracts, account)]
    for known in offers:
        expiry = await contracts.expiry_of(known, account)
        if not 0 < expiry <= now or (found and expiry <= found.expiry):
            continue
        offer = await contracts.offer(known)
        if offer.kind is OfferKind.PASS and certificate in offer.certificates:
            found = EndedPass(known, expiry)
    return found


async def _offers_held(contracts: Contracts, account: str) -> AsyncIterator[str]:
    """Offers of which units came to the account, each once, newest first."""
    tried: set[str] = set()
    topics = abi.event_topics("LicenseManager")
    wanted = [topics["TransferSingle"], None, None, _topic(account)]
    logs = LogScan(contracts.rpc, contracts.deployment.license_manager, wanted)
    async for log in logs.newest_first(contracts.deployment.first_block):
        event = abi.decode_log(log, "LicenseManager")
        offer_id = abi.id_text(int(event.args["id"])) if event else ""
        if offer_id and offer_id not in tried:
            tried.add(offer_id)
            yield offer_id


def _topic(account: str) -> str:
    return "0x" + account[2:].rjust(64, "0")
