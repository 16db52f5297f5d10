"""StreamingEscrow.release: what accrued reaches its payout, and only that payout."""

import pytest
from ape import chain
from outcomes import reverts, said
from plays import ETH, ONE, fund, revert_data, selector, signed
from split_cases import fresh
from works import certify, work


@pytest.fixture
def accrue(escrow, registry, author, buyer):
    """Lets so much accrue to a payout, as plays of a work of its own."""
    count = 0

    def play(payout, amount, token=None):
        nonlocal count
        count += 1
        (song,) = certify(registry, author, work(f"paying {count}", payout=str(payout)))
        fund(escrow, buyer, amount, token)
        money = ETH if token is None else token
        escrow.record([signed(escrow, buyer, [(song, 1, amount)], money)], sender=buyer)
        return song

    return play


def nothing(escrow, payout, token=ETH):
    return reverts(
        escrow,
        "StreamingEscrow_NothingToRelease",
        payout=str(getattr(payout, "address", payout)),
        token=token,
    )


def test_nothing_accrued(escrow, stranger):
    with nothing(escrow, stranger):
        escrow.release(stranger, ETH, sender=stranger)


def test_one_unit_stays(escrow, stranger, accrue):
    (payout,) = fresh(1, "one unit")
    accrue(payout, 1)
    with nothing(escrow, payout):
        escrow.release(payout, ETH, sender=stranger)
    accrue(payout, 1)
    escrow.release(payout, ETH, sender=stranger)
    assert chain.provider.get_balance(payout) == 1
    assert escrow.accruedOf(payout, ETH) == 1


def test_anyone_releases_to_the_payout(escrow, stranger, accrue):
    (payout,) = fresh(1, "plain")
    accrue(payout, ONE)
    receipt = escrow.release(payout, ETH, sender=stranger)
    assert said(receipt, escrow) == [
        ("Released", {"payout": payout, "token": ETH, "amount": ONE - 1})
    ]
    assert chain.provider.get_balance(payout) == ONE - 1
    with nothing(escrow, payout):
        escrow.release(payout, ETH, sender=stranger)
    accrue(payout, 5)
    escrow.release(payout, ETH, sender=stranger)
    assert chain.provider.get_balance(payout) == ONE + 4
    assert escrow.balance == 1


@pytest.mark.parametrize("mock", ["SwitchPayee", "GasBurningPayee", "ReturnBombPayee"])
def test_who_does_not_take_it_keeps_the_claim(project, deployer, escrow, accrue, mock):
    payee = project.get_contract(mock).deploy(sender=deployer)
    accrue(payee.address, ONE)
    with reverts(escrow, "StreamingEscrow_PaymentFailed", to=payee.address, amount=ONE - 1):
        escrow.release(payee, ETH, sender=deployer, gas=1_000_000)
    assert escrow.accruedOf(payee, ETH) == ONE
    assert escrow.balance == ONE


def test_a_payee_that_changes_its_mind_is_paid(project, deployer, escrow, accrue):
    payee = project.SwitchPayee.deploy(sender=deployer)
    accrue(payee.address, ONE)
    payee.setRefuses(False, sender=deployer)
    escrow.release(payee, ETH, sender=deployer)
    assert payee.balance == ONE - 1


@pytest.mark.parametrize("mock", ["BlocklistToken", "FalseReturnToken", "ReturnBombToken"])
def test_a_token_that_does_not_move_keeps_the_claim(
    project, deployer, escrow, stranger, accrue, mock
):
    odd = project.get_contract(mock).deploy(sender=deployer)
    accrue(stranger, 100, odd)
    odd.mark(stranger, True, sender=deployer)
    data = revert_data(escrow.release, stranger, odd, sender=deployer)
    assert data == selector("TransferFailed()")
    odd.mark(stranger, False, sender=deployer)
    escrow.release(stranger, odd, sender=deployer)
    assert odd.balanceOf(stranger) == 99


def test_what_accrued_to_the_escrow_stays(escrow, deployer, token, accrue):
    accrue(escrow, 1001, token)
    with reverts(escrow, "StreamingEscrow_PaymentFailed", to=escrow.address, amount=1000):
        escrow.release(escrow, token, sender=deployer)
    assert (token.balanceOf(escrow), escrow.accruedOf(escrow, token)) == (1001, 1001)


def test_a_token_that_keeps_a_fee_harms_only_who_uses_it(
    project, deployer, escrow, token, buyer, stranger, accrue
):
    odd = project.FeeToken.deploy(sender=deployer)
    accrue(stranger, 1001, odd)
    accrue(stranger, 1001, token)
    escrow.release(stranger, odd, sender=deployer)
    assert odd.balanceOf(stranger) == 990
    assert (odd.balanceOf(escrow), escrow.accruedOf(stranger, odd)) == (1, 1)
    escrow.release(stranger, token, sender=deployer)
    assert token.balanceOf(stranger) == 1000


def test_a_split_is_distributed(escrow, deployer, create_split, accrue):
    payees = fresh(2, "of a released split")
    split = create_split({payees[0]: 2500, payees[1]: 7500})
    accrue(split.address, 4001)
    receipt = escrow.release(split, ETH, sender=deployer)
    assert [chain.provider.get_balance(p) for p in payees] == [1000, 3000]
    assert said(receipt, split) == [("Distributed", {"token": ETH, "amount": 4000})]
    assert split.balance == 0
    assert escrow.balance == 1


def test_a_split_is_distributed_in_a_token(escrow, deployer, create_split, token, accrue):
    payees = fresh(2, "of a released split")
    split = create_split({payees[0]: 2500, payees[1]: 7500})
    accrue(split.address, 4001, token)
    receipt = escrow.release(split, token, sender=deployer)
    assert [token.balanceOf(p) for p in payees] == [1000, 3000]
    assert said(receipt, escrow, split) == [
        ("Released", {"payout": split.address, "token": token.address, "amount": 4000}),
        ("Distributed", {"token": token.address, "amount": 4000}),
    ]


def test_a_payee_of_a_split_blocks_nobody(project, deployer, escrow, create_split, accrue):
    burner = project.GasBurningPayee.deploy(sender=deployer)
    (other,) = fresh(1, "beside a burner")
    split = create_split({burner.address: 5000, other: 5000})
    accrue(split.address, 4001)
    escrow.release(split, ETH, sender=deployer)
    assert chain.provider.get_balance(other) == 2000
    assert split.creditOf(ETH, burner) == 2000


def test_the_failure_of_a_split_is_the_release_s(escrow, deployer, create_split, accrue):
    """Else whoever sends it with little gas would leave the money lying in the split."""
    payees = fresh(2, "of a released split")
    split = create_split({payees[0]: 2500, payees[1]: 7500})
    accrue(split.address, 4001)
    data = revert_data(escrow.release, split, ETH, sender=deployer, gas=180_000)
    assert data == selector("RoyaltySplit_TooLittleGas()")
    assert escrow.accruedOf(split, ETH) == 4001


def test_what_only_looks_like_a_split_is_paid_plainly(project, deployer, escrow, accrue):
    payee = project.SwitchPayee.deploy(sender=deployer)
    payee.setRefuses(False, sender=deployer)
    accrue(payee.address, 10)
    escrow.release(payee, ETH, sender=deployer)
    assert payee.balance == 9


def test_a_payee_does_not_re_enter(project, deployer, escrow, buyer, accrue):
    payee = project.ReenteringPayee.deploy(sender=deployer)
    for method, arguments in (
        (escrow.release, (payee, ETH)),
        (escrow.withdraw, (payee, ETH, payee)),
        (escrow.deposit, (buyer, payee, ETH, 0)),
    ):
        accrue(payee.address, 10)
        payee.aim(escrow, method.encode_input(*arguments), False, sender=deployer)
        escrow.release(payee, ETH, sender=deployer)
        assert bytes(payee.answer()) == selector("Reentrancy()")
    assert payee.balance == 29


def test_what_a_payee_records_meanwhile_accrues(
    project, deployer, escrow, registry, author, buyer, accrue
):
    payee = project.ReenteringPayee.deploy(sender=deployer)
    song = accrue(payee.address, 10)
    fund(escrow, buyer, 5)
    later = signed(escrow, buyer, [(song, 2, 15)])
    payee.aim(escrow, escrow.record.encode_input([later]), True, sender=deployer)
    escrow.release(payee, ETH, sender=deployer)
    assert payee.balance == 9
    assert escrow.accruedOf(payee, ETH) == 6


def test_a_later_payout_does_not_get_what_accrued(escrow, registry, author, deployer, accrue):
    before, after = fresh(2, "payouts one after another")
    song = accrue(before, 100)
    registry.setPayout(song, after, sender=author)
    with nothing(escrow, after):
        escrow.release(after, ETH, sender=deployer)
    escrow.release(before, ETH, sender=deployer)
    assert chain.provider.get_balance(before) == 99
