"""R5: every interface id that a contract claims answers with every one of its selectors.

An answer is a result, or a refusal with a reason: a selector that the contract does not know ends
in a revert without any data.
"""

from collections.abc import Sequence
from functools import reduce
from operator import xor

import pytest
from eth_utils import keccak
from world import Contract, World, actors, open_world

STANDARDS = {
    "ERC-165": ["supportsInterface(bytes4)"],
    "ERC-721": [
        "balanceOf(address)",
        "ownerOf(uint256)",
        "safeTransferFrom(address,address,uint256,bytes)",
        "safeTransferFrom(address,address,uint256)",
        "transferFrom(address,address,uint256)",
        "approve(address,uint256)",
        "setApprovalForAll(address,bool)",
        "getApproved(uint256)",
        "isApprovedForAll(address,address)",
    ],
    "ERC-721 metadata": ["name()", "symbol()", "tokenURI(uint256)"],
    "ERC-1155": [
        "safeTransferFrom(address,address,uint256,uint256,bytes)",
        "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
        "balanceOf(address,uint256)",
        "balanceOfBatch(address[],uint256[])",
        "setApprovalForAll(address,bool)",
        "isApprovedForAll(address,address)",
    ],
    "ERC-1155 metadata": ["uri(uint256)"],
    "ERC-2981": ["royaltyInfo(uint256,uint256)"],
}
IDS = {
    "ERC-165": "01ffc9a7",
    "ERC-721": "80ac58cd",
    "ERC-721 metadata": "5b5e139f",
    "ERC-1155": "d9b67a26",
    "ERC-1155 metadata": "0e89341c",
    "ERC-2981": "2a55205a",
}
"""As the standards print them. ERC-4906 (49064906) has events only: see test_registry.py."""
STRANGE = {
    "ERC-165's id of nothing": "ffffffff",
    "zero": "00000000",
    "ERC-721 receiver": "150b7a02",
    "ERC-721 enumerable": "780e9d63",
    "ERC-1155 receiver": "4e2312e0",
    "ERC-173 owner": "7f5828d0",
    "ERC-4494 permit": "5604e225",
    "ERC-4907 renting": "ad092b5c",
    "ERC-5192 soulbound": "b45a3c0e",
    "access control": "7965db0b",
}
"""What none of ours is."""
CLAIMS = {
    "CopyrightRegistry": ["ERC-165", "ERC-721", "ERC-721 metadata", "ERC-2981"],
    "LicenseManager": ["ERC-165", "ERC-1155", "ERC-1155 metadata"],
}
VALUES = {
    "address": actors()[1].address,
    "uint256": 7,
    "bytes4": bytes(4),
    "bytes": b"",
    "bool": True,
    "uint256[]": [7],
    "address[]": [actors()[1].address],
}
EXTRAS = {
    "CopyrightRegistry": ["contractURI()", "eip712Domain()"],
    "LicenseManager": ["contractURI()", "eip712Domain()"],
}


@pytest.fixture(scope="module")
def world() -> World:
    return open_world()


@pytest.fixture(scope="module")
def contracts(world: World) -> dict[str, Contract]:
    factory = world.deploy("RoyaltySplitFactory")
    registry = world.deploy("CopyrightRegistry", 60, factory)
    licenses = world.deploy("LicenseManager", registry, factory)
    return {"CopyrightRegistry": registry, "LicenseManager": licenses}


@pytest.mark.parametrize("standard", STANDARDS)
def test_an_id_is_the_xor_of_its_selectors(standard: str) -> None:
    selectors = [int.from_bytes(keccak(text=text)[:4]) for text in STANDARDS[standard]]
    assert f"{reduce(xor, selectors):08x}" == IDS[standard]


@pytest.mark.parametrize("name", CLAIMS)
def test_each_claimed_id_answers_with_all_its_selectors(world, contracts, name: str) -> None:
    contract = contracts[name]
    for standard in CLAIMS[name]:
        identity = bytes.fromhex(IDS[standard])
        world.expect("R5", True, contract, "supportsInterface", identity)
        for text in STANDARDS[standard]:
            said = f"{name} claims {standard} without {text}"
            world.expect_true("R5", answers(world, contract, text), said)


@pytest.mark.parametrize("name", CLAIMS)
def test_nothing_else_is_claimed(world, contracts, name: str) -> None:
    others = {IDS[standard] for standard in IDS if standard not in CLAIMS[name]}
    for identity in sorted({"49064906", *STRANGE.values(), *others}):
        claimed = identity == "49064906" and name == "CopyrightRegistry"
        world.expect("R5", claimed, contracts[name], "supportsInterface", bytes.fromhex(identity))


@pytest.mark.parametrize("name", EXTRAS)
def test_views_without_an_id_answer(world, contracts, name: str) -> None:
    for text in EXTRAS[name]:
        world.expect_true("R5", answers(world, contracts[name], text), f"{name} has no {text}")


def answers(world: World, contract: Contract, text: str) -> bool:
    function = contract.functions.get(text)
    if function is None:
        return False
    made = world.send(actors()[1].address, contract, data=function.encode(_arguments(text)))
    return made.ok or len(made.output) >= 4


def _arguments(text: str) -> Sequence[object]:
    inner = text[text.index("(") + 1 : -1]
    return [VALUES[kind] for kind in inner.split(",") if kind]
