"""What the tests of pay per play share: devices, statements, deposits, and errors of libraries."""

from typing import Any

from ape import chain
from eth_utils import keccak, to_checksum_address
from hexbytes import HexBytes
from works import address

from immurtal.chain import eip712
from immurtal.chain.wallet import LocalKey

ETH = "0x0000000000000000000000000000000000000000"
ONE = 10**18
DAY = 24 * 3600
KEY = LocalKey(keccak(text="a device"))
DEVICE = to_checksum_address(KEY.address)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Skip:
    UNKNOWN_CERTIFICATE = 0
    NOT_MORE = 1
    BALANCE_TOO_LOW = 2


class Rejection:
    TOO_MANY_ENTRIES = 0
    INVALID_SIGNATURE = 1


Entry = tuple[bytes, int, int]


def digest(
    escrow: Any, listener: Any, entries: list[Entry], token: Any = ETH, chain_id: int | None = None
) -> bytes:
    """What the device signs, by the off-chain implementation."""
    said = tuple(eip712.Entry("0x" + c.hex(), plays, amount) for c, plays, amount in entries)
    statement = eip712.Statement(address(listener).lower(), address(token).lower(), said)
    return eip712.digest(statement, chain_id or chain.chain_id, address(escrow).lower())


def signed(
    escrow: Any, listener: Any, entries: list[Entry], token: Any = ETH, key: LocalKey = KEY
) -> tuple[Any, bytes]:
    """A statement with its device's signature, as `record` takes it."""
    signature = key.sign_digest(digest(escrow, listener, entries, token))
    return (address(listener), address(token), entries), signature


def fund(escrow: Any, listener: Any, amount: int, token: Any = None) -> None:
    """Deposits ETH, or a token that anyone may mint, for the device."""
    if token is None:
        escrow.deposit(listener, DEVICE, ETH, amount, value=amount, sender=listener)
        return
    token.mint(listener, amount, sender=listener)
    token.approve(escrow, amount, sender=listener)
    escrow.deposit(listener, DEVICE, token, amount, sender=listener)


def selector(error: str) -> bytes:
    return keccak(text=error)[:4]


def revert_data(method: Any, *arguments: Any, sender: Any, value: int = 0, gas: int = 0) -> bytes:
    """What a transaction would revert with: ape does not know the errors of libraries."""
    call = {"from": address(sender), "to": method.contract.address, "value": hex(value)}
    call["data"] = HexBytes(method.encode_input(*arguments)).to_0x_hex()
    if gas:
        call["gas"] = hex(gas)
    answer = chain.provider.web3.provider.make_request("eth_call", [call, "latest"])
    return bytes(HexBytes(answer["error"]["data"]))
