"""`immurtal demo` as a person starts it, in a folder of its own."""

import json
import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from immurtal.demo.processes import descendants

ROOT = Path(__file__).resolve().parents[2]
RUN_SECONDS = 300
RATE = 44_100


@dataclass(frozen=True)
class Run:
    """A demo that has ended. `report`: what it left, if anything."""

    code: int
    out: str
    err: str
    report: dict[str, Any]


def command(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "immurtal", "demo", "--folder", str(folder), *words]


def environment(**more: str) -> dict[str, str]:
    """As `make` sets it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DEMO_")}
    tools = (str(ROOT / "scripts" / "bin"), str(ROOT / ".venv" / "bin"), kept.get("PATH", ""))
    ours = {"PATH": os.pathsep.join(tools), "SOLCX_BINARY_PATH": str(ROOT / "scripts" / "solc")}
    return {**kept, **ours, "NO_COLOR": "1", **more}


def run_demo(folder: Path, *words: str, env: Mapping[str, str] | None = None) -> Run:
    done = subprocess.run(
        command(folder, *words),
        env=environment(**(env or {})),
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    report = folder / "report.json"
    values = json.loads(report.read_text()) if report.exists() else {}
    return Run(done.returncode, done.stdout, done.stderr, values)


def write_noise(path: Path, size: int) -> Path:
    """A WAV of that many bytes of sound, without tags."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(os.urandom(size))
    return path


class Up:
    """`immurtal demo --up`, running. `err`: what it tells meanwhile."""

    def __init__(self, folder: Path, logs: Path, *words: str) -> None:
        self.folder = folder
        self._out, self._err = logs / "up.out", logs / "up.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                command(folder, "--up", "--json", *words), stdout=out, stderr=err, env=environment()
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    @property
    def is_up(self) -> bool:
        return self.out.endswith("}\n")

    def family(self) -> list[int]:
        return descendants(self.process.pid)

    def kubos(self) -> list[int]:
        """Its IPFS daemons, as far as they run."""
        return [pid for pid in self.family() if b"daemon" in _command_line(pid)]

    def wait_for(self, holds: Callable[[], bool], seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert self.process.poll() is None, self.err
            assert time.monotonic() < end, self.err
            time.sleep(0.1)

    def end(self, number: signal.Signals) -> int:
        """Its exit code after this signal."""
        self.process.send_signal(number)
        return self.process.wait(90)

    def kill_all(self) -> None:
        """Whatever a failed test left."""
        for pid in [*self.family(), self.process.pid] if self.process.poll() is None else ():
            os.kill(pid, signal.SIGKILL)
        self.process.wait(10)


def still_there(pids: list[int], seconds: float = 0) -> list[bytes]:
    """The command lines of those that run after so many seconds; soon, where none does."""
    end = time.monotonic() + seconds
    while left := [line for line in map(_command_line, pids) if line]:
        if time.monotonic() >= end:
            return left
        time.sleep(0.1)
    return []


def _command_line(pid: int) -> bytes:
    """Empty for one that is gone, or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
