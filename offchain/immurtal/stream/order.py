"""A signed purchase in a file: anybody may send it, and the payer's tokens pay for it (DESIGN 4.2).

The file holds no secret but the signature, which is a bearer authorisation for exactly this
purchase: this offer, for this recipient, naming this referrer, at no more than this price, until
its deadline, once. `docs/commands.md` has the format.
"""

import secrets
import time
from dataclasses import dataclass
from typing import Final

from immurtal.chain import abi
from immurtal.chain.contracts import Contracts
from immurtal.chain.eip712 import PERMIT2, PermitWitnessTransferFrom, digest, purchase_permit
from immurtal.chain.eip712 import Purchase as Witness
from immurtal.chain.signatures import MAX_SIGNATURE_BYTES, verify
from immurtal.chain.tokens import Erc20
from immurtal.chain.transactions import Sender
from immurtal.chain.wallet import Wallet
from immurtal.content.encoding import b64u, hex32
from immurtal.content.strict_json import Fields, decode_object
from immurtal.errors import BadInput, CannotBuy, InsufficientFunds, TransactionFailed, WrongNetwork
from immurtal.stream.basket import Basket, check_balance, look
from immurtal.stream.bought import Bought, explained, read_bought

TYPE: Final = "immurtal/purchase"
MAX_ORDER_BYTES: Final = 16 * 1024
ORDER_SECONDS: Final = 24 * 3600
MAX_AMOUNT: Final = 2**256 - 1


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """order: what is bought, the Permit2 witness; deadline in seconds."""

    chain_id: int
    license_manager: str
    token: str
    payer: str
    order: Witness
    nonce: int
    deadline: int
    signature: bytes

    @property
    def permit(self) -> PermitWitnessTransferFrom:
        """The struct that the payer signed."""
        return purchase_permit(
            self.license_manager, self.token, self.order, self.nonce, self.deadline
        )

    @property
    def digest(self) -> bytes:
        return digest(self.permit, self.chain_id, PERMIT2)

    def call_data(self) -> bytes:
        """Of LicenseManager's `purchaseWithPermit2`."""
        row = (
            self.order.offer_id,
            self.order.recipient,
            self.order.referrer,
            self.order.max_price,
        )
        terms = (self.payer, self.nonce, self.deadline, self.signature)
        return abi.encode_call("LicenseManager", "purchaseWithPermit2", row, *terms)

    def to_json(self) -> dict[str, object]:
        return {
            "v": 1,
            "type": TYPE,
            "chainId": self.chain_id,
            "licenseManager": self.license_manager,
            "token": self.token,
            "payer": self.payer,
            "order": {
                "offerId": abi.id_text(self.order.offer_id),
                "recipient": self.order.recipient,
                "referrer": self.order.referrer,
                "maxPrice": str(self.order.max_price),
            },
            "nonce": hex32(self.nonce.to_bytes(32, "big")),
            "deadline": self.deadline,
            "signature": b64u(self.signature),
        }


def decode_order(raw: bytes) -> SignedOrder:
    """Raises BadInput, naming the field."""
    outer = decode_object(raw, MAX_ORDER_BYTES, "The signed purchase")
    check_type(outer, TYPE)
    inner = outer.object("order")
    return SignedOrder(
        chain_id=outer.whole("chainId", 1),
        license_manager=outer.address("licenseManager"),
        token=outer.address("token"),
        payer=outer.address("payer"),
        order=Witness(
            offer_id=int.from_bytes(inner.hex("offerId", 32), "big"),
            recipient=inner.address("recipient"),
            referrer=inner.address("referrer"),
            max_price=_amount(inner, "maxPrice"),
        ),
        nonce=int.from_bytes(outer.hex("nonce", 32), "big"),
        deadline=outer.whole("deadline"),
        signature=outer.binary("signature", limit=MAX_SIGNATURE_BYTES),
    )


def check_type(outer: Fields, wanted: str) -> None:
    """Raises BadInput for another kind of file, or a version that is not known."""
    outer.version()
    if (found := outer.text("type", 64)) != wanted:
        raise BadInput(
            f"{outer.name} is a file of type {found!r}, not {wanted!r}.",
            do="Purchases are sent with `immurtal relay`, registrations with `immurtal register "
            "--relay`.",
        )


async def require_permit2(contracts: Contracts) -> None:
    """Raises CannotBuy where there is no Permit2."""
    if await contracts.rpc.call("eth_getCode", [PERMIT2, "latest"]) in ("0x", None):
        raise CannotBuy(
            f"Permit2 is not deployed on chain {contracts.deployment.chain_id}.",
            reason="no-permit2",
            saved="Nothing was paid.",
            do="Use --pay auto, or --pay allowance.",
        )


async def sign_order(
    contracts: Contracts, wallet: Wallet, basket: Basket, seconds: int = 3600
) -> SignedOrder:
    """The basket's one purchase, signed by its payer; it may be sent for so many seconds.

    The nonce is random: of 2^256, none is used twice.
    """
    (item,) = basket.items
    witness = Witness(abi.id_number(item.offer.id), basket.recipient, basket.referrer, item.limit)
    unsigned = SignedOrder(
        chain_id=contracts.deployment.chain_id,
        license_manager=contracts.deployment.license_manager,
        token=item.offer.token,
        payer=wallet.address,
        order=witness,
        nonce=secrets.randbits(256),
        deadline=basket.now + seconds,
        signature=b"",
    )
    signature = wallet.sign_digest_of_typed(unsigned.permit, unsigned.chain_id, PERMIT2)
    fields = {name: getattr(unsigned, name) for name in SignedOrder.__slots__}
    return SignedOrder(**fields | {"signature": signature})


async def check_order(contracts: Contracts, signed: SignedOrder) -> Basket:
    """All that can be known of a signed purchase before it is sent.

    Raises WrongNetwork; CannotBuy: expired, used, not the payer's, of another token, or the offer
    cannot be bought; InsufficientFunds: the payer cannot pay, or has not let Permit2.
    """
    here = contracts.deployment
    if (signed.chain_id, signed.license_manager) != (here.chain_id, here.license_manager):
        raise WrongNetwork(
            f"The purchase was signed for LicenseManager {signed.license_manager} on chain "
            f"{signed.chain_id}, not for {here.license_manager} on chain {here.chain_id}.",
            do="Make --rpc, --deployments and --chain-id name its network.",
        )
    await require_permit2(contracts)
    basket = await look(
        contracts,
        [abi.id_text(signed.order.offer_id)],
        recipient=signed.order.recipient,
        referrer=signed.order.referrer,
    )
    # A chain that stands still makes its next block by the clock: both must be in time.
    if signed.deadline < max(basket.now, _clock(basket.now)):
        raise _refused("order-expired", "Its deadline has passed.")
    if not await verify(contracts.rpc, signed.payer, signed.digest, signed.signature):
        raise _refused("order-invalid", f"Its signature is not {signed.payer}'s.")
    if await _is_used(contracts, signed):
        raise _refused("order-used", "It was sent before, or taken back.")
    (item,) = basket.items
    if item.offer.token != signed.token or item.currency.is_eth:
        raise _refused("order-invalid", "It names another token than its offer is priced in.")
    capped = basket.capped(signed.order.max_price)
    await _check_money(contracts, signed, capped)
    return capped


async def relay(
    contracts: Contracts, sender: Sender, signed: SignedOrder, basket: Basket
) -> Bought:
    """Sends a signed purchase that was checked. Raises CannotBuy and what sending raises."""
    try:
        receipt = await sender.send(contracts.deployment.license_manager, signed.call_data())
    except TransactionFailed as error:
        raise explained(error, basket) from error
    return read_bought(contracts, basket, receipt)


def _clock(now: int) -> int:
    """The wall clock, unless the chain's time is another one altogether (development chains)."""
    clock = int(time.time())
    return clock if abs(clock - now) < ORDER_SECONDS else now


async def _is_used(contracts: Contracts, signed: SignedOrder) -> bool:
    word = await Erc20(contracts.rpc, PERMIT2).word(
        "nonceBitmap(address,uint256)", signed.payer, signed.nonce >> 8
    )
    return word is not None and bool(word >> (signed.nonce & 0xFF) & 1)


async def _check_money(contracts: Contracts, signed: SignedOrder, basket: Basket) -> None:
    (item,) = basket.items
    token = Erc20(contracts.rpc, signed.token)
    check_balance(item.currency, await token.balance(signed.payer), item.price, signed.payer)
    if await token.allowance(signed.payer, PERMIT2) < item.price:
        raise InsufficientFunds(
            f"The payer {signed.payer} lets Permit2 take less than {item.currency.text(item.price)}"
            " of the token.",
            saved="Nothing was paid.",
            do="The payer approves it with `immurtal buy --sign-only`, or in their wallet.",
        )


def _refused(reason: str, why: str) -> CannotBuy:
    return CannotBuy(
        f"This signed purchase cannot be sent. {why}",
        reason=reason,
        saved="Nothing was sent.",
        do="Ask the payer for a new one.",
    )


def _amount(inner: Fields, field: str) -> int:
    text = inner.text(field, 80)
    if not (text.isascii() and text.isdecimal()) or str(int(text)) != text:
        raise BadInput(f"{inner.name}.{field} is not a decimal number in its one spelling.")
    if (amount := int(text)) > MAX_AMOUNT:
        raise BadInput(f"{inner.name}.{field} is more than 2^256 - 1.")
    return amount
