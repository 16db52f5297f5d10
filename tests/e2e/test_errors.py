"""Bad input and bad luck, by the real commands: one paragraph that says what happened, what was
kept and what to do; an exit code of its own kind; one JSON object where asked for; no traceback.

Each is asked twice, for a person and with --json, and both must say the same.
"""

import asyncio
import json
import re
import secrets
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from demo_runs import write_noise

from immurtal.content.cid import RAW, parse_cid
from immurtal.demo.evidence import Kubo, flip_byte
from immurtal.demo.network import FUNDS, LocalNetwork
from immurtal.demo.node import DemoNode
from immurtal.demo.processes import run_command, start_anvil

pytestmark = pytest.mark.asyncio(loop_scope="session")

LYING_NODE = Path(__file__).with_name("lying_node.py")
NOWHERE = "http://127.0.0.1:9"
UNKNOWN = "0x" + "ab" * 32
PUBLISH = ("--price", "1wei", "--artist", "Somebody", "--threshold", "2")


@dataclass
class World:
    """`work` is held by the first two nodes, both of which its key takes; `listener` has a licence,
    `pauper` no money."""

    network: LocalNetwork
    folder: Path
    work: str
    cid: str
    offer: str

    def by(self, name: str) -> list[str]:
        return self.network.wallet_options(self.network.actors[f"errors-{name}"])

    def publish(self, song: Path, name: str = "artist", nodes: Sequence[str] = ()) -> list[str]:
        named = nodes or [node.id for node in self.network.nodes[:2]]
        words = ["publish", str(song), *PUBLISH, *self.by(name)]
        words += ["--home", str(self.folder / name)]
        words += ["--recovery-words-file", str(self.folder / secrets.token_hex(4))]
        return [*words, *(word for node in named for word in ("--node", node))]

    def play(self, *more: str) -> list[str]:
        out, home = self.folder / "played.wav", self.folder / "listener"
        words = ["play", self.work, "--variant", "audio/1.enc", *self.by("listener")]
        return [*words, "--home", str(home), "-o", str(out), *more]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(network: LocalNetwork, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("errors")
    for name, funds in (("artist", FUNDS), ("listener", FUNDS), ("pauper", 0)):
        await network.add_actor(f"errors-{name}", funds)
    world = World(network, folder, "", "", "")
    song = write_noise(folder / "song.wav", 600_000)
    options = network.client_options()
    made = (await network.immurtal(*world.publish(song), *options))["works"][0]
    await network.immurtal("buy", made["offer"], *world.by("listener"), *options)
    return replace(world, work=made["certificate"], cid=made["release"], offer=made["offer"])


@dataclass(frozen=True)
class Failed:
    """What a command said that failed."""

    code: int
    kind: str
    what: str
    saved: str
    do: str


async def fail(
    world: World, *words: str, network: Sequence[str] | None = None, at_once: bool = True
) -> Failed:
    """Runs a command that must fail, for a person and for a machine; one after the other where it
    is a command that takes a place for itself."""
    options = world.network.client_options() if network is None else network
    command = [sys.executable, "-m", "immurtal", *words, *options]
    env = {**world.network.environment, "NO_COLOR": "1"}
    runs = [run_command(command, env=env), run_command([*command, "--json"], env=env)]
    both = await asyncio.gather(*runs) if at_once else [await run for run in runs]
    (code, _, text), (again, out, err) = both
    assert code == again, text + err
    told = json.loads(err.splitlines()[-1])["error"]
    assert out == ""
    failed = Failed(code, *(told[name] for name in ("kind", "what", "saved", "do")))
    assert all((failed.what, failed.saved, failed.do)), failed
    assert "\n" not in failed.what + failed.saved + failed.do
    assert "Traceback" not in text + err
    said = [line for line in text.splitlines() if line.startswith("Error: ")]
    assert len(said) == 1, text
    assert text.endswith(said[0] + "\n")
    for part in (failed.saved, failed.do):
        assert _plain(part) in _plain(said[0])
    return failed


def _plain(text: str) -> str:
    """Without what differs from run to run."""
    return re.sub(r"0x[0-9a-f…]+|\d+(\.\d+)?", "#", text)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A development chain without our contracts."""
    process, url = await start_anvil(tmp_path_factory.mktemp("elsewhere"))
    yield url
    await process.stop()


async def test_wrong_network(world: World, elsewhere: str) -> None:
    options = world.network.client_options()
    deployments = str(world.network.deployments / "31337.json")
    other = ["--rpc", world.network.rpc_url, "--chain-id", "5", "--deployments", deployments]
    failed = await fail(world, "buy", world.offer, *world.by("listener"), network=other)
    assert (failed.code, failed.kind) == (3, "wrong-network")
    assert "The endpoint is on chain 31337" in failed.what
    assert "chain 5 was asked for" in failed.what
    assert failed.saved == "Nothing was sent."

    bare = [elsewhere if word == world.network.rpc_url else word for word in options]
    failed = await fail(world, "status", world.work, network=bare)
    assert (failed.code, failed.kind) == (3, "wrong-network")


async def test_no_money(world: World) -> None:
    failed = await fail(world, "buy", world.offer, *world.by("pauper"))
    assert (failed.code, failed.kind) == (4, "insufficient-funds")
    assert "has 0 ETH" in failed.what
    assert failed.saved == "Nothing was sent."
    assert "Send that much" in failed.do

    song = write_noise(world.folder / "poor.wav", 100_000)
    failed = await fail(world, *world.publish(song, "pauper"), at_once=False)
    assert (failed.code, failed.kind) == (4, "insufficient-funds")
    assert "Send that much" in failed.do


async def test_an_unknown_certificate_or_offer(world: World) -> None:
    for words in (
        ["status", UNKNOWN],
        ["play", UNKNOWN, *world.by("listener"), "-o", str(world.folder / "none")],
        ["grant", UNKNOWN, "0x" + "11" * 20, *world.by("artist")],
        ["buy", UNKNOWN, *world.by("listener")],
    ):
        failed = await fail(world, *words)
        assert (failed.code, failed.kind) == (5, "not-found"), words
        assert UNKNOWN in failed.what
    assert not (world.folder / "none").exists()


async def test_an_endpoint_that_is_down(world: World) -> None:
    down = ["--rpc", NOWHERE, *world.network.client_options()[2:]]
    song = write_noise(world.folder / "down.wav", 100_000)
    for words in (["status", world.work], world.play(), world.publish(song)):
        failed = await fail(world, *words, network=down)
        assert (failed.code, failed.kind) == (6, "unreachable"), words
        assert NOWHERE in failed.what


async def test_a_node_that_cannot_start_says_why(world: World, tmp_path: Path) -> None:
    waits = _starts_without_endpoint(world, await _new_node(world, tmp_path / "1", 17_000))
    await asyncio.gather(waits, _starts_wrongly(world, await _new_node(world, tmp_path / "2")))


async def _starts_without_endpoint(world: World, settings: Path) -> None:
    failed = await _start(world, settings, "rpc", json.dumps([NOWHERE]))
    assert (failed.code, failed.kind) == (6, "unreachable")
    assert NOWHERE in failed.what


async def _starts_wrongly(world: World, settings: Path) -> None:
    """On ports that another node has, and on another chain."""
    running = world.network.nodes[0].config
    taken = (("port", running.api.port), ("gateway_port", running.kubo.gateway_port))
    for name, port in taken:
        failed = await _start(world, settings, name, str(port))
        assert (failed.code, failed.kind) == (11, "port-in-use")
        assert str(port) in failed.what
    folder = str(world.network.deployments)
    named = settings.read_text().replace(folder + '"', folder + '/31337.json"')
    assert named.count("31337.json") == 1
    settings.write_text(named)
    failed = await _start(world, settings, "id", "5")
    assert (failed.code, failed.kind) == (3, "wrong-network")


async def _new_node(world: World, folder: Path, port: int = 18_000) -> Path:
    operator = world.network.actors["operator-1"].address
    words = ["node", "init", str(folder), "--operator", operator, "--port", str(port)]
    made = await world.network.immurtal(*words, *world.network.client_options())
    return Path(made["config"])


async def _start(world: World, settings: Path, name: str, value: str) -> Failed:
    """Starts a node with one setting changed."""
    changed = settings.with_name(f"{name}.toml")
    changed.write_text(
        re.sub(rf"(?m)^{name} = .*$", f"{name} = {value}", settings.read_text(), count=1)
    )
    return await fail(world, "node", "run", "--config", str(changed), network=(), at_once=False)


async def test_music_that_goes_nowhere(world: World) -> None:
    failed = await fail(world, *world.play("-o", "/dev/null/song.wav"))
    assert (failed.code, failed.kind) == (12, "bad-input")
    full = [sys.executable, "-m", "immurtal", *world.play("-o", "-")]
    full += world.network.client_options()
    shell = ["sh", "-c", 'exec "$@" > /dev/full', "sh", *full]
    code, _, err = await run_command(shell, env={**world.network.environment, "NO_COLOR": "1"})
    assert code == 10, err
    assert "Error: Standard output cannot be written: No space left on device." in err
    assert "Traceback" not in err


async def test_a_stranger_is_refused_by_the_nodes_themselves(world: World) -> None:
    words = ["play", world.work, "--offer", world.offer, *world.by("pauper")]
    home = ["--home", str(world.folder / "stranger"), "-o", str(world.folder / "stolen")]
    failed = await fail(world, *words, *home)
    assert (failed.code, failed.kind) == (7, "access-refused")
    assert failed.what.count("access-refused") >= 2
    assert not (world.folder / "stolen").exists()


async def test_nodes_that_do_not_answer(world: World) -> None:
    """And then answer again: with lies, and without room."""
    second = world.network.nodes[1]
    await second.stop()
    try:
        await _too_few_shares(world, second)
        await _unreachable_nodes(world, second)
        settings = second.config.path.read_text()
        await _answers_badly(world, second, settings)
    finally:
        await second.stop()
        await second.start()


async def _too_few_shares(world: World, second: DemoNode) -> None:
    failed = await fail(world, *world.play())
    assert (failed.code, failed.kind) == (8, "key-shares-missing")
    assert "1 good key shares of 2 needed" in failed.what
    assert second.id[:10] in failed.what
    assert failed.saved.endswith("played.wav was not written.")


async def _unreachable_nodes(world: World, second: DemoNode) -> None:
    failed = await fail(world, *world.play("--node", second.id))
    assert (failed.code, failed.kind) == (6, "unreachable")
    song = write_noise(world.folder / "unheard.wav", 100_000)
    failed = await fail(world, *world.publish(song), at_once=False)
    assert (failed.code, failed.kind) == (6, "unreachable")
    assert second.api_url in failed.what


async def _answers_badly(world: World, second: DemoNode, settings: str) -> None:
    """Its shares are not its own, and its disk must keep more free than any disk has."""
    honest, second.command = second.command, [sys.executable, str(LYING_NODE), *second.command[-2:]]
    roomless = re.sub(r"(?m)^# (disk_watermark = )\S+", rf"\g<1>{2**62}", settings)
    assert roomless != settings
    second.config.path.write_text(roomless)
    try:
        await second.start()
        failed = await fail(world, *world.play())
        assert (failed.code, failed.kind) == (8, "key-shares-missing")
        assert f"Node {second.id} sent a key share that is not its own." in failed.what
        assert "tell the artist" in failed.do

        song = write_noise(world.folder / "roomy.wav", 100_000)
        failed = await fail(world, *world.publish(song), at_once=False)
        assert (failed.code, failed.kind) == (10, "disk-full")
        assert second.id[:10] in failed.what
        assert "run the same command again" in failed.saved
    finally:
        second.command = honest
        second.config.path.write_text(settings)


async def test_a_block_that_is_damaged_everywhere(world: World) -> None:
    """The last of them: the work cannot be played after it."""
    holders = world.network.nodes[:2]
    async with Kubo(holders[0]) as kubo:
        below = await kubo.blocks_below(await kubo.file(f"/ipfs/{world.cid}/audio/1.enc"))
    leaf = next(leaf for leaf in map(parse_cid, sorted(below)) if leaf.codec == RAW)
    assert flip_byte(holders[0], leaf.digest)
    played: dict[str, Any] = await world.network.immurtal(
        *world.play(), *world.network.client_options()
    )
    assert played["sha256"] == world.work
    (world.folder / "played.wav").unlink()

    assert flip_byte(holders[1], leaf.digest)
    failed = await fail(world, *world.play())
    assert (failed.code, failed.kind) == (9, "integrity")
    assert failed.what.count("is damaged") == 2
    assert not list(world.folder.glob("*played.wav*"))
