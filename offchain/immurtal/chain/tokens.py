"""ERC-20 tokens as a client meets them: nothing that they say is trusted (EIP-20).

Names and decimals are for people to read, never for arithmetic: amounts are base units.
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from immurtal.chain.contracts import ZERO_ADDRESS, revert_data
from immurtal.chain.rpc import RpcError
from immurtal.errors import TokenMisbehaves

MAX_SYMBOL: Final = 12
MAX_DECIMALS: Final = 77
MAX_ANSWER: Final = 4096
"""Bytes of one answer of a token: more than any name needs."""
CALL_GAS: Final = 1_000_000


class Caller(Protocol):
    """What can be asked of a chain."""

    async def call(self, method: str, params: list[Any]) -> Any: ...


@dataclass(frozen=True, slots=True)
class Currency:
    """What a price is in. address zero: ETH. symbol: cleaned, at most 12 characters, empty where
    the token says none; decimals: None where it says none that make sense."""

    address: str
    symbol: str
    decimals: int | None

    @property
    def is_eth(self) -> bool:
        return self.address == ZERO_ADDRESS

    def text(self, amount: int) -> str:
        """An amount for a person, exact. A token's own name never stands alone: anybody can call
        theirs ETH."""
        if self.is_eth:
            return f"{_decimal(amount, 18)} ETH"
        if self.decimals is None:
            return f"{amount} base units of token {self.address}"
        return f"{_decimal(amount, self.decimals)} {self.symbol or '(no name)'} [{self.address}]"

    def to_json(self) -> dict[str, Any]:
        return {"address": self.address, "symbol": self.symbol, "decimals": self.decimals}


ETH: Final = Currency(ZERO_ADDRESS, "ETH", 18)


class Erc20:
    """Reads of one token, each bounded in gas and size. Raises Unreachable, RpcError."""

    def __init__(self, rpc: Caller, address: str) -> None:
        self.address = address
        self._rpc = rpc

    async def currency(self) -> Currency:
        """How its amounts are shown."""
        symbol = _text(await self.ask("symbol()"))
        decimals = _word(await self.ask("decimals()"))
        sane = decimals is not None and decimals <= MAX_DECIMALS
        return Currency(self.address, cleaned(symbol), decimals if sane else None)

    async def balance(self, account: str) -> int:
        """Raises TokenMisbehaves."""
        return await self._amount("balanceOf(address)", account)

    async def allowance(self, owner: str, spender: str) -> int:
        """Raises TokenMisbehaves."""
        return await self._amount("allowance(address,address)", owner, spender)

    async def word(self, signature: str, *args: object) -> int | None:
        """The one word that a view answers; None if it answers anything else."""
        return _word(await self.ask(signature, *args))

    async def string(self, signature: str) -> str | None:
        """The text that a view answers, as it is; None if it answers none."""
        answer = await self.ask(signature)
        return None if answer is None else _string(answer)

    async def ask(self, signature: str, *args: object, sender: str | None = None) -> bytes | None:
        """What a call would answer; None if it reverts or answers more than a token needs to."""
        data = "0x" + call_data(signature, *args).hex()
        call = {"to": self.address, "data": data, "gas": hex(CALL_GAS)}
        if sender is not None:
            call["from"] = sender
        try:
            answer = await self._rpc.call("eth_call", [call, "latest"])
        except RpcError as error:
            out_of_gas = "gas" in error.message.lower()
            if error.rate_limited or (revert_data(error) is None and not out_of_gas):
                raise
            return None
        if not isinstance(answer, str) or len(answer) > 2 + 2 * MAX_ANSWER:
            return None
        try:
            return bytes.fromhex(answer.removeprefix("0x"))
        except ValueError:
            return None

    async def _amount(self, signature: str, *args: object) -> int:
        found = await self.word(signature, *args)
        if found is None:
            raise TokenMisbehaves(
                f"The token {self.address} does not answer {signature.partition('(')[0]} with a "
                "number.",
                do="It cannot be paid with as it is; ask the seller for an offer in another one.",
            )
        return found


def call_data(signature: str, *args: object) -> bytes:
    """A call by signature; its types are no tuples."""
    types = [kind for kind in signature[signature.index("(") + 1 : -1].split(",") if kind]
    return keccak(text=signature)[:4] + encode(types, args)


def cleaned(symbol: str) -> str:
    """A token's own name without what a terminal acts on (controls, marks that turn the direction
    of writing) and without spaces."""
    return "".join(c for c in symbol if c.isprintable() and not c.isspace())[:MAX_SYMBOL]


def _word(answer: bytes | None) -> int | None:
    return None if answer is None or len(answer) != 32 else int.from_bytes(answer, "big")


def _text(answer: bytes | None) -> str:
    """A symbol: text, or (as early tokens have it) 32 bytes filled up with zeros."""
    if answer is None:
        return ""
    if len(answer) == 32:
        return answer.rstrip(b"\0").decode("utf-8", "replace")
    return _string(answer) or ""


def _string(answer: bytes) -> str | None:
    try:
        (text,) = decode(["string"], answer)
    except (DecodingError, ValueError, OverflowError):
        return None
    return str(text)


def _decimal(amount: int, decimals: int) -> str:
    whole, rest = divmod(amount, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}".rstrip("0").rstrip(".") if decimals else str(whole)
