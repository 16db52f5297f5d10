"""Runs the demo, or leaves its network up: from the music to the last comparison."""

import asyncio
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from immurtal.chain.contracts import ZERO_ID
from immurtal.demo.breaking import Break
from immurtal.demo.evidence import Report
from immurtal.demo.music import render_album
from immurtal.demo.network import LocalNetwork, machine
from immurtal.demo.story import NODES, Story
from immurtal.errors import ImmurtalError
from immurtal.publish.recordings import find

Say = Callable[[str], None]


async def run_demo(folder: Path, music: Path | None, sabotage: Break, say: Say) -> Path:
    """The whole story; the path of its report. Raises ImmurtalError if a comparison fails."""
    network = LocalNetwork(folder, sabotage.node_command)
    report = Report(folder / "report.json")
    started = time.monotonic()
    _end_on_sigterm()
    try:
        story = Story(network, report, say, sabotage)
        await _tell(story, music)
        report.values["passed"] = True
    except ImmurtalError as error:
        report.values["failed"] = error.paragraph()
        raise
    finally:
        report.values["machine"] = machine()
        report.values["seconds"]["total"] = round(time.monotonic() - started, 2)
        report.write()
        await network.stop()
    return report.path


async def _tell(story: Story, music: Path | None) -> None:
    network, step = story.network, story.step
    await step("network", story.raise_network)
    files = await asyncio.to_thread(_files, network.folder, music)
    await step("publish", lambda: story.publish(files))
    listener, stranger, friend = [
        await network.add_actor(name) for name in ("listener", "stranger", "friend")
    ]
    first, second, *others = story.works
    await step("buy", lambda: story.buy(listener, first))
    await step("play", lambda: story.play(listener, first))
    await step("refuse a stranger", lambda: story.refuse(stranger, first, ZERO_ID, "a stranger"))
    await step(
        "refuse another work's licence",
        lambda: story.refuse(listener, second, first.offer, "holds a licence of another work"),
    )
    await step("buy the second", lambda: story.buy(listener, second))
    await step("kill a node while playing", lambda: story.play_through_a_death(listener, second))
    for number, work in enumerate(others, start=3):
        await step(f"buy track {number}", partial(story.buy, listener, work))
        await step(f"play track {number}", partial(story.play, listener, work))
    await step("catch up", lambda: story.catch_up(friend, first))
    await step("withdraw", lambda: story.withdraw(second, listener))
    await step("what stays", lambda: story.stay(first))


def _files(folder: Path, music: Path | None) -> Sequence[Path]:
    """What is published: one's own music, or the demo's. A single file gets company, since the
    story needs a second work."""
    own = render_album(folder / "music") if music is None else []
    files = find([music]) if music is not None else own
    return [*files, *render_album(folder / "music")[:1]] if len(files) == 1 else files


async def run_up(folder: Path, music: Path | None, say: Say) -> None:
    """The story up to the licence, then the network until somebody ends it; leaves nothing."""
    network = LocalNetwork(folder)
    _end_on_sigterm()
    try:
        story = Story(network, Report(folder / "report.json"), say, Break.NOTHING)
        await story.step("network", story.raise_network)
        files = await asyncio.to_thread(_files, folder, music)
        await story.step("publish", lambda: story.publish(files))
        listener = await network.add_actor("listener")
        await story.step("buy", lambda: story.buy(listener, story.works[0]))
        say(_next_commands(story))
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
    finally:
        await network.stop()
        shutil.rmtree(folder, ignore_errors=True)
    say("Everything has ended, and nothing is left behind.")


def _next_commands(story: Story) -> str:
    network = story.network
    work, other = story.works[0], story.works[-1]
    nodes = " ".join(f"--node {node.id}" for node in network.nodes)
    environment = (
        ("IMMURTAL_RPC", network.rpc_url),
        ("IMMURTAL_CHAIN_ID", str(network.deployment.chain_id)),
        ("IMMURTAL_DEPLOYMENTS", str(network.deployments)),
        ("IMMURTAL_PASSPHRASE_FILE", str(network.passphrase_file)),
        ("XDG_DATA_HOME", str(network.folder / "data")),
        ("IMMURTAL_KEYSTORE", str(network.actors["listener"].keystore)),
    )
    lines = [
        "",
        f"The network is up: a chain at {network.rpc_url} and {NODES} nodes.",
        *(f"  {node.name}  {node.api_url}  {node.id}" for node in network.nodes),
        "Accounts (keystores open with the passphrase file):",
        *(f"  {a.name:<11} {a.address}  {a.keystore}" for a in network.actors.values()),
        "In another terminal, in this checkout:",
        "  . .venv/bin/activate",
        *(f"  export {name}={value}" for name, value in environment),
        f"  immurtal status {work.certificate}",
        f"  immurtal play {work.certificate} -o played.opus",
        f"  immurtal buy {other.offer}",
        "As the artist:",
        f"  export IMMURTAL_KEYSTORE={network.actors['artist'].keystore}",
        f"  immurtal publish YOUR_FILE {nodes} --price 0.01eth",
        f"  immurtal withdraw {work.certificate}",
        "Ctrl-C ends it all.",
    ]
    return "\n".join(lines)


def _end_on_sigterm() -> None:
    """SIGTERM ends the demo as Ctrl-C does: its processes are stopped, its report written."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
