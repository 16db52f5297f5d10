"""The first words with the chain: that it answers, and that it is the one that was meant."""

import asyncio
from typing import Final

import structlog

from immurtal.chain.contracts import Contracts
from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import RpcLike
from immurtal.config import NodeConfig
from immurtal.errors import Unreachable, WrongNetwork

TRIES: Final = 5
FIRST_PAUSE: Final = 0.5
"""Seconds; doubled with each try: 7.5 in all."""

log = structlog.get_logger(__name__)


def load_deployment(config: NodeConfig) -> Deployment:
    """Raises NotFound, BadInput, WrongNetwork."""
    deployment = Deployment.load(config.chain.deployments)
    if deployment.chain_id != config.chain.id:
        raise WrongNetwork(
            f"{config.chain.deployments} is of chain {deployment.chain_id}, "
            f"the settings are of chain {config.chain.id}.",
            do="Correct chain.id or chain.deployments in the node's settings.",
        )
    return deployment


async def check_chain(rpc: RpcLike, deployment: Deployment) -> None:
    """Raises Unreachable after `TRIES`; WrongNetwork: another chain, or no contracts there."""
    actual = await _chain_id(rpc)
    if actual != deployment.chain_id:
        raise WrongNetwork(
            f"The RPC endpoint is of chain {actual}, not of chain {deployment.chain_id}.",
            do="Correct chain.rpc or chain.id in the node's settings.",
        )
    await Contracts(rpc, deployment).min_age()


async def _chain_id(rpc: RpcLike) -> int:
    pause = FIRST_PAUSE
    for left in reversed(range(TRIES)):
        try:
            return int(await rpc.call("eth_chainId", []), 16)
        except (TypeError, ValueError):
            raise Unreachable(
                "The RPC endpoint answers with something that is no chain id.",
                do="Check chain.rpc in the node's settings.",
            ) from None
        except Unreachable as error:
            if not left:
                raise Unreachable(
                    f"The node did not start: {error.what}",
                    saved="Nothing was changed.",
                    do="Check that the endpoint runs and that chain.rpc in the settings is right.",
                ) from error
            log.warning("chain-unreachable", error=error.what, again_in=pause)
        await asyncio.sleep(pause)
        pause *= 2
    raise AssertionError("unreachable")
