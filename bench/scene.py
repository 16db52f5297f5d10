"""What a case of gas.py needs on the chain before it: certificates, offers, splits.

Salts, names and accounts are fixed: call data, and so gas, is the same in every run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from eth_utils.crypto import keccak

from bench.chain import ETH, MIN_AGE, ONE, Chain
from immurtal.chain.contracts import OfferKind, Visibility
from immurtal.publish.actions import commitment

SALT: Final = "0x" + sha256(b"salt").hexdigest()


@dataclass(frozen=True, slots=True)
class Works:
    """Certificates, ascending as offers want them, and what they cost."""

    ids: tuple[str, ...]
    commit_gas: int
    register_gas: int

    @property
    def gas_each(self) -> int:
        """Commit and register together, for one of them, rounded up."""
        return -(-(self.commit_gas + self.register_gas) // len(self.ids))


@dataclass(frozen=True, slots=True)
class Split:
    """A split whose payees exist already, as those who are paid again do."""

    address: str
    payees: tuple[str, ...]
    creation_gas: int


def digest(text: str) -> str:
    return "0x" + sha256(text.encode()).hexdigest()


def certify(
    chain: Chain, author: str, name: str, payout: str | Sequence[str], count: int = 1
) -> Works:
    """Commits to `count` works and registers them, on sale. payout: of all, or of each."""
    ids = tuple(sorted(digest(f"{name} {i}") for i in range(count)))
    commit_gas = commit(chain, author, ids)
    payouts = [payout] * count if isinstance(payout, str) else payout
    works = [
        (id_, digest(id_), Visibility.LICENSED, paid)
        for id_, paid in zip(ids, payouts, strict=True)
    ]
    return Works(ids, commit_gas, chain.gas(author, "CopyrightRegistry", "register", works, SALT))


def commit(chain: Chain, author: str, work_hashes: Sequence[str]) -> int:
    """Gas of committing to works; they can be registered then."""
    value = commitment(author, work_hashes, SALT)
    gas = chain.gas(author, "CopyrightRegistry", "commit", value)
    chain.pass_time(MIN_AGE + 1)
    return gas


def create_offer(
    chain: Chain, seller: str, certificates: Sequence[str], referral_bps: int = 0, **terms: Any
) -> tuple[int, int]:
    """Offers perpetual licences for one ETH, or what these terms say; the gas, and its id."""
    offer = {
        "certificates": certificates,
        "kind": OfferKind.PERPETUAL,
        "token": ETH,
        "duration": 0,
        "transferable": True,
        "referralBps": referral_bps,
        "terms": digest("terms"),
        "salt": SALT,
        **terms,
    }
    offer_id = chain.call(seller, "LicenseManager", "createOffer", offer, ONE, 0)
    return chain.gas(seller, "LicenseManager", "createOffer", offer, ONE, 0), offer_id


def create_split(chain: Chain, name: str, count: int, *payees: str) -> Split:
    """A split of `count`: these payees, and fresh ones. Its shares have no common divisor."""
    fresh = (keccak(text=f"{name} {count} {i}")[12:].hex() for i in range(count - len(payees)))
    accounts = tuple(sorted([*payees, *(f"0x{account}" for account in fresh)]))
    for account in set(accounts) - set(payees):
        chain.set_balance(account, ONE)
    each = 10_000 // count
    shares = [each - 1] * (count - 1) + [10_000 - (each - 1) * (count - 1)]
    payer, factory = chain.accounts[0], "RoyaltySplitFactory"
    address = chain.call(payer, factory, "create", accounts, shares)
    return Split(address, accounts, chain.gas(payer, factory, "create", accounts, shares))


def distribute(chain: Chain, split: Split, token: str = ETH, value: int = 0) -> int:
    """Gas of distributing `value` wei that is sent along, or what the split holds of a token."""
    payer = chain.accounts[0]
    return chain.gas(payer, "RoyaltySplit", "distribute", token, value=value, at=split.address)
