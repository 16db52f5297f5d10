"""Settings are read whole: every problem at once, nothing secret printed."""

from pathlib import Path

import pytest

from immurtal.config import NetworkConfig, NodeConfig, client_config, mask_url
from immurtal.errors import BadInput

GOOD = """
log = "json"
[chain]
id = 31337
rpc = ["http://127.0.0.1:8545/v3/SECRET", "https://user:SECRET@rpc.example/?key=SECRET"]
deployments = "31337.json"
[node]
operator = "0xABcdEF0000000000000000000000000000000001"
"""


def node(tmp_path: Path, text: str) -> NodeConfig:
    (tmp_path / "node.toml").write_text(text)
    return NodeConfig.load(tmp_path / "node.toml")


def test_every_problem_is_listed_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refused:
        node(
            tmp_path,
            """
            colour = "red"
            [chain]
            id = true
            rpc = ["ftp://x"]
            dpeth = 3
            [node]
            operator = "0x12"
            region = "de"
            [api]
            port = 70000
            trusted_proxies = ["10.0.0.0/8", "*"]
            [storage]
            policy = "some"
            [kubo]
            rpc = "not a url"
            [limits]
            body_bytes = -1
            """,
        )
    message = refused.value.paragraph()
    for named in (
        "colour is not a setting",
        "chain.id must be",
        "chain.rpc must be",
        "chain.deployments is missing",
        "chain.dpeth is not a setting",
        "node.operator must be 0x and 40",
        "node.region must be",
        "api.trusted_proxies must be addresses or networks",
        "api.port must be a whole number from 1 to 65535",
        "storage.policy must be one of 'accepted', 'all'",
        "kubo.rpc must be",
        "limits.body_bytes must be",
    ):
        assert named in message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[chain", "is not TOML"),
        ("chain = 3", "chain must be a table"),
        ("[chain]\nrpc = []", "chain.rpc must be"),
        ('[chain]\nrpc = ["http://[::1"]', "chain.rpc must be"),
        ('[chain]\nrpc = "http://x:99999"', "chain.rpc must be"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        node(tmp_path, text)


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no settings file"):
        NodeConfig.load(tmp_path / "none.toml")
    (tmp_path / "node.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="cannot be read"):
        NodeConfig.load(tmp_path / "node.toml")


def test_defaults_and_paths(tmp_path: Path) -> None:
    config = node(tmp_path, GOOD)
    assert config.chain.depth == 1
    assert config.chain.deployments == tmp_path / "31337.json"
    assert config.node.folder == tmp_path
    assert config.node.operator == "0xabcdef0000000000000000000000000000000001"
    assert config.node.salt == "0x" + "00" * 32
    assert config.api.public_url == "http://127.0.0.1:8480"
    assert config.storage.policy == "accepted"
    assert node(tmp_path, GOOD.replace("31337", "1")).chain.depth == 12


def test_what_is_printed_holds_no_secret(tmp_path: Path) -> None:
    printed = str(node(tmp_path, GOOD).masked())
    assert "SECRET" not in printed
    assert "https://rpc.example" in printed
    assert mask_url("http://127.0.0.1:8545") == "http://127.0.0.1:8545"


def test_client_settings_options_win_over_environment_over_file(tmp_path: Path) -> None:
    file = tmp_path / "immurtal" / "config.toml"
    file.parent.mkdir()
    file.write_text('chain_id = 1\nrpc = "http://a"\ndeployments = "d"\n')
    (file.parent / "d").mkdir()
    env = {"XDG_CONFIG_HOME": str(tmp_path), "IMMURTAL_RPC": "http://b, http://c"}
    assert client_config(env) == file

    config = NetworkConfig.load(env=env)
    assert config == NetworkConfig(1, ("http://b", "http://c"), file.parent / "d" / "1.json")

    config = NetworkConfig.load(env=env, chain_id=5, rpc=("http://d",), deployments=tmp_path / "x")
    assert config == NetworkConfig(5, ("http://d",), tmp_path / "x")


def test_client_settings_that_are_missing_say_how_to_give_them(tmp_path: Path) -> None:
    env = {"XDG_CONFIG_HOME": str(tmp_path), "IMMURTAL_CHAIN_ID": "main"}
    with pytest.raises(BadInput) as refused:
        NetworkConfig.load(env=env)
    message = refused.value.paragraph()
    assert "chain_id must be a whole number" in message
    assert "rpc is missing" in message
    assert "IMMURTAL_DEPLOYMENTS" in message
