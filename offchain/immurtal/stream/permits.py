"""An allowance by signature (EIP-2612), where a token has it and says truly how it is signed.

A token's word is believed only where the domain that we would sign for hashes to the one that it
checks against, and where the signed permit goes through when it is tried.
"""

from dataclasses import dataclass
from typing import Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from immurtal.chain.eip712 import Domain, Struct, domain_separator
from immurtal.chain.tokens import Erc20
from immurtal.chain.wallet import Wallet

PERMIT_TYPE: Final = (
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
PERMIT_SECONDS: Final = 3600
MAX_NAME: Final = 256


@dataclass(frozen=True, slots=True)
class Permit(Struct):
    """A token owner's leave that `spender` takes `value` base units until `deadline` (seconds).
    domain: the token's; the verifying contract is the token."""

    TYPE = PERMIT_TYPE
    owner: str
    spender: str
    value: int
    nonce: int
    deadline: int
    domain: Domain

    @property
    def DOMAIN(self) -> Domain:  # type: ignore[override]
        return self.domain


@dataclass(frozen=True, slots=True)
class SignedPermit:
    """v, r, s as Solidity takes them."""

    deadline: int
    v: int
    r: bytes
    s: bytes


async def permit_domain(token: Erc20, chain_id: int) -> Domain | None:
    """The domain that the token's permits are signed for; None: it has no EIP-2612 permits, or
    none whose domain we can compute, and is paid by an approval then."""
    separator = await token.word("DOMAIN_SEPARATOR()")
    if separator is None or await token.word("nonces(address)", token.address) is None:
        return None
    named = await token.word("PERMIT_TYPEHASH()")  # DAI's permits are of another type
    if named is not None and named != int.from_bytes(keccak(text=PERMIT_TYPE), "big"):
        return None
    for domain in await _candidates(token):
        computed = domain_separator(domain, chain_id, token.address)
        if int.from_bytes(computed, "big") == separator:
            return domain
    return None


async def sign_permit(
    token: Erc20,
    domain: Domain,
    wallet: Wallet,
    chain_id: int,
    *,
    spender: str,
    value: int,
    now: int,
) -> SignedPermit | None:
    """A permit of exactly `value`, for an hour from `now` on; None if the token refuses it when it
    is tried."""
    nonce = await token.word("nonces(address)", wallet.address)
    if nonce is None:
        return None
    deadline = now + PERMIT_SECONDS
    permit = Permit(wallet.address, spender, value, nonce, deadline, domain)
    raw = wallet.sign_digest_of_typed(permit, chain_id, token.address)
    signed = SignedPermit(deadline, raw[64], raw[:32], raw[32:64])
    answer = await token.ask(
        "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
        wallet.address,
        spender,
        value,
        deadline,
        signed.v,
        signed.r,
        signed.s,
        sender=spender,
    )
    return None if answer is None else signed


async def _candidates(token: Erc20) -> list[Domain]:
    """What the token says by ERC-5267; else its name with the version that it says, 1, or none."""
    told = await token.ask("eip712Domain()")
    if told is not None:
        try:
            kinds = ["bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]"]
            fields, name, version, *_ = decode(kinds, told)
            if fields == b"\x0f" and max(len(name), len(version)) <= MAX_NAME:
                return [Domain(name, version)]
        except (DecodingError, ValueError, OverflowError):
            pass
    name = await token.string("name()")
    if name is None or len(name) > MAX_NAME:
        return []
    versions = dict.fromkeys([await token.string("version()") or "1", "1", None])
    return [Domain(name, version) for version in versions]
