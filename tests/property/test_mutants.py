"""The seeded faults: each says what it breaks, and still applies to the contracts as they are."""

import re
from pathlib import Path

from scripts.mutants.patches import mutants

FEWEST = 40
LETTERS = {*"RLSET"}


def test_every_promise_is_broken_by_several() -> None:
    found = mutants()
    assert len(found) >= FEWEST
    assert len({mutant.number for mutant in found}) == len(found)
    assert {mutant.promise[0] for mutant in found} >= LETTERS


def test_each_changes_one_of_our_contracts_and_applies(tmp_path: Path) -> None:
    for mutant in mutants():
        files = re.findall(r"^\+\+\+ b/(\S+)$", mutant.patch.read_text("utf-8"), re.MULTILINE)
        assert len(files) == 1, mutant.name
        assert files[0].startswith("contracts/"), mutant.name
        assert "mocks" not in files[0], mutant.name
        mutant.apply(tmp_path / mutant.number)
