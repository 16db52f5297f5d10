"""JSON bodies of `POST /v1/key-shares` and `POST /v1/store`, and the reply to the first.

Bytes from outside: at most 16 KiB, every value of its one type, length and range; unknown fields
are ignored, a version other than 1 is refused. Whatever is wrong raises RequestInvalid that names
the field.
"""

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from immurtal.chain.eip712 import Field, KeyRequest, Session, Store, Struct, fields
from immurtal.chain.signatures import MAX_SIGNATURE_BYTES
from immurtal.content.encoding import address, b64u, b64u_decode, hex_decode, hex_encode
from immurtal.errors import BadInput
from immurtal.keys.refusals import RequestInvalid
from immurtal.keys.sessions import SignedRequest, SignedSession
from immurtal.keys.store import SignedStore

S = TypeVar("S", bound=Struct)

VERSION = 1
MAX_BODY_BYTES = 16 * 1024
MAX_SESSION_KEY_BYTES = 4096
MAX_SEALED_BYTES = 4096


@dataclass(frozen=True, slots=True)
class ShareReply:
    """A node's answer: its id (`0x` text), and its share of `index`, sealed to the session key of
    KEM `kem`."""

    node: str
    kem: int
    index: int
    sealed: bytes


def encode_request(signed: SignedRequest) -> bytes:
    return _encode(
        {
            "session": _struct_json(signed.session.session),
            "sessionSignature": b64u(signed.session.signature),
            "request": _struct_json(signed.request),
            "requestSignature": b64u(signed.signature),
        }
    )


def decode_request(body: bytes) -> SignedRequest:
    reader = _Reader.of(body)
    return SignedRequest(
        SignedSession(
            reader.inner("session").struct(Session),
            reader.binary("sessionSignature", MAX_SIGNATURE_BYTES),
        ),
        reader.inner("request").struct(KeyRequest),
        reader.binary("requestSignature", MAX_SIGNATURE_BYTES),
    )


def encode_store(signed: SignedStore) -> bytes:
    return _encode({"store": _struct_json(signed.store), "signature": b64u(signed.signature)})


def decode_store(body: bytes) -> SignedStore:
    reader = _Reader.of(body)
    return SignedStore(
        reader.inner("store").struct(Store), reader.binary("signature", MAX_SIGNATURE_BYTES)
    )


def encode_reply(reply: ShareReply) -> bytes:
    return _encode(
        {
            "node": reply.node,
            "kem": reply.kem,
            "index": reply.index,
            "sealed": b64u(reply.sealed),
        }
    )


def decode_reply(body: bytes) -> ShareReply:
    reader = _Reader.of(body)
    return ShareReply(
        node=reader.value("bytes32", "node"),
        kem=reader.value("uint16", "kem"),
        index=reader.value("uint8", "index"),
        sealed=reader.binary("sealed", MAX_SEALED_BYTES),
    )


def _encode(values: dict[str, Any]) -> bytes:
    return json.dumps({"v": VERSION, **values}, separators=(",", ":")).encode()


def _struct_json(struct: Struct) -> dict[str, Any]:
    return {
        field.name: _to_json(field, getattr(struct, field.attribute))
        for field in fields(type(struct))
    }


def _to_json(field: Field, value: Any) -> Any:
    if field.type == "bytes":
        return b64u(value)
    return hex_encode(value) if isinstance(value, bytes) else value


class _Reader:
    """One JSON object, read field by field."""

    def __init__(self, values: Any, where: str) -> None:
        if not isinstance(values, dict):
            raise RequestInvalid(f"{where} is not a JSON object.")
        self._values = values

    @classmethod
    def of(cls, body: bytes) -> "_Reader":
        if len(body) > MAX_BODY_BYTES:
            raise RequestInvalid(f"The body has more than {MAX_BODY_BYTES} bytes.")
        try:
            reader = cls(json.loads(body.decode()), "The body")
        except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
            raise RequestInvalid("The body is not JSON.") from error
        version = reader._get("v")
        if type(version) is not int or version != VERSION:
            raise RequestInvalid(f"Version {version!r} of this body is not known; 1 is.")
        return reader

    def inner(self, name: str) -> "_Reader":
        return _Reader(self._get(name), name)

    def struct(self, kind: type[S]) -> S:
        values = {field.attribute: self.value(field.type, field.name) for field in fields(kind)}
        return kind(**values)

    def value(self, solidity_type: str, name: str) -> Any:
        """A value of an elementary Solidity type, as `chain.eip712` holds it."""
        value = self._get(name)
        try:
            match solidity_type:
                case "address":
                    if value != address(value, name=name):
                        raise BadInput(f"{name} is not in lower case.")
                    return value
                case "bytes32":
                    hex_decode(value, 32, name=name)
                    return value
                case "bytes16":
                    return hex_decode(value, 16, name=name)
                case "bytes":
                    return b64u_decode(value, limit=MAX_SESSION_KEY_BYTES, name=name)
        except BadInput as error:
            raise RequestInvalid(error.what) from error
        return self._unsigned(name, value, int(solidity_type.removeprefix("uint")))

    def binary(self, name: str, limit: int) -> bytes:
        try:
            return b64u_decode(self._get(name), limit=limit, name=name)
        except BadInput as error:
            raise RequestInvalid(error.what) from error

    def _unsigned(self, name: str, value: Any, bits: int) -> int:
        if type(value) is not int or not 0 <= value < 1 << bits:
            raise RequestInvalid(f"{name} is not a whole number of {bits} bits.")
        return value

    def _get(self, name: str) -> Any:
        if name not in self._values:
            raise RequestInvalid(f"{name} is missing.")
        return self._values[name]
