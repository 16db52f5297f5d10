"""From a certificate in a block to its release's pin in Kubo, where the content is there already.

`python -m bench.pin`, from the checkout's root. A whole node as an operator runs it, with its own
Kubo, on anvil. Blocks are put into Kubo without a pin; then the certificate is registered, and the
clock runs until Kubo itself says that the release is pinned.
"""

import asyncio
import io
import json
import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from node_process import NodeProcess
from storage_world import Made, make_release

from bench.chain import NOBODY, Chain, run_chain
from bench.results import Row, load_average, report
from bench.scene import SALT, commit
from immurtal.chain.contracts import Visibility
from immurtal.config import NetworkConfig
from immurtal.node.assemble import POLL_SECONDS
from immurtal.node.setup import Choices, create
from immurtal.storage.examine import Registry
from immurtal.storage.kubo import KuboBackend

AUDIO_BYTES: Final = 32 * 1024 * 1024
"""Four minutes in FLAC, and in Opus."""
TURNS: Final = 9
OF_KUBO: Final = 1.5
LOOK_SECONDS: Final = 0.005
LATE_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Kubo:
    """The node's own Kubo, by its HTTP RPC."""

    http: httpx.AsyncClient
    backend: KuboBackend

    async def put(self, made: Made) -> None:
        """Its blocks are here, and nothing pins them."""
        car = made.car()
        await self.backend.import_car(io.BytesIO(car), len(car))

    async def pin(self, made: Made) -> float:
        """Seconds of Kubo's own pin/add."""
        start = time.perf_counter()
        answer = await self.http.post("/pin/add", params={"arg": made.cid})
        answer.raise_for_status()
        return time.perf_counter() - start

    async def pinned(self, made: Made) -> bool:
        answer = await self.http.post("/pin/ls", params={"arg": made.cid, "type": "recursive"})
        return answer.is_success


async def measure(chain: Chain, node: NodeProcess) -> list[Row]:
    url = f"http://127.0.0.1:{node.config.kubo.api_port}"
    async with httpx.AsyncClient(base_url=f"{url}/api/v0", trust_env=False) as http:
        kubo = Kubo(http, KuboBackend(url))
        turns = [await one_turn(chain, kubo, turn) for turn in range(TURNS)]
        await kubo.backend.close()
    ours, alone = ([turn[side] for turn in turns] for side in (0, 1))
    return [
        row(
            "event to pin, local content, median", statistics.median(ours), statistics.median(alone)
        ),
        row("event to pin, local content, slowest", max(ours), max(alone)),
    ]


def row(what: str, ours: float, peer: float) -> Row:
    goal = POLL_SECONDS[True] + OF_KUBO * peer
    return Row(what, "s", round(ours, 3), peer=round(peer, 3), goal=round(goal, 3))


async def one_turn(chain: Chain, kubo: Kubo, turn: int) -> tuple[float, float]:
    """Seconds from the event to the pin, and of Kubo's own pin/add of another release alike."""
    registry = Registry(chain.anvil.chain_id, chain.contracts["CopyrightRegistry"])
    made, other = (
        make_release(f"{name} {turn}", os.urandom(AUDIO_BYTES), registry=registry)
        for name in ("followed", "alone")
    )
    await kubo.put(made)
    await kubo.put(other)
    artist = chain.accounts[1]
    commit(chain, artist, [made.certificate])
    await asyncio.sleep(secrets.randbelow(1000) / 1000)  # at any moment between two polls
    start = time.perf_counter()
    works = [(made.certificate, made.release, Visibility.LICENSED, NOBODY)]
    chain.gas(artist, "CopyrightRegistry", "register", works, SALT)
    while not await kubo.pinned(made):
        assert time.perf_counter() - start < LATE_SECONDS, f"{made.cid} was not pinned"
        await asyncio.sleep(LOOK_SECONDS)
    return time.perf_counter() - start, await kubo.pin(other)


@contextmanager
def run_node(chain: Chain) -> Iterator[NodeProcess]:
    """A node that pins whatever is registered."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        deployment = folder / "31337.json"
        deployment.write_text(json.dumps(chain.deployment))
        network = NetworkConfig(chain.anvil.chain_id, (chain.anvil.url,), deployment)
        ports = 20_000 + secrets.randbelow(9000)
        choices = Choices(chain.accounts[9], policy="all", first_port=ports)
        node = NodeProcess(create(folder / "node", network, choices), folder / "node.log")
        node.start()
        try:
            node.wait_until_ready()
            yield node
        finally:
            node.end()


def main() -> int:
    load = load_average()
    with run_chain() as chain, run_node(chain) as node:
        rows = asyncio.run(measure(chain, node))
    about = {
        "bytes": AUDIO_BYTES,
        "turns": TURNS,
        "poll": POLL_SECONDS[True],
        "peer": "Kubo's own pin/add of a release alike",
        "goal": f"one poll and {OF_KUBO} of the peer",
    }
    return report("pin", rows, load, about)


if __name__ == "__main__":
    raise SystemExit(main())
