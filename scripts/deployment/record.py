"""`deployments/<chain id>.json`: where the contracts of one chain are.

{chainId, contracts: {Name: {address, transaction, block, arguments, codeHash}}}; addresses and
hashes are lower-case 0x. `transaction` is null where the contract was not made by a plain call of
the proxy; both it and `block` are null and 0 where the chain's past could not be read.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.deployment.plan import Argument


class RecordError(Exception):
    """The file is not a record of that chain."""


@dataclass(frozen=True, slots=True)
class Entry:
    address: str
    transaction: str | None
    block: int
    arguments: Mapping[str, Argument]
    code_hash: str


def path_of(folder: Path, chain_id: int) -> Path:
    return folder / f"{chain_id}.json"


def read(path: Path, chain_id: int) -> dict[str, Entry]:
    """The entries by contract name; none if there is no file. Raises RecordError."""
    if not path.exists():
        return {}
    try:
        value = json.loads(path.read_text("utf-8"))
        recorded = int(value["chainId"])
        entries = {
            name: Entry(
                address=entry["address"],
                transaction=entry["transaction"],
                block=int(entry["block"]),
                arguments=dict(entry["arguments"]),
                code_hash=entry["codeHash"],
            )
            for name, entry in value["contracts"].items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{path} is not a deployment record: {error!r}") from error
    if recorded != chain_id:
        raise RecordError(f"{path} is of chain {recorded}, not {chain_id}")
    return entries


def write(path: Path, chain_id: int, entries: Mapping[str, Entry]) -> None:
    """Replaces the file whole, or not at all."""
    value = {
        "chainId": chain_id,
        "contracts": {
            name: {
                "address": entry.address,
                "transaction": entry.transaction,
                "block": entry.block,
                "arguments": dict(entry.arguments),
                "codeHash": entry.code_hash,
            }
            for name, entry in entries.items()
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
