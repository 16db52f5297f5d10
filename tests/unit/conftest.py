"""Fixtures of the contract tests: `ape test tests/unit`, on anvil, each test from a snapshot.

The compiler and anvil are the checkout's own, whether or not the Makefile set the environment.
"""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.deployment.build import forget_stale_build  # noqa: E402

forget_stale_build(ROOT)
os.environ.setdefault("SOLCX_BINARY_PATH", str(ROOT / "scripts" / "solc"))
os.environ["PATH"] = f"{ROOT / 'scripts' / 'bin'}{os.pathsep}{os.environ['PATH']}"

from licence_cases import LAVISH, PRICE, balance  # noqa: E402
from works import NOBODY, as_tuple, offer_id  # noqa: E402

ETH = "0x0000000000000000000000000000000000000000"
MIN_AGE = 1


@pytest.fixture(scope="session")
def deployer(accounts):
    return accounts[0]


@pytest.fixture(scope="session")
def author(accounts):
    return accounts[1]


@pytest.fixture(scope="session")
def buyer(accounts):
    return accounts[2]


@pytest.fixture(scope="session")
def operator(accounts):
    return accounts[3]


@pytest.fixture(scope="session")
def stranger(accounts):
    return accounts[4]


@pytest.fixture(scope="session")
def factory(project, deployer):
    return project.RoyaltySplitFactory.deploy(sender=deployer)


@pytest.fixture(scope="session")
def registry(project, deployer, factory):
    return project.CopyrightRegistry.deploy(MIN_AGE, factory, sender=deployer)


@pytest.fixture(scope="session")
def licenses(project, deployer, registry, factory):
    return project.LicenseManager.deploy(registry, factory, sender=deployer)


@pytest.fixture(scope="session")
def escrow(project, deployer, registry, factory):
    return project.StreamingEscrow.deploy(registry, factory, sender=deployer)


@pytest.fixture(scope="session")
def nodes(project, deployer):
    return project.NodeRegistry.deploy(sender=deployer)


@pytest.fixture(scope="session")
def token(project, deployer):
    """A plain ERC-20 that anyone may mint."""
    return project.MockERC20.deploy(sender=deployer)


@pytest.fixture(scope="session")
def create_split(project, factory, deployer):
    """Creates a split of {payee: share in basis points} and returns it as a contract."""

    def create(shares):
        payees = sorted(shares, key=lambda payee: int(str(payee), 16))
        weights = [shares[payee] for payee in payees]
        receipt = factory.create(payees, weights, sender=deployer)
        return project.RoyaltySplit.at(receipt.return_value)

    return create


@pytest.fixture(scope="module")
def create(licenses, author):
    """Creates the author's offer and returns its id."""

    def send(offer, price=PRICE, max_supply=0):
        return offer_id(licenses.createOffer(as_tuple(offer), price, max_supply, sender=author))

    return send


@pytest.fixture(scope="module")
def buy(licenses, buyer):
    """Buys with ETH."""

    def send(offer, recipient=buyer, referrer=NOBODY, most=LAVISH, value=PRICE, **options):
        return licenses.purchase(
            offer, recipient, referrer, most, value=value, sender=buyer, **options
        )

    return send


@pytest.fixture
def holds_nothing(licenses):
    """L3: whatever a test does, the contract never holds value."""
    yield
    assert balance(licenses) == 0
