"""JSON bodies of `POST /v1/key-shares` and `POST /v1/store`, and the reply to the first.

Bytes from outside: at most 16 KiB, every value of its one type, length and range; unknown fields
are ignored, a version other than 1 is refused. Whatever is wrong raises RequestInvalid that names
the field.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from immurtal.chain.eip712 import Field, KeyRequest, Session, Store, Struct, fields
from immurtal.chain.signatures import MAX_SIGNATURE_BYTES
from immurtal.content.encoding import b64u, hex32, hex_encode
from immurtal.content.strict_json import Fields, decode_object, encode_json
from immurtal.errors import BadInput
from immurtal.keys.refusals import RequestInvalid
from immurtal.keys.sessions import SignedRequest, SignedSession
from immurtal.keys.store import SignedStore

VERSION = 1
MAX_BODY_BYTES = 16 * 1024
MAX_BINARY_BYTES = 4096
"""Of a session key, or of a sealed share: room for hybrids with ML-KEM."""

T = TypeVar("T")
S = TypeVar("S", bound=Struct)


@dataclass(frozen=True, slots=True)
class ShareReply:
    """A node's answer: its id (`0x` text), and its share of `index`, sealed to the session key of
    KEM `kem`."""

    node: str
    kem: int
    index: int
    sealed: bytes


def encode_request(signed: SignedRequest) -> bytes:
    return encode_json(
        {
            "v": VERSION,
            "session": _struct_json(signed.session.session),
            "sessionSignature": b64u(signed.session.signature),
            "request": _struct_json(signed.request),
            "requestSignature": b64u(signed.signature),
        }
    )


def decode_request(body: bytes) -> SignedRequest:
    """Raises RequestInvalid."""
    return _decode(
        body,
        lambda outer: SignedRequest(
            SignedSession(_struct(outer, "session", Session), _signature(outer, "session")),
            _struct(outer, "request", KeyRequest),
            _signature(outer, "request"),
        ),
    )


def encode_store(signed: SignedStore) -> bytes:
    return encode_json(
        {"v": VERSION, "store": _struct_json(signed.store), "signature": b64u(signed.signature)}
    )


def decode_store(body: bytes) -> SignedStore:
    """Raises RequestInvalid."""
    return _decode(
        body,
        lambda outer: SignedStore(
            _struct(outer, "store", Store), outer.binary("signature", limit=MAX_SIGNATURE_BYTES)
        ),
    )


def encode_reply(reply: ShareReply) -> bytes:
    return encode_json(
        {
            "v": VERSION,
            "node": reply.node,
            "kem": reply.kem,
            "index": reply.index,
            "sealed": b64u(reply.sealed),
        }
    )


def decode_reply(body: bytes) -> ShareReply:
    """Raises RequestInvalid."""
    return _decode(
        body,
        lambda outer: ShareReply(
            node=hex32(outer.hex("node", 32)),
            kem=outer.whole("kem", 0, 0xFFFF),
            index=outer.whole("index", 1, 255),
            sealed=outer.binary("sealed", limit=MAX_BINARY_BYTES),
        ),
    )


def _decode(body: bytes, read: Callable[[Fields], T]) -> T:
    try:
        outer = decode_object(body, MAX_BODY_BYTES, "body")
        outer.version(VERSION)
        return read(outer)
    except BadInput as error:
        raise RequestInvalid(error.what, do=error.do) from error


def _signature(outer: Fields, of: str) -> bytes:
    return outer.binary(f"{of}Signature", limit=MAX_SIGNATURE_BYTES)


def _struct(outer: Fields, name: str, kind: type[S]) -> S:
    inner = outer.object(name)
    return kind(**{field.attribute: _value(inner, field) for field in fields(kind)})


def _value(inner: Fields, field: Field) -> Any:
    """A member as `chain.eip712` holds it."""
    match field.type:
        case "address":
            return inner.address(field.name)
        case "bytes32":
            return hex32(inner.hex(field.name, 32))
        case "bytes16":
            return inner.hex(field.name, 16)
        case "bytes":
            return inner.binary(field.name, limit=MAX_BINARY_BYTES)
        case "uint16":
            return inner.whole(field.name, 0, 0xFFFF)
    return inner.whole(field.name)


def _struct_json(struct: Struct) -> dict[str, Any]:
    return {
        field.name: _to_json(field, getattr(struct, field.attribute))
        for field in fields(type(struct))
    }


def _to_json(field: Field, value: Any) -> Any:
    if field.type == "bytes":
        return b64u(value)
    return hex_encode(value) if isinstance(value, bytes) else value
