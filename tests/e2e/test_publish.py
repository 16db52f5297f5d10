"""What an artist does, by the command line, against real nodes."""

import asyncio
import hashlib
import os
import sys
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from immurtal.chain.contracts import ZERO_ADDRESS, Certificate, Contracts, Offer, Visibility
from immurtal.chain.gateway import fetch_block
from immurtal.chain.http import HttpClient
from immurtal.chain.rpc import Rpc
from immurtal.content.cid import Cid, parse_cid
from immurtal.content.unixfs import plan_directory, run_async
from immurtal.demo.network import Actor, CommandFailed, LocalNetwork

pytestmark = pytest.mark.asyncio(loop_scope="session")

RATE = 44_100
SECONDS = 100  # of music: 17 MB, several pieces of an upload
PATIENCE = 60.0
PRICE = 10**15


@dataclass
class Artist:
    """One artist with a folder of their own, and what they published."""

    network: LocalNetwork
    actor: Actor
    folder: Path
    song: Path
    published: dict[str, Any]

    @property
    def home(self) -> Path:
        return self.folder / "artist"

    @property
    def work(self) -> str:
        return "0x" + hashlib.sha256(self.song.read_bytes()).hexdigest()

    def words(self, *words: str, actor: Actor | None = None) -> list[str]:
        wallet = self.network.wallet_options(actor or self.actor)
        return [*words, *wallet, *self.network.client_options()]

    async def do(self, *words: str, actor: Actor | None = None) -> dict[str, Any]:
        return await self.network.immurtal(*self.words(*words, actor=actor))

    async def certificate(self) -> Certificate:
        return await self._read(lambda contracts: contracts.certificate(self.work))

    async def offer(self, offer_id: str) -> Offer:
        return await self._read(lambda contracts: contracts.offer(offer_id))

    async def _read(self, ask: Callable[[Contracts], Any]) -> Any:
        rpc = Rpc(self.network.rpc_url)
        try:
            return await ask(self.network.contracts(rpc))
        finally:
            await rpc.close()

    async def links(self, release: str) -> dict[str, Cid]:
        """The names in a release, as a node's gateway serves them."""
        url = self.network.nodes[0].config.kubo.gateway_url
        async with HttpClient(url, allow_local=True) as gateway:

            async def block(cid: Cid) -> bytes:
                return await fetch_block(gateway, cid)

            found = await run_async(plan_directory(parse_cid(release)), block)
        return {name: link.cid for name, link in found.items()}

    async def cut(self, words: list[str], reached: Callable[[], bool]) -> None:
        """Runs a command of the artist's, and kills it (SIGKILL) once it got that far."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "immurtal", *self.words(*words)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=self.network.environment,
        )
        try:
            async with asyncio.timeout(PATIENCE):
                while not reached():
                    assert process.returncode is None, "it ended before it was cut"
                    await asyncio.sleep(0.005)
        finally:
            process.kill()
            await process.wait()


def music(path: Path, seconds: float) -> Path:
    """Noise: the only music that never was registered before."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(os.urandom(4 * int(RATE * seconds)))
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def artist(network: LocalNetwork, tmp_path_factory: pytest.TempPathFactory) -> Artist:
    """Whose first publish was killed in the middle of the build and in the middle of an upload."""
    folder = tmp_path_factory.mktemp("artist")
    actor = await network.add_actor(folder.name)
    artist = Artist(network, actor, folder, music(folder / "01 - Song.wav", SECONDS), {})
    named = [word for node in network.nodes for word in ("--node", node.id)]
    command = ["publish", str(artist.song), *named, "--home", str(artist.home)]
    command += ["--artist", "Somebody", "--price", f"{PRICE}wei", "--threshold", "2"]
    first = [*command, "--recovery-words-file", str(folder / "words")]

    await artist.cut(first, lambda: any(artist.home.glob("jobs/*/track-1/.streaming.opus.partial")))
    assert not any(artist.home.glob("jobs/*/track-1/metadata.json"))
    assert any(artist.home.glob("keys/31337/*.json"))

    spools = [node.config.uploads for node in network.nodes]

    def half_there() -> bool:
        return any(file.stat().st_size > 0 for spool in spools for file in spool.glob("*.car"))

    await artist.cut(command, half_there)
    assert half_there(), "all was taken in before it was cut"
    assert (await artist.certificate()).version == 1
    artist.published = await network.immurtal(*artist.words(*command))
    return artist


async def test_a_publish_that_was_killed_ends_as_one_that_was_not(artist: Artist) -> None:
    (work,) = artist.published["works"]
    assert (work["certificate"], work["title"], work["version"]) == (artist.work, "Song", 1)
    assert all(node["share"] and node["pinned"] for node in work["nodes"])
    assert len(work["nodes"]) == 3
    steps = [entry["step"] for entry in artist.published["transactions"]]
    assert "commit" not in steps
    assert "register" not in steps
    assert (await artist.offer(work["offer"])).price == PRICE
    assert any(
        "share the operator" in w or "share the network" in w for w in artist.published["warnings"]
    )
    for node in artist.network.nodes:
        assert not list(node.config.uploads.glob("*.car"))


async def test_the_same_command_again_changes_nothing(artist: Artist) -> None:
    named = [word for node in artist.network.nodes for word in ("--node", node.id)]
    again = await artist.do(
        *("publish", str(artist.song), *named, "--home", str(artist.home)),
        *("--artist", "Somebody", "--price", f"{PRICE}wei", "--threshold", "2"),
    )
    assert again["transactions"] == []
    assert again["works"][0]["release"] == artist.published["works"][0]["release"]


async def test_a_release_changes_the_words_and_not_the_audio(artist: Artist) -> None:
    before = artist.published["works"][0]["release"]
    audio = (await artist.links(before))["audio"]
    said = ("--title", "Another Name", "--home", str(artist.home))
    done = await artist.do("release", artist.work, *said)
    assert (done["version"], (await artist.certificate()).version) == (2, 2)
    assert done["release"] != before
    assert all(node["share"] and node["pinned"] for node in done["nodes"])
    assert (await artist.links(done["release"]))["audio"] == audio
    out = artist.folder / "played.wav"
    played = await artist.do(
        *("play", artist.work, "-o", str(out), "--variant", "audio/1.enc"),
        *("--home", str(artist.folder / "listener")),
    )
    assert played["title"] == "Another Name"
    assert out.read_bytes() == artist.song.read_bytes()


async def test_a_grant_is_given_and_taken_back(artist: Artist) -> None:
    friend = await artist.network.add_actor(f"friend-of-{artist.actor.name}")
    assert (await artist.do("grant", artist.work, friend.address))["granted"] is True
    rpc = Rpc(artist.network.rpc_url)
    try:
        contracts = artist.network.contracts(rpc)
        assert await contracts.has_access(artist.work, friend.address)
        assert (await artist.do("revoke", artist.work, friend.address))["granted"] is False
        assert not await contracts.has_access(artist.work, friend.address)
    finally:
        await rpc.close()
    with pytest.raises(CommandFailed) as told:
        await artist.do("grant", artist.work, friend.address, actor=friend)
    assert told.value.code == 13
    assert "LicenseManager_NotCertificateOwner" in told.value.error["reason"]


async def test_an_offer_is_made_changed_paused_and_closed(artist: Artist) -> None:
    made = await artist.do(
        *("offer", "create", artist.work, "--price", "0.5eth", "--supply", "7"),
        *("--referral", "10%", "--transferable"),
    )
    offer = await artist.offer(made["offer"])
    assert (offer.price, offer.max_supply, offer.referral_bps) == (5 * 10**17, 7, 1000)
    assert offer.transferable
    assert len(made["termsKeptBy"]) == 3
    await artist.do("offer", "update", made["offer"], "--price", "3gwei", "--pause")
    offer = await artist.offer(made["offer"])
    assert (offer.price, offer.open, offer.max_supply) == (3 * 10**9, False, 7)
    await artist.do("offer", "close", made["offer"], "--yes")
    assert (await artist.offer(made["offer"])).closed
    with pytest.raises(CommandFailed) as told:
        await artist.do("offer", "update", made["offer"], "--open")
    assert told.value.error["reason"].startswith("LicenseManager_OfferClosed")


async def test_who_may_hear_it_is_said(artist: Artist) -> None:
    for level in ("open", "licensed"):
        assert (await artist.do("visibility", artist.work, level))["visibility"] == level
        assert (await artist.certificate()).visibility is Visibility[level.upper()]
    with pytest.raises(CommandFailed) as told:
        await artist.do("visibility", "0x" + "12" * 32, "open")
    assert told.value.code == 5


async def test_the_money_goes_where_it_is_told_and_at_last_for_ever(artist: Artist) -> None:
    elsewhere = "0x" + "e1" * 20
    with pytest.raises(CommandFailed) as told:
        await artist.do("lock", artist.work, "--yes")
    assert "Only a royalty split" in told.value.error["what"]
    assert (await artist.do("payout", artist.work, "--to", elsewhere))["payout"] == elsewhere
    assert (await artist.certificate()).payout == elsewhere
    await artist.do("payout", artist.work, "--owner")
    assert (await artist.certificate()).payout == ZERO_ADDRESS
    parts = ["--split", f"{artist.actor.address}=75%", "--split", f"{elsewhere}=25%"]
    split = (await artist.do("payout", artist.work, *parts))["payout"]
    assert (await artist.do("lock", artist.work, "--yes"))["payout"] == split
    known = await artist.certificate()
    assert (known.payout, known.payout_locked) == (split, True)
    with pytest.raises(CommandFailed) as told:
        await artist.do("payout", artist.work, "--owner")
    assert (told.value.code, "for ever" in told.value.error["what"]) == (12, True)


async def test_nobody_else_may_do_any_of_it(artist: Artist) -> None:
    thief = await artist.network.add_actor(f"thief-of-{artist.actor.name}")
    for words in (
        ("visibility", artist.work, "open"),
        ("withdraw", artist.work, "--yes"),
        ("payout", artist.work, "--to", thief.address),
    ):
        with pytest.raises(CommandFailed) as told:
            await artist.do(*words, actor=thief)
        assert told.value.code in (12, 13)
    with pytest.raises(CommandFailed) as told:
        await artist.do("offer", "create", artist.work, "--price", "1wei", actor=thief)
    assert f"belongs to {artist.actor.address}" in told.value.error["what"]


async def test_no_money_is_told(artist: Artist) -> None:
    poor = await artist.network.add_actor(f"poor-{artist.actor.name}", 0)
    song = music(artist.folder / "poor.wav", 1)
    named = [word for node in artist.network.nodes for word in ("--node", node.id)]
    with pytest.raises(CommandFailed) as told:
        await artist.do(
            *("publish", str(song), *named, "--artist", "P"),
            *("--home", str(artist.folder / "poor")),
            *("--recovery-words-file", str(artist.folder / "poor-words")),
            actor=poor,
        )
    assert told.value.code == 4
    assert "Nothing was sent." in told.value.error["saved"]
    assert not (artist.folder / "poor-words").exists()
