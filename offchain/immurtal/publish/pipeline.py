"""A publish from beginning to end (DESIGN 3): keys kept, commit and build, register, offer, store,
prove.

Nothing that holds a work hash leaves this machine before the registration is seen; until it is
ready to be sent not even the chain is asked about a work. Every step asks first whether it is done
already, so an interrupted publish goes on where it was.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from immurtal.chain.contracts import Certificate
from immurtal.chain.wallet import Wallet
from immurtal.errors import ImmurtalError
from immurtal.keys.hpke import PublicKey
from immurtal.keys.keyfile import ArtistKey
from immurtal.keys.sealing import Binding
from immurtal.publish.actions import Actions
from immurtal.publish.build import BuiltTrack, build_track, prepare_key, reopen_track
from immurtal.publish.handing import Package, hand_out, shortfall, too_few
from immurtal.publish.home import ArtistHome
from immurtal.publish.job import Job
from immurtal.publish.nodes import ChosenNode, check_enough, check_size, look_at, warnings
from immurtal.publish.proof import NodeProof
from immurtal.publish.recordings import Track
from immurtal.publish.registering import REGISTER_GAS, REGISTER_GAS_EACH, Registration, Standing
from immurtal.publish.selling import Offers, offer_all
from immurtal.publish.step import Report, Step
from immurtal.publish.terms import hand_terms

COMMIT_GAS = 60_000


@dataclass(frozen=True, slots=True)
class PublishedTrack:
    """One work as it now stands; `offer` empty where none was made; `left_out`: why this publish
    did not touch it, else empty."""

    certificate: Certificate
    title: str
    cid: str
    offer: str
    proofs: tuple[NodeProof, ...]
    left_out: str


@dataclass(frozen=True, slots=True)
class Published:
    """`transactions`: (step, hash) of what this run sent."""

    tracks: tuple[PublishedTrack, ...]
    album_offer: str
    payout: str
    transactions: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


@dataclass
class Publication:
    """One run of a job. `passphrase` encrypts the key files; `show_words` hears the recovery words
    at the first publish, before anything is built."""

    job: Job
    tracks: Sequence[Track]
    actions: Actions
    wallet: Wallet
    home: ArtistHome
    passphrase: str
    report: Report
    show_words: Callable[[str], None]

    def __post_init__(self) -> None:
        self.choices = self.job.choices
        self.transactions: list[tuple[str, str]] = []
        self.warnings: list[str] = []
        self.registration = Registration(self.job, self.actions, self.report, self.transactions)

    async def run(self) -> Published:
        """Raises what the steps raise; the job folder keeps what was done."""
        kept = (
            f"What was done so far is kept in {self.job.folder}: run the same command again and it "
            "goes on from there."
        )
        try:
            return await self._run()
        except ImmurtalError as error:
            error.saved = f"{error.saved} {kept}".strip()
            raise
        except asyncio.CancelledError:
            self.report(Step("warning", f"Interrupted. {kept}"))
            raise

    async def _run(self) -> Published:
        nodes = await look_at(self.actions.contracts, self.choices.nodes)
        if not self.job.revealed:
            check_enough(nodes, max(self.choices.threshold, self.choices.replicas))
            check_size(nodes, max(track.recording.bytes for track in self.tracks))
        for worry in warnings(nodes):
            self._warn(worry)
        await self.actions.sender.settled()
        built = self._reopened() if self.job.revealed else await self._begin(nodes)
        payout = await self._payout()
        standings = await self.registration.register(built, payout)
        for standing in standings:
            if standing.left_out:
                self._warn(standing.left_out)
        offers = await self._offer(standings)
        proofs = await self._hand_out(nodes, [s for s in standings if not s.left_out])
        await self._hand_terms(nodes, offers)
        return Published(
            tracks=tuple(
                PublishedTrack(
                    certificate=standing.certificate,
                    title=standing.track.title,
                    cid=standing.track.cid,
                    offer=offers.single.get(standing.certificate.id, ""),
                    proofs=proofs.get(standing.certificate.id, ()),
                    left_out=standing.left_out,
                )
                for standing in standings
            ),
            album_offer=offers.album,
            payout=payout,
            transactions=tuple(self.transactions),
            warnings=tuple(self.warnings),
        )

    def _warn(self, worry: str) -> None:
        self.warnings.append(worry)
        self.report(Step("warning", worry))

    def _reopened(self) -> list[BuiltTrack]:
        return [reopen_track(self.job, n, track) for n, track in enumerate(self.tracks, start=1)]

    async def _begin(self, nodes: Sequence[ChosenNode]) -> list[BuiltTrack]:
        """Keys first, on disk; then the commitment, and the releases while it ages."""
        gas = COMMIT_GAS + REGISTER_GAS + REGISTER_GAS_EACH * len(self.tracks)
        await self.actions.sender.afford(gas)
        recovery = self.home.recovery_public() or self.home.create_recovery(self.show_words)
        keys = await asyncio.to_thread(self._keys, nodes, recovery)
        enough = threading.Event()
        committing = asyncio.create_task(self.registration.commit())
        building = asyncio.create_task(self._build(keys, enough))
        try:
            _, built = await asyncio.gather(committing, building)
        finally:  # one of them failed, or we were interrupted: the other ends soon, and alone
            enough.set()
            committing.cancel()
            await asyncio.gather(committing, building, return_exceptions=True)
        check_size(nodes, max(track.car().size for track in built))
        return built

    def _keys(self, nodes: Sequence[ChosenNode], recovery: PublicKey) -> list[ArtistKey]:
        named = tuple(node.key for node in nodes)
        return [
            prepare_key(self.choices, track, named, recovery, self.home, self.passphrase)
            for track in self.tracks
        ]

    async def _build(self, keys: Sequence[ArtistKey], enough: threading.Event) -> list[BuiltTrack]:
        built = []
        loop = asyncio.get_running_loop()
        for position, (track, key) in enumerate(zip(self.tracks, keys, strict=True), start=1):
            name = f"building {position} of {len(self.tracks)}: {track.title}"

            def progress(done: float, name: str = name) -> None:
                if enough.is_set():
                    raise _Stopped
                step = Step("build", name, round(done * 100), 100)
                loop.call_soon_threadsafe(self.report, step)

            working = asyncio.to_thread(build_track, self.job, position, track, key, progress)
            built.append(await working)
        return built

    async def _payout(self) -> str:
        if not self.choices.split:
            return self.choices.payout
        self.report(Step("split", "preparing the royalty split"))
        return await self.actions.ensure_split(self.choices.split)

    async def _offer(self, standings: Sequence[Standing]) -> Offers:
        return await offer_all(
            self.job,
            self.actions,
            [s.certificate.id for s in standings if not s.left_out],
            [s.certificate.id for s in standings if s.certificate.owner == self.choices.author],
            self.report,
            self.transactions,
        )

    async def _hand_out(
        self, nodes: Sequence[ChosenNode], standings: Sequence[Standing]
    ) -> dict[str, tuple[NodeProof, ...]]:
        """Proofs by certificate. Raises KeySharesMissing or DiskFull unless t nodes gave a good
        share of each work and r hold its pins (DESIGN 6.1)."""
        packages = [self._package(standing) for standing in standings]
        proofs = await hand_out(self.wallet, nodes, packages, self.report)
        missing = [
            shortfall(package, shown, self.choices.threshold, self.choices.replicas)
            for package, shown in zip(packages, proofs, strict=True)
        ]
        if any(missing):
            kind = too_few(proof for shown in proofs for proof in shown)
            raise kind(
                f"All is registered, but too few nodes hold it. {' '.join(filter(None, missing))}",
                do="Run it when the nodes are well, or with a smaller --replicas.",
            )
        return {s.certificate.id: shown for s, shown in zip(standings, proofs, strict=True)}

    def _package(self, standing: Standing) -> Package:
        choices, known = self.choices, standing.certificate
        binding = Binding(choices.chain_id, choices.registry, known.id, choices.author)
        track = standing.track
        return Package(track.title, track.release, binding, track.keys_file, (track.car,))

    async def _hand_terms(self, nodes: Sequence[ChosenNode], offers: Offers) -> None:
        records = [node.record for node in nodes]
        for digest, text in offers.terms.items():
            if not await hand_terms(self.choices.chain_id, records, digest, text):
                self._warn(f"No node keeps the terms {digest} of an offer yet.")


class _Stopped(Exception):
    """Ends a build whose result nobody waits for any more."""
