"""Where the demo plays: the network, the report, the teller, and the works once published."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from immurtal.demo.breaking import Break
from immurtal.demo.evidence import Report
from immurtal.demo.hearing import listening
from immurtal.demo.network import Actor, LocalNetwork
from immurtal.demo.node import DemoNode
from immurtal.demo.telling import Teller
from immurtal.stream.opening import Opened

NODES = 3
THRESHOLD = 2
PRICE = 10**16  # wei
SHARES = {"singer": 5000, "drummer": 3000, "producer": 2000}  # basis points

Told = Sequence[str]
"""What came of a step: a headline, and rows below it."""


@dataclass(frozen=True, slots=True)
class Work:
    """One published track; `original`: its file."""

    number: int
    certificate: str
    title: str
    offer: str
    cid: str
    original: Path


@dataclass
class Stage:
    """`sabotage`: what DEMO_BREAK breaks on purpose."""

    network: LocalNetwork
    report: Report
    teller: Teller
    sabotage: Break = Break.NOTHING
    works: list[Work] = field(default_factory=list)
    killed: DemoNode | None = None
    at: str = ""
    """The step that is going on."""

    async def step(self, name: str, act: Callable[[], Awaitable[Told]]) -> None:
        """Runs one step, tells what came of it, and writes it down with its time."""
        self.at, started = name, time.monotonic()
        with self.teller.step(name):
            told = await act()
        seconds = time.monotonic() - started
        self.report.values["seconds"][name] = round(seconds, 2)
        self.report.write()
        self.teller.told(name, seconds, told)

    async def run(self, actor: Actor, *words: str) -> dict[str, Any]:
        """A command of ours, as somebody types it. Raises CommandFailed."""
        return await self.network.immurtal(
            *words, *self.network.client_options(), *self.network.wallet_options(actor)
        )

    async def opened(self, work: Work, who: Actor) -> Opened:
        """What is public of a work's release."""
        async with listening(self.network, "looking") as listener:
            return await listener.open(work.certificate, who.address)
