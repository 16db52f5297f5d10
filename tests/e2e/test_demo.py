"""The demo: whole, with every claim in its report; and broken on purpose, which it must notice.

Each is a run of `immurtal demo` with everything real. They mostly wait for blocks, so they run
two at a time.
"""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from demo_runs import Run, run_demo, write_noise

PRICE = 10**16
SHARES = {"singer": 5000, "drummer": 3000, "producer": 2000}
LEAF = 262_144

Ended = Callable[[str], Run]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: tmp_path_factory.mktemp(name) for name in ("whole", "access", "bytes", "payout")}


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An album without tags and with names that a shell would stumble over."""
    folder = tmp_path_factory.mktemp("music")
    write_noise(folder / "-1 'Überfahrt' $(x) & [b].WAV", 300_000)
    write_noise(folder / "02_no tags.wav", 2_500_000)
    (folder / "notes.txt").write_text("no music")
    return folder


@pytest.fixture(scope="module")
def ended(folders: dict[str, Path], music: Path) -> Iterator[Ended]:
    """What came of a run; all begin with the first question."""
    short = next(music.glob("-1*"))
    options = {
        "whole": ([], {}),
        "payout": (["--music", str(music)], {"DEMO_BREAK": "payout"}),
        "bytes": (["--music", str(short)], {"DEMO_BREAK": "bytes"}),
        "access": (["--music", str(music)], {"DEMO_BREAK": "access"}),
    }
    with ThreadPoolExecutor(2) as pool:
        runs: dict[str, Future[Run]] = {
            name: pool.submit(run_demo, folders[name], *words, env=env)
            for name, (words, env) in options.items()
        }
        yield lambda name: runs[name].result()


@pytest.fixture(scope="module")
def whole(ended: Ended) -> Run:
    run = ended("whole")
    assert run.code == 0, run.out + run.err
    return run


@pytest.fixture(scope="module")
def report(whole: Run) -> dict[str, Any]:
    return whole.report


def test_the_account_is_readable(whole: Run, folders: dict[str, Path]) -> None:
    steps = ("network", "publish", "stranger", "buy", "play", "catch up", "withdraw", "what stays")
    told = [
        next(line for line in whole.out.splitlines() if f"] {step}: " in line) for step in steps
    ]
    assert sorted(told, key=whole.out.index) == told
    assert "the listener paid 0.01 ETH for 'First Light over the Harbour'" in whole.out
    assert "singer    +0.005 ETH  50 %" in whole.out
    end = f"Every comparison held. Evidence: {folders['whole'] / 'report.json'}\n"
    assert whole.out.endswith(end)


def test_it_passed_and_took_its_time(report: dict[str, Any]) -> None:
    assert (report["v"], report["passed"], report["failed"]) == (1, True, None)
    assert report["broken"] is None
    steps = dict(report["seconds"])
    total = steps.pop("total")
    assert list(steps) == [
        *("network", "publish", "stranger", "buy", "play", "other licence", "buy another"),
        *("play through a death", "catch up", "withdraw", "what stays"),
    ]
    assert 0 < sum(steps.values()) <= total + 0.1 * len(steps)
    machine = report["machine"]
    assert machine["cores"] >= 1
    assert machine["memoryBytes"] > 2**28
    assert all(machine[name] for name in ("system", "python"))
    assert "loadAverage" in machine


def test_certificates(report: dict[str, Any]) -> None:
    certificates = report["certificates"]
    assert [one["title"] for one in certificates] == ["First Light over the Harbour", "Embers"]
    for one in certificates:
        assert one["id"] == _sha256(Path(one["file"]))
        assert one["releaseCid"].startswith("bafybei")
        assert len(one["transaction"]) == len(one["commitTransaction"]) == 66
        assert one["registeredAt"] > one["committedAt"]
        assert abs(one["registeredAt"] - datetime.now(UTC).timestamp()) < 3600


def test_what_was_played_is_what_was_published(report: dict[str, Any]) -> None:
    first, second = report["played"]
    for one in (first, second):
        assert one["variant"] == "audio/1.enc"
        assert one["published"] == one["played"] == one["certificate"]
        assert _sha256(Path(one["file"])) == one["played"]
        assert Path(one["file"]).stat().st_size == one["bytes"]
        # every leaf came over the wire, and the documents with them
        assert sum(served["bytes"] for served in one["byNode"].values()) > one["bytes"]
        assert sum(served["blocks"] for served in one["byNode"].values()) > one["bytes"] / LEAF
    assert first["killed"] is None


def test_a_node_that_had_served_died_in_the_middle(report: dict[str, Any]) -> None:
    played = report["played"][1]
    death = played["killed"]
    leaves = -(-played["bytes"] // LEAF)
    assert (death["signal"], death["blocksServed"]) == ("SIGKILL", 2)
    assert 0 < death["blocksOfAll"] < leaves
    assert death["blocksOfAll"] + death["blocksAfter"] >= leaves
    assert played["byNode"][death["node"]]["blocks"] >= 2
    datetime.fromisoformat(death["when"])
    back = report["caughtUp"]
    assert (back["node"], back["share"], back["pin"]) == (death["node"], True, "pinned")


def test_who_is_not_entitled_was_refused_by_every_node(report: dict[str, Any]) -> None:
    nodes = {node["id"] for node in report["network"]["nodes"]}
    assert len(nodes) == 3
    cases = ("stranger", "other-licence", "withdrawn")
    assert len(report["refused"]) == len(cases) * len(nodes)
    first, second = report["certificates"]
    for case in cases:
        refused = [one for one in report["refused"] if one["case"] == case]
        assert {one["node"] for one in refused} == nodes
        assert {one["reason"] for one in refused} == {"access-refused"}
    asked = {one["case"]: (one["certificate"], one["offer"]) for one in report["refused"]}
    assert asked["stranger"] == (first["id"], "0x" + "00" * 32)
    assert asked["other-licence"] == (second["id"], first["offer"])
    assert asked["withdrawn"] == (second["id"], second["offer"])
    accounts = {one["case"]: one["account"] for one in report["refused"]}
    assert accounts["stranger"] != accounts["other-licence"] == accounts["withdrawn"]


def test_every_payee_was_paid_at_once(report: dict[str, Any]) -> None:
    paid = report["paid"]
    assert len({one["transaction"] for one in paid}) == 2
    for name, share in SHARES.items():
        own = [one for one in paid if one["name"] == name]
        for one in own:
            due = PRICE * share // 10_000
            assert (one["share"], int(one["due"])) == (share, due)
            assert int(one["after"]) - int(one["before"]) == due
        assert [one["before"] for one in own] == ["0", own[0]["after"]]
    assert sum(int(one["due"]) for one in paid) == 2 * PRICE


def test_withdrawn_audio_is_gone_and_nothing_else(report: dict[str, Any]) -> None:
    stays, withdrawn = [one["releaseCid"] for one in report["certificates"]]
    assert set(report["pins"]) == {node["id"] for node in report["network"]["nodes"]}
    sizes = {played["certificate"]: played["bytes"] for played in report["played"]}
    for held in report["pins"].values():
        releases = held["releases"]
        assert set(releases) == {stays, withdrawn}
        for cid, certificate in zip((stays, withdrawn), report["certificates"], strict=True):
            before = releases[cid]["before"]
            assert before["pinned"] is True
            assert sum(before["leaves"].values()) > sizes[certificate["id"]]
        assert releases[stays]["after"] == releases[stays]["before"]
        after = releases[withdrawn]["after"]
        assert after["pinned"] is False
        assert set(after["leaves"]) == set(releases[withdrawn]["before"]["leaves"])
        assert set(after["leaves"].values()) == {None}
        assert releases[withdrawn]["keysJson"] is True


@pytest.mark.parametrize(
    ("broken", "step", "comparison", "says"),
    [
        (
            "payout",
            "buy",
            "each payee has received their share of the price",
            "The singer received 4999999999999999 wei of 10000000000000000 instead of 50 %.",
        ),
        (
            "bytes",
            "play",
            "what is played of \"-1 'Überfahrt' $(x) & [b]\" equals what was published",
            "is damaged",
        ),
        (
            "access",
            "stranger",
            "no node gives a key share to a stranger",
            "node-1 to the stranger: It gave a key share.",
        ),
    ],
)
def test_what_is_broken_on_purpose_is_noticed(
    ended: Ended, broken: str, step: str, comparison: str, says: str
) -> None:
    run = ended(broken)
    assert run.code == 15, run.out + run.err
    assert f"The demo failed, for this does not hold: {comparison}." in run.err
    assert says in run.err
    assert "Traceback" not in run.err
    assert run.report["passed"] is False
    assert run.report["broken"] == broken
    failed = run.report["failed"]
    assert (failed["step"], failed["comparison"]) == (step, comparison)
    done = [name for name in run.report["seconds"] if name != "total"]
    assert step not in done


def test_the_first_share_that_a_stranger_gets_ends_it(ended: Ended) -> None:
    asked = ended("access").report["refused"]
    assert [(one["case"], one["reason"]) for one in asked] == [("stranger", None)]


def test_music_of_ones_own(ended: Ended) -> None:
    album = ended("access").report["certificates"]
    assert [one["title"] for one in album] == ["-1 'Überfahrt' $(x) & [b]", "no tags"]
    assert "Some of the files name no artist: all are credited to" in ended("access").out


def test_a_single_short_piece_gets_company(ended: Ended) -> None:
    run = ended("bytes")
    assert [one["title"] for one in run.report["certificates"]][1] == "Embers"
    assert "'02 Embers', a piece of the project's own, goes with it" in run.out


def _sha256(path: Path) -> str:
    return "0x" + hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_folder_that_is_not_the_demos_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "thesis.txt"
    mine.write_text("years of work")
    run = run_demo(tmp_path)
    assert run.code == 12
    assert "holds files that no demo put there" in run.err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_music_inside_the_demos_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".immurtal-demo").touch()
    own = write_noise(tmp_path / "song.wav", 1000)
    run = run_demo(tmp_path, "--music", str(own))
    assert run.code == 12
    assert "The music lies in" in run.err
    assert own.exists()
