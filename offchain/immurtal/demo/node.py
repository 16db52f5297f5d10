"""One node of the demo: its process, and where it answers."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from immurtal.chain.http import NodeClient
from immurtal.config import NodeConfig
from immurtal.demo.processes import Process
from immurtal.errors import ImmurtalError

START_SECONDS = 60.0
POLL_SECONDS = 0.2


@dataclass(slots=True)
class DemoNode:
    name: str
    id: str
    config: NodeConfig
    command: Sequence[str]
    log: Path
    process: Process | None = None

    @property
    def api_url(self) -> str:
        return self.config.api.public_url

    @property
    def kubo_rpc(self) -> str:
        """Kubo's own RPC, beside the node."""
        return f"http://127.0.0.1:{self.config.kubo.api_port}/api/v0"

    async def start(self) -> None:
        """Returns once it says that it is ready. Raises ImmurtalError with its log if it ends."""
        self.process = await Process.start(self.name, self.command, self.log)
        until = time.monotonic() + START_SECONDS
        async with NodeClient(self.api_url, allow_local=True) as client:
            while time.monotonic() < until and self.process.running:
                try:
                    await client.get_json("/readyz")
                    return
                except ImmurtalError:
                    await asyncio.sleep(POLL_SECONDS)
        raise ImmurtalError(
            f"{self.name} did not get ready. The end of its log:\n{self.process.tail()}"
        )

    async def indexed(self) -> int:
        """The block that its index has reached."""
        async with NodeClient(self.api_url, allow_local=True) as client:
            said = await client.get_json("/v1/node")
        return int(said["chain"]["head"] or 0)

    async def answers(self) -> bool:
        """Whether anything takes connections where its API or its gateway was."""
        for port in (self.config.api.port, self.config.kubo.gateway_port):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            writer.close()
            return True
        return False

    async def kill(self) -> None:
        """kill -9 for the node and its Kubo at once."""
        if self.process is not None:
            await self.process.kill()

    async def stop(self) -> None:
        if self.process is not None:
            await self.process.stop()
