"""DEMO_BREAK: one thing is broken on purpose, so that one can see the demo notice.

`payout` takes a wei from a payee after a sale; `bytes` changes one byte of a stored block at every
node; `access` runs two nodes that skip the access check: those are started from the tests' code,
with the check replaced. The node itself has no such switch.
"""

import sys
from collections.abc import Mapping, Sequence
from enum import Enum

from immurtal.content.cid import RAW, parse_cid
from immurtal.demo.evidence import Kubo, flip_byte
from immurtal.demo.network import CHECKOUT, NODE_COMMAND, Actor, LocalNetwork
from immurtal.errors import BadInput

CARELESS_NODE = CHECKOUT / "tests" / "e2e" / "careless_node.py"


class Break(Enum):
    NOTHING = ""
    PAYOUT = "payout"
    BYTES = "bytes"
    ACCESS = "access"

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> "Break":
        """Raises BadInput for a DEMO_BREAK that is none of ours."""
        word = env.get("DEMO_BREAK", "")
        try:
            return cls(word)
        except ValueError:
            words = ", ".join(item.value for item in cls if item.value)
            raise BadInput(f"DEMO_BREAK={word} is not one of {words}.") from None

    def node_command(self, number: int) -> Sequence[str]:
        """What runs the node of this number, from 1, before its options."""
        if self is Break.ACCESS and number <= 2:
            return (sys.executable, str(CARELESS_NODE))
        return NODE_COMMAND

    async def payout(self, network: LocalNetwork, payee: Actor) -> None:
        if self is not Break.PAYOUT:
            return
        less = await network.balance(payee.address) - 1
        await network.rpc("anvil_setBalance", payee.address, hex(less))

    async def bytes(self, network: LocalNetwork, cid: str) -> None:
        """One byte of one leaf of the first variant, at every node."""
        if self is not Break.BYTES:
            return
        async with Kubo(network.nodes[0]) as kubo:
            below = await kubo.blocks_below(await kubo.file(f"/ipfs/{cid}/audio/1.enc"))
        leaf = next(leaf for leaf in map(parse_cid, sorted(below)) if leaf.codec == RAW)
        for node in network.nodes:
            if not flip_byte(node, leaf.digest):
                raise BadInput(f"{node.name} stores no such block: nothing could be broken.")
