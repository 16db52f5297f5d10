"""Runs the properties against one set of contracts, and tells whether they see a fault there.

In a process of its own, since the world compiles from the folder that IMMURTAL_CONTRACTS names when
it is imported: `python -m scripts.mutants.hunt <verdict.json> <test file>…`.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pytest


class Witness:
    """Stops at the first claim about the contracts that does not hold: the world's `Disagreement`.

    Any other failure is the kit's own; it is kept, and what is left is tried.
    """

    def __init__(self) -> None:
        self.verdict: dict[str, Any] = {"by": "", "crashes": []}

    def pytest_exception_interact(self, node: pytest.Item, call: pytest.CallInfo[None]) -> None:
        assert call.excinfo is not None
        error = call.excinfo.value
        if type(error).__name__ == "Disagreement":
            self.verdict["by"] = f"{node.name}: {getattr(error, 'promise', '')}"
            self.verdict["text"] = str(error).splitlines()[0]
            pytest.exit("a fault was seen")
        self.verdict["crashes"].append(f"{node.nodeid}: {type(error).__name__}: {error}")


def main() -> None:
    target, *tests = sys.argv[1:]
    witness = Witness()
    code = pytest.main(["-q", "--no-header", "-p", "no:cacheprovider", *tests], plugins=[witness])
    witness.verdict["passed"] = code == pytest.ExitCode.OK
    Path(target).write_text(json.dumps(witness.verdict), "utf-8")


if __name__ == "__main__":
    main()
