"""A publish from beginning to end (DESIGN 3): commit and build, register, offer, store, prove.

Nothing that holds a work hash leaves this machine before the registration is seen. Every step asks
first whether it is done already, so an interrupted publish goes on where it was.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from immurtal.chain.contracts import ZERO_ADDRESS, Certificate, Node, OfferKind
from immurtal.chain.eip712 import Work
from immurtal.chain.transactions import wait_for_time
from immurtal.chain.wallet import Wallet
from immurtal.content.terms import terms_digest, terms_file
from immurtal.errors import (
    BadInput,
    ImmurtalError,
    KeySharesMissing,
    NotFound,
    TransactionFailed,
)
from immurtal.keys.hpke import PublicKey
from immurtal.keys.sealing import Binding
from immurtal.publish.actions import Actions, OfferTerms, commitment
from immurtal.publish.build import BuiltTrack, build_track
from immurtal.publish.home import ArtistHome
from immurtal.publish.job import Job, Source
from immurtal.publish.nodes import ChosenNode, check_size, look_at, named, warnings
from immurtal.publish.proof import NodeProof, owner_session, prove
from immurtal.publish.recordings import Track
from immurtal.publish.storing import Delivery, store
from immurtal.publish.terms import hand_terms


@dataclass(frozen=True, slots=True)
class Step:
    """Progress: `done` of `total` (bytes, parts, or 0 of 0 for a plain remark)."""

    name: str
    text: str
    done: int = 0
    total: int = 0


Report = Callable[[Step], None]


@dataclass(frozen=True, slots=True)
class PublishedTrack:
    """One work as it now stands; `offer` and `album_offer` empty where none was made."""

    certificate: Certificate
    title: str
    cid: str
    offer: str
    proofs: tuple[NodeProof, ...]


@dataclass(frozen=True, slots=True)
class Published:
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
        self.contracts = self.actions.contracts
        self.transactions: list[tuple[str, str]] = []

    async def run(self) -> Published:
        """Raises what the steps raise; the job folder keeps what was done."""
        try:
            return await self._run()
        except ImmurtalError as error:
            error.saved = error.saved or (
                f"What was done so far is kept in {self.job.folder}: run the same command again "
                "and it goes on from there."
            )
            raise

    async def _run(self) -> Published:
        registered = await self._registered()
        nodes = await look_at(self.contracts, self.choices.nodes)
        worries = warnings(nodes)
        for worry in worries:
            self.report(Step("warning", worry))
        recovery = self.home.recovery_public() or self.home.create_recovery(self.show_words)
        committing = asyncio.create_task(self._commit(registered))
        try:
            built = await self._build(nodes, recovery)
            committed_at = await committing
        finally:
            committing.cancel()
        check_size(nodes, max(track.size for track in built))
        payout = await self._payout()
        certificates = await self._register(built, payout, committed_at)
        offers, album_offer, terms = await self._offer()
        await self._store(nodes, built)
        await self._hand_terms(nodes, terms)
        proofs = await self._prove(nodes, built)
        return Published(
            tracks=tuple(
                PublishedTrack(certificate, track.title, track.cid, offer, tuple(proof))
                for certificate, track, offer, proof in zip(
                    certificates, built, offers, proofs, strict=True
                )
            ),
            album_offer=album_offer,
            payout=payout,
            transactions=tuple(self.transactions),
            warnings=tuple(worries),
        )

    async def _registered(self) -> list[Certificate | None]:
        """Each work's certificate, where there is one. Raises BadInput if another has it."""
        found = [await self._find(source) for source in self.choices.sources]
        for source, certificate in zip(self.choices.sources, found, strict=True):
            if certificate and certificate.author != self.choices.author:
                raise BadInput(
                    f"{source.path.name} is registered already, by {certificate.author}.",
                    saved="Nothing was sent.",
                    do="If the recording is yours, somebody else registered it first: "
                    "`immurtal status` shows the certificate.",
                )
        return found

    async def _find(self, source: Source) -> Certificate | None:
        try:
            return await self.contracts.certificate(source.work_hash)
        except NotFound:
            return None

    async def _commit(self, registered: Sequence[Certificate | None]) -> int:
        """The commitment's time, seconds."""
        value = commitment(self.choices.author, self.choices.work_hashes, self.job.salt)
        known = await self.contracts.committed_at(value)
        if known or all(registered):
            return known
        self.report(Step("commit", "committing to the works, without naming them"))
        receipt = await self.actions.commit(value)
        self.transactions.append(("commit", receipt.hash))
        return await self.contracts.committed_at(value)

    async def _build(self, nodes: Sequence[ChosenNode], recovery: PublicKey) -> list[BuiltTrack]:
        built = []
        loop = asyncio.get_running_loop()
        for position, track in enumerate(self.tracks, start=1):
            name = f"building {position} of {len(self.tracks)}: {track.title}"

            def progress(done: float, name: str = name) -> None:
                step = Step("build", name, round(done * 100), 100)
                loop.call_soon_threadsafe(self.report, step)

            built.append(
                await asyncio.to_thread(
                    build_track,
                    self.job,
                    position,
                    track,
                    tuple(node.key for node in nodes),
                    recovery,
                    self.home,
                    self.passphrase,
                    progress,
                )
            )
        return built

    async def _payout(self) -> str:
        if not self.choices.split:
            return self.choices.payout
        self.report(Step("split", "preparing the royalty split"))
        return await self.actions.ensure_split(self.choices.split)

    async def _register(
        self, built: Sequence[BuiltTrack], payout: str, committed_at: int
    ) -> list[Certificate]:
        registered = await self._registered()
        if not all(registered):
            min_age = await self.contracts.min_age()
            self.report(Step("register", f"waiting until the commitment is {min_age} s old"))
            await wait_for_time(self.contracts.rpc, committed_at + min_age)
            works = [
                Work(source.work_hash, track.release, int(self.choices.visibility), payout)
                for source, track in zip(self.choices.sources, built, strict=True)
            ]
            self.report(Step("register", f"registering {len(works)} work(s)"))
            receipt = await self.actions.register(works, self.job.salt)
            self.transactions.append(("register", receipt.hash))
            registered = await self._registered()
        for certificate, track in zip(registered, built, strict=True):
            if certificate is None:
                raise TransactionFailed(f"{track.title} was not registered.")
            if certificate.release != track.release:
                raise BadInput(
                    f"{track.title} is on chain with another release than the one built here.",
                    do="It was published before: change it with `immurtal release`.",
                )
        return [certificate for certificate in registered if certificate]

    async def _offer(self) -> tuple[list[str], str, dict[str, bytes]]:
        """Ids of each track's offer and of the album's, empty for none; terms files by digest."""
        sale, works = self.choices.sale, self.choices.work_hashes
        terms: dict[str, bytes] = {}
        offers = [""] * len(works)
        if sale.price is not None:
            for position, work in enumerate(works):
                offers[position] = await self._offer_one((work,), sale.price, terms)
        album = ""
        if sale.album_price is not None and len(works) > 1:
            album = await self._offer_one(tuple(sorted(works)), sale.album_price, terms)
        return offers, album, terms

    async def _offer_one(self, works: tuple[str, ...], price: int, terms: dict[str, bytes]) -> str:
        sale = self.choices.sale
        text = terms_file("perpetual", works, sale.licence)
        offered = OfferTerms(
            certificates=works,
            kind=OfferKind.PERPETUAL,
            token=ZERO_ADDRESS,
            duration=0,
            transferable=sale.transferable,
            referral_bps=sale.referral_bps,
            terms=terms_digest(text),
            salt=self.job.offer_salt,
        )
        terms[offered.terms] = text
        offer_id = offered.id(self.choices.author)
        try:
            await self.contracts.offer(offer_id)
        except NotFound:
            self.report(Step("offer", f"offering a licence to {len(works)} work(s)"))
            receipt = await self.actions.create_offer(offered, price, sale.max_supply)
            self.transactions.append(("offer", receipt.hash))
        return offer_id

    async def _store(self, nodes: Sequence[ChosenNode], built: Sequence[BuiltTrack]) -> None:
        """Hands every release to every node; a node's failure is reported, and counts later."""
        await asyncio.gather(*(self._store_at(node, built) for node in nodes))

    async def _store_at(self, node: ChosenNode, built: Sequence[BuiltTrack]) -> None:
        for source, track in zip(self.choices.sources, built, strict=True):
            name = f"storing {track.title} at {node.name}"

            def progress(done: int, total: int, name: str = name) -> None:
                self.report(Step("store", name, done, total))

            delivery = Delivery(
                self.choices.chain_id,
                self.choices.registry,
                source.work_hash,
                track.release,
                track.car(),
            )
            try:
                await store(self.wallet, node, delivery, progress)
            except ImmurtalError as error:
                self.report(Step("warning", named(error, node)))

    async def _hand_terms(self, nodes: Sequence[ChosenNode], terms: dict[str, bytes]) -> None:
        records: list[Node] = [node.record for node in nodes]
        for digest, text in terms.items():
            await hand_terms(self.choices.chain_id, records, digest, text)

    async def _prove(
        self, nodes: Sequence[ChosenNode], built: Sequence[BuiltTrack]
    ) -> list[list[NodeProof]]:
        """Raises KeySharesMissing unless t nodes gave a good share and r hold the pins."""
        self.report(Step("prove", "asking every node for its share and its pin"))
        session = owner_session(self.wallet, self.choices.chain_id, self.choices.registry)
        proofs = []
        for source, track in zip(self.choices.sources, built, strict=True):
            binding = Binding(
                self.choices.chain_id,
                self.choices.registry,
                source.work_hash,
                self.choices.author,
            )
            proof = await prove(
                nodes, track.keys_file, track.release, binding, session, self._waiting
            )
            self._check(track, proof)
            proofs.append(proof)
        return proofs

    def _waiting(self, seconds: int) -> None:
        self.report(Step("prove", f"the registration is not deep enough yet: {seconds} s more"))

    def _check(self, track: BuiltTrack, proofs: Sequence[NodeProof]) -> None:
        shares = sum(proof.share for proof in proofs)
        pins = sum(proof.pinned for proof in proofs)
        if shares >= self.choices.threshold and pins >= self.choices.replicas:
            return
        problems = "; ".join(f"{p.node[:10]}…: {p.problem}" for p in proofs if p.problem)
        raise KeySharesMissing(
            f"{track.title} is registered, but {shares} of {self.choices.threshold} needed nodes "
            f"gave a good share and {pins} of {self.choices.replicas} hold its pins ({problems}).",
            do="Run the same command again when the nodes are well.",
        )
