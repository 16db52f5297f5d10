"""Real parts for the tests off chain.

`anvil` mines a block for each transaction; `local_chain.run_anvil(folder, "--block-time", "1")`
starts one of another kind.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from local_chain import Anvil, deploy_contracts, run_anvil

from immurtal.chain.deployment import Deployment

# CI answers the same for the same commit; everywhere else each run explores anew, and a failure
# is kept in .hypothesis and tried first the next time.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    """A chain for the whole session: tests that use it leave it usable for the others."""
    with run_anvil(tmp_path_factory.mktemp("anvil")) as chain:
        yield chain


@pytest.fixture(scope="session")
def deployment_file(anvil: Anvil, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The deployment of `deployed` as a file that clients and nodes read."""
    path = tmp_path_factory.mktemp("deployments") / f"{anvil.chain_id}.json"
    path.write_text(json.dumps(deploy_contracts(anvil)), "utf-8")
    return path


@pytest.fixture(scope="session")
def deployed(deployment_file: Path) -> Deployment:
    """The contracts on `anvil`, minAge 1 s."""
    return Deployment.load(deployment_file)
