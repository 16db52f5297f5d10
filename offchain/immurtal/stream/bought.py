"""What a purchase came to: read from its receipt, or why it failed, in a buyer's words."""

import re
from dataclasses import dataclass
from typing import Final

from immurtal.chain import abi
from immurtal.chain.contracts import Contracts, Refusal
from immurtal.chain.transactions import Receipt
from immurtal.errors import (
    CannotBuy,
    ImmurtalError,
    IntegrityError,
    TokenMisbehaves,
    TransactionFailed,
)
from immurtal.stream.basket import REFUSALS, Basket, Item

_BY_NUMBER: Final = {refusal.value: refusal for refusal in Refusal}
_ERROR: Final = re.compile(r"(\w+)\(([^)]*)\)")
_ORDER_ERRORS: Final = {
    "InvalidNonce": ("order-used", "its nonce was used already, or taken back"),
    "SignatureExpired": ("order-expired", "its deadline has passed"),
    "InvalidSigner": ("order-invalid", "its signature is not the payer's"),
    "InvalidSignature": ("order-invalid", "its signature is not the payer's"),
    "InvalidSignatureLength": ("order-invalid", "its signature is none"),
    "InvalidContractSignature": ("order-invalid", "the payer's contract does not agree to it"),
}
"""Permit2's own errors."""


@dataclass(frozen=True, slots=True)
class Sold:
    """One licence: `paid` base units in all, of them `referral` to the referrer; payments: (payout,
    amount) in order; expiry in seconds, 0: never."""

    item: Item
    paid: int
    referral: int
    expiry: int
    payments: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Bought:
    """approvals: the receipts of what had to be sent before."""

    sold: tuple[Sold, ...]
    payer: str
    recipient: str
    receipt: Receipt
    approvals: tuple[Receipt, ...]


def read_bought(
    contracts: Contracts, basket: Basket, receipt: Receipt, approvals: tuple[Receipt, ...] = ()
) -> Bought:
    """Raises IntegrityError if the receipt does not show these purchases."""
    sold: list[Sold] = []
    payer = ""
    for event in _events(contracts, receipt):
        args = event.args
        if event.name == "Purchased" and len(sold) < len(basket.items):
            payer = args["payer"]
            item = basket.items[len(sold)]
            sold.append(Sold(item, args["price"], args["referral"], args["expiry"], ()))
        elif event.name == "Paid" and sold:
            last = sold[-1]
            paid = (*last.payments, (args["payout"], args["amount"]))
            sold[-1] = Sold(last.item, last.paid, last.referral, last.expiry, paid)
    if len(sold) != len(basket.items):
        raise IntegrityError(
            f"The receipt of {receipt.hash} does not show what was bought.",
            saved="The transaction went through.",
            do="Look it up at another endpoint before you buy again.",
        )
    return Bought(tuple(sold), payer, basket.recipient, receipt, approvals)


def _events(contracts: Contracts, receipt: Receipt) -> list[abi.Event]:
    """Of LicenseManager itself: a token may emit what it likes."""
    at = contracts.deployment.license_manager
    found = [
        abi.decode_log(log, "LicenseManager")
        for log in receipt.logs
        if str(log.get("address", "")).lower() == at
    ]
    return [event for event in found if event is not None]


def explained(error: TransactionFailed, basket: Basket) -> ImmurtalError:
    """The same failure, as the kind of error that it is; itself where there is no better word."""
    found = _ERROR.match(error.error or "")
    name, args = (found[1], found[2].split(", ")) if found else ("", [])
    saved = error.saved or "Nothing was paid."
    if name == "LicenseManager_CannotPurchase" and args[1].isdigit():
        refusal = _BY_NUMBER.get(int(args[1]), Refusal.NONE)
        return CannotBuy(
            f"Offer {_offer(args[0])} cannot be bought: "
            f"{REFUSALS.get(refusal, 'it changed meanwhile')}.",
            reason=refusal.name.lower().replace("_", "-"),
            saved=saved,
            do="Look at it again: it has changed since it was shown.",
        )
    if name == "LicenseManager_PriceTooHigh":
        return CannotBuy(
            f"The price of offer {_offer(args[0])} was raised to {args[1]} base units meanwhile, "
            f"more than the {args[2]} that you allow.",
            reason="price-above-max",
            saved=saved,
            do="Look at the new price and buy again if you agree.",
        )
    if name == "LicenseManager_PaymentFailed":
        return CannotBuy(
            f"The payout {args[0]} does not take its money, so the offer cannot be bought.",
            reason="payout-refuses",
            saved=saved,
            do="Tell the seller: they can set another payout.",
        )
    if name == "TransferToNonERC1155ReceiverImplementer":
        return CannotBuy(
            f"{basket.recipient} is a contract that takes no licences (ERC-1155).",
            reason="recipient-refuses",
            saved=saved,
            do="Buy for another account with --for.",
        )
    if name in _ORDER_ERRORS:
        reason, why = _ORDER_ERRORS[name]
        return CannotBuy(f"The signed purchase is refused: {why}.", reason=reason, saved=saved)
    if name in ("TransferFromFailed", "TransferFailed"):
        names = ", ".join(currency.address for currency in basket.tokens)
        return TokenMisbehaves(
            f"The token {names} did not move what it was told to move.",
            saved=saved,
            do="It may have blocked one of you, or be no true ERC-20 token; nothing can be bought "
            "with it so.",
        )
    return error


def _offer(number: str) -> str:
    return abi.id_text(int(number)) if number.isdigit() else number
