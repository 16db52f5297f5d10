"""Sums of money and shares as people write them."""

import re
from fractions import Fraction

from immurtal.errors import BadInput

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
