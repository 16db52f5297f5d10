"""A shop of its own for each test, on the session's chain."""

from pathlib import Path

import pytest
from local_chain import Anvil
from shop import Shop


@pytest.fixture
def shop(
    anvil: Anvil, deployment_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Shop:
    monkeypatch.setattr("immurtal.chain.transactions.POLL_SECONDS", 0.02)
    for name in ("IMMURTAL_RPC", "IMMURTAL_KEYSTORE", "IMMURTAL_ACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    return Shop(anvil, deployment_file, tmp_path)
