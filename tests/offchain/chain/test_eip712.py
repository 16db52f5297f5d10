"""Structs that are signed: our digests are those of eth_account (Python) and cast (Rust)."""

import json
import subprocess
from pathlib import Path

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from immurtal.chain import eip712
from immurtal.chain.eip712 import (
    Entry,
    KeyRequest,
    PermitWitnessTransferFrom,
    Purchase,
    Register,
    Session,
    Statement,
    Store,
    TokenPermissions,
    Work,
    digest,
    fields,
    purchase_permit,
    typed_data,
)
from immurtal.chain.wallet import LocalKey
from immurtal.errors import BadInput

ROOT = Path(__file__).parents[3]
VECTORS = json.loads((ROOT / "tests/vectors/eip712.json").read_text())
CAST = ROOT / "node_modules/@foundry-rs/cast-linux-amd64/bin/cast"
REGISTRY = "0x" + "c0" * 20

uint64 = st.integers(0, 2**64 - 1)
uint256 = st.integers(0, 2**256 - 1)
hash32 = st.binary(min_size=32, max_size=32).map(lambda b: "0x" + b.hex())
account = st.binary(min_size=20, max_size=20).map(lambda b: "0x" + b.hex())
works = st.builds(Work, hash32, hash32, st.integers(0, 255), account)
entries = st.builds(Entry, hash32, uint64, st.integers(0, 2**128 - 1))
purchases = st.builds(Purchase, uint256, account, account, uint256)
structs = st.one_of(
    st.builds(Register, account, st.lists(works, max_size=3).map(tuple), hash32, uint64),
    st.builds(Session, account, account, st.integers(0, 65535), st.binary(), uint64, uint64),
    st.builds(
        KeyRequest, hash32, hash32, hash32, st.binary(min_size=16, max_size=16), hash32, uint64
    ),
    st.builds(Store, hash32, hash32, hash32, uint64, uint64),
    st.builds(Statement, account, account, st.lists(entries, max_size=3).map(tuple)),
    st.builds(purchase_permit, account, account, purchases, uint256, uint256),
)


@pytest.mark.parametrize(
    "struct",
    [
        pytest.param(Store("0x" + "11" * 31, "0x" + "22" * 32, "0x" + "33" * 32, 1, 1), id="short"),
        pytest.param(
            Store("0x" + "11" * 32, "0x" + "22" * 32, "0x" + "33" * 32, 2**64, 1), id="overflow"
        ),
        pytest.param(
            Store("0x" + "11" * 32, "0x" + "22" * 32, "0x" + "33" * 32, -1, 1), id="negative"
        ),
        pytest.param(
            Session("0x" + "11" * 19, "0x" + "22" * 20, 32, b"", 0, 1), id="short address"
        ),
        pytest.param(Statement("0x" + "11" * 20, "no address", ()), id="no address"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(struct: eip712.Struct) -> None:
    with pytest.raises(BadInput, match=f"A {type(struct).__name__} cannot be signed"):
        digest(struct, 31337, REGISTRY)


def test_a_statement_has_at_most_256_entries() -> None:
    entry = Entry("0x" + "11" * 32, 1, 1)
    Statement(REGISTRY, REGISTRY, (entry,) * 256)
    with pytest.raises(BadInput, match="at most 256 entries"):
        Statement(REGISTRY, REGISTRY, (entry,) * 257)


def test_every_binding_of_the_domain_changes_the_digest() -> None:
    store = Store("0x" + "11" * 32, "0x" + "22" * 32, "0x" + "33" * 32, 1, 1)
    assert len({digest(store, 1, REGISTRY), digest(store, 2, REGISTRY)}) == 2
    assert digest(store, 1, REGISTRY) != digest(store, 1, "0x" + "c1" * 20)


def test_type_strings_and_dataclasses_name_the_same_members() -> None:
    for kind in (
        *(Work, Register, Session, KeyRequest, Store, Entry, Statement),
        *(Purchase, TokenPermissions, PermitWitnessTransferFrom),
    ):
        assert [field.attribute for field in fields(kind)] == list(kind.__dataclass_fields__)


@given(struct=structs, chain_id=st.integers(1, 2**53))
def test_digests_are_those_of_eth_account(struct: eip712.Struct, chain_id: int) -> None:
    """Whatever the values: our digest = eth_account's of the typed data that wallets get."""
    message = encode_typed_data(full_message=typed_data(struct, chain_id, REGISTRY))
    theirs = keccak(b"\x19" + message.version + message.header + message.body)
    assert digest(struct, chain_id, REGISTRY) == theirs


def vector_struct(typed: dict) -> eip712.Struct:
    """A struct of ours from a vector's typed data."""
    return read(getattr(eip712, typed["primaryType"]), typed["message"])


def read(kind: type, message: dict) -> eip712.Struct:
    values = {}
    for field in fields(kind):
        value = message[field.name]
        if field.type.startswith("uint"):
            value = int(value)
        elif field.type in ("bytes", "bytes16"):
            value = bytes.fromhex(value[2:])
        elif isinstance(value, dict):
            value = read(getattr(eip712, field.type), value)
        elif field.type.endswith("[]"):
            value = tuple(read(getattr(eip712, field.type[:-2]), item) for item in value)
        values[field.attribute] = value
    return kind(**values)


@pytest.mark.parametrize("vector", VECTORS["cases"], ids=lambda v: v["typedData"]["primaryType"])
def test_vectors(vector: dict) -> None:
    typed = vector["typedData"]
    domain = (typed["domain"]["chainId"], typed["domain"]["verifyingContract"])
    struct = vector_struct(typed)
    assert typed_data(struct, *domain) == typed
    assert "0x" + digest(struct, *domain).hex() == vector["digest"]
    signer = LocalKey(bytes.fromhex(VECTORS["privateKey"][2:]))
    assert signer.address == VECTORS["signer"]
    assert "0x" + signer.sign_digest_of_typed(struct, *domain).hex() == vector["signature"]


@pytest.mark.parametrize("vector", VECTORS["cases"], ids=lambda v: v["typedData"]["primaryType"])
def test_cast_signs_the_vectors_alike(vector: dict) -> None:
    """The same signature from Foundry: digest and RFC 6979 nonce agree."""
    typed = vector["typedData"]
    cast = subprocess.run(
        [
            CAST,
            "wallet",
            "sign",
            "--data",
            json.dumps(typed),
            "--private-key",
            VECTORS["privateKey"],
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert cast.stdout.strip() == vector["signature"]
