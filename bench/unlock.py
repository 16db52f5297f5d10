"""Unlock, measured on the same chain: a key (its licence) bought with ETH, by its own code.

The code is that of npm `@unlock-protocol/contracts`. A lock is made as Unlock makes it: behind a
proxy.
"""

import json
import tarfile
from pathlib import Path
from typing import Any, Final

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from bench.chain import ETH, NOBODY, ONE, Chain, call_data
from bench.packages import fetch

PACKAGE: Final = "@unlock-protocol/contracts"
VERSION: Final = "0.0.34"
SHA512: Final = (
    "Sjgn8C3zKGdnGKfcoR4ejz1YgfQLYuHbtcZrK35N6FfPZQoL9jbWiyhIhxavb5bpRmXnLxnlh6vykEgCGIwjSg=="
)
LOCK_VERSION: Final = 15
FOREVER: Final = 2**256 - 1
_PURCHASE: Final = "(uint256,address,address,address,address,bytes,uint256)[]"


def purchase_gas(chain: Chain) -> int | None:
    """Gas of a first key in a lock where somebody else has one; None where npm has no package."""
    package = fetch(PACKAGE, VERSION, SHA512)
    if package is None:
        return None
    owner, earlier, buyer = chain.accounts[:3]
    implementation = chain.deploy(_code(package, "Unlock/UnlockV14"))
    unlock = chain.deploy(_proxy(implementation, call_data("initialize(address)", owner)))
    template = chain.deploy(_code(package, "PublicLock/PublicLockV15"))
    chain.spend(owner, unlock, call_data("addLockTemplate(address,uint16)", template, LOCK_VERSION))
    chain.spend(owner, unlock, call_data("setLockTemplate(address)", template))
    terms = (owner, FOREVER, ETH, ONE, FOREVER, "Licence")
    begin = call_data("initialize(address,uint256,address,uint256,uint256,string)", *terms)
    create = call_data("createUpgradeableLockAtVersion(bytes,uint16)", begin, LOCK_VERSION)
    answer = chain.anvil.rpc(
        "eth_call", {"from": owner, "to": unlock, "data": "0x" + create.hex()}, "latest"
    )
    (lock,) = decode(["address"], bytes.fromhex(answer[2:]))
    chain.spend(owner, unlock, create)
    spent = 0
    for account in (earlier, buyer):
        order = (ONE, account, NOBODY, NOBODY, NOBODY, b"", 0)
        data = keccak(text=f"purchase({_PURCHASE})")[:4] + encode([_PURCHASE], [[order]])
        spent = chain.spend(account, str(lock), data, ONE)
    return spent


def _code(package: Path, name: str) -> bytes:
    with tarfile.open(package) as archive:
        member = archive.extractfile(f"package/dist/abis/{name}.json")
        if member is None:
            raise ValueError(f"{package.name} has no {name}")
        artefact: dict[str, Any] = json.load(member)
    return bytes.fromhex(artefact["bytecode"][2:])


def _proxy(implementation: str, begin: bytes) -> bytes:
    """Creation code of a proxy (ERC-1167) that begins by `begin` in its constructor: Unlock can
    only be used behind one, and only be begun there."""
    forward = f"363d3d373d3d3d363d73{implementation[2:]}5af43d82803e903d91602b57fd5bf3"
    size = len(begin)
    # CODECOPY the call, DELEGATECALL it, CODECOPY the proxy, RETURN it: 45 bytes, as the proxy has
    call = f"60{size:02x}605a5f39" + f"5f5f60{size:02x}5f73{implementation[2:]}5af450"
    return bytes.fromhex(f"{call}602d602d5f39602d5ff3{forward}") + begin
