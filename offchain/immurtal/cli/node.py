"""`immurtal node`: set up, run and announce a node."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from immurtal.cli.common import (
    WalletChoice,
    asynchronous,
    emit,
    json_option,
    network_options,
    wallet_options,
)

if TYPE_CHECKING:
    from immurtal.config import NetworkConfig, NodeConfig

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="IMMURTAL_NODE_CONFIG",
    default=Path("node.toml"),
    show_default=True,
    help="The node's settings.",
)


@click.group()
def node() -> None:
    """Set up, run and announce a node.

    \b
    immurtal node init my-node --operator 0x… --chain-id 1 --rpc https://… --deployments …
    immurtal node run --config my-node/node.toml
    immurtal node announce --config my-node/node.toml --keystore operator.json

    A node follows the chain, pins encrypted releases in its own Kubo, serves their blocks, and
    releases key shares to those whom the chain entitles.
    """


@node.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--operator", required=True, help="Account that announces the node (0x…).")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8480, show_default=True, help="First port to try; four are used.")
@click.option("--public-url", default="", help="API URL to announce; default from host and port.")
@click.option("--gateway-url", default="", help="Block gateway URL to announce; default likewise.")
@click.option("--kubo-rpc", default="", help="Use this existing Kubo instead of running one.")
@click.option("--region", default="", help="ISO 3166-1 alpha-2, as DE.")
@click.option("--domain", default="", help="Domain to announce.")
@click.option(
    "--policy",
    type=click.Choice(["accepted", "all"]),
    default="accepted",
    show_default=True,
    help="What to pin: what artists store here, or every release of the network.",
)
@network_options
@json_option
def init(folder: Path, network: "NetworkConfig", as_json: bool, port: int, **choices: Any) -> None:
    """Make a node at FOLDER: commented settings, keys, free ports.

    The keys are encrypted with a secret file beside them, both readable by you only. Back both up:
    shares sealed to a lost key are lost.
    """
    from immurtal.node.identity import Identity
    from immurtal.node.setup import SETTINGS, Choices, create

    config = create(folder, network, Choices(first_port=port, **choices))
    identity = Identity.load(config)
    settings = folder / SETTINGS
    result = {
        "config": str(settings),
        "node": identity.node_id,
        "nodeKey": identity.keys.current.public.hash,
        "apiUrl": config.api.public_url,
        "gatewayUrl": config.kubo.gateway_url,
    }
    text = (
        f"Node {identity.node_id} is set up at {folder}.\n"
        f"Start it:     immurtal node run --config {settings}\n"
        f"Announce it:  immurtal node announce --config {settings} --keystore FILE"
    )
    emit(result, as_json=as_json, text=text)


@node.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Log JSON lines, whatever the settings say.")
def run(config_file: Path, as_json: bool) -> None:
    """Run the node until Ctrl-C or SIGTERM; it goes on where it was."""
    from dataclasses import replace

    from immurtal.config import NodeConfig
    from immurtal.node.app import run as run_node

    config = NodeConfig.load(config_file)
    run_node(replace(config, log="json") if as_json else config)


@node.command()
@config_option
@wallet_options
@json_option
@asynchronous
async def announce(config_file: Path, wallet: WalletChoice, as_json: bool) -> None:
    """Announce the running node in the registry, from the operator's account."""
    from immurtal.node.announce import announcing

    async with announcing(_load(config_file), wallet.open()) as announcer:
        receipt = await announcer.announce(await announcer.record())
        _sent("Announced", announcer.node_id, receipt.hash, as_json=as_json)


@node.command()
@config_option
@wallet_options
@json_option
@asynchronous
async def change(config_file: Path, wallet: WalletChoice, as_json: bool) -> None:
    """Announce the running node's changed URLs, peer address or key."""
    from immurtal.node.announce import announcing

    async with announcing(_load(config_file), wallet.open()) as announcer:
        receipt = await announcer.change(await announcer.record())
        _sent("Changed", announcer.node_id, receipt.hash, as_json=as_json)


@node.command()
@config_option
@wallet_options
@json_option
@asynchronous
async def retire(config_file: Path, wallet: WalletChoice, as_json: bool) -> None:
    """Retire the node in the registry, for good. It need not run."""
    from immurtal.node.announce import announcing

    async with announcing(_load(config_file), wallet.open()) as announcer:
        receipt = await announcer.retire()
        _sent("Retired", announcer.node_id, receipt.hash, as_json=as_json)


@node.command()
@click.argument("certificates", nargs=-1, required=True)
@config_option
@json_option
@asynchronous
async def accept(certificates: tuple[str, ...], config_file: Path, as_json: bool) -> None:
    """Accept the current releases of CERTIFICATES, as if their owners had stored them here.

    For works that should be held again after a lost database: the node fetches them from its
    peers. The node may be running.
    """
    from immurtal.node.acceptance import accept_current

    accepted = await accept_current(_load(config_file), certificates)
    lines = [f"Accepted release {release} of {work}" for work, release in accepted.items()]
    emit({"accepted": accepted}, as_json=as_json, text="\n".join(lines))


@node.command()
@config_option
@json_option
@asynchronous
async def show(config_file: Path, as_json: bool) -> None:
    """Show the node: settings (secrets masked), what is announced, and whether it runs."""
    from immurtal.node.announce import describe

    config = _load(config_file)
    described = await describe(config)
    emit(
        {**described, "settings": config.masked()},
        as_json=as_json,
        text="\n".join(f"{name + ':':<12} {_shown(value)}" for name, value in described.items()),
    )


@node.command("list")
@network_options
@json_option
@asynchronous
async def list_nodes(network: "NetworkConfig", as_json: bool) -> None:
    """List the nodes that are announced on chain, with their operators and regions.

    That a node is listed says nothing of it: choose whom you know.
    """
    from immurtal.node.announce import announced_nodes

    found = await announced_nodes(network)
    lines = [
        f"{one['id']}  {one['region'] or '--'}  {one['domain'] or one['apiUrl']}" for one in found
    ]
    emit({"nodes": found}, as_json=as_json, text="\n".join(lines) or "No node is announced.")


def _load(config_file: Path) -> "NodeConfig":
    from immurtal.config import NodeConfig

    return NodeConfig.load(config_file)


def _sent(done: str, node_id: str, transaction: str, *, as_json: bool) -> None:
    emit(
        {"node": node_id, "transaction": transaction},
        as_json=as_json,
        text=f"{done} node {node_id} in transaction {transaction}.",
    )


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    return str(value)
