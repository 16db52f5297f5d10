"""One world, two engines: see README.md beside this folder."""

import os

from world.actors import Actor, actors, sign_digest, sign_typed
from world.outcome import NOTHING, Contract, Event, Failure, Outcome
from world.world import CHAIN_ID, START, TX_GAS, Disagreement, Reverted, World

ENGINE = os.environ.get("IMMURTAL_ENGINE", "revm")
"""`revm` in this process, or `ape` over anvil, under `ape test`."""


def open_world() -> World:
    """A new world of the chosen engine."""
    if ENGINE == "revm":
        from world.revm import RevmWorld

        return RevmWorld()
    if ENGINE == "ape":
        from world.anvil import AnvilWorld

        return AnvilWorld()
    raise ValueError(f"IMMURTAL_ENGINE is {ENGINE!r}: revm or ape")


__all__ = [
    "CHAIN_ID",
    "ENGINE",
    "NOTHING",
    "START",
    "TX_GAS",
    "Actor",
    "Contract",
    "Disagreement",
    "Event",
    "Failure",
    "Outcome",
    "Reverted",
    "World",
    "actors",
    "open_world",
    "sign_digest",
    "sign_typed",
]
