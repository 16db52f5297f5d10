"""A whole node as its operator runs it: `immurtal node run`, with its own Kubo."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from immurtal.config import NodeConfig

START_SECONDS = 60
STOP_SECONDS = 45


@dataclass
class NodeProcess:
    config: NodeConfig
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.config.api.public_url

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "immurtal", "node", "run", "--config", self.config.path],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "NO_COLOR": "1"},
            )

    def wait_until_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.get("/readyz", quietly=True) == 200:
                return
            time.sleep(0.1)
        raise AssertionError(f"the node did not get ready:\n{self.log.read_text()[-4000:]}")

    def get(self, path: str, *, quietly: bool = False) -> int:
        try:
            return httpx.get(self.url + path, timeout=5, trust_env=False).status_code
        except httpx.HTTPError:
            if quietly:
                return 0
            raise

    def end(self) -> int:
        """SIGTERM; the exit code. Raises TimeoutExpired."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
