"""An artist, a chain of their own that makes ten blocks a second, and three nodes to be named."""

import functools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import publish_world
import pytest
from local_chain import Anvil, deploy_contracts, run_anvil
from publish_world import World, ticking

from immurtal.chain.deployment import Deployment
from immurtal.keys.at_rest import Passphrase


@pytest.fixture(scope="session")
def quick_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Anvil, Deployment]]:
    with run_anvil(tmp_path_factory.mktemp("quick-anvil")) as anvil:
        deployment = Deployment.from_json(deploy_contracts(anvil))
        with ticking(anvil):
            yield anvil, deployment


@pytest.fixture(autouse=True)
def _quick_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("immurtal.publish.storing.FIRST_WAIT", 0.01)
    monkeypatch.setattr("immurtal.chain.transactions.POLL_SECONDS", 0.02)


@pytest.fixture(autouse=True)
def _light_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    light = functools.partial(Passphrase, n=1024)
    monkeypatch.setattr("immurtal.publish.build.Passphrase", light)


@pytest.fixture
async def world(quick_chain: tuple[Anvil, Deployment], tmp_path: Path) -> AsyncIterator[World]:
    async with publish_world.world(*quick_chain, tmp_path) as made:
        yield made
