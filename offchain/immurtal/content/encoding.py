"""Binary values as text (FORMATS, Encodings): base64url without padding; 0x and lower-case hex.

Every decoder takes what came from outside, so it takes `object`, accepts one spelling of each value
only, and is bounded. All raise `BadInput`.
"""

import base64
import binascii
import re
from typing import Final

from immurtal.errors import BadInput

BINARY_LIMIT: Final = 64 * 1024
"""Bytes of one base64url value, unless the caller says otherwise."""

_HEX: Final = re.compile(r"0x(?:[0-9a-f]{2})*\Z")


def b64u(data: bytes) -> str:
    """base64url without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64u_decode(
    text: object, *, size: int | None = None, limit: int = BINARY_LIMIT, name: str = "value"
) -> bytes:
    """The bytes of `text`; `size` in bytes if it must be exact, at most `limit` bytes."""
    if not isinstance(text, str) or not text.isascii() or "=" in text:
        raise BadInput(f"{name} is not base64url without padding.")
    if len(text) > (limit * 4 + 2) // 3:
        raise BadInput(f"{name} has more than {limit} bytes.")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise BadInput(f"{name} is not base64url without padding.") from error
    if b64u(data) != text:
        raise BadInput(f"{name} is not base64url in its one spelling.")
    if size is not None and len(data) != size:
        raise BadInput(f"{name} has {len(data)} bytes, not {size}.")
    return data


def hex_encode(data: bytes) -> str:
    """`0x` and lower-case hex, any length."""
    return "0x" + data.hex()


def hex_decode(text: object, size: int, *, name: str = "value") -> bytes:
    """The `size` bytes of a `0x` lower-case hex string."""
    if not isinstance(text, str) or len(text) != 2 + 2 * size or not _HEX.match(text):
        raise BadInput(f"{name} is not 0x and {2 * size} lower-case hex digits.")
    return bytes.fromhex(text[2:])


def hex32(data: bytes) -> str:
    """A hash or id of 32 bytes as text."""
    if len(data) != 32:
        raise BadInput(f"A hash has 32 bytes, not {len(data)}.")
    return hex_encode(data)


def hex32_decode(text: object, *, name: str = "value") -> bytes:
    """The 32 bytes of a hash or id."""
    return hex_decode(text, 32, name=name)


def address(text: object, *, name: str = "address") -> str:
    """An account or contract as lower-case hex; any case of the digits is taken."""
    if not isinstance(text, str):
        raise BadInput(f"{name} is not an address.")
    return hex_encode(hex_decode(text.lower(), 20, name=name))
