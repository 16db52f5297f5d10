"""A new node's folder, its identity, and what is refused on the way."""

import json
import re
import socket
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from immurtal.cli.node import node
from immurtal.config import NetworkConfig, NodeConfig
from immurtal.errors import BadInput, PortInUse
from immurtal.node.identity import Identity, node_id
from immurtal.node.listen import bind
from immurtal.node.setup import Choices, create

OPERATOR = "0x" + "0b" * 20


@pytest.fixture
def network(tmp_path: Path) -> NetworkConfig:
    return NetworkConfig(31337, ("http://127.0.0.1:8545",), tmp_path / "31337.json")


def test_a_node_is_never_overwritten(tmp_path: Path, network: NetworkConfig) -> None:
    first = create(tmp_path / "node", network, Choices(OPERATOR))
    assert first.path == tmp_path / "node" / "node.toml"
    before = first.key_file.read_bytes()
    with pytest.raises(BadInput, match="a node at"):
        create(tmp_path / "node", network, Choices(OPERATOR))
    (tmp_path / "node" / "node.toml").unlink()
    with pytest.raises(BadInput, match="is there already"):
        create(tmp_path / "node", network, Choices(OPERATOR))
    assert first.key_file.read_bytes() == before


def test_choices_that_cannot_be_leave_nothing_behind(
    tmp_path: Path, network: NetworkConfig
) -> None:
    with pytest.raises(BadInput) as refused:
        create(tmp_path / "node", network, Choices("0x12", region="Germany"))
    assert "node.operator must be" in refused.value.what
    assert "node.region must be" in refused.value.what
    assert list((tmp_path / "node").iterdir()) == []


def test_secrets_are_for_their_user_only(tmp_path: Path, network: NetworkConfig) -> None:
    config = create(tmp_path / "node", network, Choices(OPERATOR))
    for path in (config.key_file, config.node.secret):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    identity = Identity.load(config)
    assert identity.keys.current.secret.hex() not in config.key_file.read_text()
    config.node.secret.chmod(0o644)
    with pytest.raises(BadInput, match="open to other users"):
        Identity.load(config)


def test_a_lost_secret_is_named(tmp_path: Path, network: NetworkConfig) -> None:
    config = create(tmp_path / "node", network, Choices(OPERATOR))
    config.node.secret.unlink()
    with pytest.raises(BadInput, match=r"node\.secret is missing"):
        Identity.load(config)


def test_the_id_follows_from_operator_and_salt(tmp_path: Path, network: NetworkConfig) -> None:
    config = create(tmp_path / "node", network, Choices(OPERATOR))
    salt = bytes.fromhex(config.node.salt[2:])
    expected = keccak(encode(["address", "bytes32"], [OPERATOR, salt]))
    assert Identity.load(config).node_id == "0x" + expected.hex()
    other = create(tmp_path / "other", network, Choices(OPERATOR))
    assert other.node.salt != config.node.salt
    assert node_id(OPERATOR, other.node.salt) != node_id(OPERATOR, config.node.salt)


def test_taken_ports_are_passed_over(tmp_path: Path, network: NetworkConfig) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = create(tmp_path / "node", network, Choices(OPERATOR, first_port=port))
        assert config.api.port > port
        with pytest.raises(PortInUse, match=f"Port {port} "):
            bind(_at(config, port).api)


def _at(config: NodeConfig, port: int) -> NodeConfig:
    text = (config.path.parent / "node.toml").read_text()
    path = config.path.parent / "moved.toml"
    path.write_text(re.sub(r"(?m)^port = \d+$", f"port = {port}", text))
    return NodeConfig.load(path)


def test_the_settings_written_are_the_settings_read(tmp_path: Path, network: NetworkConfig) -> None:
    choices = Choices(
        OPERATOR,
        host="::1",
        public_url='https://node.example/"quoted"',
        region="DE",
        domain="node.example",
        policy="all",
    )
    config = create(tmp_path / 'a "strange" folder', network, choices)
    assert config.api.public_url == 'https://node.example/"quoted"'
    assert config.kubo.gateway_url == f"http://[::1]:{config.kubo.gateway_port}"
    assert (config.node.region, config.node.domain) == ("DE", "node.example")
    assert config.storage.policy == "all"
    assert config.chain.rpc == network.rpc
    assert config.node.folder == tmp_path / 'a "strange" folder'


def test_init_by_command(tmp_path: Path) -> None:
    options = ["--chain-id", "31337", "--rpc", "http://127.0.0.1:8545", "--json"]
    (tmp_path / "deployments").mkdir()
    words = ["init", str(tmp_path / "node"), "--operator", OPERATOR, *options]
    done = CliRunner().invoke(node, [*words, "--deployments", str(tmp_path / "deployments")])
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    config = NodeConfig.load(Path(said["config"]))
    assert said["node"] == Identity.load(config).node_id
    assert config.chain.deployments == tmp_path / "deployments" / "31337.json"
