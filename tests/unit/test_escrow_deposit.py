"""StreamingEscrow.deposit: what arrived is credited, and nothing else."""

import pytest
from outcomes import reverts, said
from plays import DEVICE, ETH, ONE, fund, revert_data, selector, signed
from works import certify, work

NONE, FALSE, NOTHING, FEE, STILL, TAKES, BLIND, BOMB = range(8)


@pytest.fixture
def odd(project, deployer, escrow, buyer):
    """A token whose `transferFrom` can be told to go wrong."""
    token = project.OddPullToken.deploy(sender=deployer)
    token.mint(buyer, 10 * ONE, sender=deployer)
    token.approve(escrow, 2**256 - 1, sender=buyer)
    return token


@pytest.fixture
def reentering(project, deployer, escrow, buyer):
    token = project.ReenteringPullToken.deploy(sender=deployer)
    token.mint(buyer, 10 * ONE, sender=deployer)
    token.approve(escrow, 2**256 - 1, sender=buyer)
    return token


def balance(escrow, listener, token=ETH):
    return escrow.accountOf(listener, DEVICE, token)[0]


@pytest.mark.parametrize("zero", ["listener", "device"])
def test_an_account_has_a_listener_and_a_device(escrow, buyer, zero):
    listener = ETH if zero == "listener" else buyer
    device = ETH if zero == "device" else DEVICE
    with reverts(escrow, "StreamingEscrow_ZeroAccount"):
        escrow.deposit(listener, device, ETH, 5, value=5, sender=buyer)


@pytest.mark.parametrize("value", [0, 4, 6])
def test_eth_is_exact(escrow, buyer, value):
    with reverts(escrow, "StreamingEscrow_WrongPayment", expected=5, received=value):
        escrow.deposit(buyer, DEVICE, ETH, 5, value=value, sender=buyer)


def test_no_eth_beside_a_token(escrow, odd, buyer):
    with reverts(escrow, "StreamingEscrow_WrongPayment", expected=0, received=5):
        escrow.deposit(buyer, DEVICE, odd, 5, value=5, sender=buyer)


def test_a_token_has_code(escrow, buyer, stranger):
    with reverts(escrow, "StreamingEscrow_TokenHasNoCode", token=stranger.address):
        escrow.deposit(buyer, DEVICE, stranger, 5, sender=buyer)


def test_nothing_is_no_deposit(escrow, odd, buyer):
    for token in (ETH, odd):
        with reverts(escrow, "StreamingEscrow_NothingDeposited"):
            escrow.deposit(buyer, DEVICE, token, 0, sender=buyer)


@pytest.mark.parametrize("fault", [STILL, TAKES, BLIND])
def test_a_token_that_brings_nothing_is_refused(escrow, odd, buyer, fault):
    escrow.deposit(buyer, DEVICE, odd, ONE, sender=buyer)
    odd.setFault(fault, sender=buyer)
    with reverts(escrow, "StreamingEscrow_NothingDeposited"):
        escrow.deposit(buyer, DEVICE, odd, ONE, sender=buyer)
    assert balance(escrow, buyer, odd) == ONE


def test_a_balance_that_could_not_be_read_before_is_not_taken_for_nothing(
    escrow, odd, buyer, stranger
):
    """Else the second depositor would be credited with the first one's money too."""
    escrow.deposit(buyer, DEVICE, odd, 5 * ONE, sender=buyer)
    odd.mint(stranger, 1, sender=stranger)
    odd.approve(escrow, 1, sender=stranger)
    odd.setUnreadable(True, sender=stranger)
    with reverts(escrow, "StreamingEscrow_NothingDeposited"):
        escrow.deposit(stranger, DEVICE, odd, 1, sender=stranger)
    assert balance(escrow, stranger, odd) == 0


@pytest.mark.parametrize("fault", [FALSE, BOMB])
def test_a_token_that_does_not_move_is_refused(escrow, odd, buyer, fault):
    odd.setFault(fault, sender=buyer)
    data = revert_data(escrow.deposit, buyer, DEVICE, odd, ONE, sender=buyer)
    assert data == selector("TransferFromFailed()")


def test_no_allowance_no_deposit(escrow, token, buyer):
    token.mint(buyer, 5, sender=buyer)
    data = revert_data(escrow.deposit, buyer, DEVICE, token, 5, sender=buyer)
    assert data == selector("TransferFromFailed()")


def test_an_account_holds_less_than_2_to_the_128th(escrow, token, buyer):
    fund(escrow, buyer, 2**128 - 1, token)
    assert balance(escrow, buyer, token) == 2**128 - 1
    token.mint(buyer, 2**200, sender=buyer)
    token.approve(escrow, 2**200, sender=buyer)
    for amount in (1, 2**200):
        with reverts(escrow, "StreamingEscrow_DepositTooLarge", balance=2**128 - 1 + amount):
            escrow.deposit(buyer, DEVICE, token, amount, sender=buyer)


def test_eth(escrow, buyer, stranger):
    """Anyone funds anyone's account."""
    receipt = escrow.deposit(buyer, DEVICE, ETH, ONE, value=ONE, sender=stranger)
    assert said(receipt, escrow) == [
        (
            "Deposited",
            {
                "listener": buyer.address,
                "device": DEVICE,
                "token": ETH,
                "from": stranger.address,
                "amount": ONE,
            },
        )
    ]
    assert escrow.accountOf(buyer, DEVICE, ETH) == (ONE, 0, 0)
    fund(escrow, buyer, 7)
    assert escrow.available(buyer, DEVICE, ETH) == ONE + 7
    assert escrow.balance == ONE + 7


def test_accounts_are_apart(escrow, token, buyer, stranger):
    fund(escrow, buyer, 5)
    fund(escrow, buyer, 7, token)
    fund(escrow, stranger, 11)
    assert balance(escrow, buyer) == 5
    assert balance(escrow, buyer, token) == 7
    assert balance(escrow, stranger) == 11
    assert escrow.accountOf(buyer, stranger, ETH) == (0, 0, 0)
    assert escrow.accountOf(DEVICE, buyer, ETH) == (0, 0, 0)


def test_a_token_by_allowance(escrow, token, buyer):
    token.mint(buyer, 5, sender=buyer)
    token.approve(escrow, 5, sender=buyer)
    receipt = escrow.deposit(buyer, DEVICE, token, 5, sender=buyer)
    ((name, values),) = said(receipt, escrow)
    assert (name, values["token"], values["amount"]) == ("Deposited", token.address, 5)
    assert token.balanceOf(escrow) == 5
    assert token.balanceOf(buyer) == 0


@pytest.mark.parametrize(("fault", "arrived"), [(NOTHING, 1000), (FEE, 990)])
def test_what_arrived_is_credited(escrow, odd, buyer, fault, arrived):
    odd.mint(escrow, 5, sender=buyer)  # unasked: nobody's
    odd.setFault(fault, sender=buyer)
    receipt = escrow.deposit(buyer, DEVICE, odd, 1000, sender=buyer)
    ((_, values),) = said(receipt, escrow)
    assert values["amount"] == arrived
    assert balance(escrow, buyer, odd) == arrived


def test_a_token_does_not_nest_deposits_or_payments(escrow, reentering, buyer):
    """A deposit within a deposit would be counted by both."""
    token = reentering.address
    escrow.deposit(buyer, DEVICE, token, ONE, sender=buyer)
    for method, arguments in (
        (escrow.deposit, (buyer, DEVICE, token, 5)),
        (escrow.withdraw, (DEVICE, token, buyer)),
        (escrow.release, (buyer, token)),
    ):
        reentering.aim(escrow, method.encode_input(*arguments), sender=buyer)
        escrow.deposit(buyer, DEVICE, token, ONE, sender=buyer)
        assert not reentering.called()
        assert bytes(reentering.answer()) == selector("Reentrancy()")
    assert balance(escrow, buyer, token) == 4 * ONE


def test_what_a_token_records_meanwhile_counts(escrow, reentering, registry, author, buyer):
    (song,) = certify(registry, author, work("song"))
    escrow.deposit(buyer, DEVICE, reentering, 10, sender=buyer)
    statement = signed(escrow, buyer, [(song, 1, 4)], reentering)
    reentering.aim(escrow, escrow.record.encode_input([statement]), sender=buyer)
    escrow.deposit(buyer, DEVICE, reentering, 20, sender=buyer)
    assert reentering.called()
    assert balance(escrow, buyer, reentering) == 26
    assert escrow.accruedOf(author, reentering) == 4
