"""Sound Protocol, measured on the same chain: an edition made and a token of it bought with ETH.

The code is that of npm `@soundxyz/sound-protocol`: of its newest version there, with editions V1.2
and minters V2.1. What `bench.peers` quotes is V2 with its SuperMinter, which costs more and is not
on npm. The peer is taken at its cheapest: the minter that writes the least, no fees, no randomness,
no affiliate, no operator filter. It asks its Multicaller who sends, which is not on this chain:
where it is, that adds a read of storage to each call that looks at roles.
"""

import re
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from bench.chain import NOBODY, ONE, Chain, call_data
from bench.packages import fetch

PACKAGE: Final = "@soundxyz/sound-protocol"
VERSION: Final = "1.7.0"
SHA512: Final = (
    "PihoLizBMWxHyOoTElqXHEwZPDfn37OCBwnTN6qeX2CXzdO1eyhF5nBYWui14bK7r/k/pT3EajUmQQvA8G/T9w=="
)
MINTER_ROLE: Final = 2
UNLIMITED: Final = 2**32 - 1
MINT_ID: Final = 1
"""Of the second edition's mint: the minter counts them from 0, for all editions."""
_CREATE: Final = "createSoundAndMints(bytes32,bytes,address[],bytes[])"
_CODE: Final = re.compile(r'^const _bytecode = "0x([0-9a-f]+)";$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Sound:
    """Gas. edition: made with its minter's role and one mint, where the minter has another
    edition's already. mint: a buyer's first token of an edition where somebody else has one."""

    edition: int
    mint: int


def sound_gas(chain: Chain) -> Sound | None:
    """None where npm has no package."""
    package = fetch(PACKAGE, VERSION, SHA512)
    if package is None:
        return None
    earlier_artist, artist, earlier_buyer, buyer = chain.accounts[:4]
    implementation = chain.deploy(_code(package, "SoundEditionV1_2"))
    beginning = encode(["address"], [implementation])
    creator = chain.deploy(_code(package, "SoundCreatorV1") + beginning)
    minter = chain.deploy(_code(package, "EditionMaxMinterV2_1"))
    _create(chain, creator, minter, earlier_artist)
    edition, creation_gas = _create(chain, creator, minter, artist)
    mint = "mintTo(address,uint128,address,uint32,address,bytes32[],uint256)"
    spent = 0
    for account in (earlier_buyer, buyer):
        data = call_data(mint, edition, MINT_ID, account, 1, NOBODY, [], 0)
        spent = chain.spend(account, minter, data, ONE)
    return Sound(creation_gas, spent)


def _create(chain: Chain, creator: str, minter: str, artist: str) -> tuple[str, int]:
    """An edition's address, and the gas it took. Its terms are those of Sound's own tests."""
    salt = keccak(text="edition")
    edition = _edition(chain, creator, artist, salt)
    begin = call_data(
        "initialize(string,string,address,string,string,address,uint16,uint32,uint32,uint32,uint8)",
        *("Never Gonna Give You Up", "NEVER", NOBODY),
        *("https://example.com/metadata/", "https://example.com/storefront/", artist),
        *(100, UNLIMITED, UNLIMITED, 200, 0),
    )
    grant = call_data("grantRoles(address,uint256)", minter, MINTER_ROLE)
    schedule = call_data(
        "createEditionMint(address,uint96,uint32,uint32,uint16,uint32)",
        *(edition, ONE, 0, UNLIMITED, 0, UNLIMITED),
    )
    data = call_data(_CREATE, salt, begin, [edition, minter], [grant, schedule])
    return edition, chain.spend(artist, creator, data)


def _edition(chain: Chain, creator: str, artist: str, salt: bytes) -> str:
    data = call_data("soundEditionAddress(address,bytes32)", artist, salt)
    call: dict[str, Any] = {"to": creator, "data": "0x" + data.hex()}
    answer = chain.anvil.rpc("eth_call", call, "latest")
    return str(decode(["address", "bool"], bytes.fromhex(answer[2:]))[0])


def _code(package: Path, name: str) -> bytes:
    with tarfile.open(package) as archive:
        member = archive.extractfile(f"package/typechain/factories/{name}__factory.mjs")
        found = None if member is None else _CODE.search(member.read().decode())
    if found is None:
        raise ValueError(f"{package.name} has no {name}")
    return bytes.fromhex(found[1])
