"""ABI coding, compiled once for each function: eth_abi takes longer than the EVM does.

Addresses are lower-case hex text, `bytesN` and `bytes` are bytes, structs are given as tuples in
the order of their fields and come back as named tuples. Source: Solidity's "Contract ABI
Specification".
`test_coding.py` holds every coder against eth_abi.
"""

import re
from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_utils import keccak

WORD = 32
Abi = dict[str, Any]


class CodingError(ValueError):
    """A value that does not fit its type, or bytes that are no such value."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One type. head: bytes in its tuple's head; dynamic: whether they are an offset."""

    head: int
    dynamic: bool
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes, int], Any]


def _word(data: bytes, at: int) -> int:
    chunk = data[at : at + WORD]
    if len(chunk) != WORD:
        raise CodingError(f"{len(data)} bytes end before the word at {at}")
    return int.from_bytes(chunk)


def _unsigned(bits: int) -> Codec:
    def encode(value: int) -> bytes:
        return value.to_bytes(bits // 8).rjust(WORD, b"\0")

    return Codec(WORD, False, encode, _word)


def _signed(bits: int) -> Codec:
    def encode(value: int) -> bytes:
        value.to_bytes(bits // 8, signed=True)
        return value.to_bytes(WORD, signed=True)

    def decode(data: bytes, at: int) -> int:
        word = _word(data, at)
        return word - 2**256 if word >> 255 else word

    return Codec(WORD, False, encode, decode)


@lru_cache(maxsize=65536)
def _encode_address(value: str) -> bytes:
    raw = bytes.fromhex(value[2:])
    if len(raw) != 20:
        raise CodingError(f"no address: {value}")
    return raw.rjust(WORD, b"\0")


@lru_cache(maxsize=65536)
def _address_text(word: bytes) -> str:
    return "0x" + word[12:].hex()


def _decode_address(data: bytes, at: int) -> str:
    chunk = data[at : at + WORD]
    if len(chunk) != WORD:
        raise CodingError(f"{len(data)} bytes end before the address at {at}")
    return _address_text(chunk)


def _decode_bool(data: bytes, at: int) -> bool:
    word = _word(data, at)
    if word > 1:
        raise CodingError(f"no boolean: {word}")
    return word == 1


def _fixed_bytes(size: int) -> Codec:
    def encode(value: bytes) -> bytes:
        if len(value) != size:
            raise CodingError(f"not {size} bytes: {value!r}")
        return bytes(value).ljust(WORD, b"\0")

    def decode(data: bytes, at: int) -> bytes:
        _word(data, at)
        return data[at : at + size]

    return Codec(WORD, False, encode, decode)


def _encode_bytes(value: bytes) -> bytes:
    return len(value).to_bytes(WORD) + value + bytes(-len(value) % WORD)


def _decode_bytes(data: bytes, at: int) -> bytes:
    size = _word(data, at)
    value = data[at + WORD : at + WORD + size]
    if len(value) != size:
        raise CodingError(f"{len(data)} bytes end before the {size} at {at}")
    return value


ADDRESS = Codec(WORD, False, _encode_address, _decode_address)
BOOL = Codec(WORD, False, lambda value: int(bool(value)).to_bytes(WORD), _decode_bool)
BYTES = Codec(WORD, True, _encode_bytes, _decode_bytes)
STRING = Codec(
    WORD,
    True,
    lambda value: _encode_bytes(value.encode()),
    lambda data, at: _decode_bytes(data, at).decode(),
)


def _pack(codecs: Sequence[Codec], values: Sequence[Any]) -> bytes:
    heads, tails = [], []
    tail_at = sum(codec.head for codec in codecs)
    for codec, value in zip(codecs, values, strict=True):
        coded = codec.encode(value)
        if codec.dynamic:
            heads.append(tail_at.to_bytes(WORD))
            tails.append(coded)
            tail_at += len(coded)
        else:
            heads.append(coded)
    return b"".join(heads + tails)


def _unpack(codecs: Sequence[Codec], data: bytes, start: int) -> list[Any]:
    values, at = [], start
    for codec in codecs:
        values.append(codec.decode(data, start + _word(data, at) if codec.dynamic else at))
        at += codec.head
    return values


def tuple_of(codecs: Sequence[Codec], build: Callable[[list[Any]], Any] = tuple) -> Codec:
    dynamic = any(codec.dynamic for codec in codecs)
    encoders = [codec.encode for codec in codecs]

    def encode_static(values: Sequence[Any]) -> bytes:
        return b"".join([e(v) for e, v in zip(encoders, values, strict=True)])

    return Codec(
        WORD if dynamic else sum(codec.head for codec in codecs),
        dynamic,
        (lambda values: _pack(codecs, values)) if dynamic else encode_static,
        lambda data, at: build(_unpack(codecs, data, at)),
    )


def array_of(item: Codec) -> Codec:
    def encode(values: Sequence[Any]) -> bytes:
        return len(values).to_bytes(WORD) + _pack([item] * len(values), values)

    def decode(data: bytes, at: int) -> list[Any]:
        count = _word(data, at)
        if count * item.head > len(data) - at - WORD:
            raise CodingError(f"{len(data)} bytes are too few for {count} items")
        return _unpack([item] * count, data, at + WORD)

    return Codec(WORD, True, encode, decode)


def codec(entry: Abi) -> Codec:
    """The codec of an input or output of an ABI."""
    kind = entry["type"]
    if kind.endswith("]"):
        inner, _, size = kind[:-1].rpartition("[")
        item = codec(entry | {"type": inner})
        return tuple_of([item] * int(size), list) if size else array_of(item)
    if kind == "tuple":
        fields = entry["components"]
        build = namedtuple("Struct", [field["name"] for field in fields], rename=True)
        return tuple_of([codec(field) for field in fields], build._make)
    found = re.fullmatch(r"(uint|int|bytes)(\d+)", kind)
    if found:
        sized = {"uint": _unsigned, "int": _signed, "bytes": _fixed_bytes}[found[1]]
        return sized(int(found[2]))
    return {"address": ADDRESS, "bool": BOOL, "bytes": BYTES, "string": STRING}[kind]


def type_text(entry: Abi) -> str:
    """The type as it stands in a signature."""
    kind: str = entry["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(type_text(field) for field in entry['components'])}){kind[5:]}"


def signature(entry: Abi) -> str:
    return f"{entry['name']}({','.join(type_text(field) for field in entry['inputs'])})"


class Function:
    """A function of a contract: its call data, and what it returns."""

    __slots__ = ("inputs", "mutability", "name", "names", "outputs", "selector", "signature")

    def __init__(self, entry: Abi) -> None:
        self.name: str = entry["name"]
        self.signature = signature(entry)
        self.selector = keccak(text=self.signature)[:4]
        self.mutability: str = entry["stateMutability"]
        self.names = [field["name"] for field in entry["inputs"]]
        self.inputs = tuple_of([codec(field) for field in entry["inputs"]])
        outputs = [codec(field) for field in entry["outputs"]]
        one = len(outputs) == 1
        self.outputs = tuple_of(outputs, (lambda values: values[0]) if one else tuple)

    def encode(self, arguments: Sequence[Any]) -> bytes:
        try:
            return self.selector + self.inputs.encode(arguments)
        except (ValueError, OverflowError, AttributeError, TypeError) as error:
            raise CodingError(f"{self.signature} with {arguments!r}: {error}") from error

    def decode(self, output: bytes) -> Any:
        """A single value bare, several as a tuple, none as ()."""
        return self.outputs.decode(output, 0)


class EventCoder:
    """An event: from a log's topics and data to its arguments by name."""

    __slots__ = ("fields", "indexed", "name", "plain", "topic", "topics")

    def __init__(self, entry: Abi) -> None:
        self.name: str = entry["name"]
        self.topic = keccak(text=signature(entry))
        self.fields = [field["name"] for field in entry["inputs"]]
        self.indexed = [
            (field["name"], codec(field)) for field in entry["inputs"] if field["indexed"]
        ]
        plain = [field for field in entry["inputs"] if not field["indexed"]]
        self.plain = ([field["name"] for field in plain], tuple_of([codec(f) for f in plain]))
        self.topics = 1 + len(self.indexed)

    def decode(self, topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
        """An indexed argument of a dynamic type is the hash that stands in its topic."""
        found = {
            name: topic if coder.dynamic else coder.decode(topic, 0)
            for (name, coder), topic in zip(self.indexed, topics[1:], strict=True)
        }
        names, coder = self.plain
        found |= zip(names, coder.decode(data, 0), strict=True)
        return {name: found[name] for name in self.fields}


class ErrorCoder:
    """A custom error."""

    __slots__ = ("fields", "inputs", "name", "selector")

    def __init__(self, entry: Abi) -> None:
        self.name: str = entry["name"]
        self.selector = keccak(text=signature(entry))[:4]
        self.fields = [field["name"] for field in entry["inputs"]]
        self.inputs = tuple_of([codec(field) for field in entry["inputs"]])
