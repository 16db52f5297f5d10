"""Gas and size of the contracts against reviewed figures: `python -m bench.snapshots [--check]`.

Without --check it accepts what is measured now, by writing gas.json and sizes.json, for review as
any other change. With it, it only compares, and ends with 1 if a figure moved or a contract is too
large. Figures come from bench.gas, which measures the same each time.
"""

import argparse

from bench.chain import run_chain
from bench.gas import gas, sizes
from bench.snapshots import FILES, figures, moved, read, too_large, write


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.snapshots", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    with run_chain() as chain:
        rows = gas(chain) + sizes(chain)
    measured = {unit: figures(rows, unit) for unit in FILES}
    changes = [line for unit in FILES for line in moved(read(unit), measured[unit], unit)]
    failures = too_large(measured["bytes"])
    for line in [*failures, *changes]:
        print(f"snapshots: {line}")
    if not check:
        for unit, found in measured.items():
            write(unit, found)
        print(
            f"snapshots: {len(changes)} figures changed and were written"
            if changes
            else "snapshots: the same"
        )
    elif changes:
        print(
            f"snapshots: {len(changes)} figures are not those of bench/snapshots. If that is "
            "meant, run `make snapshots`, then commit the change with what explains it."
        )
    else:
        print(f"snapshots: {sum(map(len, measured.values()))} figures, as reviewed")
    return 1 if failures or (check and changes) else 0


if __name__ == "__main__":
    raise SystemExit(main())
