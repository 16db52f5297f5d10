"""Whether an account signed a digest: ECDSA, else the account's own contract (ERC-1271)."""

from typing import Any, Protocol

from eth_abi.abi import encode
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from immurtal.chain.rpc import RpcError
from immurtal.errors import Unreachable

HALF_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 // 2
ZERO_ADDRESS = "0x" + "00" * 20
ERC1271_MAGIC = bytes.fromhex("1626ba7e")
"""Selector of `isValidSignature(bytes32,bytes)`, which is also what it returns for yes."""
YES = "0x" + ERC1271_MAGIC.hex() + "00" * 28
ERC1271_GAS = 2_000_000
"""Enough for passkey wallets (P-256 in Solidity), and an end to a contract that loops."""
MAX_SIGNATURE_BYTES = 4096


class Caller(Protocol):
    """What can be asked of a chain; `immurtal.chain.rpc.Rpc` is one."""

    async def call(self, method: str, params: list[Any]) -> Any: ...


def recover_ecdsa(digest: bytes, signature: bytes) -> str | None:
    """The address whose key signed, lower case; None if this is no signature of ours.

    65 bytes r ‖ s ‖ v with v 27 or 28 and s in the lower half (EIP-2): no second form of the same
    signature passes.
    """
    if len(digest) != 32 or len(signature) != 65 or signature[64] not in (27, 28):
        return None
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
    if not 0 < s <= HALF_ORDER:
        return None
    try:
        key = Signature(vrs=(signature[64] - 27, r, s)).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError):
        return None
    return key.to_address()


async def verify(
    rpc: Caller, account: str, digest: bytes, signature: bytes, block: str = "latest"
) -> bool:
    """Whether `account` signed: its key, or its code says so at `block` (a tag or hex number).

    The one door for every signature of an account; ERC-6492 (wallets not deployed yet) goes in
    front of ERC-1271 here. Raises Unreachable if the chain cannot be asked.
    """
    if account == ZERO_ADDRESS or len(signature) > MAX_SIGNATURE_BYTES:
        return False
    if recover_ecdsa(digest, signature) == account:
        return True
    return await _contract_agrees(rpc, account, digest, signature, block)


async def _contract_agrees(
    rpc: Caller, account: str, digest: bytes, signature: bytes, block: str
) -> bool:
    data = ERC1271_MAGIC + encode(["bytes32", "bytes"], [digest, signature])
    call = {"to": account, "data": "0x" + data.hex(), "gas": hex(ERC1271_GAS)}
    try:
        answer = await rpc.call("eth_call", [call, block])
    except RpcError as error:
        if error.rate_limited:
            raise Unreachable(error.what, do="Try again, or configure another endpoint.") from error
        return False
    # Exactly one word: an echoing precompile, or code that returns noise, is no yes.
    return isinstance(answer, str) and answer.lower() == YES
