"""Runs the demo, or leaves its network up: from the music to the last comparison."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from immurtal.chain.contracts import ZERO_ID
from immurtal.demo.breaking import Break
from immurtal.demo.buying import buy
from immurtal.demo.checks import Mismatch
from immurtal.demo.ending import ended_by_signals
from immurtal.demo.evidence import Report
from immurtal.demo.folder import claimed
from immurtal.demo.invitation import Invitation
from immurtal.demo.network import Actor, LocalNetwork
from immurtal.demo.playing import catch_up, play, play_through_a_death
from immurtal.demo.publishing import publish, raise_network
from immurtal.demo.refusing import refuse
from immurtal.demo.stage import Stage, Told, Work
from immurtal.demo.tape import choose
from immurtal.demo.telling import Teller
from immurtal.demo.withdrawing import stay, withdraw
from immurtal.errors import ImmurtalError


async def run_demo(folder: Path, music: Path | None, sabotage: Break, teller: Teller) -> Path:
    """The whole story; the path of its report.

    Raises Mismatch if a comparison fails, other ImmurtalErrors if it cannot go on, CancelledError
    if a signal ends it.
    """
    _reach_ourselves()
    with claimed(folder, music), ended_by_signals(teller.say):
        network = LocalNetwork(folder, teller.note, sabotage.node_command)
        stage = Stage(network, Report(folder / "report.json"), teller, sabotage)
        started = time.monotonic()
        values = stage.report.values
        values["broken"] = sabotage.value or None
        try:
            await _tell(stage, music)
            values["passed"] = True
        except ImmurtalError as error:
            values["failed"] = _failure(stage.at, error)
            raise
        finally:
            values["seconds"]["total"] = round(time.monotonic() - started, 2)
            stage.report.write()
            await network.stop()
        return stage.report.path


async def _tell(stage: Stage, music: Path | None) -> None:
    step = stage.step
    await _begin(stage, music)
    stranger, listener, friend = [
        await stage.network.add_actor(name) for name in ("stranger", "listener", "friend")
    ]
    first, *others = stage.works
    # The longest of the others: a node shall die in the middle of it.
    second = max(others, key=lambda work: work.original.stat().st_size)
    await step("stranger", partial(_refuse, stage, stranger, first, ZERO_ID, "stranger"))
    await step("buy", partial(buy, stage, listener, first))
    await step("play", partial(play, stage, listener, first))
    await step(
        "other licence", partial(_refuse, stage, listener, second, first.offer, "other-licence")
    )
    await step("buy another", partial(buy, stage, listener, second))
    await step("play through a death", partial(play_through_a_death, stage, listener, second))
    for work in others:
        if work is not second:
            await step(f"buy track {work.number}", partial(buy, stage, listener, work))
            await step(f"play track {work.number}", partial(play, stage, listener, work))
    await step("catch up", partial(catch_up, stage, friend, first))
    await step("withdraw", partial(withdraw, stage, second, listener))
    await step("what stays", partial(stay, stage, first))


async def _begin(stage: Stage, music: Path | None) -> None:
    """As far as demo and `--up` go together: music, a network, and the music on sale in it."""
    tape = await asyncio.to_thread(choose, stage.network.folder / "music", music)
    await stage.step("network", partial(raise_network, stage))
    await stage.step("publish", partial(publish, stage, tape))


async def _refuse(stage: Stage, who: Actor, work: Work, relying_on: str, case: str) -> Told:
    return await refuse(stage, who, await stage.opened(work, who), work, relying_on, case)


async def run_up(
    folder: Path, music: Path | None, teller: Teller, invite: Callable[[Invitation], None]
) -> None:
    """The story up to the licence, then the network until a signal ends it; leaves nothing.

    `invite` hears when it is up.

    Raises CancelledError if a signal ends it before it is up.
    """
    _reach_ourselves()
    with claimed(folder, music), ended_by_signals(teller.say):
        network = LocalNetwork(folder, teller.note)
        stage = Stage(network, Report(folder / "report.json"), teller)
        try:
            await _begin(stage, music)
            listener = await network.add_actor("listener")
            await stage.step("buy", partial(buy, stage, listener, stage.works[0]))
            invite(Invitation.to(stage))
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        finally:
            await network.stop()
            shutil.rmtree(folder)
    teller.say("Everything has ended, and nothing is left behind.")


def _failure(step: str, error: ImmurtalError) -> dict[str, str | None]:
    comparison = error.comparison if isinstance(error, Mismatch) else None
    return {"step": step, "comparison": comparison, "what": error.what}


def _reach_ourselves() -> None:
    """Nothing of the demo leaves this machine: where there is a proxy, it is not for us."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1", "localhost"]))
