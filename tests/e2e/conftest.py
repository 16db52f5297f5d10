"""A whole network for tests from end to end: a chain, the contracts, three nodes with a Kubo each.

It is one for all: tests make accounts and recordings of their own, and start what they stop.
Tests that use it run in the session's event loop, to which its processes belong:
`pytestmark = pytest.mark.asyncio(loop_scope="session")`.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from immurtal.demo.network import LocalNetwork

ROOT = Path(__file__).resolve().parents[2]
NODES = 3


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalNetwork]:
    with pytest.MonkeyPatch.context() as patched:
        tools = (ROOT / "scripts" / "bin", ROOT / ".venv" / "bin")
        patched.setenv("PATH", os.pathsep.join([*map(str, tools), os.environ["PATH"]]))
        patched.setenv("SOLCX_BINARY_PATH", str(ROOT / "scripts" / "solc"))
        made = LocalNetwork(tmp_path_factory.mktemp("network"), note=lambda text: None)
        try:
            await made.start(NODES)
            yield made
        finally:
            await made.stop()
