"""RoyaltySplitFactory: what a split may be, and where it is."""

import pytest
from ape import chain
from outcomes import refusal, reverts
from split_cases import ETH, ONE, fresh

PAIR = fresh(2, "pair")


def test_create_announces_the_split_and_puts_everything_in_its_code(project, factory, stranger):
    payees, shares = fresh(3), [2500, 2500, 5000]
    receipt = factory.create(payees, shares, sender=stranger)
    split = project.RoyaltySplit.at(receipt.return_value)

    assert receipt.events == [factory.SplitCreated(split.address, payees, shares)]
    assert split.payees() == (payees, shares)
    assert split.address == factory.predict(payees, shares)
    code = bytes(chain.provider.get_code(split.address))
    weights = [1, 1, 2]
    entries = b"".join(
        bytes.fromhex(payee[2:]) + weight.to_bytes(2, "big")
        for payee, weight in zip(payees, weights, strict=True)
    )
    assert code[45:] == (4).to_bytes(2, "big") + entries


def test_creating_again_returns_the_split_and_says_nothing(factory, stranger, deployer):
    first = factory.create(PAIR, [9999, 1], sender=stranger)
    second = factory.create(PAIR, [9999, 1], sender=deployer)
    assert second.return_value == first.return_value
    assert second.events == []


@pytest.mark.parametrize(
    "shares",
    [[10_000], [5000, 5000], [1, 9999], [3333, 3333, 3334], [100] * 100, [1] * 99 + [9901]],
    ids=lambda shares: f"{len(shares)}-{shares[0]}",
)
def test_shares_come_back_as_given(project, factory, deployer, shares):
    payees = fresh(len(shares))
    split = project.RoyaltySplit.at(factory.create(payees, shares, sender=deployer).return_value)
    assert split.payees() == (payees, shares)
    assert factory.isSplit(split)


def test_different_shares_are_different_splits(factory):
    addresses = {factory.predict(PAIR, [s, 10_000 - s]) for s in (1, 2, 4999, 5000, 5001, 9999)}
    assert len(addresses) == 6


def test_money_may_come_before_the_split(project, factory, deployer):
    split = factory.predict(PAIR, [2500, 7500])
    deployer.transfer(split, 4)
    factory.create(PAIR, [2500, 7500], sender=deployer)
    project.RoyaltySplit.at(split).distribute(ETH, sender=deployer)
    assert [chain.provider.get_balance(payee) for payee in PAIR] == [1, 3]


@pytest.mark.parametrize("call", ["create", "predict"])
class TestRefuses:
    """`predict` refuses what `create` does: nobody shall pay to an address that can never be."""

    @pytest.fixture
    def refuse(self, factory, deployer, call):
        def attempt(reason, payees, shares, /, **arguments):
            error = f"RoyaltySplitFactory_{reason}"
            if call == "predict":
                assert refusal(factory.predict, payees, shares) == (error, arguments)
                return
            with reverts(factory, error, **arguments):
                factory.create(payees, shares, sender=deployer)

        return attempt

    def test_no_payee(self, refuse):
        refuse("PayeeCount", [], [], count=0)

    def test_more_than_100_payees(self, refuse):
        refuse("PayeeCount", fresh(101), [99] * 100 + [100], count=101)

    @pytest.mark.parametrize("shares", [[10_000], [5000, 4000, 1000]])
    def test_lengths_that_differ(self, refuse, shares):
        refuse("LengthMismatch", PAIR, shares, payees=2, shares=len(shares))

    def test_payees_in_the_wrong_order(self, refuse):
        refuse("PayeesNotSorted", PAIR[::-1], [5000, 5000], index=1)

    def test_a_payee_twice(self, refuse):
        refuse("PayeesNotSorted", [PAIR[0], PAIR[0]], [5000, 5000], index=1)

    def test_the_zero_address(self, refuse):
        refuse("PayeesNotSorted", [ETH, PAIR[0]], [5000, 5000], index=0)

    def test_a_share_of_nothing(self, refuse):
        refuse("ZeroShare", PAIR, [10_000, 0], index=1)

    @pytest.mark.parametrize(("shares", "total"), [([5000, 4999], 9999), ([5000, 5001], 10_001)])
    def test_shares_that_do_not_sum_up(self, refuse, shares, total):
        refuse("SharesSum", PAIR, shares, sum=total)

    def test_shares_whose_sum_would_wrap_around_in_16_bits(self, refuse):
        refuse("SharesSum", PAIR, [65_535, 10_001], sum=75_536)


class TestIsSplit:
    def test_knows_its_splits_only_once_they_exist(self, factory, deployer):
        split = factory.predict(PAIR, [1234, 8766])
        assert not factory.isSplit(split)
        factory.create(PAIR, [1234, 8766], sender=deployer)
        assert factory.isSplit(split)

    def test_no_account_and_no_other_contract(self, factory, token, deployer):
        for address in (ETH, PAIR[0], deployer, factory, factory.implementation(), token):
            assert factory.isSplit(address) is False

    def test_no_split_of_another_factory(self, project, factory, deployer):
        other = project.RoyaltySplitFactory.deploy(sender=deployer)
        split = other.create(PAIR, [5000, 5000], sender=deployer).return_value
        assert other.isSplit(split)
        assert factory.isSplit(split) is False

    def test_a_split_s_code_somewhere_else_is_no_split(self, factory, deployer):
        split = factory.create(PAIR, [5000, 5000], sender=deployer).return_value
        elsewhere = fresh(1, "elsewhere")[0]
        chain.provider.set_code(elsewhere, chain.provider.get_code(split))
        assert factory.isSplit(elsewhere) is False

    @pytest.mark.parametrize("target", ["split", "implementation"])
    def test_no_account_that_delegates_to_one(self, factory, deployer, target):
        """EIP-7702: the account answers as a split does, but its owner may change its mind."""
        split = factory.create(PAIR, [5000, 5000], sender=deployer).return_value
        to = split if target == "split" else factory.implementation()
        account = fresh(1, f"delegates to {target}")[0]
        chain.provider.set_code(account, bytes.fromhex("ef0100" + to[2:]))
        assert factory.isSplit(account) is False

    @pytest.mark.parametrize("size", [1, 44, 45, 46, 47, 69, 2247, 2248, 24_576])
    def test_any_code_gets_an_answer(self, factory, size):
        address = fresh(1, f"code {size}")[0]
        chain.provider.set_code(address, b"\xfe" * size)
        assert factory.isSplit(address) is False

    def test_one_changed_byte_of_the_arguments_is_no_split(self, factory, deployer):
        split = factory.create(PAIR, [5000, 5000], sender=deployer).return_value
        code = bytes(chain.provider.get_code(split))
        for changed in (46, 47, 60, len(code) - 1):
            chain.provider.set_code(
                split, bytes([*code[:changed], code[changed] ^ 1, *code[changed + 1 :]])
            )
            assert factory.isSplit(split) is False
        chain.provider.set_code(split, code)
        assert factory.isSplit(split) is True


def test_a_split_keeps_its_promise_of_exact_shares(create_split, deployer):
    """Smoke of the whole: 10 payments of odd amounts, and the shares are exact after each."""
    payees = fresh(3, "promise")
    split = create_split(dict(zip(payees, [1667, 3333, 5000], strict=True)))
    for i in range(10):
        split.distribute(ETH, value=ONE // 7 + i, sender=deployer)
        paid = [chain.provider.get_balance(payee) for payee in payees]
        assert paid[0] * 3333 == paid[1] * 1667
        assert paid[0] * 5000 == paid[2] * 1667
