"""A work is taken back: its audio goes from every node, and nothing else does."""

import functools
from collections.abc import Mapping
from typing import Any

from immurtal.demo import pins
from immurtal.demo.checks import check
from immurtal.demo.network import Actor
from immurtal.demo.node import DemoNode
from immurtal.demo.refusing import refuse
from immurtal.demo.stage import NODES, Stage, Told, Work
from immurtal.demo.witness import until

LET_GO_SECONDS = 60.0
GONE = "a withdrawn track is gone from every node"


async def withdraw(stage: Stage, work: Work, licensee: Actor) -> Told:
    """The audio goes from every node; keys.json stays; a licence is refused."""
    nodes, here = stage.network.nodes, stage.network.nodes[0]
    opened = await stage.opened(work, licensee)
    keys_file = await pins.keys_file_of(here, work.cid)
    leaves = await pins.own_leaves(here, [one.cid for one in stage.works])
    before = {node.id: await pins.holdings(node, leaves) for node in nodes}
    _write_pins(stage, "before", before)
    for node in nodes:
        whole = all(map(pins.is_whole, before[node.id].values()))
        check(whole, "every node holds every release before", f"{node.name} does not.")
    await stage.run(stage.network.actors["artist"], "withdraw", work.certificate, "--yes")
    stage.teller.note("waiting until every node has let the audio go")
    for node in nodes:
        gone = functools.partial(pins.let_go, node, leaves[work.cid])
        await until(gone, LET_GO_SECONDS, GONE, f"{node.name} still holds audio")
    after = {node.id: await pins.holdings(node, leaves) for node in nodes}
    _write_pins(stage, "after", after)
    for node in nodes:
        await _check_withdrawn(stage, node, work, after[node.id], keys_file)
    refused = await refuse(stage, licensee, opened, work, work.offer, "withdrawn")
    return [
        f"{work.title!r} is withdrawn: {len(leaves[work.cid])} blocks are gone from each of "
        f"{NODES} nodes, keys.json stays, and so does every other track",
        *refused,
    ]


async def stay(stage: Stage, work: Work) -> Told:
    """What is left is what it should be, as `immurtal status` tells it."""
    seen = await stage.network.immurtal("status", work.certificate, *stage.network.client_options())
    states = [pin["state"] for pin in seen["pins"]]
    check(
        states == ["pinned"] * NODES,
        "a track that was not withdrawn is held by every node",
        f"Their pins are {', '.join(states)}.",
    )
    return [
        f"{work.title!r} is still held by {NODES} nodes; they know of "
        f"{len(seen['payments'])} payment(s) for it"
    ]


def _write_pins(stage: Stage, when: str, held: Mapping[str, Mapping[str, Any]]) -> None:
    """Under `pins`, by node and release."""
    for node in stage.network.nodes:
        of_node = stage.report.values["pins"].setdefault(
            node.id, {"name": node.name, "releases": {}}
        )
        for work in stage.works:
            of_release = of_node["releases"].setdefault(work.cid, {"track": work.title})
            of_release[when] = held[node.id][work.cid]
    stage.report.write()


async def _check_withdrawn(
    stage: Stage, node: DemoNode, work: Work, held: Mapping[str, Any], keys_file: str
) -> None:
    others = [release for cid, release in held.items() if cid != work.cid]
    check(
        pins.is_gone(held[work.cid]),
        GONE,
        f"{node.name} still pins it.",
    )
    check(
        all(map(pins.is_whole, others)),
        "a withdrawal harms no other track",
        f"{node.name} lost blocks of another.",
    )
    kept = await pins.holds_block(node, keys_file)
    stage.report.values["pins"][node.id]["releases"][work.cid]["keysJson"] = kept
    check(kept, "keys.json of a withdrawn track stays", f"{node.name} let it go.")
