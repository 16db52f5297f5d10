"""What a split costs, whole transactions on anvil, against DESIGN 11's goals.

The peer's figures are 0xSplits v2's push splits, measured with forge --isolate on their own code.
"""

import pytest
from ape import chain
from split_cases import ETH, ONE, fresh

PEER_ETH = {2: 61_280, 5: 93_525, 10: 147_247, 100: 1_114_380}
PEER_ERC20 = {2: 69_076, 5: 100_725, 10: 153_464, 100: 1_104_202}
CREATION_OF_TWO = 110_000


def shares_of(count):
    """Shares without a common divisor: the greatest weights there are."""
    each = 10_000 // count
    return [each - 1] * (count - 1) + [each + count - 1]


@pytest.fixture(params=sorted(PEER_ETH))
def count(request):
    return request.param


@pytest.fixture
def payees(count):
    """Accounts that exist already: the figures are for paying again."""
    addresses = fresh(count)
    for address in addresses:
        chain.provider.set_balance(address, ONE)
    return addresses


@pytest.fixture
def split(create_split, payees, count):
    return create_split(dict(zip(payees, shares_of(count), strict=True)))


def test_creation_of_a_split_of_two(factory, deployer):
    receipt = factory.create(fresh(2), [4999, 5001], sender=deployer)
    assert receipt.gas_used <= CREATION_OF_TWO


def test_eth_paid_again(project, split, payees, count, deployer):
    split.distribute(ETH, value=ONE, sender=deployer)
    gas = split.distribute(ETH, value=ONE, sender=deployer).gas_used
    assert gas < PEER_ETH[count]
    if count >= 10:
        bare = project.BareTransfers.deploy(sender=deployer)
        limit = bare.pay(payees, ONE, value=count * ONE, sender=deployer).gas_used
        assert gas <= 1.10 * limit


def test_erc20_paid_again(project, split, payees, count, token, deployer):
    for _ in range(2):
        token.mint(split, ONE + 1, sender=deployer)
        receipt = split.distribute(token, sender=deployer)
    assert receipt.gas_used < PEER_ERC20[count]
