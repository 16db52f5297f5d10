"""Keeps ape's cache of compiled contracts honest.

ape compiles again only the files that changed, though RoyaltySplitFactory carries the code of
RoyaltySplit: after a change of one alone, the cache would hold a factory of the old one.
"""

import hashlib
from pathlib import Path

SOURCES = ("contracts", "interfaces")
CONFIGURATION = ("ape-config.yaml", "package-lock.json")


def forget_stale_build(root: Path) -> None:
    """Removes ape's cache if any source is not what it was when this was last called."""
    stamp = root / ".build" / "sources.sha256"
    digest = _digest(root)
    if not stamp.exists() or stamp.read_text("ascii") != digest:
        (root / ".build" / "__local__.json").unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(digest, "ascii")


def _digest(root: Path) -> str:
    sha256 = hashlib.sha256()
    files = [root / name for name in CONFIGURATION]
    for folder in SOURCES:
        found = (root / folder).rglob("*.sol")
        # ape keeps a copy of what we import in contracts/.cache while it compiles.
        files += sorted(file for file in found if ".cache" not in file.parts)
    for file in files:
        content = file.read_bytes()
        sha256.update(f"{file.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return sha256.hexdigest()
