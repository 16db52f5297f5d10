"""`make up`: a network to try commands on, of which nothing is left, however it ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from demo_runs import Up, run_demo, still_there, write_noise


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Up]]:
    """Starts a network with one short piece of music; what a failed test leaves is ended."""
    folder = tmp_path_factory.mktemp("up")
    music = write_noise(folder / "short.wav", 400_000)
    started: list[Up] = []

    def begin() -> Up:
        logs = tmp_path_factory.mktemp("logs")
        started.append(Up(logs / "run", logs, "--music", str(music)))
        return started[-1]

    yield begin
    for network in started:
        network.kill_all()


def immurtal(env: dict[str, str], *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "immurtal", *words, "--json"],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_ctrl_c_leaves_nothing_behind(start: Callable[[], Up], tmp_path: Path) -> None:
    up = start()
    up.wait_for(lambda: up.is_up)
    invited = json.loads(up.out)
    assert len(invited["nodes"]) == len(up.kubos()) == 3
    work = invited["works"][0]

    seen = immurtal(invited["environment"], "status", work["certificate"])
    assert [pin["state"] for pin in seen["pins"]] == ["pinned"] * 3
    out = tmp_path / "played.opus"
    played = immurtal(invited["environment"], "play", work["certificate"], "-o", str(out))
    assert out.stat().st_size == played["bytes"]

    second = run_demo(up.folder)
    assert second.code == 12
    assert "Another demo runs in" in second.err

    family = up.family()
    assert len(family) >= 7  # the chain, three nodes, a Kubo each
    assert up.end(signal.SIGINT) == 0, up.err
    assert still_there(family) == []
    assert not up.folder.exists()
    assert up.err.endswith("Everything has ended, and nothing is left behind.\n")
    for node in invited["nodes"]:
        with pytest.raises(httpx.ConnectError):
            httpx.get(node["api"], trust_env=False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's death")
def test_ended_while_it_starts_it_leaves_nothing_that_runs(start: Callable[[], Up]) -> None:
    """By SIGTERM, in order; and by kill -9, which leaves no more than files."""
    ended, killed = start(), start()
    ended.wait_for(lambda: len(ended.kubos()) > 0)
    family = ended.family()
    assert ended.end(signal.SIGTERM) == 130, ended.err
    assert still_there(family) == []
    assert not ended.folder.exists()
    assert ended.err.endswith("Ending what was started …\nInterrupted.\n")
    assert "Traceback" not in ended.err

    killed.wait_for(lambda: len(killed.kubos()) == 3)
    family = killed.family()
    assert killed.end(signal.SIGKILL) == -signal.SIGKILL
    assert still_there(family, seconds=45) == []
