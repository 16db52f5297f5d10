"""Immurtal: a decentralised music network, run by its artists, listeners and node operators."""

__version__ = "0.1.0"
