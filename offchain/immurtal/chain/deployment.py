"""Where the contracts are on one chain: `deployments/<chain id>.json`.

{chainId, contracts: {Name: {address, transaction, block, arguments, codeHash}}}
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from immurtal.errors import BadInput, NotFound

MAX_FILE_BYTES = 1024 * 1024
_NEEDED = (
    "CopyrightRegistry",
    "LicenseManager",
    "RoyaltySplitFactory",
    "StreamingEscrow",
    "NodeRegistry",
)
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Deployment:
    """addresses: lower-case, by contract name. first_block: of the oldest one; 0: unknown.

    code_hashes: keccak256 of the runtime code by contract name, where the file says so.
    """

    chain_id: int
    addresses: Mapping[str, str]
    first_block: int = 0
    code_hashes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path | str) -> "Deployment":
        """Raises NotFound, BadInput."""
        path = Path(path)
        if not path.is_file():
            raise NotFound(
                f"There is no deployment file {path}.",
                do="Deploy the contracts first, or name the file of the network you mean.",
            )
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadInput(f"{path} is too large for a deployment file.")
        try:
            return cls.from_json(json.loads(path.read_text("utf-8")))
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise BadInput(
                f"{path} is not a deployment file: {type(error).__name__}: {error}.",
                do="Deploy again, or take the file from where the contracts were deployed.",
            ) from error

    @classmethod
    def from_json(cls, value: Any) -> "Deployment":
        """Raises KeyError, TypeError, ValueError, AttributeError."""
        contracts: dict[str, Any] = value["contracts"]
        addresses = {name: str(entry["address"]).lower() for name, entry in contracts.items()}
        for name in _NEEDED:
            if not _ADDRESS.fullmatch(addresses[name]):
                raise ValueError(f"the address of {name} is malformed")
        return cls(
            chain_id=int(value["chainId"]),
            addresses=addresses,
            first_block=min(int(contracts[name].get("block") or 0) for name in _NEEDED),
            code_hashes={n: e["codeHash"] for n, e in contracts.items() if e.get("codeHash")},
        )

    @property
    def registry(self) -> str:
        return self.addresses["CopyrightRegistry"]

    @property
    def license_manager(self) -> str:
        return self.addresses["LicenseManager"]

    @property
    def split_factory(self) -> str:
        return self.addresses["RoyaltySplitFactory"]

    @property
    def streaming_escrow(self) -> str:
        return self.addresses["StreamingEscrow"]

    @property
    def node_registry(self) -> str:
        return self.addresses["NodeRegistry"]

    def contract_at(self, address: str) -> str | None:
        """The contract's name; None for any other address (splits are told by their factory)."""
        return next((n for n, a in self.addresses.items() if a == address.lower()), None)
