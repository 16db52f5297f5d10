"""Copyright certificates, by authors, owners, operators, copycats and relayers.

R1 a certificate's author, work hash, commit and registration times never change.
R2 none exists without a commitment by its author at least `minAge` older.
R3 no work hash is registered twice.
R4 only owner or operator changes release, visibility, payout; a locked payout never changes;
   versions only grow.
R5 the laws of ERC-721 (the interface ids: test_interfaces.py).
R6 nobody's registration of one work stops the rest of an album.

The model says who may do what; R1 to R4 are besides checked on what the chain says, by themselves.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from machine import Machine, run
from models.registry import (
    NOBODY,
    STANDARD,
    Errors,
    Registry,
    Said,
    Visibility,
    Work,
    commitment,
    register_digest,
)
from registry_cases import (
    ACCEPTS,
    BOMBS,
    BURNS_GAS,
    HASHES,
    MIN_AGE,
    PEOPLE,
    REFUSES,
    RELEASES,
    REVERTS,
    SALTS,
    UNKNOWN,
    Plan,
    albums,
    chances,
    four_releases,
    index,
    people,
    rare_zero,
)
from world import CHAIN_ID, Contract, Outcome, World, sign_digest


@dataclass(frozen=True, slots=True)
class System:
    registry: Contract
    factory: Contract
    split: str
    wallet: Contract


class Registrations(Machine):
    promises = ("R1", "R2", "R3", "R4", "R5", "R6")
    examples = 200

    @classmethod
    def build(cls, world: World) -> System:
        factory = world.deploy("RoyaltySplitFactory")
        registry = world.deploy("CopyrightRegistry", MIN_AGE, factory)
        payees = sorted(person.address for person in PEOPLE[:2])
        made = world.transact(payees[0], factory, "create", payees, [5000, 5000])
        return System(registry, factory, made.result, world.deploy("WalletAuthor"))

    def __init__(self) -> None:
        super().__init__()
        self.registry = self.system.registry
        self.model = Registry(MIN_AGE)
        self.plans: list[Plan] = []
        self.accounts = [*(person.address for person in PEOPLE), self.system.wallet]
        self.payouts = [NOBODY, self.system.split, self.accounts[1]]
        self.past: dict[bytes, tuple[Any, ...]] = {}
        self.locked: dict[bytes, str] = {}
        self.versions: Counter[bytes] = Counter()
        self.registered: Counter[bytes] = Counter()
        self.may_change: set[bytes] = set()
        self.seen: dict[bytes, tuple[Any, ...]] = {}

    # What authors do

    @initialize(who=index, album=albums)
    def first(self, who: int, album: list[bytes]) -> None:
        """A rival commits to all works first; two authors certify some."""
        self.commit(3, HASHES, SALTS[0], PEOPLE[3])
        self.wait(1)
        for author, works in enumerate([HASHES[:2], HASHES[1:3]]):
            self.commit(author, works, SALTS[0], PEOPLE[author])
        self.commit(who, album or [HASHES[0]], SALTS[0], PEOPLE[0])
        self.wait(MIN_AGE)
        for n in (1, 2):
            self._register(n, RELEASES, n, self._plan(n).author)

    @rule(who=index, album=albums, salt=st.sampled_from(SALTS), sender=people)
    def commit(self, who: int, album: list[bytes], salt: bytes, sender: Any) -> None:
        """Anyone sends anyone's commitment; a copycat commits to the hashes of others."""
        plan = Plan(self.accounts[who % len(self.accounts)], tuple(album), salt)
        self.plans.append(plan)
        value = commitment(plan.author, plan.hashes, salt)
        made = self._do(sender.address, "commit", value)
        self._ends(made, [], lambda: self.model.commit(value, made.time), "R2")

    @rule(seconds=st.sampled_from([1, MIN_AGE - 1, MIN_AGE, MIN_AGE, 10_000]))
    def wait(self, seconds: int) -> None:
        self.world.warp(seconds)

    @rule(i=index, releases=four_releases, seed=index, patient=st.booleans())
    def register(self, i: int, releases: list[bytes], seed: int, patient: bool) -> None:
        if patient:
            self.world.warp(MIN_AGE)
        self._register(i, releases, seed, self._plan(i).author)

    @rule(i=index, releases=four_releases, seed=index, thief=people)
    def copy_a_reveal(self, i: int, releases: list[bytes], seed: int, thief: Any) -> None:
        self._register(i, releases, seed, thief.address)

    @rule(who=people, n=index, age=st.sampled_from([0, 1, MIN_AGE - 1, MIN_AGE]))
    def register_in_time(self, who: Any, n: int, age: int) -> None:
        """R2, at the second that decides."""
        salt = len(self.plans).to_bytes(32)
        self.commit(PEOPLE.index(who), [HASHES[n % len(HASHES)]], salt, who)
        self.world.warp(age)
        self._register(0, RELEASES, n, who.address)

    def _register(self, i: int, releases: list[bytes], seed: int, author: str) -> None:
        plan = self._plan(i)
        if author == self.system.wallet:
            return
        works = self._works(plan, releases, seed)
        made = self._do(author, "register", [work.plain() for work in works], plan.salt)
        errors = self.model.register_errors(author, works, plan.salt, made.time)
        self._registered(made, errors, author, works, plan.salt)

    @rule(
        i=index,
        seed=index,
        sender=people,
        signer=st.sampled_from([None, None, None, PEOPLE[0]]),
        left=st.sampled_from([100, 100, 0, -1]),
        answer=st.sampled_from([ACCEPTS, ACCEPTS, ACCEPTS, REFUSES, REVERTS, BURNS_GAS, BOMBS]),
        patient=st.booleans(),
    )
    def register_for(
        self, i: int, seed: int, sender: Any, signer: Any, left: int, answer: int, patient: bool
    ) -> None:
        """By the author's signature, or the wallet's word, or neither."""
        if patient:
            self.world.warp(MIN_AGE)
        plan, deadline = self._plan(i), self.world.now() + left
        works = self._works(plan, RELEASES, seed)
        signed = deadline + 1 if seed == 7 else deadline
        digest = register_digest(CHAIN_ID, self.registry, plan.author, works, plan.salt, signed)
        if plan.author == self.system.wallet:
            assert self.world.transact(sender.address, self.system.wallet, "set", answer, digest).ok
            signature, good = b"", answer == ACCEPTS
        else:
            author = next(p for p in PEOPLE if p.address == plan.author)
            signature = sign_digest(signer or author, digest)
            good = signer in (None, author)
        plain = [work.plain() for work in works]
        made = self._do(
            sender.address, "registerFor", plan.author, plain, plan.salt, deadline, signature
        )
        errors = self.model.register_errors(plan.author, works, plan.salt, made.time)
        if made.time > deadline:
            errors.append(("CopyrightRegistry_SignatureExpired", (deadline,)))
        if not good or signed != deadline:
            errors.append(("CopyrightRegistry_InvalidSignature", (plan.author,)))
        self._registered(made, errors, plan.author, works, plan.salt)

    @rule(i=index, chance=chances, claimant=people, own=st.sampled_from([True, True, False]))
    def contest(self, i: int, chance: int, claimant: Any, own: bool) -> None:
        """Mostly by whoever committed, and of a work that has a certificate."""
        plan = self._plan(i)
        who = plan.author if own and plan.author != self.system.wallet else claimant.address
        certified = [h for h in plan.hashes if h in self.model.certificates]
        known = certified and chance < 8
        work_hash = certified[chance % len(certified)] if known else self._certificate(chance)
        made = self._do(who, "contest", work_hash, list(plan.hashes), plan.salt)
        errors = self.model.contest_errors(who, work_hash, plan.hashes, plan.salt)
        claimed = self.model.commitments.get(commitment(who, plan.hashes, plan.salt))
        claim = {"workHash": work_hash, "claimant": who, "committedAt": claimed}
        self._ends(made, errors, lambda: [("Contested", claim)], "R1")

    # What owners, operators and strangers do

    @rule(chance=chances, who=chances, release=rare_zero)
    def publish_release(self, chance: int, who: int, release: bytes) -> None:
        certificate, caller = self._case(chance, who)
        errors = self._manage_errors(caller, certificate)
        if release == bytes(32):
            errors.append(("CopyrightRegistry_ZeroRelease", (certificate,)))

        def change() -> Said:
            found = self.model.certificates[certificate]
            found.release, found.version = release, found.version + 1
            news = {"certificate": certificate, "release": release, "version": found.version}
            token = {"tokenId": int.from_bytes(certificate)}
            return [("ReleasePublished", news), ("MetadataUpdate", token)]

        made = self._do(caller, "publishRelease", certificate, release)
        self._ends(made, errors, change, "R4")

    @rule(chance=chances, who=chances, visibility=st.sampled_from(Visibility))
    def set_visibility(self, chance: int, who: int, visibility: Visibility) -> None:
        certificate, caller = self._case(chance, who)
        errors = self._manage_errors(caller, certificate)

        def change() -> Said:
            self.model.certificates[certificate].visibility = visibility
            news = {"certificate": certificate, "visibility": visibility}
            return [("VisibilityChanged", news)]

        made = self._do(caller, "setVisibility", certificate, visibility)
        self._ends(made, errors, change, "R4")

    @rule(chance=chances, who=chances, i=st.sampled_from([0, 1, 1, 2]))
    def set_payout(self, chance: int, who: int, i: int) -> None:
        certificate, caller = self._case(chance, who)
        payout = self.payouts[i]
        errors = self._manage_errors(caller, certificate)
        errors += self.model.locked_errors(certificate)

        def change() -> Said:
            self.model.certificates[certificate].payout = payout
            return [("PayoutChanged", {"certificate": certificate, "payout": payout})]

        made = self._do(caller, "setPayout", certificate, payout)
        self._ends(made, errors, change, "R4")

    @rule(chance=chances, who=chances, i=st.sampled_from([0, 1, 1, 2]))
    def lock_payout(self, chance: int, who: int, i: int) -> None:
        certificate, caller = self._case(chance, who)
        found = self.model.certificates.get(certificate)
        expected = found.payout if found and chance % 3 else self.payouts[i]
        splits = [self.system.split]
        errors = self.model.lock_errors(caller, certificate, expected, splits)

        def change() -> Said:
            self.model.certificates[certificate].locked = True
            self.locked[certificate] = expected
            return [("PayoutLocked", {"certificate": certificate, "payout": expected})]

        made = self._do(caller, "lockPayout", certificate, expected)
        self._ends(made, errors, change, "R4")

    # ERC-721

    @rule(owner=people, operator=people, approved=st.booleans())
    def set_approval_for_all(self, owner: Any, operator: Any, approved: bool) -> None:
        pair = (owner.address, operator.address)

        def change() -> Said:
            (self.model.operators.add if approved else self.model.operators.discard)(pair)
            news = {"owner": pair[0], "operator": pair[1], "isApproved": approved}
            return [("ApprovalForAll", news)]

        made = self._do(owner.address, "setApprovalForAll", operator.address, approved)
        self._ends(made, [], change, "R5")

    @rule(chance=chances, who=chances, account=people, value=st.sampled_from([0] * 8 + [5]))
    def approve(self, chance: int, who: int, account: Any, value: int) -> None:
        certificate, caller = self._case(chance, who)
        known = self.model.certificates.get(certificate)
        allowed = known is not None and not self.model.manage_errors(caller, certificate)
        errors: Errors = [] if allowed else [STANDARD]
        errors += self._unwanted(value)

        def change() -> Said:
            known.approved = account.address
            token = int.from_bytes(certificate)
            news = {"owner": known.owner, "account": account.address, "id": token}
            return [("Approval", news)]

        made = self._do(
            caller, "approve", account.address, int.from_bytes(certificate), value=value
        )
        self._ends(made, errors, change, "R5")

    @rule(
        chance=chances,
        who=chances,
        owner=st.sampled_from([None, None, None, None, *PEOPLE]),
        to=index,
        safe=st.booleans(),
        value=st.sampled_from([0] * 8 + [5]),
    )
    def transfer(self, chance: int, who: int, owner: Any, to: int, safe: bool, value: int) -> None:
        """From the true owner, or from somebody who is not."""
        certificate, caller = self._case(chance, who)
        known = self.model.certificates.get(certificate)
        true_owner = known.owner if known else PEOPLE[0].address
        holder = owner.address if owner else true_owner
        receivers = [*self.accounts, NOBODY]
        receiver = receivers[to % len(receivers)]
        errors = self.model.transfer_errors(caller, holder, receiver, certificate)
        if safe and receiver == self.system.wallet:
            errors.append(STANDARD)  # it knows no onERC721Received
        errors += self._unwanted(value)
        function = "safeTransferFrom" if safe else "transferFrom"
        token = int.from_bytes(certificate)
        made = self._do(caller, function, holder, receiver, token, value=value)
        self._ends(made, errors, lambda: self.model.transfer(holder, receiver, certificate), "R5")

    # How the model and the chain meet

    def _do(self, sender: str, function: str, *arguments: Any, value: int = 0) -> Outcome:
        return self.world.transact(sender, self.registry, function, *arguments, value=value)

    def _manage_errors(self, caller: str, certificate: bytes) -> Errors:
        errors = self.model.manage_errors(caller, certificate)
        if not errors:
            self.may_change.add(certificate)
        return errors

    def _unwanted(self, value: int) -> Errors:
        return [("CopyrightRegistry_UnwantedValue", (value,))] if value else []

    def _certificate(self, chance: int) -> bytes:
        known = list(self.model.certificates)
        return known[chance % len(known)] if known and chance < 9 else UNKNOWN

    def _case(self, chance: int, who: int) -> tuple[bytes, str]:
        """A certificate, mostly one that exists, and who touches it, mostly its owner."""
        certificate = self._certificate(chance)
        found = self.model.certificates.get(certificate)
        if found is None or who < len(PEOPLE) or found.owner == self.system.wallet:
            return certificate, PEOPLE[who % len(PEOPLE)].address
        return certificate, found.owner

    def _plan(self, i: int) -> Plan:
        return self.plans[-1 - i % len(self.plans)]

    def _works(self, plan: Plan, releases: list[bytes], seed: int) -> list[Work]:
        return [
            Work(work_hash, release, Visibility((seed + n) % 4), self.payouts[(seed + n) % 3])
            for n, (work_hash, release) in enumerate(zip(plan.hashes, releases, strict=False))
        ]

    def _registered(
        self, made: Outcome, errors: Errors, author: str, works: list[Work], salt: bytes
    ) -> None:
        self._ends(made, errors, lambda: self.model.register(author, works, salt, made.time), "R6")
        for name, arguments in made.said(self.registry) if made.ok else []:
            if name == "Registered":
                self.registered[arguments["workHash"]] += 1

    def _ends(self, made: Outcome, errors: Errors, change: Any, promise: str) -> None:
        """With one of the errors; or, if there is none, with the events of the change."""
        if not errors:
            self.world.expect_ok(promise, made)
            said, expected = made.said(self.registry), change()
            self.world.expect_true(promise, said == expected, f"it said {said}, and not {expected}")
            return
        failure = made.error
        fits = failure is not None and (failure in errors or STANDARD in errors)
        if not fits and len(errors) == 1:
            self.world.expect_failure(promise, made, errors[0][0], *errors[0][1])
        self.world.expect_true(
            promise, fits, f"it ended with {failure or 'success'}, and not one of {errors}"
        )

    # What always holds

    @invariant()
    def certificates_are_the_models(self) -> None:
        world, registry = self.world, self.registry
        for work_hash in HASHES:
            known = self.model.certificates.get(work_hash)
            payout = self.model.payout_of(work_hash)
            world.expect("R4", payout, registry, "payoutOf", work_hash)
            royalty = (payout, 123 if known else 0)
            token = int.from_bytes(work_hash)
            world.expect("R5", royalty, registry, "royaltyInfo", token, 1239)
            if known is None:
                world.expect("R2", (NOBODY, 0), registry, "access", work_hash)
                continue
            world.expect("R1", known.plain(), registry, "certificateOf", work_hash)
            world.expect("R4", (known.owner, known.visibility), registry, "access", work_hash)
            world.expect("R5", known.owner, registry, "ownerOf", token)
            world.expect("R5", known.approved, registry, "getApproved", token)
        for account in self.accounts:
            world.expect("R5", self.model.balance(account), registry, "balanceOf", account)
        world.expect_balance("R5", 0, registry)

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
        if self.world.disagreement is not None:
            return
        for value, time in self.model.commitments.items():
            self.world.expect("R2", time, self.registry, "committedAt", value)
        refusal = self.world.refusal(self.registry, "certificateOf", UNKNOWN)
        expected = ("CopyrightRegistry_UnknownCertificate", (UNKNOWN,))
        self.world.expect_true("R2", refusal == expected, f"an unknown certificate: {refusal}")


def test_registrations() -> None:
    run(Registrations)
