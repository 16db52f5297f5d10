"""Sums of money, shares and times as people write and read them."""

import re
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING

from immurtal.errors import BadInput

if TYPE_CHECKING:
    from immurtal.chain.tokens import Currency

WEI_PER = {"wei": 1, "gwei": 10**9, "eth": 10**18}
MAX_PRICE = 2**128 - 1
BPS_PER_PERCENT = 100
_AMOUNT = re.compile(r"([0-9]{1,60}(?:\.[0-9]{1,60})?) ?(wei|gwei|eth)?", re.IGNORECASE)
_SHARE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(%)?")


def ether_amount(text: str) -> int:
    """Wei of `0.01`, `0.01eth`, `5gwei` or `7wei`; a plain number is ETH. Raises BadInput."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise BadInput(f"{text!r} is no amount.", do="Write 0.01eth, 5gwei or 7wei.")
    wei = Fraction(found[1]) * WEI_PER[(found[2] or "eth").lower()]
    if wei.denominator != 1 or wei > MAX_PRICE:
        raise BadInput(f"{text!r} is no whole number of wei from 0 to 2^128 - 1.")
    return wei.numerator


def token_amount(text: str) -> int:
    """Base units of a token: its decimals are its own business. Raises BadInput."""
    digits = text.strip()
    if not re.fullmatch("[0-9]{1,39}", digits) or int(digits) > MAX_PRICE:
        raise BadInput(
            f"{text!r} is no whole number of the token's base units from 0 to 2^128 - 1.",
            do="Write 5000000 for 5 of a token that has 6 decimals.",
        )
    return int(digits)


def amount_in(text: str, currency: "Currency") -> int:
    """Base units of what a price is in: ETH as `ether_amount` reads it; of a token a whole number
    is base units, and `12.5 USDC`, in the token's own name, is by its decimals. Raises BadInput."""
    if currency.is_eth:
        return ether_amount(text)
    number = text.strip()
    if not (currency.symbol and number.lower().endswith(currency.symbol.lower())):
        return token_amount(number)
    found = re.fullmatch(r"[0-9]{1,60}(\.[0-9]{1,60})?", number[: -len(currency.symbol)].rstrip())
    units = Fraction(found[0]) * 10 ** (currency.decimals or 0) if found else Fraction(-1)
    if units.denominator != 1 or not 0 <= units <= MAX_PRICE:
        raise BadInput(f"{text!r} is no amount that {currency.symbol} has.")
    return units.numerator


def moment(seconds: int) -> str:
    """A time of the chain, to the second; far ones, which no calendar has, as they are."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s since 1970"


def length(seconds: int) -> str:
    """How long something lasts, in the largest unit that it is a whole number of."""
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {name}{'s' * (seconds != size)}"
    return f"{seconds} s"


def shares(words: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """(address, basis points) of `0x…=50%` or `0x…=5000`. Raises BadInput."""
    return tuple(_share(word) for word in words)


def percentage(text: str) -> int:
    """Basis points of `12.5%` or `1250`. Raises BadInput."""
    found = _SHARE.fullmatch(text.strip())
    if found is None:
        raise BadInput(f"{text!r} is no share.", do="Write 50% or 5000 (basis points).")
    value = Fraction(found[1]) * (BPS_PER_PERCENT if found[2] else 1)
    if value.denominator != 1:
        raise BadInput(f"{text!r} is no whole number of basis points (0.01 %).")
    return value.numerator


def _share(word: str) -> tuple[str, int]:
    from immurtal.cli.client import account

    payee, equals, part = word.partition("=")
    if not equals:
        raise BadInput(f"{word!r} names no share.", do="Write 0x…=50%.")
    return account(payee), percentage(part)


def in_ether(wei: int) -> str:
    """An amount of wei, exactly, in ETH."""
    from immurtal.chain.transactions import ether

    return f"{ether(wei)} ETH"
