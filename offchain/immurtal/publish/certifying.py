"""Registering works of a commitment that stands: by their author, or by a signature of theirs that
anybody may send (DESIGN 4.1).

Nobody is asked about a work before its commitment is old enough: from then on whoever learns of it
comes too late.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from immurtal.chain.contracts import Contracts, Visibility
from immurtal.chain.eip712 import Register, Work, digest
from immurtal.chain.rpc import quantity
from immurtal.chain.signatures import MAX_SIGNATURE_BYTES, verify
from immurtal.chain.transactions import Receipt
from immurtal.chain.wallet import Wallet
from immurtal.content.encoding import b64u, hex32
from immurtal.content.release import is_built, open_release
from immurtal.content.strict_json import decode_object
from immurtal.errors import BadInput, IntegrityError, NotFound, WrongNetwork
from immurtal.publish.actions import Actions
from immurtal.publish.commitments import Commitment, matured
from immurtal.publish.job import Job

TYPE: Final = "immurtal/registration"
MAX_WORKS: Final = 256
MAX_FILE_BYTES: Final = 128 * 1024


@dataclass(frozen=True, slots=True)
class SignedRegistration:
    """An author's leave to register for them. signature: over `register`, for this registry."""

    chain_id: int
    registry: str
    register: Register
    signature: bytes

    @property
    def digest(self) -> bytes:
        return digest(self.register, self.chain_id, self.registry)

    @property
    def commitment(self) -> Commitment:
        works = tuple(work.work_hash for work in self.register.works)
        return Commitment(self.register.author, works, self.register.salt)

    def to_json(self) -> dict[str, object]:
        return {
            "v": 1,
            "type": TYPE,
            "chainId": self.chain_id,
            "registry": self.registry,
            "register": {
                "author": self.register.author,
                "works": [
                    {
                        "workHash": work.work_hash,
                        "release": work.release,
                        "visibility": work.visibility,
                        "payout": work.payout,
                    }
                    for work in self.register.works
                ],
                "salt": self.register.salt,
                "deadline": self.register.deadline,
            },
            "signature": b64u(self.signature),
        }


@dataclass(frozen=True, slots=True)
class Registered:
    """What a registration came to; skipped: works that had a certificate already."""

    works: tuple[str, ...]
    skipped: tuple[str, ...]
    receipt: Receipt


def decode_registration(raw: bytes) -> SignedRegistration:
    """Raises BadInput, naming the field."""
    outer = decode_object(raw, MAX_FILE_BYTES, "The signed registration")
    outer.version()
    if (found := outer.text("type", 64)) != TYPE:
        raise BadInput(
            f"{outer.name} is a file of type {found!r}, not {TYPE!r}.",
            do="Signed purchases are sent with `immurtal relay`.",
        )
    inner = outer.object("register")
    works = tuple(
        Work(
            work_hash=hex32(work.hex("workHash", 32)),
            release=hex32(work.hex("release", 32)),
            visibility=work.whole("visibility", 0, max(Visibility)),
            payout=work.address("payout"),
        )
        for work in inner.objects("works", MAX_WORKS)
    )
    return SignedRegistration(
        chain_id=outer.whole("chainId", 1),
        registry=outer.address("registry"),
        register=Register(
            author=inner.address("author"),
            works=works,
            salt=hex32(inner.hex("salt", 32)),
            deadline=inner.whole("deadline"),
        ),
        signature=outer.binary("signature", limit=MAX_SIGNATURE_BYTES),
    )


def job_works(job: Job, payout: str) -> tuple[tuple[Work, ...], Job]:
    """What an interrupted publish was about to register, and the job with that written down: from
    then on it goes on with these releases. Raises NotFound where they are not built yet."""
    count = len(job.choices.sources)
    if not job.revealed:
        folders = [job.track_folder(position) for position in range(1, count + 1)]
        if not all(is_built(folder) for folder in folders):
            raise NotFound(
                f"The releases of the publish in {job.folder} are not all built yet.",
                do="Run `immurtal publish` first, until it registers.",
            )
        job = job.reveal(["0x" + open_release(folder).root.hex() for folder in folders])
    level = int(job.choices.visibility)
    pairs = zip(job.choices.work_hashes, job.releases, strict=True)
    return tuple(Work(work, release, level, payout) for work, release in pairs), job


async def sign_registration(
    contracts: Contracts, wallet: Wallet, works: Sequence[Work], salt: str, seconds: int
) -> SignedRegistration:
    """Waits until the commitment protects the works, then signs; nothing is sent. It may be sent
    for so many seconds. Raises NotFound without a commitment."""
    hashes = tuple(work.work_hash for work in works)
    await matured(contracts, Commitment(wallet.address, hashes, salt).value)
    here = contracts.deployment
    deadline = await _now(contracts) + seconds
    leave = Register(wallet.address, tuple(works), salt, deadline)
    unsigned = SignedRegistration(here.chain_id, here.registry, leave, b"")
    signature = wallet.sign_digest_of_typed(leave, here.chain_id, here.registry)
    return replace(unsigned, signature=signature)


async def check_registration(contracts: Contracts, signed: SignedRegistration) -> tuple[str, ...]:
    """Which of the works have a certificate already; they would be skipped.

    Raises WrongNetwork; BadInput: expired, not the author's, nothing left to register; NotFound
    without a commitment. The works are asked about last, when their commitment protects them.
    """
    here, leave = contracts.deployment, signed.register
    if (signed.chain_id, signed.registry) != (here.chain_id, here.registry):
        raise WrongNetwork(
            f"The registration was signed for registry {signed.registry} on chain "
            f"{signed.chain_id}, not for {here.registry} on chain {here.chain_id}.",
            do="Make --rpc, --deployments and --chain-id name its network.",
        )
    if not await verify(contracts.rpc, leave.author, signed.digest, signed.signature):
        raise BadInput(f"The registration is not signed by its author {leave.author}.")
    if await _now(contracts) > leave.deadline:
        raise BadInput(
            f"The registration was to be sent until {leave.deadline} (seconds since 1970).",
            saved="Nothing was sent.",
            do="Ask its author for a new one: `immurtal register --sign`.",
        )
    await matured(contracts, signed.commitment.value)
    return await registered_already(contracts, leave.works)


async def registered_already(contracts: Contracts, works: Sequence[Work]) -> tuple[str, ...]:
    """Raises BadInput if that is all of them."""
    hashes = [work.work_hash for work in works]
    found = tuple([work for work in hashes if await contracts.access(work) is not None])
    if len(found) == len(hashes):
        raise BadInput(
            "All of these works have certificates already.",
            saved="Nothing was sent.",
            do=f"`immurtal status {hashes[0] if hashes else 'CERTIFICATE'}` shows whose.",
        )
    return found


async def register(actions: Actions, works: Sequence[Work], salt: str) -> Registered:
    """Registers as their author. Raises what sending raises, by the contract's own error."""
    return _read(actions.contracts, await actions.register(works, salt))


async def register_for(actions: Actions, signed: SignedRegistration) -> Registered:
    """Sends another author's registration. Raises what sending raises."""
    receipt = await actions.register_for(signed.register, signed.signature)
    return _read(actions.contracts, receipt)


def _read(contracts: Contracts, receipt: Receipt) -> Registered:
    def hashes(name: str) -> tuple[str, ...]:
        events = receipt.events("CopyrightRegistry", name)
        ours = (e for e in events if e.address == contracts.deployment.registry)
        return tuple(str(event.args["workHash"]) for event in ours)

    works = hashes("Registered")
    if not works:
        raise IntegrityError(f"The receipt of {receipt.hash} shows no registration.")
    return Registered(works, hashes("Skipped"), receipt)


async def _now(contracts: Contracts) -> int:
    head = await contracts.rpc.call("eth_getBlockByNumber", ["latest", False])
    if not isinstance(head, dict):
        raise IntegrityError("The RPC endpoint gives no newest block.")
    return quantity(head.get("timestamp"))
