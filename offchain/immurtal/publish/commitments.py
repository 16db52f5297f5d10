"""Commitments that an artist holds: their works, in order, and the salt that hid them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from immurtal.chain.contracts import Contracts
from immurtal.chain.files import read_bounded
from immurtal.chain.transactions import wait_for_time
from immurtal.content.encoding import hex32, hex32_decode
from immurtal.errors import BadInput, ImmurtalError, NotFound
from immurtal.publish.actions import commitment
from immurtal.publish.home import ArtistHome
from immurtal.publish.job import Job

MAX_SALT_FILE = 4096


@dataclass(frozen=True, slots=True)
class Commitment:
    """works: hashes in the order that was committed to."""

    author: str
    works: tuple[str, ...]
    salt: str

    @property
    def value(self) -> str:
        """What stands on chain; it says nothing of the works."""
        return commitment(self.author, self.works, self.salt)

    @classmethod
    def of(cls, job: Job) -> "Commitment":
        return cls(job.choices.author, job.choices.work_hashes, job.salt)


async def matured(contracts: Contracts, value: str) -> int:
    """Waits until a commitment is old enough to be revealed; its time, seconds.

    Raises NotFound if it is not on chain, Unreachable when the chain stands still.
    """
    committed_at = await contracts.committed_at(value)
    if not committed_at:
        raise NotFound(
            f"The commitment {value} is not on chain: these works in this order with this salt "
            "were never committed to by this author.",
            saved="Nothing was sent, and the works are still unknown to others.",
            do=f"Anyone may send it, and it says nothing: `immurtal register --commit {value}`. "
            "Then run this again.",
        )
    await wait_for_time(contracts.rpc, committed_at + await contracts.min_age())
    return committed_at


def kept(home: ArtistHome, chain_id: int, registry: str, author: str) -> Iterator[Commitment]:
    """Those of this author's publishes that are in the artist's folder, whatever became of them;
    folders that cannot be read as one are passed over."""
    for folder in sorted(home.folder.glob("jobs/*")):
        try:
            job = Job.load(folder)
        except ImmurtalError:
            continue
        choices = job.choices
        if (choices.chain_id, choices.registry, choices.author) == (chain_id, registry, author):
            yield Commitment.of(job)


def read_salt(path: Path) -> str:
    """The salt on the first line of a file, 0x and 64 digits. Raises BadInput."""
    try:
        text = read_bounded(path, MAX_SALT_FILE).decode().partition("\n")[0].strip()
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} holds no salt.") from error
    return hex32(hex32_decode(text.lower(), name=f"The first line of {path}"))


def check_works(works: Sequence[str]) -> None:
    """Raises BadInput: none, or zero."""
    if not works or "0x" + "00" * 32 in works:
        raise BadInput("A commitment is to one work at least, and no work's hash is zero.")
