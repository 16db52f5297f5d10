"""A node's typed refusals (RFC 9457), read into the errors that they mean."""

import json
from collections.abc import Mapping
from typing import Any, Final

from immurtal.chain.rpc import printable
from immurtal.errors import (
    AccessNotDeepYet,
    AccessRefused,
    BadInput,
    DiskFull,
    ImmurtalError,
    IntegrityError,
    NotAccepted,
    NotFound,
    Unreachable,
)

PREFIX: Final = "urn:immurtal:error:"
MAX_RETRY_AFTER: Final = 86_400  # seconds
DEFAULT_RETRY_AFTER: Final = 2

_PLAIN: Final[Mapping[str, type[ImmurtalError]]] = {
    error.kind: error for error in (NotFound, NotAccepted, IntegrityError, DiskFull, BadInput)
} | {"too-large": NotAccepted}


def problem_error(who: str, status: int, headers: Mapping[str, str], body: bytes) -> ImmurtalError:
    """The error of an answer that is not 2xx. who: the node, as the reader knows it.

    headers: lower-case names. Types without a class of their own are an AccessRefused with the
    type as its `reason` (rate-limited, clock-skew, offset-mismatch, …); no type: Unreachable.
    """
    problem = _object(body)
    suffix = _suffix(problem)
    if suffix is None:
        return Unreachable(
            f"{who} answered with HTTP {status} and no reason that can be read.",
            do="Check that this is a node, or try later.",
        )
    detail = printable(str(problem.get("detail") or problem.get("title") or ""))
    what = f"{who} refused ({suffix})" + (f": {detail}" if detail else "")
    what = what if what.endswith(".") else what + "."
    if suffix == AccessNotDeepYet.kind:
        return AccessNotDeepYet(what, retry_after=retry_after(problem, headers))
    if suffix in _PLAIN:
        return _PLAIN[suffix](what)
    return AccessRefused(what, reason=suffix)


def reason_of(error: ImmurtalError) -> str:
    """The type suffix that a node gave, or the error's own kind."""
    return error.reason if isinstance(error, AccessRefused) else error.kind


def retry_after(problem: Mapping[str, Any], headers: Mapping[str, str]) -> int:
    """Seconds to wait, between 1 and a day, from body or header."""
    for value in (problem.get("retryAfter"), headers.get("retry-after")):
        try:
            return min(max(int(value), 1), MAX_RETRY_AFTER)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            continue
    return DEFAULT_RETRY_AFTER


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _suffix(problem: Mapping[str, Any]) -> str | None:
    kind = problem.get("type")
    if not isinstance(kind, str) or not kind.startswith(PREFIX):
        return None
    return printable(kind.removeprefix(PREFIX), 64) or None
