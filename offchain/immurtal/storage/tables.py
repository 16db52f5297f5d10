"""Storage's own tables. They refer to the index by chain keys, without foreign keys into it.

Chain keys are `0x` text, CIDs base32 text, times seconds since 1970, sizes bytes.
"""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table, Text

metadata = MetaData()

_HASH = String(66)
_CID = String(128)

acceptances = Table(
    "acceptances",
    metadata,
    Column("certificate", _HASH, primary_key=True),
    Column("release", _HASH, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("accepted_at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
)

contents = Table(
    "contents",
    metadata,
    Column("release", _HASH, primary_key=True),
    Column("certificate", _HASH),
    Column("metadata", _CID),
    Column("keys", _CID),
    Column("size", BigInteger, nullable=False),
)

pins = Table(
    "pins",
    metadata,
    Column("cid", _CID, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_retry", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("bytes_done", BigInteger, nullable=False),
    Column("bytes_total", BigInteger, nullable=False),
    Column("unwanted_at", BigInteger),
    Column("release_after", BigInteger),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("certificate", _HASH, nullable=False, unique=True),
    Column("release", _HASH, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("token_hash", LargeBinary(32), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("touched_at", BigInteger, nullable=False),
)
