"""RoyaltySplit.distribute with accounts and tokens that behave: exact shares, and what waits."""

import pytest
from ape import chain
from outcomes import reverts
from split_cases import ETH, ONE, Money, fresh, ordered


@pytest.fixture(params=["ETH", "ERC20"])
def money(request, deployer, token):
    return Money(deployer, token if request.param == "ERC20" else None)


@pytest.fixture
def payees():
    return fresh(3)


@pytest.fixture
def split(create_split, payees):
    """Shares 1667, 3333, 5000: a unit is 10,000 wei."""
    return create_split(dict(zip(payees, [1667, 3333, 5000], strict=True)))


def balances(money, payees):
    return [money.balance(payee) for payee in payees]


def test_everybody_is_paid_and_one_event_says_so(split, payees, money, stranger):
    money.send(split, 2_000_000)
    receipt = split.distribute(money.address, sender=stranger)
    assert balances(money, payees) == [333_400, 666_600, 1_000_000]
    assert money.balance(split) == 0
    splits_own = [log for log in receipt.events if log.contract_address == split.address]
    assert splits_own == [split.Distributed(money.address, 2_000_000)]


def test_what_is_below_a_unit_waits_and_is_never_lost(split, payees, money, stranger):
    money.send(split, 10_000 + 9_999)
    split.distribute(money.address, sender=stranger)
    assert balances(money, payees) == [1667, 3333, 5000]
    assert money.balance(split) == 9_999

    money.send(split, 1)
    split.distribute(money.address, sender=stranger)
    assert balances(money, payees) == [2 * 1667, 2 * 3333, 2 * 5000]
    assert money.balance(split) == 0


@pytest.mark.parametrize("amount", [0, 1, 9_999])
def test_less_than_a_unit_moves_nothing_and_says_nothing(split, payees, money, stranger, amount):
    if amount:
        money.send(split, amount)
    receipt = split.distribute(money.address, sender=stranger)
    assert receipt.events == []
    assert balances(money, payees) == [0, 0, 0]


@pytest.mark.parametrize(
    ("shares", "unit"),
    [([10_000], 1), ([5000, 5000], 2), ([2500, 7500], 4), ([9999, 1], 10_000), ([100] * 100, 100)],
    ids=lambda value: str(value)[:12],
)
def test_the_unit_is_as_small_as_the_shares_allow(create_split, money, stranger, shares, unit):
    payees = fresh(len(shares), f"unit {unit}")
    split = create_split(dict(zip(payees, shares, strict=True)))
    money.send(split, 3 * unit - 1)
    split.distribute(money.address, sender=stranger)
    assert money.balance(split) == unit - 1
    assert balances(money, payees) == [2 * share * unit // 10_000 for share in shares]


def test_eth_sent_along_is_distributed_at_once(split, payees, stranger):
    split.distribute(ETH, value=ONE, sender=stranger)
    assert sum(chain.provider.get_balance(payee) for payee in payees) == ONE


def test_eth_sent_along_with_a_token_waits(split, payees, token, stranger):
    token.mint(split, 10_000, sender=stranger)
    split.distribute(token, value=ONE, sender=stranger)
    assert token.balanceOf(payees[2]) == 5000
    assert split.balance == ONE
    split.distribute(ETH, sender=stranger)
    assert sum(chain.provider.get_balance(payee) for payee in payees) == ONE


def test_plain_eth_is_accepted_and_waits(split, stranger):
    receipt = stranger.transfer(split, ONE)
    assert split.balance == ONE
    assert receipt.events == []


def test_the_greatest_balance_there_can_be_is_shared(split, payees, project, stranger):
    token = project.MockERC20.deploy(sender=stranger)
    token.mint(split, 2**256 - 1, sender=stranger)
    split.distribute(token, sender=stranger)
    unit = (2**256 - 1) // 10_000
    assert [token.balanceOf(payee) for payee in payees] == [
        unit * 1667,
        unit * 3333,
        unit * 5000,
    ]


def test_a_nested_split_is_paid_and_not_distributed(
    project, factory, create_split, money, stranger
):
    inner_payees = fresh(2, "inner")
    inner = create_split(dict.fromkeys(inner_payees, 5000))
    outer_payee = fresh(1, "outer")[0]
    outer = create_split({inner.address: 5000, outer_payee: 5000})
    money.send(outer, ONE)
    outer.distribute(money.address, sender=stranger)
    assert money.balance(inner) == ONE // 2
    assert balances(money, inner_payees) == [0, 0]
    inner.distribute(money.address, sender=stranger)
    assert balances(money, inner_payees) == [ONE // 4, ONE // 4]


def test_money_of_one_split_and_token_is_apart_from_another(create_split, project, stranger):
    payee = fresh(2, "apart")
    first = create_split(dict.fromkeys(payee, 5000))
    second = create_split({payee[0]: 1000, payee[1]: 9000})
    tokens = [project.MockERC20.deploy(sender=stranger) for _ in range(2)]
    for split in (first, second):
        for token in tokens:
            token.mint(split, 100, sender=stranger)
    first.distribute(tokens[0], sender=stranger)
    assert [tokens[0].balanceOf(split) for split in (first, second)] == [0, 100]
    assert [tokens[1].balanceOf(split) for split in (first, second)] == [100, 100]


@pytest.mark.parametrize("kind", ["no contract", "no token"])
def test_what_is_no_token_does_nothing(split, factory, stranger, kind):
    address = fresh(1, "nothing")[0] if kind == "no contract" else factory.address
    receipt = split.distribute(address, sender=stranger)
    assert receipt.events == []


def test_a_precompile_as_token_harms_only_its_own_books(split, payees, money, stranger):
    """The identity precompile answers every question, with the question."""
    identity = "0x0000000000000000000000000000000000000004"
    split.distribute(identity, sender=stranger)
    assert split.totalCredit(identity) > 0
    with reverts(
        split,
        "RoyaltySplit_TransferFailed",
        token=identity,
        to=payees[0],
        amount=split.creditOf(identity, payees[0]),
    ):
        split.withdraw(identity, payees[0], sender=stranger)
    money.send(split, ONE)
    split.distribute(money.address, sender=stranger)
    assert sum(balances(money, payees)) == ONE


class TestGas:
    """A wallet's estimate, or a caller's miserly limit, never ends in skipped payees."""

    @pytest.fixture
    def hungry(self, project, create_split, money, deployer):
        """A split whose payees, and whose token, fail unless they get all of their gas."""
        payees = [project.HungryPayee.deploy(sender=deployer) for _ in range(4)]
        split = create_split(dict.fromkeys(ordered(*payees), 2500))
        if money.contract:
            money = Money(deployer, project.HungryToken.deploy(sender=deployer))
        money.send(split, ONE)
        return split, payees, money

    def test_an_estimate_is_enough_to_pay_everybody(self, hungry, stranger):
        split, payees, money = hungry
        estimate = split.distribute.estimate_gas_cost(money.address, sender=stranger)
        split.distribute(money.address, sender=stranger, gas_limit=estimate)
        assert balances(money, payees) == [ONE // 4] * 4

    def test_too_little_gas_reverts_by_name(self, split, payees, money, stranger):
        money.send(split, 10_000)
        with reverts(split, "RoyaltySplit_TooLittleGas"):
            split.distribute(money.address, sender=stranger, gas_limit=150_000)
        assert balances(money, payees) == [0, 0, 0]

    def test_no_gas_limit_skips_anybody(self, hungry, project, stranger):
        """Whatever gas a distribution gets: all are paid, or it fails and nothing moves."""
        split, _, money = hungry
        probe = project.GasProbe.deploy(sender=stranger)
        outcomes = {
            tuple(probe.distribute.call(split, money.address, gas, sender=stranger))
            for gas in range(5_000, 400_000, 1_009)
        }
        assert outcomes == {(True, ONE), (False, 0)}
