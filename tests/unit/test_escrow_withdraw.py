"""StreamingEscrow.requestWithdrawal and withdraw: a day's wait, a day's window, and the money."""

import pytest
from ape import chain
from outcomes import reverts, said
from plays import DAY, DEVICE, ETH, ONE, fund, revert_data, selector, signed
from split_cases import fresh
from works import certify, work

ZERO = ETH


@pytest.fixture
def funded(escrow, buyer):
    fund(escrow, buyer, ONE)


@pytest.fixture
def request_(escrow, buyer):
    """Asks for money back; the second it was asked in."""

    def ask(amount, token=ETH):
        escrow.requestWithdrawal(DEVICE, token, amount, sender=buyer)
        return chain.blocks.head.timestamp

    return ask


@pytest.fixture
def asked(escrow, buyer, funded, request_):
    """A request for everything, a day ago."""
    at = request_(ONE)
    chain.mine(1, timestamp=at + DAY)


def state(escrow, buyer, token=ETH):
    return tuple(escrow.accountOf(buyer, DEVICE, token))


def no_request(escrow, listener, token=ETH):
    return reverts(
        escrow,
        "StreamingEscrow_NoRequest",
        listener=listener.address,
        device=DEVICE,
        token=str(getattr(token, "address", token)),
    )


def test_nothing_without_a_request(escrow, buyer, funded):
    with no_request(escrow, buyer):
        escrow.withdraw(DEVICE, ETH, buyer, sender=buyer)


def test_a_request_is_for_its_own_account(escrow, token, buyer, stranger, asked):
    fund(escrow, buyer, 5, token)
    fund(escrow, stranger, 5)
    with no_request(escrow, stranger):
        escrow.withdraw(DEVICE, ETH, stranger, sender=stranger)
    with no_request(escrow, buyer, token):
        escrow.withdraw(DEVICE, token, buyer, sender=buyer)


@pytest.mark.parametrize("age", [1, DAY - 1])
def test_too_early_by_a_second(escrow, buyer, funded, request_, age):
    at = request_(ONE)
    chain.pending_timestamp = at + age
    with reverts(escrow, "StreamingEscrow_TooEarly", **{"from": at + DAY}):
        escrow.withdraw(DEVICE, ETH, buyer, sender=buyer)


def test_too_late_by_a_second(escrow, buyer, funded, request_):
    at = request_(ONE)
    chain.pending_timestamp = at + 2 * DAY + 1
    with no_request(escrow, buyer):
        escrow.withdraw(DEVICE, ETH, buyer, sender=buyer)


@pytest.mark.parametrize("age", [DAY, 2 * DAY])
def test_in_time_to_the_second(escrow, buyer, funded, request_, age):
    (to,) = fresh(1, "withdraws")
    at = request_(ONE)
    chain.pending_timestamp = at + age
    escrow.withdraw(DEVICE, ETH, to, sender=buyer)
    assert chain.blocks.head.timestamp == at + age
    assert chain.provider.get_balance(to) == ONE


def test_a_new_request_begins_the_day_anew(escrow, buyer, funded, request_):
    at = request_(ONE)
    chain.mine(1, timestamp=at + DAY - 10)
    again = request_(5)
    assert state(escrow, buyer) == (ONE, 5, again)
    chain.pending_timestamp = at + DAY + 60
    with reverts(escrow, "StreamingEscrow_TooEarly", **{"from": again + DAY}):
        escrow.withdraw(DEVICE, ETH, buyer, sender=buyer)


def test_a_request_for_nothing_takes_the_one_before_back(escrow, buyer, asked):
    receipt = escrow.requestWithdrawal(DEVICE, ETH, 0, sender=buyer)
    ((name, values),) = said(receipt, escrow)
    assert name == "WithdrawalRequested"
    assert (values["amount"], values["from"], values["until"]) == (0, 0, 0)
    assert state(escrow, buyer) == (ONE, 0, 0)
    assert escrow.available(buyer, DEVICE, ETH) == ONE
    with no_request(escrow, buyer):
        escrow.withdraw(DEVICE, ETH, buyer, sender=buyer)


def test_nothing_from_an_empty_account(escrow, registry, author, buyer, asked):
    (song,) = certify(registry, author, work("song"))
    escrow.record([signed(escrow, buyer, [(song, 1, ONE)])], sender=buyer)
    error = {"listener": buyer.address, "device": DEVICE, "token": ETH}
    with reverts(escrow, "StreamingEscrow_NothingToWithdraw", **error):
        escrow.withdraw(DEVICE, ETH, buyer, sender=buyer)


def test_nothing_to_the_zero_address(escrow, buyer, asked):
    with reverts(escrow, "StreamingEscrow_ZeroRecipient"):
        escrow.withdraw(DEVICE, ETH, ZERO, sender=buyer)


@pytest.mark.parametrize("mock", ["SwitchPayee", "GasBurningPayee", "ReturnBombPayee"])
def test_who_does_not_take_it_changes_nothing(project, deployer, escrow, buyer, asked, mock):
    payee = project.get_contract(mock).deploy(sender=deployer)
    before = state(escrow, buyer)
    with reverts(escrow, "StreamingEscrow_PaymentFailed", to=payee.address, amount=ONE):
        escrow.withdraw(DEVICE, ETH, payee, sender=buyer, gas=1_000_000)
    assert state(escrow, buyer) == before
    (other,) = fresh(1, "another")
    escrow.withdraw(DEVICE, ETH, other, sender=buyer)
    assert chain.provider.get_balance(other) == ONE


def test_the_escrow_pays_nothing_to_itself(escrow, token, buyer, asked, request_):
    with reverts(escrow, "StreamingEscrow_PaymentFailed", to=escrow.address, amount=ONE):
        escrow.withdraw(DEVICE, ETH, escrow, sender=buyer)
    fund(escrow, buyer, 5, token)
    at = request_(5, token)
    chain.mine(1, timestamp=at + DAY)
    with reverts(escrow, "StreamingEscrow_PaymentFailed", to=escrow.address, amount=5):
        escrow.withdraw(DEVICE, token, escrow, sender=buyer)
    assert state(escrow, buyer, token) == (5, 5, at)


@pytest.mark.parametrize("mock", ["BlocklistToken", "FalseReturnToken", "ReturnBombToken"])
def test_a_token_that_does_not_move_changes_nothing(
    project, deployer, escrow, buyer, stranger, request_, mock
):
    odd = project.get_contract(mock).deploy(sender=deployer)
    fund(escrow, buyer, 5, odd)
    at = request_(5, odd)
    chain.mine(1, timestamp=at + DAY)
    odd.mark(buyer, True, sender=deployer)
    data = revert_data(escrow.withdraw, DEVICE, odd, buyer, sender=buyer)
    assert data == selector("TransferFailed()")
    escrow.withdraw(DEVICE, odd, stranger, sender=buyer)
    assert odd.balanceOf(stranger) == 5


def test_what_it_says(escrow, buyer, stranger, funded):
    receipt = escrow.requestWithdrawal(DEVICE, ETH, 5, sender=buyer)
    now = chain.blocks.head.timestamp
    account = {"listener": buyer.address, "device": DEVICE, "token": ETH}
    times = {"from": now + DAY, "until": now + 2 * DAY}
    assert said(receipt, escrow) == [("WithdrawalRequested", {**account, "amount": 5, **times})]
    assert state(escrow, buyer) == (ONE, 5, now)
    chain.mine(1, timestamp=now + DAY)
    receipt = escrow.withdraw(DEVICE, ETH, stranger, sender=buyer)
    assert said(receipt, escrow) == [
        ("Withdrawn", {**account, "to": stranger.address, "amount": 5})
    ]
    assert state(escrow, buyer) == (ONE - 5, 0, 0)
    assert escrow.balance == ONE - 5


def test_a_request_is_paid_once(escrow, buyer, funded, request_):
    at = request_(5)
    chain.mine(1, timestamp=at + DAY)
    escrow.withdraw(DEVICE, ETH, buyer, sender=buyer)
    with no_request(escrow, buyer):
        escrow.withdraw(DEVICE, ETH, buyer, sender=buyer)


def test_more_than_there_is_pays_what_is_there(escrow, buyer, funded, request_):
    (to,) = fresh(1, "all of it")
    at = request_(2**128 - 1)
    assert escrow.available(buyer, DEVICE, ETH) == 0
    chain.mine(1, timestamp=at + DAY)
    escrow.withdraw(DEVICE, ETH, to, sender=buyer)
    assert chain.provider.get_balance(to) == ONE
    assert state(escrow, buyer) == (0, 0, 0)


def test_a_missing_return_value_is_no_failure(project, deployer, escrow, buyer, request_):
    odd = project.MissingReturnToken.deploy(sender=deployer)
    fund(escrow, buyer, 5, odd)
    at = request_(5, odd)
    chain.mine(1, timestamp=at + DAY)
    escrow.withdraw(DEVICE, odd, buyer, sender=buyer)
    assert odd.balanceOf(buyer) == 5


def test_what_is_asked_back_is_not_available_until_it_lapses(escrow, buyer, funded, request_):
    at = request_(ONE // 4)
    for age, available in (
        (0, ONE * 3 // 4),
        (DAY, ONE * 3 // 4),
        (2 * DAY, ONE * 3 // 4),
        (2 * DAY + 1, ONE),
    ):
        if age:
            chain.mine(1, timestamp=at + age)
        assert escrow.available(buyer, DEVICE, ETH) == available
    assert state(escrow, buyer) == (ONE, ONE // 4, at)


def test_what_was_played_before_is_still_taken(escrow, registry, author, buyer, asked):
    (song,) = certify(registry, author, work("song"))
    (to,) = fresh(1, "the rest")
    escrow.record([signed(escrow, buyer, [(song, 3, ONE // 3)])], sender=author)
    escrow.withdraw(DEVICE, ETH, to, sender=buyer)
    assert chain.provider.get_balance(to) == ONE - ONE // 3
    assert state(escrow, buyer) == (0, 0, 0)


def test_a_payee_does_not_re_enter(project, deployer, escrow, buyer, funded, request_):
    payee = project.ReenteringPayee.deploy(sender=deployer)
    fund(escrow, buyer, ONE)
    for method, arguments in (
        (escrow.withdraw, (DEVICE, ETH, payee)),
        (escrow.release, (payee, ETH)),
        (escrow.deposit, (buyer, DEVICE, ETH, 0)),
    ):
        at = request_(5)
        chain.mine(1, timestamp=at + DAY)
        payee.aim(escrow, method.encode_input(*arguments), False, sender=deployer)
        escrow.withdraw(DEVICE, ETH, payee, sender=buyer)
        assert bytes(payee.answer()) == selector("Reentrancy()")
    assert payee.balance == 15
