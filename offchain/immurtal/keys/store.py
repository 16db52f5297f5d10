"""`Store`: a certificate owner's request that a node hold the current release (DESIGN 6.1)."""

from collections.abc import Collection
from dataclasses import dataclass

from immurtal.chain.eip712 import Store, digest
from immurtal.chain.signatures import Caller, verify
from immurtal.chain.wallet import Wallet
from immurtal.keys.refusals import RequestInvalid
from immurtal.keys.sessions import check_addressee, check_clock


@dataclass(frozen=True, slots=True)
class SignedStore:
    """What `POST /v1/store` carries."""

    store: Store
    signature: bytes


def make_store(wallet: Wallet, store: Store, *, chain_id: int, registry: str) -> SignedStore:
    return SignedStore(store, wallet.sign_digest_of_typed(store, chain_id, registry))


async def check_store(
    rpc: Caller,
    signed: SignedStore,
    owner: str,
    *,
    now: int,
    node_keys: Collection[str],
    chain_id: int,
    registry: str,
) -> None:
    """Whether a `Store` is for one of this node's keys, of `now` and signed by `owner`, the
    certificate's owner as seen: raises WrongNode, ClockSkew or RequestInvalid; Unreachable.

    Whether its release is the current one is the caller's to ask.
    """
    check_addressee(signed.store.node_key, node_keys)
    check_clock(signed.store.time, now)
    hashed = digest(signed.store, chain_id, registry)
    if not await verify(rpc, owner, hashed, signed.signature):
        raise RequestInvalid(
            f"The request to store is not signed by {owner}, the certificate's owner, for this "
            "chain and registry."
        )
