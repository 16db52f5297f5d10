"""`immurtal publish`, killed (SIGKILL) wherever it may be, and run again: nothing is lost, nothing
is done twice."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from publish_world import World

from immurtal.chain import abi
from immurtal.chain.logs import LogScan
from immurtal.chain.wallet import KeystoreWallet
from immurtal.publish.folder import locked
from immurtal.publish.job import Job

PATIENCE = 120.0


@dataclass
class Command:
    """One publish by its command line; every run is the same command."""

    world: World
    words: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, world: World, deployments: Path, *options: str) -> "Command":
        folder = world.folder
        (folder / "passphrase").write_text("open sesame\n")
        keystore = folder / "artist.json"
        KeystoreWallet.create(
            keystore, "open sesame", private_key=world.wallet.secret(), scrypt_n=4096
        )
        nodes = [word for node in world.nodes for word in ("--node", node.id)]
        return cls(
            world,
            [
                *(sys.executable, "-m", "immurtal", "publish", *options, *nodes),
                *("--artist", "Somebody", "--json"),
                *("--rpc", world.url, "--chain-id", "31337", "--deployments", str(deployments)),
                *("--keystore", str(keystore), "--passphrase-file", str(folder / "passphrase")),
                *("--home", str(world.home.folder)),
                *("--recovery-words-file", str(folder / "words")),
            ],
        )

    async def run(self, cut: "Callable[[World], bool] | None" = None) -> tuple[int, str, str]:
        """To its end; killed as soon as `cut` says so, which is asked all the time."""
        if self.world.home.recovery_file.exists() and "--recovery-words-file" in self.words:
            del self.words[-2:]
        process = await asyncio.create_subprocess_exec(
            *self.words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "NO_COLOR": "1"},
        )
        talking = asyncio.create_task(process.communicate())
        self.world.on_asked = None
        try:
            async with asyncio.timeout(PATIENCE):
                while cut and not talking.done() and not cut(self.world):  # noqa: ASYNC110
                    await asyncio.sleep(0.002)
                if cut:
                    assert not talking.done(), f"it ended before it was cut: {talking.result()}"
                    process.kill()
                out, err = await talking
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, out.decode(), err.decode()


def job_of(world: World) -> Job | None:
    found = list(world.home.folder.glob("jobs/*/job.json"))
    return Job.load(found[0].parent) if found else None


def sent(world: World) -> int:
    return sum(b"eth_sendRawTransaction" in body for body in world.asked)


def is_there(pattern: str) -> Callable[[World], bool]:
    return lambda world: any(world.home.folder.glob(pattern))


def uploading(world: World) -> bool:
    return any(node.asked("PATCH", "/v1/uploads/") for node in world.nodes)


def proving(world: World) -> bool:
    return any(node.asked("POST", "/v1/key-shares") for node in world.nodes)


CUTS: dict[str, Callable[[World], bool]] = {
    "words shown": is_there("recovery.json"),
    "job begun": is_there("jobs/*/job.json"),
    "key kept": is_there("keys/31337/*.json"),
    "commitment sent": lambda world: sent(world) >= 1,
    "transcoding": is_there("jobs/*/track-1/.streaming.opus.partial"),
    "built": is_there("jobs/*/track-1/metadata.json"),
    "revealed": lambda world: bool((job := job_of(world)) and job.revealed),
    "uploading": uploading,
    "proving": proving,
}


@pytest.fixture
def deployments(world: World) -> Path:
    path = world.folder / "31337.json"
    contracts = {n: {"address": a, "block": 0} for n, a in world.deployment.addresses.items()}
    path.write_text(json.dumps({"chainId": 31337, "contracts": contracts}))
    return path


async def test_it_goes_on_from_wherever_it_was_killed(world: World, deployments: Path) -> None:
    """One publish, killed at each of the places in turn, ends as if nobody had touched it."""
    path = world.recording(seconds=20)
    (track,) = world.tracks(path)
    command = Command.of(world, deployments, str(path), "--price", "5gwei")
    salts: set[str] = set()
    for name, cut in CUTS.items():
        if cut(world):
            continue  # an earlier run got further than it was cut at
        code, _, err = await command.run(cut)
        assert code == -9, f"{name}: {err}"
        if job := job_of(world):
            salts.add(job.salt)
    code, out, err = await command.run()
    assert code == 0, err
    assert len(salts) == 1
    (work,) = json.loads(out)["works"]
    assert all(node["share"] and node["pinned"] for node in work["nodes"])
    known = await world.contracts.certificate(track.source.work_hash)
    assert (known.version, known.author) == (1, world.wallet.address)
    assert len(await events(world, "CopyrightRegistry", "Committed", job_of(world))) == 1
    assert len(await events(world, "LicenseManager", "OfferCreated")) == 1
    assert (await world.contracts.offer(work["offer"])).price == 5 * 10**9
    assert len((world.folder / "words").read_text().split()) == 24


@pytest.mark.parametrize("number", [1, 2, 3], ids=["commit", "register", "offer"])
async def test_a_transaction_that_was_sent_is_not_sent_again(
    world: World, deployments: Path, number: int
) -> None:
    """Killed before its receipt came, with the transaction on its way."""
    path = world.recording()
    command = Command.of(world, deployments, str(path), "--price", "5gwei")
    world.asked.clear()
    code, _, err = await command.run(lambda world: sent(world) >= number)
    assert code == -9, err
    code, out, err = await command.run()
    assert code == 0, err
    assert sent(world) == 3
    assert len(json.loads(out)["transactions"]) == 3 - number
    mined = await world.rpc.call("eth_getTransactionCount", [world.wallet.address, "latest"])
    assert int(mined, 16) == 3 + len(world.nodes)  # which this account announced


async def test_an_interruption_ends_it_soon_and_says_how_to_go_on(
    world: World, deployments: Path
) -> None:
    """Ctrl-C in the middle of a build of minutes."""
    command = Command.of(world, deployments, str(world.recording(seconds=120)))
    process = await asyncio.create_subprocess_exec(
        *(word for word in command.words if word != "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        # As on a terminal: what runs in the background inherits that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    talking = asyncio.create_task(process.communicate())
    async with asyncio.timeout(PATIENCE):
        while not CUTS["transcoding"](world):
            assert not talking.done(), talking.result()
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = await talking
    assert process.returncode == 130, err.decode()
    assert "run the same command again" in err.decode()
    assert not CUTS["built"](world)
    assert not CUTS["transcoding"](world), "nothing half-written is left"


async def test_a_second_run_beside_the_first_is_refused(world: World, deployments: Path) -> None:
    path = world.recording()
    tracks = world.tracks(path)
    command = Command.of(world, deployments, str(path))
    with locked(world.home.job_folder(world.choices(tracks).job_id)):
        code, _, err = await command.run()
    assert code == 12
    assert "Another run is at work" in json.loads(err.splitlines()[-1])["error"]["what"]
    assert sent(world) == len(world.nodes)  # which were announced
    assert (await command.run())[0] == 0


async def events(world: World, contract: str, name: str, job: Job | None = None) -> list[abi.Event]:
    """Of this artist: by the commitment of their job, or by who is the seller."""
    from immurtal.publish.actions import commitment

    address = world.deployment.addresses[contract]
    scan = LogScan(world.rpc, address, [abi.event_topics(contract)[name]])
    found = [abi.decode_log(log, contract) async for log in scan.newest_first(0)]
    if job is not None:
        value = commitment(job.choices.author, job.choices.work_hashes, job.salt)
        return [event for event in found if event and event.args["commitment"] == value]
    return [event for event in found if event and event.args["seller"] == world.wallet.address]
