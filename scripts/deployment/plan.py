"""What is deployed, in which order, with which arguments, and where it will be.

Every contract goes through the deterministic deployment proxy, so its address follows from its
code and arguments alone: the same on every chain, known before, and a deployment that stopped half
way is carried on by anybody. Source: https://github.com/Arachnid/deterministic-deployment-proxy
"""

from collections.abc import Mapping
from dataclasses import dataclass

from eth_abi import encode
from eth_utils import keccak

PROXY = "0x4e59b44847b379578588920ca78fbf26c0b4956c"
SALT = keccak(text="immurtal/deployment/1")
ORDER = (
    "RoyaltySplitFactory",
    "CopyrightRegistry",
    "LicenseManager",
    "NodeRegistry",
    "StreamingEscrow",
)

DEVELOPMENT_CHAIN = 31337
MIN_AGE = 60
DEVELOPMENT_MIN_AGE = 1

Argument = int | str


@dataclass(frozen=True, slots=True)
class Artifact:
    """A compiled contract. inputs: (name, ABI type) of each of the constructor's parameters."""

    init_code: bytes
    inputs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One contract to be. arguments: by the name of the view function that gives them back."""

    name: str
    address: str
    arguments: Mapping[str, Argument]
    init_code: bytes

    @property
    def data(self) -> bytes:
        """What is sent to the proxy."""
        return SALT + self.init_code


def min_age(chain_id: int) -> int:
    """Seconds between a commitment and its registration."""
    return DEVELOPMENT_MIN_AGE if chain_id == DEVELOPMENT_CHAIN else MIN_AGE


def create2(init_code: bytes) -> str:
    """The address behind the proxy, lower case (EIP-1014)."""
    digest = keccak(b"\xff" + bytes.fromhex(PROXY[2:]) + SALT + keccak(init_code))
    return "0x" + digest[12:].hex()


def plan(artifacts: Mapping[str, Artifact], chain_id: int) -> list[Step]:
    """The contracts in order. A constructor's parameter `factory_` gets what is known as `factory`.

    Raises KeyError if an artifact, or the meaning of a parameter, is missing.
    """
    known: dict[str, Argument] = {"minAge": min_age(chain_id)}
    gives = {"RoyaltySplitFactory": "factory", "CopyrightRegistry": "registry"}
    steps = []
    for name in ORDER:
        artifact = artifacts[name]
        arguments = {parameter.rstrip("_"): kind for parameter, kind in artifact.inputs}
        values = {parameter: known[parameter] for parameter in arguments}
        init_code = artifact.init_code + encode(list(arguments.values()), list(values.values()))
        step = Step(name, create2(init_code), values, init_code)
        steps.append(step)
        if name in gives:
            known[gives[name]] = step.address
    return steps
