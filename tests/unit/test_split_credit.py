"""RoyaltySplit with payees and tokens that misbehave: nobody's trouble is anybody else's."""

import pytest
from ape import chain
from outcomes import reverts
from split_cases import ETH, ONE, Money, fresh

BAD_PAYEES = ["SwitchPayee", "GasBurningPayee", "ReturnBombPayee"]
BAD_TOKENS = [
    "FalseReturnToken",
    "ShortReturnToken",
    "BlocklistToken",
    "ReturnBombToken",
    "GasBurningToken",
]


@pytest.fixture(params=BAD_PAYEES + BAD_TOKENS)
def trouble(request, project, create_split, deployer):
    """(split, money, bad payee, good payees): the bad one has half, the good two the rest."""
    good = fresh(2, "good")
    if request.param in BAD_PAYEES:
        money = Money(deployer)
        bad = project.get_contract(request.param).deploy(sender=deployer).address
    else:
        money = Money(deployer, project.get_contract(request.param).deploy(sender=deployer))
        bad = fresh(1, "bad")[0]
        money.contract.mark(bad, True, sender=deployer)
    split = create_split({bad: 5000, good[0]: 2500, good[1]: 2500})
    return split, money, bad, good


def test_who_cannot_be_paid_is_credited_and_the_others_are_paid(trouble, stranger):
    split, money, bad, good = trouble
    money.send(split, ONE)
    receipt = split.distribute(money.address, sender=stranger)

    splits_own = [log for log in receipt.events if log.contract_address == split.address]
    assert splits_own == [
        split.Credited(money.address, bad, ONE // 2),
        split.Distributed(money.address, ONE),
    ]
    assert [money.balance(payee) for payee in good] == [ONE // 4, ONE // 4]
    assert money.balance(bad) == 0
    assert split.creditOf(money.address, bad) == ONE // 2
    assert split.totalCredit(money.address) == ONE // 2
    assert money.balance(split) == ONE // 2


def test_credits_are_not_distributed_again(trouble, stranger):
    split, money, bad, good = trouble
    money.send(split, ONE)
    split.distribute(money.address, sender=stranger)
    receipt = split.distribute(money.address, sender=stranger)
    assert receipt.events == []
    money.send(split, ONE)
    split.distribute(money.address, sender=stranger)
    assert split.creditOf(money.address, bad) == ONE
    assert split.totalCredit(money.address) == ONE
    assert [money.balance(payee) for payee in good] == [ONE // 2, ONE // 2]
    assert money.balance(split) == ONE


def test_a_credit_in_one_money_is_none_in_another(trouble, project, stranger):
    split, money, bad, _ = trouble
    money.send(split, ONE)
    split.distribute(money.address, sender=stranger)
    other = Money(stranger, project.MockERC20.deploy(sender=stranger))
    other.send(split, ONE)
    split.distribute(other.address, sender=stranger)
    assert other.balance(bad) == ONE // 2
    assert split.totalCredit(other.address) == 0
    assert split.totalCredit(money.address) == ONE // 2


def test_100_payees_that_burn_all_gas_fit_into_a_transaction(project, create_split, deployer):
    """EIP-7825 lets a transaction have 16,777,216 gas."""
    burner = project.GasBurningPayee.deploy(sender=deployer)
    code = chain.provider.get_code(burner.address)
    payees = fresh(100, "burner")
    for payee in payees:
        chain.provider.set_code(payee, code)
    split = create_split(dict.fromkeys(payees, 100))
    receipt = split.distribute(ETH, value=ONE, sender=deployer, gas_limit=16_777_216)
    assert split.totalCredit(ETH) == ONE
    assert receipt.gas_used < 13_700_000
    again = split.distribute(ETH, value=ONE, sender=deployer)
    assert split.totalCredit(ETH) == 2 * ONE
    assert again.gas_used < 1_100_000


class TestWithdraw:
    @pytest.fixture
    def payee(self, project, deployer):
        return project.SwitchPayee.deploy(sender=deployer)

    @pytest.fixture
    def credited(self, create_split, payee, deployer):
        """A split that owes `payee`, who refuses ETH, half an ether."""
        split = create_split({payee.address: 5000, fresh(1)[0]: 5000})
        split.distribute(ETH, value=ONE, sender=deployer)
        return split

    def test_anyone_may_have_the_payee_paid_once_it_takes_money(self, credited, payee, stranger):
        payee.setRefuses(False, sender=stranger)
        receipt = credited.withdraw(ETH, payee, sender=stranger)
        assert receipt.events == [credited.Withdrawn(ETH, payee, payee, ONE // 2)]
        assert payee.balance == ONE // 2
        assert credited.creditOf(ETH, payee) == 0
        assert credited.totalCredit(ETH) == 0
        assert credited.balance == 0

    def test_then_it_is_paid_by_distributions_again(self, credited, payee, stranger):
        payee.setRefuses(False, sender=stranger)
        credited.distribute(ETH, value=ONE, sender=stranger)
        assert credited.creditOf(ETH, payee) == ONE, "an open credit grows until it is withdrawn"
        assert payee.balance == 0
        credited.withdraw(ETH, payee, sender=stranger)
        credited.distribute(ETH, value=ONE, sender=stranger)
        assert payee.balance == ONE + ONE // 2

    def test_a_payee_that_still_refuses_keeps_its_credit(self, credited, payee, stranger):
        with reverts(
            credited, "RoyaltySplit_TransferFailed", token=ETH, to=payee.address, amount=ONE // 2
        ):
            credited.withdraw(ETH, payee, sender=stranger)
        assert credited.creditOf(ETH, payee) == ONE // 2
        assert credited.totalCredit(ETH) == ONE // 2

    def test_the_payee_may_send_its_credit_elsewhere(self, credited, payee, stranger):
        to = fresh(1, "elsewhere")[0]
        data = credited.withdrawTo.encode_input(ETH, to)
        receipt = payee.execute(credited, data, sender=stranger)
        assert receipt.events == [credited.Withdrawn(ETH, payee, to, ONE // 2)]
        assert chain.provider.get_balance(to) == ONE // 2
        assert credited.totalCredit(ETH) == 0

    def test_nobody_else_may(self, credited, stranger):
        with reverts(credited, "RoyaltySplit_NoCredit", token=ETH, payee=stranger.address):
            credited.withdrawTo(ETH, stranger, sender=stranger)

    def test_not_to_the_zero_address(self, credited, stranger):
        with reverts(credited, "RoyaltySplit_ZeroRecipient"):
            credited.withdrawTo(ETH, ETH, sender=stranger)

    @pytest.mark.parametrize("call", ["withdraw", "withdrawTo"])
    def test_no_credit_no_withdrawal(self, create_split, payee, stranger, call):
        split = create_split({payee.address: 10_000})
        account = payee.address if call == "withdraw" else stranger.address
        with reverts(split, "RoyaltySplit_NoCredit", token=ETH, payee=account):
            getattr(split, call)(ETH, account, sender=stranger)

    def test_only_once(self, credited, payee, stranger):
        payee.setRefuses(False, sender=stranger)
        credited.withdraw(ETH, payee, sender=stranger)
        stranger.transfer(credited, ONE)
        with reverts(credited, "RoyaltySplit_NoCredit", token=ETH, payee=payee.address):
            credited.withdraw(ETH, payee, sender=stranger)

    def test_a_failed_token_withdrawal_names_the_token(self, project, create_split, stranger):
        token = project.FalseReturnToken.deploy(sender=stranger)
        payee = fresh(1)[0]
        token.mark(payee, True, sender=stranger)
        split = create_split({payee: 10_000})
        token.mint(split, 77, sender=stranger)
        split.distribute(token, sender=stranger)
        with reverts(
            split, "RoyaltySplit_TransferFailed", token=token.address, to=payee, amount=77
        ):
            split.withdraw(token, payee, sender=stranger)
        token.mark(payee, False, sender=stranger)
        split.withdraw(token, payee, sender=stranger)
        assert token.balanceOf(payee) == 77
        assert split.totalCredit(token) == 0


class TestReentry:
    """Whoever enters again, by whichever function, is refused with Reentrancy()."""

    REENTRANCY = "0xab143c06"

    @pytest.fixture(params=["distribute", "withdraw", "withdrawTo"])
    def call(self, request):
        def data(split, payee):
            arguments = {"distribute": (ETH,), "withdraw": (ETH, payee), "withdrawTo": (ETH, payee)}
            return getattr(split, request.param).encode_input(*arguments[request.param])

        return data

    def test_a_payee_that_bears_the_refusal_is_paid(self, project, create_split, call, stranger):
        payee = project.ReenteringPayee.deploy(sender=stranger)
        split = create_split({payee.address: 5000, fresh(1)[0]: 5000})
        payee.aim(split, call(split, payee), False, sender=stranger)
        split.distribute(ETH, value=ONE, sender=stranger)
        assert payee.answer().to_0x_hex() == self.REENTRANCY
        assert payee.balance == ONE // 2
        assert split.totalCredit(ETH) == 0

    def test_a_payee_that_insists_is_credited(self, project, create_split, call, stranger):
        payee = project.ReenteringPayee.deploy(sender=stranger)
        other = fresh(1)[0]
        split = create_split({payee.address: 5000, other: 5000})
        payee.aim(split, call(split, payee), True, sender=stranger)
        split.distribute(ETH, value=ONE, sender=stranger)
        assert split.creditOf(ETH, payee) == ONE // 2
        assert chain.provider.get_balance(other) == ONE // 2

    def test_not_while_a_credit_is_withdrawn(self, project, create_split, call, stranger):
        payee = project.ReenteringPayee.deploy(sender=stranger)
        split = create_split({payee.address: 10_000})
        payee.aim(split, call(split, payee), True, sender=stranger)
        split.distribute(ETH, value=ONE, sender=stranger)
        with reverts(split, "RoyaltySplit_TransferFailed", token=ETH, to=payee.address, amount=ONE):
            split.withdraw(ETH, payee, sender=stranger)
        payee.aim(split, call(split, payee), False, sender=stranger)
        split.withdraw(ETH, payee, sender=stranger)
        assert payee.answer().to_0x_hex() == self.REENTRANCY
        assert payee.balance == ONE
        assert split.balance == 0

    def test_not_by_a_token(self, project, create_split, call, stranger):
        token = project.ReenteringToken.deploy(sender=stranger)
        payees = fresh(2)
        split = create_split(dict.fromkeys(payees, 5000))
        token.aim(split, call(split, payees[0]), sender=stranger)
        token.mark(payees[0], True, sender=stranger)
        token.mint(split, ONE, sender=stranger)
        split.distribute(token, sender=stranger)
        assert token.answer().to_0x_hex() == self.REENTRANCY
        assert [token.balanceOf(payee) for payee in payees] == [ONE // 2, ONE // 2]

    def test_a_reentry_that_starts_the_call_reverts_with_it(self, project, create_split, stranger):
        """The guard's own error, seen by whoever calls without catching it."""
        relay = project.SwitchPayee.deploy(sender=stranger)
        payee = project.ReenteringPayee.deploy(sender=stranger)
        split = create_split({payee.address: 10_000})
        nested = relay.execute.encode_input(split, split.distribute.encode_input(ETH))
        payee.aim(relay, nested, False, sender=stranger)
        split.distribute(ETH, value=ONE, sender=stranger)
        assert payee.answer().to_0x_hex() == self.REENTRANCY


class TestOddTokens:
    @pytest.fixture
    def payees(self):
        return fresh(2, "odd")

    @pytest.fixture
    def split(self, create_split, payees):
        return create_split(dict.fromkeys(payees, 5000))

    def test_a_token_that_returns_nothing(self, project, split, payees, stranger):
        token = project.MissingReturnToken.deploy(sender=stranger)
        token.mint(split, 1000, sender=stranger)
        split.distribute(token, sender=stranger)
        assert [token.balanceOf(payee) for payee in payees] == [500, 500]
        assert split.totalCredit(token) == 0

    def test_a_fee_is_borne_by_the_payees_alike(self, project, split, payees, stranger):
        token = project.FeeToken.deploy(sender=stranger)
        token.mint(split, 1000, sender=stranger)
        split.distribute(token, sender=stranger)
        assert [token.balanceOf(payee) for payee in payees] == [495, 495]
        assert token.balanceOf(split) == 0

    def test_a_fee_on_top_leaves_a_credit_that_later_money_covers(
        self, project, split, payees, stranger
    ):
        token = project.ToppingFeeToken.deploy(sender=stranger)
        token.mint(split, 1000, sender=stranger)
        split.distribute(token, sender=stranger)
        assert [token.balanceOf(payee) for payee in payees] == [500, 0]
        assert split.creditOf(token, payees[1]) == 500
        assert token.balanceOf(split) == 495, "less than the credit"

        receipt = split.distribute(token, sender=stranger)
        assert receipt.events == []
        token.mint(split, 10, sender=stranger)
        split.withdraw(token, payees[1], sender=stranger)
        assert token.balanceOf(payees[1]) == 500

    @pytest.mark.parametrize(
        ("fault", "name"),
        enumerate(["Reverts", "BurnsGas", "ReturnsNothing", "ReturnsHalfWord"], 1),
    )
    def test_a_balance_that_cannot_be_read_is_none(
        self, project, split, payees, stranger, fault, name
    ):
        token = project.UnreadableToken.deploy(sender=stranger)
        token.mint(split, 1000, sender=stranger)
        token.setFault(fault, sender=stranger)
        receipt = split.distribute(token, sender=stranger, gas_limit=1_000_000)
        assert receipt.events == [], name
        assert receipt.gas_used < 160_000
        token.setFault(0, sender=stranger)
        split.distribute(token, sender=stranger)
        assert token.balanceOf(payees[0]) == 500

    def test_a_balance_that_is_a_lie_harms_only_the_token_s_own_books(
        self, project, split, payees, token, stranger
    ):
        liar = project.UnreadableToken.deploy(sender=stranger)
        liar.setFault(5, sender=stranger)
        for _ in range(3):
            split.distribute(liar, sender=stranger)
        assert split.totalCredit(liar) == 2**256 - 2
        token.mint(split, 1000, sender=stranger)
        split.distribute(token, sender=stranger)
        split.distribute(ETH, value=1000, sender=stranger)
        assert [token.balanceOf(payee) for payee in payees] == [500, 500]
        assert [chain.provider.get_balance(payee) for payee in payees] == [500, 500]


def test_money_that_comes_back_while_it_is_shared_waits(project, create_split, stranger):
    """A payee pays the split in the middle of its distribution: the shares do not change."""
    payee = project.ReenteringPayee.deploy(sender=stranger)
    other = fresh(1)[0]
    split = create_split({payee.address: 5000, other: 5000})
    payee.aim(split, b"", True, sender=stranger)
    payee.sends(10, sender=stranger)
    split.distribute(ETH, value=ONE, sender=stranger)
    assert chain.provider.get_balance(other) == ONE // 2
    assert payee.balance == ONE // 2 - 10
    assert split.balance == 10
