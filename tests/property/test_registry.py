"""Copyright certificates, by authors, owners, operators, copycats and relayers.

R1 a certificate's author, work hash, commit and registration times never change.
R2 none exists without a commitment by its author at least `minAge` older.
R3 no work hash is registered twice.
R4 only owner or operator changes release, visibility, payout; a locked payout never changes;
   versions only grow.
R5 the laws of ERC-721 (the interface ids: test_interfaces.py).
R6 nobody's registration of one work stops the rest of an album.

The model says who may do what; R1 to R4 are besides checked on what the chain says, by itself.
"""

from collections import Counter
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from machine import run
from models.registry import NOBODY, Visibility
from registry_play import Play
from registry_stage import (
    HASHES,
    MIN_AGE,
    PEOPLE,
    RELEASES,
    UNKNOWN,
    albums,
    chances,
    coin,
    forms,
    good_forms,
    index,
    lefts,
    people,
    releases,
    ripeness,
)

rare_value = st.sampled_from([0] * 8 + [5])


class Registrations(Play):
    examples = 100
    steps = 40

    def __init__(self) -> None:
        super().__init__()
        self.past: dict[bytes, tuple[Any, ...]] = {}
        self.versions: Counter[bytes] = Counter()
        self.seen: dict[bytes, tuple[Any, ...]] = {}

    # What authors do

    @initialize(who=index)
    def first(self, who: int) -> None:
        """A rival commits to all works first; two authors certify some; one more could."""
        self._commit_newly(PEOPLE[3], HASHES[:3])
        self.world.warp(1)
        plans = [
            self._commit_newly(PEOPLE[author], works)
            for author, works in enumerate([HASHES[:2], HASHES[1:3]])
        ]
        self._commit_newly(self.accounts[who % len(self.accounts)], HASHES[2:4])
        self.world.warp(MIN_AGE)
        for n, plan in enumerate(plans):
            self._register(plan, self._works(plan, RELEASES, n))

    @rule(who=index, album=albums, salt=index, sender=people)
    def commit(self, who: int, album: list[bytes], salt: int, sender: str) -> None:
        """Anyone sends anyone's commitment; a copycat commits to the hashes of others."""
        authors = [*self.accounts, NOBODY]
        self._commit(authors[who % len(authors)], album, bytes([salt % 2]) * 32, sender)

    @rule(i=index, sender=people)
    def commit_again(self, i: int, sender: str) -> None:
        """R2: the first time stays."""
        plan = self._plan(i)
        self._commit(plan.author, plan.hashes, plan.salt, sender)

    @rule(seconds=st.sampled_from([1, MIN_AGE - 1, MIN_AGE, 10_000]))
    def wait(self, seconds: int) -> None:
        self.world.warp(seconds)

    @rule(i=index, digests=releases, seed=index, ripe=ripeness)
    def register(self, i: int, digests: list[bytes], seed: int, ripe: str) -> None:
        plan = self._open_plan(i)
        self._ripen(plan, ripe)
        self._register(plan, self._works(plan, digests, seed))

    @rule(
        i=index, digests=releases, seed=index, ripe=ripeness, sender=people, left=lefts, form=forms
    )
    def register_for(
        self,
        i: int,
        digests: list[bytes],
        seed: int,
        ripe: str,
        sender: str,
        left: int,
        form: str,
    ) -> None:
        plan = self._open_plan(i)
        self._ripen(plan, ripe)
        self._relay(plan, self._works(plan, digests, seed), sender, left, form)

    @rule(who=index, n=index, size=st.integers(1, 3), sender=people, form=good_forms, direct=coin)
    def certify(self, who: int, n: int, size: int, sender: str, form: str, direct: bool) -> None:
        """R2: the whole way, one second too early, and at the second that decides; relayed in its
        last second. Then again (R3). For nobody, nobody can sign."""
        authors = [*self.accounts, *self.accounts, NOBODY]
        plan = self._commit_newly(authors[who % len(authors)], self._free(n, size))
        works = self._works(plan, RELEASES, n)
        for ripe in ("early", "exact", "now") if n % 4 == 0 else ("exact",):
            self._ripen(plan, ripe)
            if direct and plan.author in PEOPLE:
                self._register(plan, works)
            else:
                self._relay(plan, works, sender, 0, form)

    @rule(who=index, rival=people, n=index, at=st.integers(0, 2), sender=people, form=good_forms)
    def run_in_front(self, who: int, rival: str, n: int, at: int, sender: str, form: str) -> None:
        """R6: of an album one work is registered by somebody else first (R3: or by its author by
        another commitment)."""
        album = self._free(n, 3)
        plan = self._commit_newly(self.accounts[who % len(self.accounts)], album)
        theirs = self._commit_newly(rival, [album[at % len(album)]])
        self._ripen(theirs, "exact")
        self._register(theirs, self._works(theirs, RELEASES, n + 1))
        self._relay(plan, self._works(plan, RELEASES, n), sender, 100, form)

    @rule(who=people, thief=people, n=index)
    def copy_a_reveal(self, who: str, thief: str, n: int) -> None:
        """R2: who sees works registered commits to them at once, and relays in the own name."""
        plan = self._commit_newly(who, self._free(n, 2))
        self._ripen(plan, "exact")
        theirs = self._commit_newly(thief, plan.hashes)
        works = self._works(theirs, RELEASES, n)
        self._register(theirs, works)
        self._relay(theirs, works, thief, 100, "plain")
        self._register(plan, self._works(plan, RELEASES, n + 1))

    @rule(who=people, rival=people, n=index, age=st.sampled_from([-1, 0, 1]))
    def quarrel(self, who: str, rival: str, n: int, age: int) -> None:
        """Who committed a second before, at once, or a second later contests."""
        album = self._free(n, 2)
        authors = [who, rival] if age < 0 else [rival, who]
        plans = []
        for author in authors:
            plans.append(self._commit_newly(author, album))
            self.world.warp(abs(age))
        theirs, plan = plans if authors[0] == rival else reversed(plans)
        self._ripen(plans[1], "exact")
        self._register(plan, self._works(plan, RELEASES, n))
        self._contest(rival, album[n % len(album)], theirs)
        oldest = self.plans[0]
        self._contest(oldest.author, album[0], oldest)

    @rule(i=index, chance=chances, claimant=people, own=st.sampled_from([True, True, False]))
    def contest(self, i: int, chance: int, claimant: str, own: bool) -> None:
        """Mostly by whoever committed, and of a work that has a certificate."""
        plan = self._plan(i)
        who = plan.author if own and plan.author in PEOPLE else claimant
        certified = [h for h in plan.hashes if h in self.model.certificates]
        known = certified and chance < 8
        self._contest(
            who,
            certified[chance % len(certified)] if known else self._certificate(chance),
            plan,
        )

    # What owners, operators and strangers do

    @rule(chance=chances, who=chances, n=index)
    def manage(self, chance: int, who: int, n: int) -> None:
        certificate, caller = self._case(chance, who)
        self._manage(caller, certificate, n)

    @rule(chance=chances, who=chances, i=st.integers(0, 3))
    def lock_payout(self, chance: int, who: int, i: int) -> None:
        certificate, caller = self._case(chance, who)
        found = self.model.certificates.get(certificate)
        expected = found.payout if found and chance % 3 else self.payouts[i]
        self._lock(caller, certificate, expected)

    @rule(i=index, n=index, operator=people, to=people)
    def try_a_locked_payout(self, i: int, n: int, operator: str, to: str) -> None:
        """R4: owner and operator try to move what was locked, and whoever owns it next."""
        found = self._owned(i)
        if found is None:
            return
        certificate, owner = found
        self._pay_to(owner, certificate, self.system.split)
        self._lock(owner, certificate, self.system.split)
        if n % 2:
            self._show(owner, certificate, Visibility(n % 4))
        if n % 3 == 0:
            self._transfer(owner, certificate, owner, to)
            owner = to
        if n % 4 == 0 and operator != owner:
            self._let_all(owner, operator, True)
            owner = operator
        self._pay_to(owner, certificate, self.payouts[n % 4])

    @rule(i=index, n=index, account=people)
    def try_as_approved(self, i: int, n: int, account: str) -> None:
        """R4: whoever is approved for one token may transfer it, and do nothing else."""
        found = self._owned(i)
        if found is None:
            return
        certificate, owner = found
        self._approve(owner, certificate, account)
        self._manage(account, certificate, n)
        if n % 4 == 0:
            self._lock(account, certificate, self.model.certificates[certificate].payout)
        if n % 5 == 0:
            self._transfer(account, certificate, owner, account)

    @rule(i=index, n=index, operator=people)
    def act_as_operator(self, i: int, n: int, operator: str) -> None:
        """R4: an operator may do everything but lock the payout; and nothing once dismissed."""
        found = self._owned(i)
        if found is None:
            return
        certificate, owner = found
        self._let_all(owner, operator, True)
        self._manage(operator, certificate, n)
        if n % 2:
            self._pay_to(operator, certificate, self.system.split)
            self._lock(operator, certificate, self.system.split)
        if n % 3 == 0:
            self._let_all(owner, operator, False)
            self._manage(operator, certificate, n)

    @rule(i=index, n=index, to=people)
    def sell(self, i: int, n: int, to: str) -> None:
        """R4: whoever sold it has no say any more, its author neither."""
        found = self._owned(i)
        if found is not None:
            certificate, owner = found
            self._transfer(owner, certificate, owner, to)
            self._manage(self.model.certificates[certificate].author, certificate, n)

    # ERC-721

    @rule(owner=people, operator=people, approved=coin)
    def set_approval_for_all(self, owner: str, operator: str, approved: bool) -> None:
        self._let_all(owner, operator, approved)

    @rule(chance=chances, who=chances, account=people, value=rare_value)
    def approve(self, chance: int, who: int, account: str, value: int) -> None:
        certificate, caller = self._case(chance, who)
        self._approve(caller, certificate, account, value)

    @rule(
        chance=chances,
        who=chances,
        owner=st.sampled_from([None, None, None, None, *PEOPLE]),
        to=index,
        how=st.integers(0, 2),
        value=rare_value,
    )
    def transfer(
        self, chance: int, who: int, owner: str | None, to: int, how: int, value: int
    ) -> None:
        """From the true owner, or from somebody who is not."""
        certificate, caller = self._case(chance, who)
        known = self.model.certificates.get(certificate)
        holder = owner or (known.owner if known else PEOPLE[0])
        receivers = [*PEOPLE, *self.accounts, NOBODY]
        self._transfer(caller, certificate, holder, receivers[to % len(receivers)], how, value)

    # What always holds

    @invariant()
    def certificates_are_the_models(self) -> None:
        world, registry = self.world, self.registry
        for work_hash in HASHES:
            known = self.model.certificates.get(work_hash)
            if known is None:
                world.expect("R2", (NOBODY, 0), registry, "access", work_hash)
                continue
            world.expect("R1", known.plain(), registry, "certificateOf", work_hash)
            world.expect("R4", (known.owner, known.visibility), registry, "access", work_hash)
            payout, token = self.model.payout_of(work_hash), int.from_bytes(work_hash)
            world.expect("R4", payout, registry, "payoutOf", work_hash)
            world.expect("R5", (payout, 123), registry, "royaltyInfo", token, 1239)
            world.expect("R5", known.owner, registry, "ownerOf", token)
            world.expect("R5", known.approved, registry, "getApproved", token)
        for account in self.accounts:
            world.expect("R5", self.model.balance(account), registry, "balanceOf", account)

    @invariant()
    def history_stays(self) -> None:
        """R1 to R4, of what the chain itself said before and says now."""
        world = self.world
        for work_hash in self.model.certificates:
            found = world.call(self.registry, "certificateOf", work_hash)
            past = (found.author, found.committedAt, found.registeredAt)
            kept = self.past.setdefault(work_hash, past)
            world.expect_true("R1", kept == past, f"{kept} became {past}")
            old_enough = 0 < found.committedAt <= found.registeredAt - MIN_AGE
            world.expect_true("R2", old_enough, f"registered too early: {past}")
            times = self.registered[work_hash]
            world.expect_true("R3", times == 1, f"registered {times} times")
            current = (found.release, found.visibility, found.payout, found.version)
            before = self.seen.setdefault(work_hash, current)
            same = before == current or work_hash in self.may_change
            world.expect_true("R4", same, f"a stranger made {before} into {current}")
            grows = found.version >= self.versions[work_hash]
            world.expect_true("R4", grows, "a version fell")
            pinned = self.locked.get(work_hash, found.payout) == found.payout
            world.expect_true("R4", pinned, "a locked payout changed")
            self.seen[work_hash] = current
            self.versions[work_hash] = found.version
        self.may_change.clear()

    def teardown(self) -> None:
        """R2: what was never committed to is unknown; every commitment has its first time."""
        world, registry = self.world, self.registry
        if world.disagreement is not None:
            return
        world.expect_balance("R5", 0, registry)
        for value, time in self.model.commitments.items():
            world.expect("R2", time, registry, "committedAt", value)
        for owner in PEOPLE:
            for operator in PEOPLE:
                allowed = (owner, operator) in self.model.operators
                world.expect("R5", allowed, registry, "isApprovedForAll", owner, operator)
        for work_hash in self.model.certificates:
            uri = self.model.token_uri(work_hash)
            world.expect("R5", uri, registry, "tokenURI", int.from_bytes(work_hash))
        unknown = int.from_bytes(UNKNOWN)
        world.expect("R4", NOBODY, registry, "payoutOf", UNKNOWN)
        world.expect("R5", (NOBODY, 0), registry, "royaltyInfo", unknown, 1239)
        world.expect("R2", 0, registry, "committedAt", UNKNOWN)
        refusal = world.refusal(registry, "certificateOf", UNKNOWN)
        expected = ("CopyrightRegistry_UnknownCertificate", (UNKNOWN,))
        world.expect_true("R2", refusal == expected, f"an unknown certificate: {refusal}")


def test_registrations() -> None:
    run(Registrations)
