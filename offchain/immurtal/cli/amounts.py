"""Sums of money and shares as people write them."""

from decimal import Decimal, InvalidOperation

from immurtal.errors import BadInput

WEI_PER = {"wei": Decimal(1), "gwei": Decimal(10**9), "eth": Decimal(10**18)}
MAX_PRICE = 2**128 - 1
BPS_PER_PERCENT = 100


def ether_amount(text: str) -> int:
    """Wei of `0.01`, `0.01eth`, `5gwei` or `7wei`; a plain number is ETH. Raises BadInput."""
    word = text.strip().lower().replace(" ", "")
    unit = next((name for name in ("gwei", "wei", "eth") if word.endswith(name)), "")
    try:
        wei = Decimal(word.removesuffix(unit)) * WEI_PER[unit or "eth"]
    except InvalidOperation as error:
        raise BadInput(f"{text!r} is no amount.", do="Write 0.01eth, 5gwei or 7wei.") from error
    if not wei.is_finite() or wei != wei.to_integral_value() or not 0 <= wei <= MAX_PRICE:
        raise BadInput(f"{text!r} is no whole number of wei from 0 to 2^128 - 1.")
    return int(wei)


def shares(words: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """(address, basis points) of `0x…=50%` or `0x…=5000`. Raises BadInput."""
    return tuple(_share(word) for word in words)


def percentage(text: str) -> int:
    """Basis points of `12.5%` or `1250`. Raises BadInput."""
    try:
        percent = text.endswith("%")
        value = Decimal(text.removesuffix("%")) * (BPS_PER_PERCENT if percent else 1)
    except InvalidOperation as error:
        raise BadInput(f"{text!r} is no share.", do="Write 50% or 5000 (basis points).") from error
    if not value.is_finite() or value != value.to_integral_value() or value < 0:
        raise BadInput(f"{text!r} is no whole number of basis points (0.01 %).")
    return int(value)


def _share(word: str) -> tuple[str, int]:
    from immurtal.cli.client import account

    payee, _, part = word.partition("=")
    return account(payee), percentage(part)


def in_ether(wei: int) -> str:
    """An amount of wei, exactly, in ETH."""
    return f"{(Decimal(wei) / WEI_PER['eth']).normalize():f} ETH"
