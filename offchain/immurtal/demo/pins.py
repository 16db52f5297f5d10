"""What every node's Kubo holds of every release, before and after one is withdrawn."""

from collections.abc import Mapping, Sequence
from typing import Any

from immurtal.content.cid import RAW, parse_cid
from immurtal.demo.evidence import Kubo
from immurtal.demo.node import DemoNode

Leaves = Mapping[str, Sequence[str]]


async def keys_file_of(node: DemoNode, release: str) -> str:
    """The CID of a release's keys.json."""
    async with Kubo(node) as kubo:
        return await kubo.file(f"/ipfs/{release}/keys.json")


async def own_leaves(node: DemoNode, releases: Sequence[str]) -> dict[str, list[str]]:
    """For each release its raw blocks that no other release, and no pin of a keys.json, needs."""
    async with Kubo(node) as kubo:
        below = {release: await kubo.blocks_below(release) for release in releases}
    keys = {await keys_file_of(node, release) for release in releases}
    return {
        release: sorted(
            cid
            for cid in below[release] - keys
            if parse_cid(cid).codec == RAW
            and not any(cid in below[other] for other in releases if other != release)
        )
        for release in releases
    }


async def holdings(node: DemoNode, leaves: Leaves) -> dict[str, dict[str, Any]]:
    """By release: whether it is pinned, and each leaf's size as `block/stat` says, None if gone."""
    async with Kubo(node) as kubo:
        return {
            release: {
                "pinned": await kubo.has_pinned(release),
                "leaves": await kubo.sizes(cids),
            }
            for release, cids in leaves.items()
        }


async def holds_block(node: DemoNode, cid: str) -> bool:
    async with Kubo(node) as kubo:
        return await kubo.holds_any([cid])


async def let_go(node: DemoNode, cids: Sequence[str]) -> bool:
    """Whether none of these blocks is left."""
    async with Kubo(node) as kubo:
        return not await kubo.holds_any(cids)


def is_whole(held: Mapping[str, Any]) -> bool:
    """Whether a release is pinned with all its leaves."""
    return bool(held["pinned"]) and None not in held["leaves"].values()


def is_gone(held: Mapping[str, Any]) -> bool:
    """Whether neither the pin nor any leaf of a release is left."""
    return not held["pinned"] and set(held["leaves"].values()) <= {None}
