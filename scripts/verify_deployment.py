"""Compares a deployment record with its chain: `ape run verify_deployment --network <network>`.

Exit code 1, and a line for each difference, unless code, wiring and times are as recorded.
"""

from pathlib import Path

import click
from ape.api import ProviderAPI
from ape.cli import ConnectedProviderCommand
from scripts.deployment import record
from scripts.deployment.chain import RpcFailed
from scripts.deployment.checking import differences, source_differences
from scripts.deployment.connection import artifacts, connected_chain
from scripts.deployment.plan import plan


@click.command(cls=ConnectedProviderCommand)
@click.option(
    "--deployments-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("deployments"),
    show_default=True,
    help="Where <chain id>.json is.",
)
@click.option("--chain-id", "expected", type=int, help="The chain that you mean to check.")
@click.option("--sources", is_flag=True, help="Also compare with what these sources deploy to.")
def cli(provider: ProviderAPI, deployments_dir: Path, expected: int | None, sources: bool) -> None:
    """Check that the chain is what the record says."""
    chain = connected_chain(provider)
    try:
        chain_id = chain.id()
        if expected not in (None, chain_id):
            raise click.UsageError(f"connected to chain {chain_id}, but told --chain-id {expected}")
        path = record.path_of(deployments_dir, chain_id)
        if not path.exists():
            raise click.ClickException(f"there is no {path}: deploy to chain {chain_id} first")
        entries = record.read(path, chain_id)
        found = differences(entries, chain)
        if sources:
            found += source_differences(entries, plan(artifacts(), chain_id))
    except (RpcFailed, record.RecordError) as error:
        raise click.ClickException(str(error)) from error
    for line in found:
        click.echo(line, err=True)
    if found:
        raise click.ClickException(f"{path}: {len(found)} differences from chain {chain_id}")
    click.echo(f"{path}: {len(entries)} contracts are as recorded on chain {chain_id}")
