"""Deploys the contracts: `ape run deploy --network <network> --chain-id <id> --account <alias>`.

Safe to repeat: what is there already is recorded, not deployed again. On the development chain
(31337) the account may be left out; development keys are refused everywhere else.
"""

from pathlib import Path

import click
from ape import accounts
from ape.api import AccountAPI, ProviderAPI
from ape.cli import ConnectedProviderCommand
from eth_account import Account
from scripts.deployment import record
from scripts.deployment.chain import NotDeployable, NotMined, RpcFailed
from scripts.deployment.connection import artifacts, connected_chain
from scripts.deployment.deploying import DeploymentFailed, deploy
from scripts.deployment.plan import DEVELOPMENT_CHAIN, PROXY, Step, plan

FAILURES = (DeploymentFailed, NotDeployable, NotMined, RpcFailed, record.RecordError)
DEVELOPMENT_MNEMONIC = "test test test test test test test test test test test junk"


def development_addresses() -> set[str]:
    """The accounts whose keys everybody knows: anvil's, Hardhat's and ape's first twenty."""
    Account.enable_unaudited_hdwallet_features()
    paths = (f"m/44'/60'/0'/0/{i}" for i in range(20))
    return {Account.from_mnemonic(DEVELOPMENT_MNEMONIC, account_path=p).address for p in paths}


def deployer(alias: str | None, chain_id: int) -> AccountAPI:
    if alias is None and chain_id == DEVELOPMENT_CHAIN:
        return accounts.test_accounts[0]
    if alias is None:
        raise click.UsageError(f"chain {chain_id} needs --account, an account that ape knows")
    if alias.startswith("TEST::"):
        account = accounts.test_accounts[int(alias.removeprefix("TEST::"))]
    else:
        account = accounts.load(alias)
    if chain_id != DEVELOPMENT_CHAIN and account.address in development_addresses():
        raise click.UsageError(
            f"{account.address} is a development account, whose key everybody knows: "
            f"it may deploy on chain {DEVELOPMENT_CHAIN} only, not on chain {chain_id}"
        )
    return account


@click.command(cls=ConnectedProviderCommand)
@click.option("--chain-id", type=int, required=True, help="The chain that you mean to deploy to.")
@click.option("--account", "alias", help="An ape account; on chain 31337 the first test account.")
@click.option(
    "--deployments-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("deployments"),
    show_default=True,
    help="Where <chain id>.json is written.",
)
@click.option("--replace", is_flag=True, help="Record other contracts than the record has.")
def cli(
    provider: ProviderAPI, chain_id: int, alias: str | None, deployments_dir: Path, replace: bool
) -> None:
    """Deploy what is not there yet, and record where everything is."""
    chain = connected_chain(provider)
    if chain.id() != chain_id:
        raise click.UsageError(f"connected to chain {chain.id()}, but told --chain-id {chain_id}")
    if provider.chain_id != chain_id:
        raise click.UsageError(
            f"ape takes this network for chain {provider.chain_id} and would sign for that: "
            "name it by its URL alone, --network <URL>"
        )
    account = deployer(alias, chain_id)

    def send(step: Step) -> tuple[str, int]:
        click.echo(f"{step.name:<20} {step.address} sending …")
        # On networks that ape calls local its receipt does not wait for a block; we do.
        receipt = account.transfer(PROXY, 0, data=step.data, required_confirmations=0)
        transaction = str(receipt.txn_hash).lower()
        return transaction, chain.mined(transaction)

    path = record.path_of(deployments_dir, chain_id)
    try:
        deploy(plan(artifacts(), chain_id), chain, path, send, click.echo, replace)
    except FAILURES as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"written: {path}")
