"""The operator's own acceptance of releases, as after a lost database (DESIGN 6.1)."""

from collections.abc import Sequence

from immurtal.chain.contracts import Contracts
from immurtal.chain.rpc import RpcPool
from immurtal.config import NodeConfig
from immurtal.content.encoding import hex32_decode
from immurtal.index.database import INDEX, open_database
from immurtal.node.clock import SystemClock
from immurtal.node.connect import check_chain, load_deployment
from immurtal.storage.ledger import STORAGE, Ledger

BY_OPERATOR = "operator"


async def accept_current(config: NodeConfig, certificates: Sequence[str]) -> dict[str, str]:
    """Accepts the current release of each certificate; all are looked up before any is accepted.

    Release by certificate. The node may be running: its next pass sees them. Raises BadInput,
    NotFound, Unreachable, WrongNetwork.
    """
    for certificate in certificates:
        hex32_decode(certificate, name="certificate")
    deployment = load_deployment(config)
    rpc = RpcPool(config.chain.rpc)
    try:
        await check_chain(rpc, deployment)
        contracts = Contracts(rpc, deployment)
        releases = {work: (await contracts.certificate(work)).release for work in certificates}
    finally:
        await rpc.close()
    database = open_database(config.database, (INDEX, STORAGE))
    try:
        ledger = Ledger(database)
        for certificate, release in releases.items():
            await ledger.accept(certificate, release, 0, SystemClock().now(), BY_OPERATOR)
    finally:
        database.close()
    return releases
