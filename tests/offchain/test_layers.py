"""Imports run one way, as docs/architecture.md draws it; the wings do not import each other."""

import ast
from pathlib import Path

import pytest

import immurtal

PACKAGE = Path(immurtal.__file__).parent
BELOW_ALL = {"children", "errors", "config", "settings"}
GROUND = {"chain", "content", "keys"}
MAY_IMPORT: dict[str, set[str]] = {
    "children": set(),
    "errors": set(),
    "settings": {"errors"},
    "config": {"errors", "settings"},
    "content": BELOW_ALL,
    "chain": BELOW_ALL | {"content"},
    "keys": BELOW_ALL | {"chain", "content"},
    "publish": BELOW_ALL | GROUND,
    "stream": BELOW_ALL | GROUND,
    "index": BELOW_ALL | GROUND,
    "storage": BELOW_ALL | GROUND | {"index"},
    "node": BELOW_ALL | GROUND | {"index", "storage"},
    "cli": BELOW_ALL | GROUND | {"publish", "stream", "node", "demo"},
    "demo": BELOW_ALL | GROUND | {"publish", "stream"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: Path) -> str:
    first = module.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def rooms_imported_by(module: Path) -> set[str]:
    tree = ast.parse(module.read_text())
    names = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0
    } | {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "immurtal":
            names |= {f"immurtal.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in names if name.startswith("immurtal.")]
    return {part[1] for part in parts if part[1] != "__version__"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_lies_below_it(module: Path) -> None:
    room = room_of(module)
    if room in {"__init__", "__main__"}:
        return
    assert rooms_imported_by(module) - {room} <= MAY_IMPORT[room]


def test_every_room_has_its_place() -> None:
    rooms = {room_of(module) for module in MODULES} - {"__init__", "__main__"}
    assert rooms <= set(MAY_IMPORT)


def test_nothing_imports_ape_when_it_is_loaded() -> None:
    for module in MODULES:
        for node in ast.parse(module.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not any(name.split(".")[0] == "ape" for name in names), module
