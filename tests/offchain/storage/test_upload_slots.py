"""Uploads that bring nothing give way where there is no room for another; those at work never."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from immurtal.errors import NotFound, Unreachable
from immurtal.index.database import INDEX, open_database
from immurtal.storage import uploads as uploads_module
from immurtal.storage.ledger import STORAGE, Ledger
from immurtal.storage.uploads import SLOT_SECONDS, UploadLimits, Uploads


@dataclass
class Clock:
    now: int = 1_000_000

    def __call__(self) -> int:
        return self.now


def of(number: int) -> str:
    return f"0x{number:064x}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def uploads(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads_module, "AT_ONCE", 2)
    database = open_database(tmp_path / "node.db", (INDEX, STORAGE))
    limits = UploadLimits(upload_bytes=1 << 20, disk_watermark=0)
    yield Uploads(Ledger(database), tmp_path / "uploads", limits, clock)
    database.close()


async def test_one_more_is_refused_while_the_others_are_at_work(uploads, clock) -> None:
    for number in (1, 2):
        await uploads.open(of(number), of(number), 10)
    clock.now += SLOT_SECONDS - 1
    with pytest.raises(Unreachable, match="no more uploads at once"):
        await uploads.open(of(3), of(3), 10)


async def test_the_one_that_is_idle_longest_gives_way(uploads, clock) -> None:
    first = await uploads.open(of(1), of(1), 10)
    clock.now += 10
    second = await uploads.open(of(2), of(2), 10)
    clock.now += SLOT_SECONDS
    third = await uploads.open(of(3), of(3), 10)
    with pytest.raises(NotFound, match="no such upload"):
        await uploads.find(first.id, first.token)
    assert (await uploads.find(second.id, second.token)).id == second.id
    assert (await uploads.find(third.id, third.token)).id == third.id


async def test_one_that_is_asked_for_again_counts_as_at_work(uploads, clock) -> None:
    first = await uploads.open(of(1), of(1), 10)
    second = await uploads.open(of(2), of(2), 10)
    clock.now += SLOT_SECONDS
    first = await uploads.open(of(1), of(1), 10)
    await uploads.open(of(3), of(3), 10)
    assert (await uploads.find(first.id, first.token)).id == first.id
    with pytest.raises(NotFound, match="no such upload"):
        await uploads.find(second.id, second.token)
