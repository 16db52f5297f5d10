"""The index tables and their bookkeeping."""

import sqlalchemy as sa
from alembic import op

revision = "index_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "certificate_history",
        sa.Column("certificate", sa.String(length=66), nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=42), nullable=False),
        sa.Column("release", sa.String(length=66), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("visibility", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("payout", sa.String(length=42), nullable=False),
        sa.Column("payout_locked", sa.Boolean(), nullable=False),
        sa.Column("transaction_hash", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("certificate", "block", "log_index"),
    )
    op.create_index("certificate_history_by_block", "certificate_history", ["block"], unique=False)
    op.create_table(
        "certificates",
        sa.Column("id", sa.String(length=66), nullable=False),
        sa.Column("author", sa.String(length=42), nullable=False),
        sa.Column("committed_at", sa.BigInteger(), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(length=42), nullable=False),
        sa.Column("release", sa.String(length=66), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("visibility", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("payout", sa.String(length=42), nullable=False),
        sa.Column("payout_locked", sa.Boolean(), nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("certificates_by_owner", "certificates", ["owner"], unique=False)
    op.create_index("certificates_by_place", "certificates", ["block", "log_index"], unique=False)
    op.create_index("certificates_by_release", "certificates", ["release"], unique=False)
    op.create_table(
        "commitments",
        sa.Column("commitment", sa.String(length=66), nullable=False),
        sa.Column("committed_at", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("commitment"),
    )
    op.create_table(
        "contests",
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("certificate", sa.String(length=66), nullable=False),
        sa.Column("claimant", sa.String(length=42), nullable=False),
        sa.Column("committed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("block", "log_index"),
    )
    op.create_index("contests_by_certificate", "contests", ["certificate"], unique=False)
    op.create_table(
        "credits",
        sa.Column("split", sa.String(length=42), nullable=False),
        sa.Column("token", sa.String(length=42), nullable=False),
        sa.Column("payee", sa.String(length=42), nullable=False),
        sa.Column("amount", sa.String(78), nullable=False),
        sa.PrimaryKeyConstraint("split", "token", "payee"),
    )
    op.create_table(
        "distributions",
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("split", sa.String(length=42), nullable=False),
        sa.Column("token", sa.String(length=42), nullable=False),
        sa.Column("amount", sa.String(78), nullable=False),
        sa.Column("transaction_hash", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("block", "log_index"),
    )
    op.create_index("distributions_by_split", "distributions", ["split"], unique=False)
    op.create_table(
        "grants",
        sa.Column("certificate", sa.String(length=66), nullable=False),
        sa.Column("account", sa.String(length=42), nullable=False),
        sa.Column("by", sa.String(length=42), nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("certificate", "account"),
    )
    op.create_index("grants_by_account", "grants", ["account"], unique=False)
    op.create_table(
        "licences",
        sa.Column("offer", sa.String(length=66), nullable=False),
        sa.Column("account", sa.String(length=42), nullable=False),
        sa.Column("balance", sa.String(20), nullable=False),
        sa.Column("expiry", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("offer", "account"),
    )
    op.create_index("licences_by_account", "licences", ["account"], unique=False)
    op.create_table(
        "nodes",
        sa.Column("id", sa.String(length=66), nullable=False),
        sa.Column("operator", sa.String(length=42), nullable=False),
        sa.Column("api_url", sa.Text(), nullable=False),
        sa.Column("gateway_url", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("kem", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "offer_certificates",
        sa.Column("offer", sa.String(length=66), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("certificate", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("offer", "position"),
    )
    op.create_index(
        "offer_certificates_by_certificate", "offer_certificates", ["certificate"], unique=False
    )
    op.create_table(
        "offers",
        sa.Column("id", sa.String(length=66), nullable=False),
        sa.Column("seller", sa.String(length=42), nullable=False),
        sa.Column("kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("token", sa.String(length=42), nullable=False),
        sa.Column("duration", sa.String(20), nullable=False),
        sa.Column("transferable", sa.Boolean(), nullable=False),
        sa.Column("referral_bps", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("terms", sa.String(length=66), nullable=False),
        sa.Column("salt", sa.String(length=66), nullable=False),
        sa.Column("price", sa.String(78), nullable=False),
        sa.Column("max_supply", sa.String(20), nullable=False),
        sa.Column("sold", sa.String(20), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "payments",
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offer", sa.String(length=66), nullable=False),
        sa.Column("payout", sa.String(length=42), nullable=False),
        sa.Column("token", sa.String(length=42), nullable=False),
        sa.Column("amount", sa.String(78), nullable=False),
        sa.Column("transaction_hash", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("block", "log_index"),
    )
    op.create_index("payments_by_payout", "payments", ["payout"], unique=False)
    op.create_table(
        "purchases",
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offer", sa.String(length=66), nullable=False),
        sa.Column("recipient", sa.String(length=42), nullable=False),
        sa.Column("payer", sa.String(length=42), nullable=False),
        sa.Column("referrer", sa.String(length=42), nullable=False),
        sa.Column("price", sa.String(78), nullable=False),
        sa.Column("referral", sa.String(78), nullable=False),
        sa.Column("expiry", sa.String(20), nullable=False),
        sa.Column("transaction_hash", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("block", "log_index"),
    )
    op.create_index(
        "purchases_by_offer", "purchases", ["offer", "block", "log_index"], unique=False
    )
    op.create_table(
        "split_payees",
        sa.Column("split", sa.String(length=42), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("payee", sa.String(length=42), nullable=False),
        sa.Column("share", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("split", "position"),
    )
    op.create_index("split_payees_by_payee", "split_payees", ["payee"], unique=False)
    op.create_table(
        "splits",
        sa.Column("address", sa.String(length=42), nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("address"),
    )
    op.create_table(
        "blocks",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.Column("parent", sa.String(length=66), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "cursor",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("contracts", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.Column("final_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "journal",
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("table_name", sa.String(length=64), nullable=False),
        sa.Column("row_key", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("block", "position"),
    )


def downgrade() -> None:
    op.drop_table("journal")
    op.drop_table("cursor")
    op.drop_table("blocks")
    op.drop_table("splits")
    op.drop_table("split_payees")
    op.drop_table("purchases")
    op.drop_table("payments")
    op.drop_table("offers")
    op.drop_table("offer_certificates")
    op.drop_table("nodes")
    op.drop_table("licences")
    op.drop_table("grants")
    op.drop_table("distributions")
    op.drop_table("credits")
    op.drop_table("contests")
    op.drop_table("commitments")
    op.drop_table("certificates")
    op.drop_table("certificate_history")
