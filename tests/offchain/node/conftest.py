"""A chain for each module of the node's tests: their time is their own."""

from collections.abc import AsyncIterator, Iterator

import pytest
from local_chain import Anvil, deploy_contracts, run_anvil
from node_world import ChainClock, World

from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import RpcPool


@pytest.fixture(scope="module")
def node_anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    with run_anvil(tmp_path_factory.mktemp("anvil")) as anvil:
        yield anvil


@pytest.fixture(scope="module")
def node_deployment(node_anvil: Anvil) -> Deployment:
    return Deployment.from_json(deploy_contracts(node_anvil))


@pytest.fixture
async def world(node_anvil: Anvil, node_deployment: Deployment) -> AsyncIterator[World]:
    rpc = RpcPool([node_anvil.url])
    yield World(node_anvil, node_deployment, rpc, ChainClock(node_anvil))
    await rpc.close()
