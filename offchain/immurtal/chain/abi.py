"""ABI coding by the contracts' own ABIs, which stand beside this file as `abi/<Contract>.json`.

Values in Python: addresses and bytes1…bytes32 are lower-case 0x text, dynamic `bytes` are bytes,
integers are int, structs are dicts by component name. Encoding also takes bytes for any bytes
type and sequences for structs. Bytes of a string that are not UTF-8 become U+FFFD: the contracts
cannot check them, and an operator's bad string must not stop an index.
Source: https://docs.soliditylang.org/en/latest/abi-spec.html
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from eth_abi.codec import ABICodec
from eth_abi.decoding import StringDecoder
from eth_abi.encoding import TextStringEncoder
from eth_abi.exceptions import DecodingError
from eth_abi.registry import BaseEquals
from eth_abi.registry import registry as default_registry
from eth_utils.crypto import keccak

from immurtal.errors import IntegrityError

CONTRACTS: Final = (
    "CopyrightRegistry",
    "LicenseManager",
    "RoyaltySplit",
    "RoyaltySplitFactory",
    "StreamingEscrow",
    "NodeRegistry",
)
MAX_DATA_BYTES: Final = 16 * 1024 * 1024
"""More than any transaction can log: 8 gas a byte. An event that is too large to be read would stop
every index for good, and one batch of transfers of nothing makes an event of megabytes."""
MAX_TEXT_IN_ERROR: Final = 200
_HEX: Final = re.compile("0x[0-9a-f]*")
_BUILT_IN_ERRORS: Final = (
    {"type": "error", "name": "Error", "inputs": [{"name": "message", "type": "string"}]},
    {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
)
_FOREIGN_ERRORS: Final = (
    # Solady's, by which tokens and recipients fail
    "TransferFromFailed()",
    "TransferFailed()",
    "ETHTransferFailed()",
    "TransferToNonERC1155ReceiverImplementer()",
    # Permit2's
    "InvalidNonce()",
    "InvalidSigner()",
    "InvalidSignature()",
    "InvalidSignatureLength()",
    "InvalidContractSignature()",
    "SignatureExpired(uint256)",
    "InvalidAmount(uint256)",
)
"""Errors of others that pass through our contracts."""

Entry = Mapping[str, Any]


def _codec() -> ABICodec:
    registry = default_registry.copy()  # type: ignore[no-untyped-call]
    registry.unregister("string")
    registry.register(
        BaseEquals("string", with_sub=False),  # type: ignore[no-untyped-call]
        TextStringEncoder,
        StringDecoder(handle_string_errors="replace"),  # type: ignore[no-untyped-call]
        label="string",
    )
    return ABICodec(registry)


_CODEC: Final = _codec()


@dataclass(frozen=True, slots=True)
class Event:
    """One decoded log. args: by parameter name; an indexed dynamic value is its hash."""

    contract: str
    name: str
    args: dict[str, Any]
    address: str
    block_number: int
    block_hash: str
    transaction_hash: str
    log_index: int


@cache
def contract_abi(name: str) -> tuple[dict[str, Any], ...]:
    """The ABI of one of our contracts, as solc writes it. Raises KeyError for another name."""
    if name not in CONTRACTS:
        raise KeyError(name)
    text = resources.files(__package__).joinpath("abi", f"{name}.json").read_text("utf-8")
    return tuple(json.loads(text))


def encode_call(contract: str, function: str, *args: Any) -> bytes:
    """Selector and arguments. function: its name, or its whole signature if it is overloaded."""
    entry = _function(contract, function, len(args))
    types = [_type(i) for i in entry["inputs"]]
    values = [_outgoing(i, a) for i, a in zip(entry["inputs"], args, strict=True)]
    return _selector(entry) + _CODEC.encode(types, values)


def decode_result(contract: str, function: str, data: bytes | str) -> Any:
    """The returned value; a tuple where there are several. Raises IntegrityError."""
    outputs = _function(contract, function)["outputs"]
    try:
        raw = _bytes(data)
    except (TypeError, ValueError) as error:
        raise IntegrityError(f"The answer of {contract}.{function} is no ABI data.") from error
    values = _decode(outputs, raw, f"{contract}.{function}")
    return values[0] if len(outputs) == 1 else tuple(values)


def decode_arguments(contract: str, function: str, calldata: bytes | str) -> dict[str, Any]:
    """The arguments of a call by name: what `encode_call` was given. Raises IntegrityError."""
    entry = _function(contract, function)
    raw = _bytes(calldata)
    if raw[:4] != _selector(entry):
        raise IntegrityError(f"Call data is not one of {contract}.{function}.")
    values = _decode(entry["inputs"], raw[4:], f"{contract}.{function}")
    return {i["name"]: v for i, v in zip(entry["inputs"], values, strict=True)}


def decode_log(log: Mapping[str, Any], contract: str | None = None) -> Event | None:
    """A log as JSON-RPC gives it; None if it is no event of ours.

    contract: narrows events that several contracts share (ApprovalForAll) to this one's.
    Raises IntegrityError where the topic is ours and the rest is malformed.
    """
    topics = log.get("topics")
    if not isinstance(topics, list) or not topics or len(topics) > 4:
        return None
    shapes = _events().get(str(topics[0]).lower(), ())
    shape = next((s for s in shapes if contract in (None, s.contract) and s.fits(topics)), None)
    if shape is None:
        return None
    try:
        return Event(
            shape.contract,
            shape.name,
            shape.args([_bytes(t) for t in topics[1:]], _bytes(log["data"])),
            address=_hex(_bytes(log["address"], 20)),
            block_number=int(log["blockNumber"], 16),
            block_hash=_hex(_bytes(log["blockHash"], 32)),
            transaction_hash=_hex(_bytes(log["transactionHash"], 32)),
            log_index=int(log["logIndex"], 16),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError(f"A log of {shape.contract}.{shape.name} is malformed.") from error


@cache
def event_topics(contract: str) -> Mapping[str, str]:
    """First topic of each event by its name."""
    entries = [e for e in contract_abi(contract) if e["type"] == "event"]
    return {e["name"]: _hex(keccak(text=_signature(e))) for e in entries}


def decode_error(data: bytes | str) -> str:
    """Revert data as `Contract_Reason(arguments)`; a hint if it is none of ours; "" if empty."""
    try:
        raw = _bytes(data)
    except (IntegrityError, ValueError):
        return "unreadable revert data"
    if not raw:
        return ""
    entry = _errors().get(raw[:4])
    if entry is None:
        return f"unknown error {_hex(raw[:4])}"
    try:
        values = _decode(entry["inputs"], raw[4:], entry["name"])
    except IntegrityError:
        return f"{entry['name']}(unreadable arguments)"
    return f"{entry['name']}({', '.join(_shown(v) for v in values)})"


def id_text(value: int) -> str:
    """A 32-byte id (an offer's, a token's) as the 0x text that it goes by outside the ABI."""
    return _hex(value.to_bytes(32, "big"))


def id_number(text: str) -> int:
    """The uint256 that contracts take for a 32-byte id. Raises ValueError."""
    return int.from_bytes(bytes.fromhex(text.removeprefix("0x")), "big")


class _EventShape:
    """One event of one contract, ready to decode many logs."""

    def __init__(self, contract: str, entry: Entry) -> None:
        self.contract = contract
        self.name: str = entry["name"]
        self._inputs = entry["inputs"]
        self._indexed = [i for i in self._inputs if i["indexed"]]
        self._plain = [i for i in self._inputs if not i["indexed"]]
        self._data_types = [_type(i) for i in self._plain]

    def fits(self, topics: Sequence[Any]) -> bool:
        return len(topics) == len(self._indexed) + 1

    def args(self, topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
        found = dict(
            zip(
                (i["name"] for i in self._plain),
                _decode(self._plain, data, self.name, self._data_types),
                strict=True,
            )
        )
        for parameter, topic in zip(self._indexed, topics, strict=True):
            found[parameter["name"]] = _topic(parameter, topic, self.name)
        return {i["name"]: found[i["name"]] for i in self._inputs}


def _topic(parameter: Entry, topic: bytes, what: str) -> Any:
    if len(topic) != 32:
        raise IntegrityError(f"A topic of {what} has {len(topic)} bytes, not 32.")
    kind = parameter["type"]
    if kind in ("string", "bytes") or kind.endswith("]") or kind.startswith("tuple"):
        return _hex(topic)
    return _decode([parameter], topic, what)[0]


@cache
def _events() -> Mapping[str, tuple[_EventShape, ...]]:
    shapes: dict[str, tuple[_EventShape, ...]] = {}
    for contract in CONTRACTS:
        topics = event_topics(contract)
        for entry in contract_abi(contract):
            if entry["type"] == "event":
                topic = topics[entry["name"]]
                shapes[topic] = (*shapes.get(topic, ()), _EventShape(contract, entry))
    return shapes


@cache
def _errors() -> Mapping[bytes, Entry]:
    ours = [e for contract in CONTRACTS for e in contract_abi(contract) if e["type"] == "error"]
    foreign = [_foreign(signature) for signature in _FOREIGN_ERRORS]
    return {_selector(entry): entry for entry in (*_BUILT_IN_ERRORS, *foreign, *ours)}


def _foreign(signature: str) -> Entry:
    name, _, kinds = signature.removesuffix(")").partition("(")
    inputs = [{"name": "", "type": kind} for kind in kinds.split(",") if kind]
    return {"type": "error", "name": name, "inputs": inputs}


@cache
def _function(contract: str, name: str, count: int | None = None) -> Entry:
    found = [
        e
        for e in contract_abi(contract)
        if e["type"] == "function" and name in (e["name"], _signature(e))
    ]
    if len(found) > 1:
        found = [e for e in found if len(e["inputs"]) == count]
    if len(found) != 1:
        raise KeyError(f"{contract}.{name}")
    return found[0]


def _selector(entry: Entry) -> bytes:
    return keccak(text=_signature(entry))[:4]


def _signature(entry: Entry) -> str:
    return f"{entry['name']}({','.join(_type(i) for i in entry['inputs'])})"


def _type(parameter: Entry) -> str:
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type(c) for c in parameter['components'])}){kind[len('tuple') :]}"


def _decode(
    parameters: Sequence[Entry], data: bytes, what: str, types: list[str] | None = None
) -> list[Any]:
    try:
        values = _CODEC.decode(types or [_type(p) for p in parameters], data)
    except (DecodingError, ValueError, OverflowError, RecursionError) as error:
        raise IntegrityError(f"The data of {what} is not what its ABI says.") from error
    return [_incoming(p, v) for p, v in zip(parameters, values, strict=True)]


def _incoming(parameter: Entry, value: Any) -> Any:
    kind: str = parameter["type"]
    if kind.endswith("]"):
        item = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_incoming(item, v) for v in value]
    if kind == "tuple":
        parts = zip(parameter["components"], value, strict=True)
        return {c["name"]: _incoming(c, v) for c, v in parts}
    if kind == "address":
        return value.lower()
    if kind.startswith("bytes") and kind != "bytes":
        return _hex(value)
    return value


def _outgoing(parameter: Entry, value: Any) -> Any:
    kind: str = parameter["type"]
    if kind.endswith("]"):
        item = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_outgoing(item, v) for v in value]
    if kind == "tuple":
        components = parameter["components"]
        if isinstance(value, Mapping):
            value = [value[c["name"]] for c in components]
        return tuple(_outgoing(c, v) for c, v in zip(components, value, strict=True))
    if kind.startswith("bytes") and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    if kind.startswith(("uint", "int")):
        return int(value)
    return value


def _bytes(value: bytes | str, length: int | None = None) -> bytes:
    """Raw bytes of 0x text. Raises IntegrityError beyond MAX_DATA_BYTES, ValueError."""
    if not isinstance(value, str | bytes):
        raise TypeError("neither bytes nor 0x text")
    if len(value) > 2 * MAX_DATA_BYTES:
        raise IntegrityError(f"More than {MAX_DATA_BYTES} bytes of ABI data.")
    if isinstance(value, str):
        if not value.startswith("0x"):
            raise ValueError("not 0x text")
        value = bytes.fromhex(value[2:])
    if length is not None and len(value) != length:
        raise ValueError(f"{len(value)} bytes, not {length}")
    return value


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        value = _hex(value)
    is_hex = isinstance(value, str) and _HEX.fullmatch(value)
    return (str if is_hex or not isinstance(value, str) else ascii)(value)[:MAX_TEXT_IN_ERROR]
