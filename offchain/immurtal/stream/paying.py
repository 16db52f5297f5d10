"""How a basket is paid: ETH along with it, tokens by allowance, by permit, or by Permit2.

An approval is always of exactly what is paid, never more. `plan` sends nothing; `carry_out` sends
what the plan says. What stands on chain is asked anew each time, so repeating after an
interruption approves nothing twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from immurtal.chain import abi
from immurtal.chain.contracts import Contracts
from immurtal.chain.eip712 import PERMIT2, Domain
from immurtal.chain.tokens import Currency, Erc20, call_data
from immurtal.chain.transactions import Receipt, Sender
from immurtal.chain.wallet import Wallet
from immurtal.errors import BadInput, CannotBuy, ImmurtalError, TokenMisbehaves, TransactionFailed
from immurtal.stream.basket import Basket, check_balances
from immurtal.stream.bought import Bought, explained, read_bought
from immurtal.stream.order import require_permit2, sign_order
from immurtal.stream.permits import permit_domain, sign_permit

Say = Callable[[str], None]


class Pay(StrEnum):
    """How tokens are paid; `AUTO`: by an allowance that is there, else by permit where the token
    has that, else by an approval."""

    AUTO = "auto"
    ALLOWANCE = "allowance"
    PERMIT = "permit"
    PERMIT2 = "permit2"


@dataclass(frozen=True, slots=True)
class Approval:
    """A transaction that must come first: `spender` may take exactly `amount`. first_zero: the
    token takes a new allowance only after one of nothing, and has another now."""

    currency: Currency
    spender: str
    amount: int
    first_zero: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """way: never AUTO. domain: of the permit to sign, for that way. strict: the buyer named the
    way, so no other will do."""

    basket: Basket
    payer: str
    way: Pay
    approvals: tuple[Approval, ...]
    domain: Domain | None
    strict: bool


async def plan(
    contracts: Contracts, basket: Basket, payer: str, pay: Pay, *, later: bool = False
) -> Plan:
    """How `payer` will pay. later: it is signed now and sent some time, at a price that may have
    risen up to its most, so that is approved.

    Raises InsufficientFunds, TokenMisbehaves, BadInput (that way does not fit), CannotBuy (the
    token, or this chain, does not have it).
    """
    await check_balances(contracts, basket, payer)
    if pay in (Pay.PERMIT, Pay.PERMIT2):
        _check_fits(basket, pay)
    spender = contracts.deployment.license_manager
    if pay is Pay.PERMIT2:
        await require_permit2(contracts)
        spender = PERMIT2
    amounts = basket.tokens
    if later:
        amounts = {item.currency: item.limit for item in basket.items}
    approvals = await _approvals(contracts, amounts, payer, spender)
    if pay is Pay.PERMIT or (pay is Pay.AUTO and approvals and len(basket.items) == 1):
        token = Erc20(contracts.rpc, basket.items[0].currency.address)
        domain = await permit_domain(token, contracts.deployment.chain_id)
        if domain is not None:
            return Plan(basket, payer, Pay.PERMIT, (), domain, pay is Pay.PERMIT)
        if pay is Pay.PERMIT:
            raise _no_permit(token.address)
    way = Pay.PERMIT2 if pay is Pay.PERMIT2 else Pay.ALLOWANCE
    return Plan(basket, payer, way, approvals, None, pay is not Pay.AUTO)


async def carry_out(
    contracts: Contracts, sender: Sender, wallet: Wallet, plan: Plan, say: Say
) -> Bought:
    """Sends the approvals and the purchase. Raises CannotBuy, TokenMisbehaves, and what sending
    raises; what stands already is said."""
    approved = await approve(contracts, sender, plan, say)
    try:
        data, value, more = await _purchase(contracts, sender, wallet, plan, say)
        receipt = await sender.send(contracts.deployment.license_manager, data, value)
    except TransactionFailed as error:
        failure = explained(error, plan.basket)
        if approved:
            failure.do = f"{failure.do} What was approved stands; buying again uses it.".strip()
        raise failure from error
    return read_bought(contracts, plan.basket, receipt, (*approved, *more))


async def approve(
    contracts: Contracts, sender: Sender, plan: Plan, say: Say
) -> tuple[Receipt, ...]:
    """Sends the plan's approvals, and sees each stand. Raises TokenMisbehaves, and what sending
    raises."""
    receipts: list[Receipt] = []
    for approval in plan.approvals:
        receipts += await _approve(contracts, sender, plan.payer, approval, say)
    return tuple(receipts)


async def _purchase(
    contracts: Contracts, sender: Sender, wallet: Wallet, plan: Plan, say: Say
) -> tuple[bytes, int, tuple[Receipt, ...]]:
    """Call data, wei, and what had to be approved after all."""
    basket = plan.basket
    more: tuple[Receipt, ...] = ()
    if plan.way is Pay.PERMIT2:
        order = await sign_order(contracts, wallet, basket)
        return order.call_data(), 0, ()
    if plan.way is Pay.PERMIT:
        data = await _with_permit(contracts, wallet, plan)
        if data is not None:
            return data, 0, ()
        if plan.strict:
            raise _no_permit(basket.items[0].currency.address)
        say("The token refuses its own permit; approving exactly the price instead.")
        spender = contracts.deployment.license_manager
        for approval in await _approvals(contracts, basket.tokens, plan.payer, spender):
            more += await _approve(contracts, sender, plan.payer, approval, say)
    return _plain(basket), basket.wei, more


def _plain(basket: Basket) -> bytes:
    rows = [
        (abi.id_number(item.offer.id), basket.recipient, basket.referrer, item.limit)
        for item in basket.items
    ]
    if len(rows) == 1:
        return abi.encode_call("LicenseManager", "purchase", *rows[0])
    return abi.encode_call("LicenseManager", "purchaseBatch", rows)


async def _with_permit(contracts: Contracts, wallet: Wallet, plan: Plan) -> bytes | None:
    """None if the token refuses the permit."""
    basket = plan.basket
    (item,) = basket.items
    if plan.domain is None:
        raise ValueError("a permit needs its domain")
    signed = await sign_permit(
        Erc20(contracts.rpc, item.currency.address),
        plan.domain,
        wallet,
        contracts.deployment.chain_id,
        spender=contracts.deployment.license_manager,
        value=item.price,
        now=basket.now,
    )
    if signed is None:
        return None
    # The permit is of the most that is paid: so that is the price, and no allowance stays behind.
    row = (abi.id_number(item.offer.id), basket.recipient, basket.referrer, item.price)
    return abi.encode_call(
        "LicenseManager", "purchaseWithPermit", row, signed.deadline, signed.v, signed.r, signed.s
    )


async def _approvals(
    contracts: Contracts, amounts: Mapping[Currency, int], payer: str, spender: str
) -> tuple[Approval, ...]:
    """What must be approved before `spender` can take these."""
    found: list[Approval] = []
    for currency, needed in amounts.items():
        token = Erc20(contracts.rpc, currency.address)
        allowed = await token.allowance(payer, spender)
        if allowed < needed:
            refused = await _approve_fails(token, payer, spender, needed)
            found.append(Approval(currency, spender, needed, allowed > 0 and refused))
    return tuple(found)


async def _approve_fails(token: Erc20, payer: str, spender: str, amount: int) -> bool:
    """Whether the token would refuse, as USDT does while another allowance stands."""
    asked = await token.ask("approve(address,uint256)", spender, amount, sender=payer)
    return asked is None or (len(asked) >= 32 and not any(asked[:32]))


async def _approve(
    contracts: Contracts, sender: Sender, payer: str, approval: Approval, say: Say
) -> tuple[Receipt, ...]:
    token = Erc20(contracts.rpc, approval.currency.address)
    if await token.allowance(payer, approval.spender) >= approval.amount:
        return ()  # given meanwhile, by an interrupted run or by hand
    amounts = (0, approval.amount) if approval.first_zero else (approval.amount,)
    receipts = []
    for amount in amounts:
        say(f"Approving {approval.currency.text(amount)} for {approval.spender}.")
        data = call_data("approve(address,uint256)", approval.spender, amount)
        try:
            receipts.append(await sender.send(token.address, data))
        except TransactionFailed as error:
            raise TokenMisbehaves(
                f"The token {token.address} refuses an approval: {error.error or error.what}",
                saved=sender.so_far,
            ) from error
    if await token.allowance(payer, approval.spender) < approval.amount:
        raise TokenMisbehaves(
            f"The token {token.address} took an approval of {approval.amount} base units and has "
            "none of that size.",
            saved=sender.so_far,
        )
    return tuple(receipts)


def _check_fits(basket: Basket, pay: Pay) -> None:
    if len(basket.items) != 1:
        raise BadInput(
            f"One offer at a time is paid by {pay}.",
            do="Buy them one by one, or with --pay allowance.",
        )
    if basket.items[0].currency.is_eth:
        raise BadInput(f"The offer is priced in ETH: there is no {pay} for that.")


def _no_permit(token: str) -> ImmurtalError:
    return CannotBuy(
        f"The token {token} has no permit (EIP-2612) that can be relied on.",
        reason="no-permit",
        saved="Nothing was paid.",
        do="Use --pay allowance, or leave --pay out.",
    )
