"""What a publish remembers, and what may still change."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from immurtal.chain.contracts import ZERO_ADDRESS, Visibility
from immurtal.errors import BadInput
from immurtal.publish.folder import locked
from immurtal.publish.job import Choices, Details, Job, Sale, Source

RELEASE = "0x" + "77" * 32


@pytest.fixture
def choices() -> Choices:
    return Choices(
        chain_id=31337,
        registry="0x" + "aa" * 20,
        author="0x" + "bb" * 20,
        sources=(Source(Path("/music/a.wav"), "0x" + "01" * 32),),
        nodes=("0x" + "02" * 32, "0x" + "03" * 32),
        threshold=2,
        replicas=2,
        visibility=Visibility.LICENSED,
        payout=ZERO_ADDRESS,
        split=(("0x" + "cc" * 20, 4000), ("0x" + "dd" * 20, 6000)),
        sale=Sale(10**18, None, 7, True, 250, "as agreed"),
        details=Details("T", (("A", "main"),), "", "", Path("/c.png"), 1500, False),
    )


def test_a_job_is_read_as_it_was_written(tmp_path: Path, choices: Choices) -> None:
    begun = Job.open(tmp_path / "job", choices)
    assert Job.load(tmp_path / "job") == begun
    assert Job.open(tmp_path / "job", choices) == begun
    assert begun.salt != begun.offer_salt
    assert (tmp_path / "job" / "job.json").stat().st_mode & 0o077 == 0


def test_moved_files_are_the_same_job(tmp_path: Path, choices: Choices) -> None:
    begun = Job.open(tmp_path, choices)
    moved = replace(choices, sources=(Source(Path("/b.wav"), choices.sources[0].work_hash),))
    assert moved.job_id == choices.job_id
    assert Job.open(tmp_path, moved).salt == begun.salt


def test_before_the_registration_everything_may_change_but_the_salt(
    tmp_path: Path, choices: Choices
) -> None:
    begun = Job.open(tmp_path, choices)
    built = tmp_path / "track-1" / "metadata.json"
    built.parent.mkdir()
    built.write_text("{}")
    cheaper = replace(choices, sale=replace(choices.sale, price=1), threshold=2, replicas=1)
    changed = Job.open(tmp_path, cheaper)
    assert (changed.salt, changed.choices) == (begun.salt, cheaper)
    assert Job.load(tmp_path).choices == cheaper
    assert built.exists(), "a price is in no release"
    Job.open(tmp_path, replace(cheaper, details=replace(choices.details, title="U")))
    assert not built.exists(), "a title is"


def test_after_it_only_the_replicas_may(tmp_path: Path, choices: Choices) -> None:
    job = Job.open(tmp_path, choices).reveal([RELEASE])
    assert job.revealed
    fewer = Job.open(tmp_path, replace(choices, replicas=1))
    assert (fewer.releases, fewer.choices.replicas) == ((RELEASE,), 1)
    other = replace(choices, sale=replace(choices.sale, price=1), threshold=3)
    with pytest.raises(BadInput, match="another choice of sale, threshold") as told:
        Job.open(tmp_path, other)
    assert str(tmp_path) in told.value.saved
    assert Job.load(tmp_path).choices.sale == choices.sale


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body.pop("salt"),
        lambda body: body.update(salt="0x12"),
        lambda body: body.update(choices=[]),
        lambda body: body.update(releases=[7]),
        lambda body: body.update(v=2),
        lambda body: body["choices"].update(visibility=9),
        lambda body: body["choices"].update(sources="x"),
        lambda body: body["choices"]["details"].pop("title"),
    ],
)
def test_a_damaged_job_is_named_and_left_alone(
    tmp_path: Path, choices: Choices, damage: object
) -> None:
    Job.open(tmp_path, choices)
    path = tmp_path / "job.json"
    body = json.loads(path.read_text())
    damage(body)  # type: ignore[operator]
    path.write_text(json.dumps(body))
    with pytest.raises(BadInput):
        Job.open(tmp_path, choices)
    assert json.loads(path.read_text()) == body


def test_a_job_that_is_no_json_is_named(tmp_path: Path, choices: Choices) -> None:
    (tmp_path / "job.json").write_bytes(b"\xff{")
    with pytest.raises(BadInput, match="cannot be read as a publish"):
        Job.open(tmp_path, choices)


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "job"),
        pytest.raises(BadInput, match="Another run is at work"),
        locked(tmp_path / "job"),
    ):
        pass
    with locked(tmp_path / "job"):
        assert (tmp_path / "job").stat().st_mode & 0o077 == 0
