"""What was bought is played, also while a node dies; and that node comes back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from immurtal.chain.contracts import ZERO_ID
from immurtal.chain.http import NodeClient
from immurtal.demo.checks import Mismatch, check
from immurtal.demo.evidence import sha256_of
from immurtal.demo.hearing import ask_share, home_of, listening, wallet_of
from immurtal.demo.network import Actor, CommandFailed
from immurtal.demo.stage import Stage, Told, Work
from immurtal.demo.witness import Killer, by_node, until

ORIGINAL = "audio/1.enc"
"""The variant that is the file itself, byte for byte."""
CATCH_UP_SECONDS = 60.0
DEATH = "a node dies in the middle of the playback"
BACK = "the killed node catches up and holds its pins"


async def play(stage: Stage, buyer: Actor, work: Work) -> Told:
    """From an empty listener folder, by the command line; compared with the original."""
    await stage.sabotage.bytes(stage.network, work.cid)
    out = _output(stage, work, "played")
    home = home_of(stage.network, f"{buyer.name}-{work.number}")
    words = ["play", work.certificate, "-o", str(out), "--variant", ORIGINAL]
    try:
        played = await stage.run(buyer, *words, "--home", str(home))
    except CommandFailed as error:
        raise Mismatch(_equal(work), error.what) from error
    return _compare(stage, work, out, played["nodes"], {})


async def play_through_a_death(stage: Stage, buyer: Actor, work: Work) -> Told:
    """A node that has served blocks is killed in the middle, and the play goes on."""
    out = _output(stage, work, "played-through-a-death")
    killer = Killer(stage.network.nodes)
    async with listening(stage.network, f"{buyer.name}-{work.number}", killer) as listener:
        opened = await listener.open(work.certificate, buyer.address)
        wallet = wallet_of(stage.network, buyer)
        key = await listener.unlock(opened, buyer.address, work.offer, wallet)
        played = await listener.play_to_file(opened, key, out, ORIGINAL)
    death, stage.killed = killer.evidence(), killer.killed
    check(
        bool(death) and death["blocksAfter"] > 0,
        DEATH,
        f"{work.original.name} was over before.",
    )
    served = {n: {"blocks": s.blocks, "bytes": s.bytes} for n, s in played.served.items()}
    told = _compare(stage, work, out, served, death)
    assert stage.killed is not None
    check(
        not await stage.killed.answers(),
        DEATH,
        f"{death['name']} still answers.",
    )
    return [
        f"{death['name']} was killed after {death['blocksServed']} blocks; "
        f"{death['blocksAfter']} more came from the others: {told[0]}",
        *told[1:],
    ]


async def catch_up(stage: Stage, friend: Actor, work: Work) -> Told:
    """The killed node comes back, and releases a share for a grant that it slept through."""
    node = stage.killed
    assert node is not None
    granted = await stage.run(
        stage.network.actors["artist"], "grant", work.certificate, friend.address
    )
    head = await stage.network.head()
    stage.teller.note(f"starting {node.name} again")
    await node.start()

    async def caught_up() -> bool:
        return await node.indexed() >= head

    await until(caught_up, CATCH_UP_SECONDS, BACK, f"{node.name} lags behind")
    await ask_share(stage.network, node, friend, await stage.opened(work, friend), ZERO_ID)
    async with NodeClient(node.api_url, allow_local=True) as client:
        pin = (await client.get_json(f"/v1/releases/{work.cid}"))["state"]
    stage.report.values["caughtUp"] = {
        "node": node.id,
        "name": node.name,
        "grant": granted["transaction"],
        "block": head,
        "share": True,
        "pin": pin,
    }
    check(pin == "pinned", BACK, f"Its pin is {pin}.")
    return [
        f"{node.name} is back: at block {head}, with its pins, and it gave a key share for a "
        "grant that it had slept through"
    ]


def _compare(
    stage: Stage, work: Work, out: Path, served: Mapping[str, Any], death: Mapping[str, Any]
) -> Told:
    published, came_out = sha256_of(work.original), sha256_of(out)
    stage.report.values["played"].append(
        {
            "track": work.title,
            "certificate": work.certificate,
            "variant": ORIGINAL,
            "published": published,
            "played": came_out,
            "file": str(out),
            "bytes": out.stat().st_size,
            "byNode": dict(served),
            "killed": dict(death) or None,
        }
    )
    stage.report.write()
    check(published == came_out, _equal(work), f"It is {came_out} instead of {published}.")
    return [
        f"{work.title!r} is byte for byte what was published",
        f"SHA-256 {came_out}, blocks by node: {by_node(served, stage.network.nodes)}",
    ]


def _output(stage: Stage, work: Work, folder: str) -> Path:
    return stage.network.folder / folder / f"{work.number:02}{work.original.suffix.lower()}"


def _equal(work: Work) -> str:
    return f"what is played of {work.title!r} equals what was published"
