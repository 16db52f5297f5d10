"""How the registry machine plays: each call beside its model, and what a difference breaks."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

from machine import Machine
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
from registry_stage import (
    BAD_FORMS,
    HASHES,
    MIN_AGE,
    PEOPLE,
    RELEASES,
    RIPE,
    UNKNOWN,
    Plan,
    System,
    build,
    signed,
)
from world import CHAIN_ID, Outcome, World

OF_AUTHORSHIP = {
    f"CopyrightRegistry_{name}"
    for name in ("NoCommitment", "CommitmentTooYoung", "SignatureExpired", "InvalidSignature")
}
OF_TOKENS = {"MetadataUpdate", "Transfer", "Approval", "ApprovalForAll"}


class Play(Machine):
    """Deeds: what the rules are made of."""

    promises = ("R1", "R2", "R3", "R4", "R5", "R6")
    system: System

    @classmethod
    def build(cls, world: World) -> System:
        return build(world)

    def __init__(self) -> None:
        super().__init__()
        self.registry = self.system.registry
        self.model = Registry(MIN_AGE)
        self.plans: list[Plan] = []
        self.accounts = [*PEOPLE, str(self.system.wallet)]
        self.payouts = self.system.payouts
        self.may_change: set[bytes] = set()
        self.locked: dict[bytes, str] = {}
        self.registered: Counter[bytes] = Counter()

    # Authors

    def _commit(self, author: str, hashes: Sequence[bytes], salt: bytes, sender: str) -> Plan:
        plan = Plan(author, tuple(hashes), salt)
        self.plans.append(plan)
        value = commitment(plan.author, plan.hashes, salt)
        made = self._do(sender, "commit", value)
        self._ends(made, [], lambda: self.model.commit(value, made.time), "R2")
        return plan

    def _commit_newly(self, author: str, hashes: Sequence[bytes]) -> Plan:
        sender = author if author in PEOPLE else PEOPLE[0]
        return self._commit(author, hashes, len(self.plans).to_bytes(32), sender)

    def _ripen(self, plan: Plan, ripe: str) -> None:
        """Lets time pass up to the second that decides, or near it; unless that is gone by."""
        committed = self.model.commitments.get(commitment(plan.author, plan.hashes, plan.salt))
        if committed is not None and ripe != "now":
            self.world.warp(max(0, committed + MIN_AGE + RIPE[ripe] - self.world.now()))

    def _register(self, plan: Plan, works: list[Work]) -> None:
        if plan.author not in PEOPLE:
            return
        plain = [work.plain() for work in works]
        made = self._do(plan.author, "register", plain, plan.salt)
        self._registers(made, [], plan, works)

    def _relay(self, plan: Plan, works: list[Work], sender: str, left: int, form: str) -> None:
        """By the author's signature, or the wallet's word, or neither."""
        deadline = self.world.now() + left
        digest, signature = signed(self.system, plan, works, deadline, form)
        good = form not in BAD_FORMS and plan.author != NOBODY
        if plan.author == self.system.wallet:
            answer = BAD_FORMS.get(form, 0)
            assert self.world.transact(sender, self.system.wallet, "set", answer, digest).ok
            true = (plan.author, works, plan.salt, deadline)
            good = answer == 0 and digest == register_digest(CHAIN_ID, self.registry, *true)
        elif form == "altered" and not works:
            good = plan.author != NOBODY
        plain = [work.plain() for work in works]
        arguments = (plan.author, plain, plan.salt, deadline, signature)
        made = self._do(sender, "registerFor", *arguments)
        errors: Errors = []
        if made.time > deadline:
            errors.append(("CopyrightRegistry_SignatureExpired", (deadline,)))
        if not good:
            errors.append(("CopyrightRegistry_InvalidSignature", (plan.author,)))
        self._registers(made, errors, plan, works)

    def _registers(self, made: Outcome, errors: Errors, plan: Plan, works: list[Work]) -> None:
        """R2 is at stake when it must fail, or fails for want of authorship; else R6."""
        errors += self.model.register_errors(plan.author, works, plan.salt, made.time)
        promise = "R2"
        if errors and {name for name, _ in errors} == {"CopyrightRegistry_NothingToRegister"}:
            promise = "R3"
        elif not errors and (made.error is None or made.error.name not in OF_AUTHORSHIP):
            promise = "R6"
        change = self.model.register
        self._ends(made, errors, lambda: change(plan.author, works, plan.salt, made.time), promise)
        for name, arguments in made.said(self.registry) if made.ok else []:
            if name == "Registered":
                self.registered[arguments["workHash"]] += 1

    def _contest(self, who: str, work_hash: bytes, plan: Plan) -> None:
        made = self._do(who, "contest", work_hash, list(plan.hashes), plan.salt)
        errors = self.model.contest_errors(who, work_hash, plan.hashes, plan.salt)
        claimed = self.model.commitments.get(commitment(who, plan.hashes, plan.salt))
        claim = {"workHash": work_hash, "claimant": who, "committedAt": claimed}
        self._ends(made, errors, lambda: [("Contested", claim)], "R1")

    # Owners, operators and strangers

    def _publish(self, caller: str, certificate: bytes, release: bytes) -> None:
        errors = self._manage_errors(caller, certificate)
        if release == bytes(32):
            errors.append(("CopyrightRegistry_ZeroRelease", (certificate,)))
        made = self._do(caller, "publishRelease", certificate, release)
        self._ends(made, errors, lambda: self.model.publish(certificate, release), "R4")

    def _show(self, caller: str, certificate: bytes, visibility: Visibility) -> None:
        errors = self._manage_errors(caller, certificate)
        made = self._do(caller, "setVisibility", certificate, visibility)
        self._ends(made, errors, lambda: self.model.show(certificate, visibility), "R4")

    def _pay_to(self, caller: str, certificate: bytes, payout: str) -> None:
        errors = self._manage_errors(caller, certificate)
        errors += self.model.locked_errors(certificate)
        made = self._do(caller, "setPayout", certificate, payout)
        self._ends(made, errors, lambda: self.model.pay_to(certificate, payout), "R4")

    def _lock(self, caller: str, certificate: bytes, expected: str) -> None:
        errors = self.model.lock_errors(caller, certificate, expected, [self.system.split])
        made = self._do(caller, "lockPayout", certificate, expected)
        self._ends(made, errors, lambda: self.model.lock(certificate), "R4")
        if made.ok:
            self.locked[certificate] = expected

    def _manage(self, caller: str, certificate: bytes, n: int) -> None:
        """One of the things that owner and operators may do."""
        found = self.model.certificates.get(certificate)
        if n % 3 == 0:
            same = found is not None and n % 2 == 0
            self._publish(caller, certificate, found.release if same else RELEASES[n % 6])
        elif n % 3 == 1:
            self._show(caller, certificate, Visibility(n % 4))
        else:
            self._pay_to(caller, certificate, self.payouts[n % 4])

    # ERC-721

    def _let_all(self, owner: str, operator: str, approved: bool) -> None:
        made = self._do(owner, "setApprovalForAll", operator, approved)
        self._ends(made, [], lambda: self.model.let_all(owner, operator, approved), "R5")

    def _approve(self, caller: str, certificate: bytes, account: str, value: int = 0) -> None:
        errors = self._unwanted(value)
        if self.model.manage_errors(caller, certificate):
            errors.append(STANDARD)
        made = self._do(caller, "approve", account, int.from_bytes(certificate), value=value)
        self._ends(made, errors, lambda: self.model.approve(certificate, account), "R5")

    def _transfer(
        self, caller: str, certificate: bytes, holder: str, to: str, how: int = 0, value: int = 0
    ) -> None:
        """how: plainly, safely, safely with data."""
        errors = self.model.transfer_errors(caller, holder, to, certificate)
        if how and to == self.system.wallet:
            errors.append(STANDARD)  # it knows no onERC721Received
        errors += self._unwanted(value)
        function = ["transferFrom", "safeTransferFrom", "safeTransferFrom"][how]
        data = [b"anything"] if how == 2 else []
        token = int.from_bytes(certificate)
        made = self._do(caller, function, holder, to, token, *data, value=value)
        self._ends(made, errors, lambda: self.model.transfer(holder, to, certificate), "R5")

    # Choices

    def _certificate(self, chance: int) -> bytes:
        known = list(self.model.certificates)
        return known[chance % len(known)] if known and chance < 9 else UNKNOWN

    def _case(self, chance: int, who: int) -> tuple[bytes, str]:
        """A certificate, mostly one that exists, and who touches it, mostly its owner."""
        certificate = self._certificate(chance)
        found = self.model.certificates.get(certificate)
        if found is None or who < len(PEOPLE) or found.owner not in PEOPLE:
            return certificate, PEOPLE[who % len(PEOPLE)]
        return certificate, found.owner

    def _owned(self, i: int) -> tuple[bytes, str] | None:
        """A certificate whose owner can act, and that owner."""
        owned = [(h, c.owner) for h, c in self.model.certificates.items() if c.owner in PEOPLE]
        return owned[i % len(owned)] if owned else None

    def _plan(self, i: int) -> Plan:
        return self.plans[-1 - i % len(self.plans)]

    def _open_plan(self, i: int) -> Plan:
        """Mostly one that still has something to register, if need be a new one."""
        if i % 8 == 7:
            return self._plan(i // 8)
        certified = self.model.certificates.keys()
        plans = [plan for plan in self.plans if plan.hashes and not certified >= {*plan.hashes}]
        if not plans:
            return self._commit_newly(self.accounts[i % len(self.accounts)], self._free(i, 2))
        return plans[-1 - i % len(plans)]

    def _free(self, n: int, size: int) -> list[bytes]:
        """Works that have no certificate yet, and then others."""
        works = HASHES[n % len(HASHES) :] + HASHES[: n % len(HASHES)]
        return sorted(works, key=lambda work: work in self.model.certificates)[:size]

    def _works(self, plan: Plan, releases: list[bytes], seed: int) -> list[Work]:
        return [
            Work(work_hash, release, Visibility((seed + n) % 4), self.payouts[(seed + n) % 4])
            for n, (work_hash, release) in enumerate(zip(plan.hashes, releases, strict=False))
        ]

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

    def _ends(
        self, made: Outcome, errors: Errors, change: Callable[[], Said], promise: str
    ) -> None:
        """With one of the errors; or, if there is none, with the events of the change, and no
        others of anybody."""
        if not errors:
            self.world.expect_ok(promise, made)
            said, expected = made.events, change()
            wanted = [(self.registry, *event) for event in expected]
            self.world.expect_true(
                blame(made.said(self.registry), expected, promise),
                said == wanted,
                f"it said {said}, and not {wanted}",
            )
            return
        failure = made.error
        fits = failure is not None and (failure in errors or STANDARD in errors)
        if not fits and len(errors) == 1 and errors[0][0] is not None:
            self.world.expect_failure(promise, made, errors[0][0], *errors[0][1])
        self.world.expect_true(
            promise, fits, f"it ended with {failure or 'success'}, and not one of {errors}"
        )


def blame(said: Said, expected: Said, promise: str) -> str:
    """Which promise the first event that differs breaks."""
    pairs = zip_longest(said, expected, fillvalue=("", {}))
    for (name, seen), (wanted, fields) in pairs:
        if (name, seen) == (wanted, fields):
            continue
        if name and wanted == "Skipped" != name:
            return "R3"
        if name == wanted == "Registered":
            off = {field for field in fields if seen[field] != fields[field]}
            return "R4" if off <= {"release", "visibility", "payout"} else "R1"
        if wanted in OF_TOKENS and name in {wanted, ""} and promise != "R6":
            return "R5"
        if name == wanted == "Transfer":
            return "R5"
        return promise
    return promise
