"""Revisions of the index tables."""
