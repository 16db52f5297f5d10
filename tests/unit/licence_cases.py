"""What the tests of purchases share: prices, balances, what was paid, exact error data."""

from typing import Any

from ape import chain
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from hexbytes import HexBytes
from outcomes import said
from works import address

from immurtal.chain.eip712 import PERMIT2, Purchase, digest, purchase_permit
from immurtal.chain.wallet import LocalKey

PRICE = 10**16
LAVISH = 2**256 - 1


def balance(account: Any) -> int:
    return int(chain.provider.get_balance(address(account)))


def paid_by(receipt: Any, licenses: Any) -> list[tuple[str, int]]:
    """The payments of a purchase, in order: payout and amount."""
    events = said(receipt, licenses)
    return [(args["payout"], args["amount"]) for name, args in events if name == "Paid"]


def purchased(receipt: Any, licenses: Any) -> dict[str, Any]:
    """The one sale that a transaction made."""
    (event,) = (args for name, args in said(receipt, licenses) if name == "Purchased")
    return event


def selector(error: str) -> bytes:
    return keccak(text=error)[:4]


def error_data(method: Any, *arguments: Any, sender: Any, value: int = 0) -> bytes:
    """What a call would revert with, all of it; fails if it would not."""
    call = {
        "from": address(sender),
        "to": method.contract.address,
        "value": hex(value),
        "data": HexBytes(method.encode_input(*arguments)).to_0x_hex(),
    }
    answer = chain.provider.web3.provider.make_request("eth_call", [call, "latest"])
    return bytes(HexBytes(answer["error"]["data"]))


def key_of(account: Any) -> LocalKey:
    return LocalKey(bytes(HexBytes(account.private_key)))


def permit2_signature(
    signer: Any, spender: Any, token: Any, order: tuple[Any, ...], nonce: int, deadline: int
) -> bytes:
    """A payer's signature of an order (offer id, recipient, referrer, most), for Permit2."""
    offer, recipient, referrer, most = order
    witness = Purchase(offer, address(recipient), address(referrer), most)
    struct = purchase_permit(address(spender), address(token), witness, nonce, deadline)
    return key_of(signer).sign_digest(digest(struct, chain.chain_id, PERMIT2))


def permit_signature(
    signer: Any, token: Any, spender: Any, value: int, deadline: int, nonce: int | None = None
) -> tuple[int, bytes, bytes]:
    """v, r, s of an EIP-2612 permit of the mock token."""
    uints = [{"name": name, "type": "uint256"} for name in ("value", "nonce", "deadline")]
    parties = [{"name": name, "type": "address"} for name in ("owner", "spender")]
    domain = {
        "name": token.name(),
        "version": "1",
        "chainId": chain.chain_id,
        "verifyingContract": address(token),
    }
    names = {"name": "string", "version": "string", "chainId": "uint256"}
    fields = {**names, "verifyingContract": "address"}
    message = {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in fields.items()],
            "Permit": parties + uints,
        },
        "primaryType": "Permit",
        "domain": domain,
        "message": {
            "owner": address(signer),
            "spender": address(spender),
            "value": value,
            "nonce": token.nonces(signer) if nonce is None else nonce,
            "deadline": deadline,
        },
    }
    signed = Account.sign_message(encode_typed_data(full_message=message), signer.private_key)
    return signed.v, signed.r.to_bytes(32), signed.s.to_bytes(32)
