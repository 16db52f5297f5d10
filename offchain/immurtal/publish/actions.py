"""What an artist does on chain, each one transaction: certificates, offers, grants, splits.

Every method raises what `Sender.send` raises; the contracts' own errors come by name.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from immurtal.chain import abi
from immurtal.chain.contracts import ZERO_ADDRESS, Contracts, OfferKind, Visibility
from immurtal.chain.eip712 import Register, Work
from immurtal.chain.transactions import Receipt, Sender
from immurtal.errors import BadInput

BASIS_POINTS = 10_000
MAX_PAYEES = 100


@dataclass(frozen=True, slots=True)
class OfferTerms:
    """The part of an offer that never changes. `token` zero: ETH; `duration` in seconds, 0 unless
    a pass; `terms`: SHA-256 of the terms file; certificates in ascending order."""

    certificates: tuple[str, ...]
    kind: OfferKind
    token: str
    duration: int
    transferable: bool
    referral_bps: int
    terms: str
    salt: str

    def id(self, seller: str) -> str:
        """The offer's id: the hash of seller and terms (FORMATS, On chain)."""
        types = ["address", "bytes32[]", "uint8", "address", "uint64", "bool", "uint16"]
        packed = encode(
            [*types, "bytes32", "bytes32"],
            [
                seller,
                [bytes.fromhex(certificate[2:]) for certificate in self.certificates],
                int(self.kind),
                self.token,
                self.duration,
                self.transferable,
                self.referral_bps,
                bytes.fromhex(self.terms[2:]),
                bytes.fromhex(self.salt[2:]),
            ],
        )
        return "0x" + keccak(packed).hex()


def fresh_salt() -> str:
    """32 random bytes, as `0x` text."""
    return "0x" + os.urandom(32).hex()


def commitment(author: str, work_hashes: Sequence[str], salt: str) -> str:
    """keccak256(abi.encode(author, keccak(workHashes), salt)) (FORMATS, On chain)."""
    works = keccak(b"".join(bytes.fromhex(work[2:]) for work in work_hashes))
    packed = encode(["address", "bytes32", "bytes32"], [author, works, bytes.fromhex(salt[2:])])
    return "0x" + keccak(packed).hex()


class Actions:
    """The transactions of one account."""

    def __init__(self, contracts: Contracts, sender: Sender) -> None:
        self.contracts = contracts
        self.sender = sender
        self._at = contracts.deployment

    async def commit(self, value: str) -> Receipt:
        return await self._registry("commit", value)

    async def register(self, works: Sequence[Work], salt: str) -> Receipt:
        return await self._registry("register", _rows(works), salt)

    async def register_for(self, leave: Register, signature: bytes) -> Receipt:
        rows = _rows(leave.works)
        terms = (leave.author, rows, leave.salt, leave.deadline, signature)
        return await self._registry("registerFor", *terms)

    async def contest(self, work_hash: str, works: Sequence[str], salt: str) -> Receipt:
        return await self._registry("contest", work_hash, list(works), salt)

    async def publish_release(self, certificate: str, release: str) -> Receipt:
        return await self._registry("publishRelease", certificate, release)

    async def set_visibility(self, certificate: str, visibility: Visibility) -> Receipt:
        return await self._registry("setVisibility", certificate, int(visibility))

    async def set_payout(self, certificate: str, payout: str) -> Receipt:
        return await self._registry("setPayout", certificate, payout)

    async def lock_payout(self, certificate: str, expected: str) -> Receipt:
        return await self._registry("lockPayout", certificate, expected)

    async def create_offer(self, terms: OfferTerms, price: int, max_supply: int) -> Receipt:
        row = (
            terms.certificates,
            int(terms.kind),
            terms.token,
            terms.duration,
            terms.transferable,
            terms.referral_bps,
            terms.terms,
            terms.salt,
        )
        return await self._licenses("createOffer", row, price, max_supply)

    async def update_offer(
        self, offer_id: str, price: int, max_supply: int, is_open: bool
    ) -> Receipt:
        number = abi.id_number(offer_id)
        return await self._licenses("updateOffer", number, price, max_supply, is_open)

    async def close_offer(self, offer_id: str) -> Receipt:
        return await self._licenses("closeOffer", abi.id_number(offer_id))

    async def grant(self, certificate: str, account: str) -> Receipt:
        return await self._licenses("grant", certificate, account)

    async def revoke_grant(self, certificate: str, account: str) -> Receipt:
        return await self._licenses("revokeGrant", certificate, account)

    async def ensure_split(self, shares: Sequence[tuple[str, int]]) -> str:
        """The address of the split of these (payee, basis points); made where it is not there yet.

        Raises BadInput for shares that the factory refuses.
        """
        payees, parts = ordered_shares(shares)
        split = await self.contracts.predict_split(payees, parts)
        if not await self.contracts.is_split(split):
            data = abi.encode_call("RoyaltySplitFactory", "create", payees, parts)
            await self.sender.send(self._at.split_factory, data)
        return split

    async def _registry(self, function: str, *args: object) -> Receipt:
        data = abi.encode_call("CopyrightRegistry", function, *args)
        return await self.sender.send(self._at.registry, data)

    async def _licenses(self, function: str, *args: object) -> Receipt:
        data = abi.encode_call("LicenseManager", function, *args)
        return await self.sender.send(self._at.license_manager, data)


def _rows(works: Sequence[Work]) -> list[tuple[str, str, int, str]]:
    return [(work.work_hash, work.release, work.visibility, work.payout) for work in works]


def ordered_shares(shares: Sequence[tuple[str, int]]) -> tuple[list[str], list[int]]:
    """Payees and basis points as the factory wants them. Raises BadInput: more than 100 payees, one
    twice or zero, a share below 1, a sum that is not 10,000."""
    ordered = sorted((payee.lower(), share) for payee, share in shares)
    payees = [payee for payee, _ in ordered]
    parts = [share for _, share in ordered]
    if len(payees) > MAX_PAYEES:
        raise BadInput(
            f"A split has at most {MAX_PAYEES} payees, not {len(payees)}.",
            do="Pay several of them through a split of their own.",
        )
    if len(set(payees)) != len(payees) or ZERO_ADDRESS in payees:
        raise BadInput("A split names each payee once, and never the zero address.")
    if min(parts, default=0) < 1 or sum(parts) != BASIS_POINTS:
        raise BadInput(
            f"The shares of a split sum to {sum(parts)} basis points.",
            do=f"They must be at least 1 each and sum to {BASIS_POINTS} (100 %).",
        )
    return payees, parts
