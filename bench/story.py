"""Story Protocol, measured on the same chain: an NFT that exists registered as an IP asset.

The code is that of npm `@story-protocol/protocol-core`: sources without bytecode, compiled by their
own settings. The only version there is 1.0.0-beta-rc6 of 2024, whose `register` takes metadata and
stores it; what Story has since (`peers.STORY_REGISTER`) takes none and costs less.
"""

import json
import re
import subprocess
import tarfile
from pathlib import Path
from posixpath import dirname, join, normpath
from tempfile import TemporaryDirectory
from typing import Any, Final

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from bench.chain import Chain, call_data
from bench.packages import fetch

PACKAGES: Final = (
    (
        "@story-protocol/protocol-core",
        "1.0.0-beta-rc6",
        "2diMjDOpFuKcKZ7BQTdR0jb/W3Etob3cPkewteZvXgYwpLd0MpwPDkujPOM7KijYlp781kDx0ay8TqutgqH5QQ==",
    ),
    (
        "@openzeppelin/contracts",
        "5.0.1",
        "yQJaT5HDp9hYOOp4jTYxMsR02gdFZFXhewX5HW9Jo4fsqSVqqyIO/xTHdWDaKX5a3pv1txmf076Lziz+sO7L1w==",
    ),
    (
        "erc6551",
        "0.3.1",
        "4+O7CJ5gn3/s2Mum1QiJDJUbGE1P1m0t3do2nnFAKWEXLubWfZjS12HqraUJ6Y6su3WJ8EqdWm0270gC0bqpCA==",
    ),
    (
        "solc",
        "0.8.23",
        "uqe69kFWfJc3cKdxj+Eg9CdW1CP3PLZDPeyJStQVWL8Q9jjjKD0VuRAKBFR8mrWiq5A7gJqERxJFYJsklrVsfA==",
    ),
)
"""Name, version, SHA-512. All but Story's own are what its package.json and foundry.toml name."""
CONTRACTS: Final = {
    "IPAccountChecker": "contracts/lib/registries/IPAccountChecker.sol",
    "Governance": "contracts/governance/Governance.sol",
    "AccessController": "contracts/AccessController.sol",
    "ERC6551Registry": "erc6551/ERC6551Registry.sol",
    "IPAccountImpl": "contracts/IPAccountImpl.sol",
    "ModuleRegistry": "contracts/registries/ModuleRegistry.sol",
    "IPAssetRegistry": "contracts/registries/IPAssetRegistry.sol",
    "IPResolver": "contracts/resolvers/IPResolver.sol",
    "MockERC721": "test/foundry/mocks/token/MockERC721.sol",
}
OPTIMISER_RUNS: Final = 20_000
_IMPORT: Final = re.compile(r'^\s*import\s[^;"]*"([^"]+)"\s*;', re.MULTILINE)
_LIBRARY: Final = re.compile(r"__\$[0-9a-f]{34}\$__")
"""Where code wants the address of a library: here always of `IPAccountChecker`."""
_COMPILE: Final = """
const compiler = require("solc/wrapper.js")(require(process.argv[1]));
process.stdout.write(compiler.compile(require("fs").readFileSync(0, "utf8")));
"""


def register_gas(chain: Chain) -> int | None:
    """Gas of an owner's registering one more NFT, with its account. Its metadata has a hash, a date
    and a registrant, and neither name nor URL, which would cost more. None where npm lacks a
    package."""
    story, openzeppelin, accounts, solc = (fetch(*package) for package in PACKAGES)
    if story is None or openzeppelin is None or accounts is None or solc is None:
        return None
    code = _compile(story, openzeppelin, accounts, solc)

    def deploy(name: str, types: str = "", *args: Any) -> str:
        linked = _LIBRARY.sub(checker[2:], code[name])
        return chain.deploy(bytes.fromhex(linked) + encode(types.split(), args))

    checker = chain.deploy(bytes.fromhex(code["IPAccountChecker"]))
    owner = chain.accounts[0]
    governance = deploy("Governance", "address", owner)
    access = deploy("AccessController", "address", governance)
    account = deploy("IPAccountImpl", "address", access)
    modules = deploy("ModuleRegistry", "address", governance)
    parts = (deploy("ERC6551Registry"), account, modules, governance)
    registry = deploy("IPAssetRegistry", "address address address address", *parts)
    resolver = deploy("IPResolver", "address address", access, registry)
    nft = deploy("MockERC721", "string", "NFT")
    about = ("", keccak(text="work"), 1_700_000_000, owner, "")
    metadata = encode(["(string,bytes32,uint64,address,string)"], [about])
    chain_id = int(chain.anvil.rpc("eth_chainId"), 16)
    spent = 0
    for token_id in (1, 2):
        chain.spend(owner, nft, call_data("mint(address)", owner))
        asset = (chain_id, nft, token_id, resolver, True, metadata)
        data = call_data("register(uint256,address,uint256,address,bool,bytes)", *asset)
        spent = chain.spend(owner, registry, data)
    return spent


def _compile(story: Path, openzeppelin: Path, accounts: Path, solc: Path) -> dict[str, str]:
    """Creation code by contract, in hexadecimal, not linked."""
    files = _solidity(story, "") | _solidity(accounts, "erc6551/")
    files |= _solidity(openzeppelin, "@openzeppelin/contracts/")
    request = {
        "language": "Solidity",
        "sources": {name: {"content": files[name]} for name in _needed(files)},
        "settings": {
            "optimizer": {"enabled": True, "runs": OPTIMISER_RUNS},
            "outputSelection": {
                file: {name: ["evm.bytecode.object"]} for name, file in CONTRACTS.items()
            },
        },
    }
    with TemporaryDirectory() as folder, tarfile.open(solc) as archive:
        archive.extract("package/soljson.js", folder, filter="data")
        done = subprocess.run(
            ["node", "-e", _COMPILE, str(Path(folder) / "package" / "soljson.js")],
            input=json.dumps(request).encode(),
            stdout=subprocess.PIPE,
            check=True,
        )
    output = json.loads(done.stdout)
    failures = [error for error in output.get("errors", []) if error["severity"] == "error"]
    if failures:
        raise ValueError("\n".join(error["formattedMessage"] for error in failures))
    return {
        name: output["contracts"][file][name]["evm"]["bytecode"]["object"]
        for name, file in CONTRACTS.items()
    }


def _solidity(package: Path, prefix: str) -> dict[str, str]:
    """Text by name, as imports write it."""
    with tarfile.open(package) as archive:
        members = {member.name.removeprefix("package/"): member for member in archive}
        return {
            prefix + name: file.read().decode()
            for name, member in members.items()
            if name.endswith(".sol") and (file := archive.extractfile(member)) is not None
        }


def _needed(files: dict[str, str]) -> set[str]:
    """What `CONTRACTS` import, and what that imports."""
    needed: set[str] = set()
    waiting = list(CONTRACTS.values())
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            found = _IMPORT.findall(files[name])
            waiting += [
                normpath(join(dirname(name), path)) if path.startswith(".") else path
                for path in found
            ]
    return needed
