"""What the copyright registry does, written from ICopyrightRegistry, FORMATS and ERC-721.

Every function that may refuse says which errors are right: any of them will do, since the interface
leaves open which requirement is looked at first. An error whose name is None is ERC-721's own.
"""

from base64 import b32encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from eth_utils import keccak

NOBODY = "0x0000000000000000000000000000000000000000"
ZERO = bytes(32)
Errors = list[tuple[str | None, tuple[Any, ...]]]
Said = list[tuple[str, dict[str, Any]]]
STANDARD: tuple[None, tuple[Any, ...]] = (None, ())


class Visibility(IntEnum):
    PRIVATE = 0
    LICENSED = 1
    OPEN = 2
    WITHDRAWN = 3


@dataclass(frozen=True, slots=True)
class Work:
    work_hash: bytes
    release: bytes
    visibility: Visibility
    payout: str

    def plain(self) -> tuple[bytes, bytes, int, str]:
        return self.work_hash, self.release, int(self.visibility), self.payout


@dataclass(slots=True)
class Certificate:
    """In the order of the interface's struct, but for the rest of what ERC-721 keeps."""

    owner: str
    author: str
    committed_at: int
    registered_at: int
    release: bytes
    version: int
    visibility: Visibility
    payout: str
    locked: bool = False
    approved: str = NOBODY

    def plain(self) -> tuple[Any, ...]:
        past = (self.owner, self.author, self.committed_at, self.registered_at)
        return (*past, self.release, self.version, self.visibility, self.payout, self.locked)


def word(value: int | str | bytes) -> bytes:
    if isinstance(value, str):
        value = int(value, 16)
    return value.to_bytes(32) if isinstance(value, int) else value


def commitment(author: str, hashes: Sequence[bytes], salt: bytes) -> bytes:
    return keccak(word(author) + keccak(b"".join(hashes)) + salt)


_WORK = "Work(bytes32 workHash,bytes32 release,uint8 visibility,address payout)"
_REGISTER = f"Register(address author,Work[] works,bytes32 salt,uint64 deadline){_WORK}"
_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


def domain_hash(chain: int, contract: str) -> bytes:
    """EIP-712: of what is signed for one of our contracts."""
    fields = [keccak(text=_DOMAIN), keccak(text="Immurtal"), keccak(text="1")]
    return keccak(b"".join([*fields, word(chain), word(contract)]))


def register_digest(
    chain: int, registry: str, author: str, works: Sequence[Work], salt: bytes, deadline: int
) -> bytes:
    """What an author signs (EIP-712)."""
    domain = domain_hash(chain, registry)
    type_hash = keccak(text=_WORK)
    hashes = [keccak(type_hash + b"".join(map(word, work.plain()))) for work in works]
    listed = keccak(b"".join(hashes))
    fields = [keccak(text=_REGISTER), word(author), listed, salt, word(deadline)]
    return keccak(b"\x19\x01" + domain + keccak(b"".join(fields)))


@dataclass(slots=True)
class Registry:
    min_age: int
    commitments: dict[bytes, int] = field(default_factory=dict)
    certificates: dict[bytes, Certificate] = field(default_factory=dict)
    operators: set[tuple[str, str]] = field(default_factory=set)

    def commit(self, value: bytes, now: int) -> Said:
        if value in self.commitments:
            return []
        self.commitments[value] = now
        return [("Committed", {"commitment": value, "committedAt": now})]

    def register_errors(self, author: str, works: Sequence[Work], salt: bytes, now: int) -> Errors:
        errors: Errors = []
        value = commitment(author, [work.work_hash for work in works], salt)
        committed = self.commitments.get(value)
        if committed is None:
            errors.append(("CopyrightRegistry_NoCommitment", (value,)))
        elif now < committed + self.min_age:
            young = (value, committed + self.min_age)
            errors.append(("CopyrightRegistry_CommitmentTooYoung", young))
        for work in works:
            if work.work_hash == ZERO:
                errors.append(("CopyrightRegistry_ZeroWorkHash", ()))
            if work.release == ZERO:
                errors.append(("CopyrightRegistry_ZeroRelease", (work.work_hash,)))
        if all(work.work_hash in self.certificates for work in works):
            errors.append(("CopyrightRegistry_NothingToRegister", ()))
        return errors

    def register(self, author: str, works: Sequence[Work], salt: bytes, now: int) -> Said:
        """R6: works that have a certificate are passed over, and nothing else."""
        committed = self.commitments[commitment(author, [w.work_hash for w in works], salt)]
        said: Said = []
        for work in works:
            identity = {"workHash": work.work_hash, "author": author}
            if work.work_hash in self.certificates:
                said.append(("Skipped", identity))
                continue
            self.certificates[work.work_hash] = Certificate(
                author, author, committed, now, work.release, 1, work.visibility, work.payout
            )
            said.append(transfer(NOBODY, author, work.work_hash))
            times = {"committedAt": committed, "registeredAt": now}
            current = {"release": work.release, "visibility": work.visibility}
            said.append(("Registered", identity | times | current | {"payout": work.payout}))
        return said

    def contest_errors(
        self, claimant: str, work_hash: bytes, hashes: Sequence[bytes], salt: bytes
    ) -> Errors:
        errors: Errors = []
        value = commitment(claimant, hashes, salt)
        claimed = self.commitments.get(value)
        certificate = self.certificates.get(work_hash)
        if certificate is None:
            errors.append(("CopyrightRegistry_UnknownCertificate", (work_hash,)))
        if claimed is None:
            errors.append(("CopyrightRegistry_NoCommitment", (value,)))
        if work_hash not in hashes:
            errors.append(("CopyrightRegistry_NotInCommitment", (work_hash, value)))
        if certificate and claimed is not None and claimed >= certificate.committed_at:
            times = (value, claimed, certificate.committed_at)
            errors.append(("CopyrightRegistry_CommitmentNotOlder", times))
        return errors

    def manage_errors(self, caller: str, certificate: bytes) -> Errors:
        """R4: of a function for the owner and the owner's operators."""
        found = self.certificates.get(certificate)
        if found is None:
            return [("CopyrightRegistry_UnknownCertificate", (certificate,))]
        if caller != found.owner and (found.owner, caller) not in self.operators:
            return [("CopyrightRegistry_NotAuthorized", (certificate, caller))]
        return []

    def locked_errors(self, certificate: bytes) -> Errors:
        found = self.certificates.get(certificate)
        locked = found is not None and found.locked
        return [("CopyrightRegistry_PayoutIsLocked", (certificate,))] if locked else []

    def lock_errors(
        self, caller: str, certificate: bytes, expected: str, splits: Sequence[str]
    ) -> Errors:
        found = self.certificates.get(certificate)
        if found is None:
            return [("CopyrightRegistry_UnknownCertificate", (certificate,))]
        errors = self.locked_errors(certificate)
        if caller != found.owner:
            errors.append(("CopyrightRegistry_NotOwner", (certificate, caller)))
        if found.payout != expected:
            actual = (certificate, expected, found.payout)
            errors.append(("CopyrightRegistry_PayoutNotExpected", actual))
        if found.payout not in splits:
            errors.append(("CopyrightRegistry_PayoutNotSplit", (certificate, found.payout)))
        return errors

    def publish(self, certificate: bytes, release: bytes) -> Said:
        found = self.certificates[certificate]
        found.release, found.version = release, found.version + 1
        news = {"certificate": certificate, "release": release, "version": found.version}
        token = {"tokenId": int.from_bytes(certificate)}
        return [("ReleasePublished", news), ("MetadataUpdate", token)]

    def show(self, certificate: bytes, visibility: Visibility) -> Said:
        self.certificates[certificate].visibility = visibility
        news = {"certificate": certificate, "visibility": visibility}
        return [("VisibilityChanged", news)]

    def pay_to(self, certificate: bytes, payout: str) -> Said:
        self.certificates[certificate].payout = payout
        return [("PayoutChanged", {"certificate": certificate, "payout": payout})]

    def lock(self, certificate: bytes) -> Said:
        found = self.certificates[certificate]
        found.locked = True
        return [("PayoutLocked", {"certificate": certificate, "payout": found.payout})]

    def let_all(self, owner: str, operator: str, approved: bool) -> Said:
        (self.operators.add if approved else self.operators.discard)((owner, operator))
        news = {"owner": owner, "operator": operator, "isApproved": approved}
        return [("ApprovalForAll", news)]

    def approve(self, certificate: bytes, account: str) -> Said:
        found = self.certificates[certificate]
        found.approved = account
        token = int.from_bytes(certificate)
        return [("Approval", {"owner": found.owner, "account": account, "id": token})]

    def transfer_errors(self, caller: str, owner: str, to: str, certificate: bytes) -> Errors:
        """ERC-721: by the owner, an operator, or the account approved for this token."""
        found = self.certificates.get(certificate)
        if found is None or found.owner != owner or to == NOBODY:
            return [STANDARD]
        allowed = caller in (owner, found.approved) or (owner, caller) in self.operators
        return [] if allowed else [STANDARD]

    def transfer(self, owner: str, to: str, certificate: bytes) -> Said:
        """It keeps everything but owner and approval."""
        found = self.certificates[certificate]
        found.owner, found.approved = to, NOBODY
        return [transfer(owner, to, certificate)]

    def payout_of(self, certificate: bytes) -> str:
        found = self.certificates.get(certificate)
        if found is None:
            return NOBODY
        return found.owner if found.payout == NOBODY else found.payout

    def token_uri(self, certificate: bytes) -> str:
        """Of the current release: CIDv1, dag-pb (0x70), SHA-256 (0x12) of 32 bytes, base32."""
        cid = b"\x01\x70\x12\x20" + self.certificates[certificate].release
        text = b32encode(cid).decode().lower().rstrip("=")
        return f"ipfs://b{text}/metadata.json"

    def balance(self, account: str) -> int:
        return sum(found.owner == account for found in self.certificates.values())


def transfer(sender: str, to: str, certificate: bytes) -> tuple[str, dict[str, Any]]:
    return "Transfer", {"from": sender, "to": to, "id": int.from_bytes(certificate)}
