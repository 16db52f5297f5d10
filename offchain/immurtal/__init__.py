"""Immurtal: a decentralised music network that artists, listeners and node operators run themselves."""

__version__ = "0.1.0"
