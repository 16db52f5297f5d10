"""The compiled coders against eth_abi: the same bytes out, the same values in."""

from typing import Any

import eth_abi
from hypothesis import given, settings
from hypothesis import strategies as st
from world.coding import codec, tuple_of

ITEMS: dict[str, st.SearchStrategy[Any]] = {
    "uint256": st.integers(0, 2**256 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "int128": st.integers(-(2**127), 2**127 - 1),
    "bool": st.booleans(),
    "address": st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bytes4": st.binary(min_size=4, max_size=4),
    "bytes": st.binary(max_size=70),
    "string": st.text(max_size=40),
}


@st.composite
def typed(draw: st.DrawFn, depth: int = 3) -> tuple[str, dict[str, Any], st.SearchStrategy[Any]]:
    """A type as text and as an ABI entry, and values of it."""
    shape = draw(st.sampled_from(["item", "item", "array", "fixed", "tuple"])) if depth else "item"
    if shape == "item":
        kind = draw(st.sampled_from(sorted(ITEMS)))
        return kind, {"name": "x", "type": kind}, ITEMS[kind]
    if shape == "tuple":
        fields = draw(st.lists(typed(depth - 1), min_size=1, max_size=3))
        text = f"({','.join(field[0] for field in fields)})"
        entries = [entry | {"name": f"f{n}"} for n, (_, entry, _) in enumerate(fields)]
        entry = {"name": "x", "type": "tuple", "components": entries}
        return text, entry, st.tuples(*(values for _, _, values in fields))
    text, entry, values = draw(typed(depth - 1))
    size = draw(st.integers(1, 3)) if shape == "fixed" else None
    suffix = f"[{size or ''}]"
    bounds = (size, size) if size else (0, 3)
    many = st.lists(values, min_size=bounds[0], max_size=bounds[1])
    return text + suffix, entry | {"type": entry["type"] + suffix}, many


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(typed(), min_size=1, max_size=4), st.data())
def test_every_type_is_coded_as_eth_abi_does(fields: list[Any], data: st.DataObject) -> None:
    values = [data.draw(strategy) for _, _, strategy in fields]
    coder = tuple_of([codec(entry) for _, entry, _ in fields])
    expected = eth_abi.encode([text for text, _, _ in fields], values)
    assert coder.encode(values) == expected
    assert plain(coder.decode(expected, 0)) == plain(values)


def plain(value: Any) -> Any:
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
