"""Nodes on real Kubos, one for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from storage_world import Chain, Node, run_node


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest_asyncio.fixture
async def node(tmp_path: Path, chain: Chain) -> AsyncIterator[Node]:
    async with run_node(tmp_path / "node", chain) as running:
        yield running
