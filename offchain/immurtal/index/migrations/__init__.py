"""Alembic's environment, shared by every room; the index's own revisions are in `versions`."""
