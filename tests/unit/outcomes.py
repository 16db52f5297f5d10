"""What a call did, told exactly: its events, or the one error it ended with."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ape
from ape import chain
from ape.exceptions import CustomError
from eth_abi import decode
from eth_utils import is_hex_address, keccak, to_checksum_address
from hexbytes import HexBytes


def said(receipt: Any, *contracts: Any) -> list[tuple[str, dict[str, Any]]]:
    """The events of these contracts in a transaction, in order: name and arguments."""
    senders = {contract.address for contract in contracts}
    return [
        (log.event_name, plain(dict(log.event_arguments)))
        for log in receipt.events
        if log.contract_address in senders
    ]


@contextmanager
def reverts(contract: Any, error: str, **inputs: Any) -> Iterator[None]:
    """Passes only if a transaction ends in this custom error with exactly these arguments.

    `ape.reverts` passes on arguments that it was told by a wrong name, and on errors without data.
    Of calls ape loses the error's data: see `refusal`.
    """
    assert error in [abi.name for abi in contract.contract_type.errors]
    with ape.reverts() as outcome:
        yield
    actual = outcome.value
    assert isinstance(actual, CustomError), repr(actual)
    assert (actual.name, plain(dict(actual.inputs))) == (error, plain(inputs))


def refusal(method: Any, *arguments: Any) -> tuple[str, dict[str, Any]]:
    """The custom error that a call of a view ends in: name and arguments."""
    contract = method.contract
    call = {"to": contract.address, "data": HexBytes(method.encode_input(*arguments)).to_0x_hex()}
    answer = chain.provider.web3.provider.make_request("eth_call", [call, "latest"])
    data = HexBytes(answer["error"]["data"])
    (abi,) = (e for e in contract.contract_type.errors if keccak(text=e.selector)[:4] == data[:4])
    values = decode([i.canonical_type for i in abi.inputs], data[4:])
    named = zip(abi.inputs, values, strict=True)
    return abi.name, {i.name: plain(value) for i, value in named}


def plain(value: Any) -> Any:
    """Ape's values as bytes, numbers, text, lists and dictionaries. A struct within something else
    is a list: ape has no names for its fields, and no checksums for its addresses."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {key: plain(getattr(value, key)) for key in value.__dataclass_fields__}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if is_hex_address(value):
        return to_checksum_address(value)
    return bytes(value) if isinstance(value, bytes) else value
