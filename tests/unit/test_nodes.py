"""NodeRegistry: announce, change, retire."""

from dataclasses import astuple, dataclass, replace

import pytest
from ape import chain
from eth_abi import encode
from eth_utils import keccak
from outcomes import plain, reverts, said
from works import NOBODY, SALT


@dataclass(frozen=True, slots=True)
class Record:
    apiUrl: str = "https://node.example/api"
    gatewayUrl: str = "https://node.example"
    peer: str = "/dns4/node.example/tcp/4001/p2p/12D3KooW"
    kem: int = 0x0020
    key: bytes = b"\x05" * 32
    region: bytes = b"DE"
    domain: str = "node.example"


RECORD = Record()


def node_key(record):
    return keccak(record.kem.to_bytes(2) + record.key)


@pytest.fixture(scope="module")
def node(nodes, operator):
    return bytes(nodes.announce(SALT, astuple(RECORD), sender=operator).return_value)


def test_announces(nodes, operator):
    salt = keccak(text="first")
    receipt = nodes.announce(salt, astuple(RECORD), sender=operator)
    node_id = keccak(encode(["address", "bytes32"], [operator.address, salt]))
    assert bytes(receipt.return_value) == node_id
    assert said(receipt, nodes) == [
        (
            "NodeAnnounced",
            {
                "nodeId": node_id,
                "operator": operator.address,
                "salt": salt,
                "record": list(astuple(RECORD)),
            },
        )
    ]
    assert plain(nodes.nodeOf(node_id)) == {
        "operator": operator.address,
        "updatedBlock": receipt.block_number,
        "retired": False,
        "nodeKey": node_key(RECORD),
    }


def test_the_same_salt_is_another_node_for_another_operator(nodes, node, stranger):
    other = bytes(nodes.announce(SALT, astuple(RECORD), sender=stranger).return_value)
    assert other != node


def test_not_twice(nodes, node, operator):
    with reverts(nodes, "NodeRegistry_NodeExists", nodeId=node):
        nodes.announce(SALT, astuple(RECORD), sender=operator)


def test_changes_all_but_the_id(nodes, node, operator):
    chain.mine(3)
    changed = Record("https://b", "", "", 0x647A, b"\x07" * 1216, b"\x00\x00", "")
    receipt = nodes.change(node, astuple(changed), sender=operator)
    assert said(receipt, nodes) == [
        ("NodeChanged", {"nodeId": node, "record": list(astuple(changed))})
    ]
    assert plain(nodes.nodeOf(node)) == {
        "operator": operator.address,
        "updatedBlock": receipt.block_number,
        "retired": False,
        "nodeKey": node_key(changed),
    }


def test_retires_for_good(nodes, node, operator):
    before = nodes.nodeOf(node)
    chain.mine(3)
    receipt = nodes.retire(node, sender=operator)
    assert said(receipt, nodes) == [("NodeRetired", {"nodeId": node})]
    after = nodes.nodeOf(node)
    assert after.retired
    assert (after.updatedBlock, after.nodeKey) == (before.updatedBlock, before.nodeKey)
    for call in (
        lambda: nodes.retire(node, sender=operator),
        lambda: nodes.change(node, astuple(RECORD), sender=operator),
    ):
        with reverts(nodes, "NodeRegistry_NodeIsRetired", nodeId=node):
            call()
    with reverts(nodes, "NodeRegistry_NodeExists", nodeId=node):
        nodes.announce(SALT, astuple(RECORD), sender=operator)


def test_only_its_operator_may(nodes, node, stranger):
    for call in (
        lambda: nodes.retire(node, sender=stranger),
        lambda: nodes.change(node, astuple(RECORD), sender=stranger),
    ):
        with reverts(nodes, "NodeRegistry_NotOperator", nodeId=node, caller=stranger.address):
            call()


def test_an_unknown_node(nodes, operator):
    missing = b"\x09" * 32
    for call in (
        lambda: nodes.retire(missing, sender=operator),
        lambda: nodes.change(missing, astuple(RECORD), sender=operator),
    ):
        with reverts(nodes, "NodeRegistry_UnknownNode", nodeId=missing):
            call()
    assert nodes.nodeOf(missing).operator == NOBODY


@pytest.mark.parametrize("how", ["announce", "change"])
class TestBounds:
    @pytest.fixture
    def tell(self, nodes, node, operator, how):
        def send(record):
            if how == "change":
                return nodes.change(node, astuple(record), sender=operator)
            return nodes.announce(keccak(text="another"), astuple(record), sender=operator)

        return send

    @pytest.mark.parametrize(
        ("field", "most"), [("apiUrl", 256), ("gatewayUrl", 256), ("peer", 256), ("domain", 253)]
    )
    def test_of_texts(self, nodes, tell, field, most):
        with reverts(nodes, "NodeRegistry_StringTooLong", field=field, length=most + 1, max=most):
            tell(replace(RECORD, **{field: "x" * (most + 1)}))
        tell(replace(RECORD, **{field: "x" * most}))

    @pytest.mark.parametrize("length", [0, 2049])
    def test_of_the_key(self, nodes, tell, length):
        with reverts(nodes, "NodeRegistry_KeyLength", length=length):
            tell(replace(RECORD, key=b"\x01" * length))

    @pytest.mark.parametrize("length", [1, 2048])
    def test_keys_that_just_fit(self, nodes, node, tell, length, how):
        key = b"\x01" * length
        receipt = tell(replace(RECORD, key=key))
        told = node if how == "change" else bytes(receipt.return_value)
        assert nodes.nodeOf(told).nodeKey == node_key(replace(RECORD, key=key))

    def test_an_api_url_there_must_be(self, nodes, tell):
        with reverts(nodes, "NodeRegistry_ZeroUrl"):
            tell(replace(RECORD, apiUrl=""))
