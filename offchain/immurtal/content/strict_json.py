"""JSON from strangers, read strictly: bounded, typed, the same in Python and in a browser.

Unknown fields are ignored and an unknown `v` is refused (FORMATS, Encodings). Whole numbers stop at
2**53 - 1, which is where JavaScript's do. All raise `BadInput`, naming the field.
"""

import json
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeVar

from immurtal.content.encoding import BINARY_LIMIT, address, b64u_decode, hex_decode
from immurtal.errors import BadInput

JSON_LIMIT: Final = 64 * 1024
"""Bytes of a JSON file, unless FORMATS says otherwise."""
WHOLE_LIMIT: Final = 2**53 - 1
TEXT_LIMIT: Final = 64 * 1024

T = TypeVar("T")


def encode_json(value: object) -> bytes:
    """UTF-8 without spaces, keys in the order given."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def decode_object(raw: bytes, limit: int, name: str) -> "Fields":
    """The JSON object in `raw`, of at most `limit` bytes; `name` is for the error."""
    if len(raw) > limit:
        raise BadInput(f"{name} has {len(raw)} bytes, more than {limit}.")
    try:
        value = json.loads(
            raw.decode("utf-8"), parse_float=_number, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{name} is not JSON in UTF-8.") from error
    return Fields(value, name)


class Fields:
    """The fields of one object; every reader names the field in its error."""

    def __init__(self, value: object, name: str) -> None:
        if not isinstance(value, dict):
            raise BadInput(f"{name} is not a JSON object.")
        self._fields: dict[str, Any] = value
        self.name: Final = name

    def version(self, known: int = 1) -> None:
        """Refuses a `v` that is not `known`."""
        if self.whole("v") != known:
            raise BadInput(
                f"{self.name} has version {self._fields['v']}, this program knows {known}.",
                do="Use a newer version of Immurtal.",
            )

    def has(self, field: str) -> bool:
        """Whether the field is there and not null."""
        return self._fields.get(field) is not None

    def text(self, field: str, limit: int = TEXT_LIMIT) -> str:
        """Text of at most `limit` bytes; control characters that a terminal acts on are dropped."""
        value = self._fields.get(field)
        if not isinstance(value, str):
            raise self._wrong(field, "text")
        try:
            size = len(value.encode())
        except UnicodeEncodeError as error:
            raise self._wrong(field, "text in Unicode") from error
        if size > limit:
            raise self._wrong(field, f"text of at most {limit} bytes")
        return printable(value)

    def whole(self, field: str, low: int = 0, high: int = WHOLE_LIMIT) -> int:
        """A whole number within bounds."""
        value = self._fields.get(field)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._wrong(field, f"a whole number from {low} to {high}")
        return value

    def hex(self, field: str, size: int) -> bytes:
        """A hash or id of `size` bytes."""
        return hex_decode(self._fields.get(field), size, name=self._called(field))

    def address(self, field: str) -> str:
        """An account or contract, lower-case hex."""
        return address(self._fields.get(field), name=self._called(field))

    def binary(self, field: str, size: int | None = None, limit: int = BINARY_LIMIT) -> bytes:
        """base64url of exactly `size` or at most `limit` bytes."""
        name = self._called(field)
        return b64u_decode(self._fields.get(field), size=size, limit=limit, name=name)

    def object(self, field: str) -> "Fields":
        """An object inside this one."""
        return Fields(self._fields.get(field), self._called(field))

    def objects(self, field: str, most: int) -> list["Fields"]:
        """A list of at most `most` objects."""
        value = self._fields.get(field)
        if not isinstance(value, list) or len(value) > most:
            raise self._wrong(field, f"a list of at most {most}")
        return [Fields(item, f"{self._called(field)}[{i}]") for i, item in enumerate(value)]

    def optional(self, field: str, read: Callable[[str], T]) -> T | None:
        """What `read` makes of the field, or None where it is missing or null."""
        return read(field) if self.has(field) else None

    def _called(self, field: str) -> str:
        return f"{self.name}.{field}"

    def _wrong(self, field: str, wanted: str) -> BadInput:
        return BadInput(f"{self._called(field)} is not {wanted}.")


def printable(text: str) -> str:
    """`text` without the control characters that a terminal acts on; lines and tabs stay."""
    return "".join(c for c in text if c in "\n\t" or not (c < " " or "\x7f" <= c <= "\x9f"))


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() and abs(value) <= WHOLE_LIMIT else value


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")
