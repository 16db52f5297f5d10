"""Acceptances, what releases hold, pins, uploads."""

import sqlalchemy as sa
from alembic import op

revision = "storage_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "acceptances",
        sa.Column("certificate", sa.String(66), nullable=False),
        sa.Column("release", sa.String(66), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("certificate", "release"),
    )
    op.create_table(
        "contents",
        sa.Column("release", sa.String(66), nullable=False),
        sa.Column("certificate", sa.String(66), nullable=True),
        sa.Column("metadata", sa.String(128), nullable=True),
        sa.Column("keys", sa.String(128), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("release"),
    )
    op.create_table(
        "pins",
        sa.Column("cid", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_retry", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("bytes_done", sa.BigInteger(), nullable=False),
        sa.Column("bytes_total", sa.BigInteger(), nullable=False),
        sa.Column("unwanted_at", sa.BigInteger(), nullable=True),
        sa.Column("release_after", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("cid"),
    )
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("certificate", sa.String(66), nullable=False),
        sa.Column("release", sa.String(66), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("certificate"),
    )


def downgrade() -> None:
    for table in ("uploads", "pins", "contents", "acceptances"):
        op.drop_table(table)
