"""An interrupted publish, registered by a signature that somebody else sends; then it goes on. And
the same commitment, kept here, contests."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from publish_world import World

from immurtal import cli
from immurtal.chain.wallet import KeystoreWallet, LocalKey
from immurtal.errors import BadInput, ImmurtalError, NotFound
from immurtal.publish.job import Job

SECRET = "open sesame"


class Halt(Exception):
    """The power cut of this test."""


@pytest.fixture
def deployments(world: World) -> Path:
    at = world.deployment
    contracts = {name: {"address": address} for name, address in at.addresses.items()}
    path = world.folder / "31337.json"
    path.write_text(json.dumps({"chainId": 31337, "contracts": contracts}))
    return path


async def run(world: World, deployments: Path, wallet: LocalKey, *words: str) -> dict[str, object]:
    keystore = world.folder / f"{wallet.address}.json"
    if not keystore.exists():
        KeystoreWallet.create(keystore, SECRET, private_key=wallet.secret(), scrypt_n=2)
    (world.folder / "passphrase").write_text(SECRET + "\n")
    line = [*words, "--rpc", world.url, "--chain-id", "31337", "--deployments", str(deployments)]
    line += ["--keystore", str(keystore), "--passphrase-file", str(world.folder / "passphrase")]
    runner = CliRunner(mix_stderr=False)
    done = await asyncio.to_thread(runner.invoke, cli.cli, [*line, "--json"], standalone_mode=False)
    if done.exception:
        raise done.exception
    return dict(json.loads(done.stdout))


async def interrupted(world: World, song: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A publish that ended when all was built and committed, before anything was registered."""

    async def halt(*_: object) -> None:
        raise Halt

    publication = world.publication(world.tracks(song))
    monkeypatch.setattr(publication.registration, "register", halt)
    with pytest.raises(Halt):
        await publication.run()
    return Job.load(publication.job.folder)


async def test_a_publish_goes_on_after_somebody_else_registered_it(
    world: World, deployments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song = world.recording()
    job = await interrupted(world, song, monkeypatch)
    assert not job.revealed
    file, home = world.folder / "registration.json", str(world.home.folder)
    relayer = world.rich()

    words = ("register", "--job", job.folder.name, "--home", home)
    with pytest.raises(BadInput, match="not of this wallet"):
        await run(world, deployments, relayer, *words, "--yes")
    signed = await run(world, deployments, world.wallet, *words, "--sign", "--out", str(file))
    assert Job.load(job.folder).revealed
    registration = signed["registration"]
    assert isinstance(registration, dict)
    (work,) = registration["register"]["works"]
    assert work["workHash"] == job.choices.work_hashes[0]

    done = await run(world, deployments, relayer, "register", "--relay", str(file), "--yes")
    assert done["certificates"] == [work["workHash"]]
    published = await world.publish(song)
    (track,) = published.tracks
    assert track.certificate.author == world.wallet.address
    assert track.certificate.release == work["release"]
    assert (track.left_out, bool(track.offer)) == ("", True)


async def test_what_is_not_built_cannot_be_registered(world: World, deployments: Path) -> None:
    choices = world.choices(world.tracks(world.recording()))
    job = world.job(choices)
    words = ("register", "--job", str(job.folder), "--yes")
    with pytest.raises(NotFound, match="is not on chain"):
        await run(world, deployments, world.wallet, *words)
    with pytest.raises(NotFound, match="There is no publish in"):
        await run(world, deployments, world.wallet, "register", "--job", "none", "--yes")


async def test_the_commitment_of_a_publish_contests(
    world: World, deployments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody got the file and was quicker to register; whoever committed first proves it."""
    song = world.recording()
    job = await interrupted(world, song, monkeypatch)
    world.anvil.mine(2, 2)
    thief = world.rich()
    await world.register(thief, job.choices.work_hashes[0], "0x" + "77" * 32)
    words = ("contest", str(song), "--home", str(world.home.folder), "--yes")
    done = await run(world, deployments, world.wallet, *words)
    assert (done["author"], done["claimant"]) == (thief.address, world.wallet.address)
    assert done["revealed"] == list(job.choices.work_hashes)
    with pytest.raises(ImmurtalError, match=f"{thief.address} is the author of"):
        await run(world, deployments, thief, *words)
