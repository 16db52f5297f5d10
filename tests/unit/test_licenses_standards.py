"""LicenseManager as others see it: ERC-1155, ERC-165, ERC-5267, ERC-7572; and the ABIs on file."""

import json
import subprocess
import sys
from pathlib import Path

from ape import chain
from eth_utils import keccak
from outcomes import plain

ROOT = Path(__file__).resolve().parents[2]


def test_claims_only_what_answers(licenses):
    """Each interface id is that of selectors which the ABI has."""
    claims = {
        "0x01ffc9a7": ["supportsInterface"],
        "0xd9b67a26": [
            "balanceOf",
            "balanceOfBatch",
            "setApprovalForAll",
            "isApprovedForAll",
            "safeTransferFrom",
            "safeBatchTransferFrom",
        ],
        "0x0e89341c": ["uri"],
    }
    for interface, names in claims.items():
        assert licenses.supportsInterface(interface)
        together = 0
        for abi in (abi for abi in licenses.contract_type.methods if abi.name in names):
            together ^= int.from_bytes(keccak(text=abi.selector)[:4])
        assert together == int(interface, 16)
    for other in ("0xffffffff", "0x00000000", "0x80ac58cd", "0x2a55205a"):
        assert not licenses.supportsInterface(other)


def test_names_itself(licenses):
    head, _, body = licenses.contractURI().partition(",")
    assert head == "data:application/json;utf8"
    assert json.loads(body)["name"] == "Immurtal licences"


def test_tells_its_signing_domain(licenses):
    domain = [b"\x0f", "Immurtal", "1", chain.chain_id, licenses.address, bytes(32), []]
    assert plain(list(licenses.eip712Domain())) == domain


def test_tells_how_it_was_deployed(licenses, registry, factory):
    assert licenses.registry() == registry.address
    assert licenses.factory() == factory.address


def test_the_abis_on_file_are_what_the_contracts_compile_to():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "export_abi.py", "--check"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_every_contract_fits_with_room_to_spare(project):
    """EIP-170 allows 24,576 bytes of code."""
    for name in ("CopyrightRegistry", "LicenseManager", "NodeRegistry", "RoyaltySplit"):
        code = bytes(getattr(project, name).contract_type.get_runtime_bytecode())
        assert 0 < len(code) < 20_000, name
