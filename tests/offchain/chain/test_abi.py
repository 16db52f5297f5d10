"""ABI coding: what goes in comes out; what is malformed is refused, not guessed at."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from immurtal.chain import abi
from immurtal.errors import IntegrityError

hashes = st.binary(min_size=32, max_size=32).map(lambda b: "0x" + b.hex())
addresses = st.binary(min_size=20, max_size=20).map(lambda b: "0x" + b.hex())
offers = st.fixed_dictionaries(
    {
        "certificates": st.lists(hashes, max_size=64),
        "kind": st.integers(0, 2),
        "token": addresses,
        "duration": st.integers(0, 2**64 - 1),
        "transferable": st.booleans(),
        "referralBps": st.integers(0, 2**16 - 1),
        "terms": hashes,
        "salt": hashes,
    }
)
OFFER_TYPES = "(bytes32[],uint8,address,uint64,bool,uint16,bytes32,bytes32)"


def log(topics: list[str], data: bytes) -> dict[str, object]:
    return {
        "address": "0x" + "AB" * 20,
        "topics": topics,
        "data": "0x" + data.hex(),
        "blockNumber": "0x10",
        "blockHash": "0x" + "cd" * 32,
        "transactionHash": "0x" + "ef" * 32,
        "logIndex": "0x2",
    }


@given(offers, st.integers(0, 2**128 - 1), st.integers(0, 2**64 - 1))
def test_arguments_come_back_as_they_went_in(
    offer: dict[str, object], price: int, supply: int
) -> None:
    """For every offer: decoding its call gives the same values, in the same types."""
    call = abi.encode_call("LicenseManager", "createOffer", offer, price, supply)
    back = abi.decode_arguments("LicenseManager", "createOffer", call)
    assert back == {"offer": offer, "price": price, "maxSupply": supply}


@given(offers, st.integers(0, 2**256 - 1), addresses)
def test_a_log_reads_as_it_was_emitted(offer: dict[str, object], number: int, seller: str) -> None:
    """For every emitted offer: the event has its values by name, indexed or not."""
    shape = (
        "certificates",
        "kind",
        "token",
        "duration",
        "transferable",
        "referralBps",
        "terms",
        "salt",
    )
    raw = {n: bytes.fromhex(v[2:]) if n in ("terms", "salt") else v for n, v in offer.items()}
    raw["certificates"] = [bytes.fromhex(c[2:]) for c in offer["certificates"]]
    values = [raw[name] for name in shape]
    data = encode([OFFER_TYPES, "uint128", "uint64"], [tuple(values), 5, 6])
    topics = [
        abi.event_topics("LicenseManager")["OfferCreated"],
        abi.id_text(number),
        "0x" + "00" * 12 + seller[2:],
    ]
    event = abi.decode_log(log(topics, data))
    assert event is not None
    assert (event.contract, event.name) == ("LicenseManager", "OfferCreated")
    assert event.args == {
        "offerId": number,
        "seller": seller,
        "offer": offer,
        "price": 5,
        "maxSupply": 6,
    }
    assert event.address == "0x" + "ab" * 20
    assert (event.block_number, event.log_index) == (16, 2)


@given(st.integers(0, 2**256 - 1))
def test_ids_are_text_and_numbers(number: int) -> None:
    """Every uint256 has one text of 66 characters, and comes back from it."""
    assert len(abi.id_text(number)) == 66
    assert abi.id_number(abi.id_text(number)) == number


@given(st.binary(max_size=400))
def test_noise_is_an_event_or_an_integrity_error(data: bytes) -> None:
    """Whatever stands in a log under a topic of ours: an event or IntegrityError, nothing else."""
    topic = abi.event_topics("NodeRegistry")["NodeChanged"]
    try:
        event = abi.decode_log(log([topic, "0x" + "11" * 32], data))
    except IntegrityError:
        return
    assert event is not None
    assert event.name == "NodeChanged"


@given(st.binary(max_size=200))
def test_noise_in_revert_data_is_told_as_something(data: bytes) -> None:
    """Whatever a call reverts with has a text, and an empty one only if there is no data."""
    assert bool(abi.decode_error(data)) == bool(data)


def test_logs_that_are_no_events_of_ours_are_none() -> None:
    assert abi.decode_log(log([], b"")) is None
    assert abi.decode_log(log(["0x" + "99" * 32], b"")) is None
    transfer = abi.event_topics("CopyrightRegistry")["Transfer"]
    erc20 = [transfer, "0x" + "00" * 32, "0x" + "00" * 32]
    assert abi.decode_log(log(erc20, b"\0" * 32)) is None


def test_shared_events_are_told_apart_by_the_contract() -> None:
    topic = abi.event_topics("LicenseManager")["ApprovalForAll"]
    shared = log([topic, "0x" + "00" * 32, "0x" + "00" * 32], b"\0" * 31 + b"\1")
    for contract in ("CopyrightRegistry", "LicenseManager"):
        event = abi.decode_log(shared, contract)
        assert event is not None
        assert event.contract == contract


def test_malformed_logs_of_ours_are_refused() -> None:
    topic = abi.event_topics("CopyrightRegistry")["PayoutChanged"]
    good = log([topic, "0x" + "11" * 32], b"\0" * 12 + b"\7" * 20)
    assert abi.decode_log(good) is not None
    for change in (
        {"data": "0x" + "ff" * 32},  # no address
        {"data": "0x"},
        {"data": "0xzz"},
        {"data": 7},
        {"data": "0x" + "00" * (abi.MAX_DATA_BYTES + 1)},
        {"topics": [topic, "0x11"]},
        {"blockNumber": None},
        {"blockHash": "0x12"},
    ):
        with pytest.raises(IntegrityError):
            abi.decode_log({**good, **change})
    with pytest.raises(IntegrityError):
        abi.decode_result("CopyrightRegistry", "certificateOf", "0x1234")


def test_errors_are_told_by_name_and_arguments() -> None:
    unknown = keccak(text="CopyrightRegistry_UnknownCertificate(bytes32)")[:4] + b"\x22" * 32
    assert abi.decode_error(unknown) == (f"CopyrightRegistry_UnknownCertificate(0x{'22' * 32})")
    message = keccak(text="Error(string)")[:4] + encode(["string"], ["why"])
    assert abi.decode_error("0x" + message.hex()) == "Error('why')"
    assert abi.decode_error(keccak(text="Panic(uint256)")[:4] + encode(["uint256"], [17])) == (
        "Panic(17)"
    )
    assert abi.decode_error(unknown[:10]).endswith("(unreadable arguments)")
    assert abi.decode_error(b"\1\2\3\4") == "unknown error 0x01020304"
    assert abi.decode_error("0xzz") == "unreadable revert data"


def test_overloaded_functions_are_told_by_their_arguments() -> None:
    account = "0x" + "11" * 20
    three = abi.encode_call("CopyrightRegistry", "safeTransferFrom", account, account, 1)
    four = abi.encode_call("CopyrightRegistry", "safeTransferFrom", account, account, 1, b"")
    assert three[:4] == keccak(text="safeTransferFrom(address,address,uint256)")[:4]
    assert four[:4] == keccak(text="safeTransferFrom(address,address,uint256,bytes)")[:4]
