"""The index tables: what events said, by chain keys.

No autoincrement, no wall clock, no stored finality: after any reorganisations and crashes these
tables equal those of a fresh index. A row is final when its `block` is at most the final height.
Ids, hashes and addresses are lower-case 0x text; amounts are base units; times are seconds.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
)


class Uint(TypeDecorator[int]):
    """An unsigned integer as zero-padded text: whole at any size, and sorted like the number."""

    impl = String
    cache_ok = True

    def __init__(self, digits: int) -> None:
        super().__init__(digits)
        self.digits = digits

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value).zfill(self.digits)

    def process_result_value(self, value: str | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


UINT256_DIGITS: Final = 78
UINT64_DIGITS: Final = 20  # a uint64 does not fit the databases' signed integers

metadata = MetaData()


def _id(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, String(66), primary_key=key, nullable=False)


def _address(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, String(42), primary_key=key, nullable=False)


def _amount(name: str) -> Column[int]:
    return Column(name, Uint(UINT256_DIGITS), nullable=False)


def _uint64(name: str) -> Column[int]:
    return Column(name, Uint(UINT64_DIGITS), nullable=False)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _small(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, SmallInteger, primary_key=key, autoincrement=False, nullable=False)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _place(*, key: bool = False) -> tuple[Column[int], Column[int]]:
    """Where on the chain it was said."""
    return (
        Column("block", BigInteger, primary_key=key, autoincrement=False, nullable=False),
        Column("log_index", Integer, primary_key=key, autoincrement=False, nullable=False),
    )


def _state() -> tuple[Column[Any], ...]:
    """What may change of a certificate."""
    return (
        _address("owner"),
        _id("release"),
        _count("version"),
        _small("visibility"),
        _address("payout"),
        _flag("payout_locked"),
    )


commitments = Table(
    "commitments", metadata, _id("commitment", key=True), _count("committed_at"), *_place()
)

certificates = Table(
    "certificates",
    metadata,
    _id("id", key=True),
    _address("author"),
    _count("committed_at"),
    _count("registered_at"),
    *_state(),
    *_place(),  # of the registration
    Index("certificates_by_place", "block", "log_index"),
    Index("certificates_by_release", "release"),
    Index("certificates_by_owner", "owner"),
)

# The whole state after each change: releases, transfers, and what was so at any height.
certificate_history = Table(
    "certificate_history",
    metadata,
    _id("certificate", key=True),
    *_place(key=True),
    Column("event", String(32), nullable=False),
    *_state(),
    _id("transaction_hash"),
    Index("certificate_history_by_block", "block"),
)

contests = Table(
    "contests",
    metadata,
    *_place(key=True),
    _id("certificate"),
    _address("claimant"),
    _count("committed_at"),
    Index("contests_by_certificate", "certificate"),
)

offers = Table(
    "offers",
    metadata,
    _id("id", key=True),
    _address("seller"),
    _small("kind"),
    _address("token"),
    _uint64("duration"),
    _flag("transferable"),
    _small("referral_bps"),
    _id("terms"),
    _id("salt"),
    _amount("price"),
    _uint64("max_supply"),
    _uint64("sold"),
    _flag("open"),
    _flag("closed"),
    *_place(),  # of the creation
)

offer_certificates = Table(
    "offer_certificates",
    metadata,
    _id("offer", key=True),
    _small("position", key=True),
    _id("certificate"),
    Index("offer_certificates_by_certificate", "certificate"),
)

grants = Table(
    "grants",
    metadata,
    _id("certificate", key=True),
    _address("account", key=True),
    _address("by"),
    *_place(),
    Index("grants_by_account", "account"),
)

# A row is there while the account has a unit or had a pass. expiry: 0 for perpetual.
licences = Table(
    "licences",
    metadata,
    _id("offer", key=True),
    _address("account", key=True),
    _uint64("balance"),
    _uint64("expiry"),
    Index("licences_by_account", "account"),
)

purchases = Table(
    "purchases",
    metadata,
    *_place(key=True),
    _id("offer"),
    _address("recipient"),
    _address("payer"),
    _address("referrer"),
    _amount("price"),
    _amount("referral"),
    _uint64("expiry"),
    _id("transaction_hash"),
    Index("purchases_by_offer", "offer", "block", "log_index"),
)

payments = Table(
    "payments",
    metadata,
    *_place(key=True),
    _id("offer"),
    _address("payout"),
    _address("token"),
    _amount("amount"),
    _id("transaction_hash"),
    Index("payments_by_payout", "payout"),
)

splits = Table("splits", metadata, _address("address", key=True), *_place())

split_payees = Table(
    "split_payees",
    metadata,
    _address("split", key=True),
    _small("position", key=True),
    _address("payee"),
    _small("share"),
    Index("split_payees_by_payee", "payee"),
)

distributions = Table(
    "distributions",
    metadata,
    *_place(key=True),
    _address("split"),
    _address("token"),
    _amount("amount"),
    _id("transaction_hash"),
    Index("distributions_by_split", "split"),
)

# What a payee can withdraw now.
credits_ = Table(
    "credits",
    metadata,
    _address("split", key=True),
    _address("token", key=True),
    _address("payee", key=True),
    _amount("amount"),
)

nodes = Table(
    "nodes",
    metadata,
    _id("id", key=True),
    _address("operator"),
    _text("api_url"),
    _text("gateway_url"),
    _text("peer"),
    Column("kem", Integer, nullable=False),
    _text("key"),
    _text("region"),
    _text("domain"),
    _flag("retired"),
    *_place(),  # of the current record
)

TABLES: Final[Mapping[str, Table]] = metadata.tables
"""What handlers write and the journal undoes."""

bookkeeping = MetaData()

blocks = Table(
    "blocks",
    bookkeeping,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _id("hash"),
    _id("parent"),
    _count("timestamp"),
)

# One row, id 0. Where the tables stand, and of which chain and contracts they are.
cursor = Table(
    "cursor",
    bookkeeping,
    _small("id", key=True),
    Column("chain_id", BigInteger, nullable=False),
    _text("contracts"),
    _count("number"),
    _id("hash"),
    _count("final_number"),
)

# Rows as they were before a block: `before` is null where there was none.
journal = Table(
    "journal",
    bookkeeping,
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("table_name", String(64), nullable=False),
    Column("row_key", Text, nullable=False),
    Column("before", Text, nullable=True),
)
