"""The parts of a node, made in the order in which they need each other, ended in the other."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from immurtal.chain.contracts import Contracts
from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import RpcPool
from immurtal.config import DEVELOPMENT_CHAIN, NodeConfig
from immurtal.index.database import INDEX, Database, open_database
from immurtal.index.sync import Indexer, SyncSettings
from immurtal.node.access import AccessCheck, ChainAccess
from immurtal.node.chain_state import IndexView
from immurtal.node.clock import Clock
from immurtal.node.connect import check_chain, load_deployment
from immurtal.node.holdings import StoredReleases
from immurtal.node.identity import Identity
from immurtal.node.metrics import Metrics
from immurtal.node.neighbours import Neighbours
from immurtal.node.parts import Parts
from immurtal.node.peer import ask_peer
from immurtal.node.release import KeyRelease
from immurtal.node.storing import StoreCheck
from immurtal.node.terms import TermsDesk
from immurtal.node.view import ChainView
from immurtal.storage import Storage, StorageSettings
from immurtal.storage.daemon import KuboDaemon
from immurtal.storage.examine import Registry
from immurtal.storage.kubo import KuboBackend
from immurtal.storage.ledger import STORAGE
from immurtal.storage.reconcile import Pace

POLL_SECONDS: Final = {True: 0.5, False: 2.0}
"""Between looks at the head, on the development chain and elsewhere."""
STALL_SECONDS: Final = 120
"""Age of the head at which a node calls itself degraded; never on the development chain."""
DEVELOPMENT_PACE: Final = {"period": 2, "orphan_grace": 60}


@asynccontextmanager
async def assembled(
    config: NodeConfig, clock: Clock, access: AccessCheck | None
) -> AsyncIterator[Parts]:
    """Raises BadInput, NotFound, WrongNetwork, Unreachable, PortInUse: what keeps it from starting.

    Nothing runs yet but the node's own Kubo.
    """
    async with AsyncExitStack() as stack:
        identity = Identity.load(config)
        deployment = load_deployment(config)
        rpc = RpcPool(config.chain.rpc)
        stack.push_async_callback(rpc.close)
        await check_chain(rpc, deployment)
        database = open_database(config.database, (INDEX, STORAGE))
        stack.callback(database.close)
        kubo = await _kubo(config, stack)
        backend = _backend(config, kubo)
        stack.push_async_callback(backend.close)
        storage = _storage(config, identity, deployment, database, backend, clock)
        indexer = Indexer(database, rpc, deployment, clock, _sync(config))
        contracts = Contracts(rpc, deployment)
        endpoints = [Contracts(endpoint, deployment) for endpoint in rpc.endpoints]
        chain = ChainView(endpoints, clock, config.chain.depth)
        yield Parts(
            config=config,
            identity=identity,
            deployment=deployment,
            clock=clock,
            rpc=rpc,
            contracts=contracts,
            chain=chain,
            release=KeyRelease(
                identity=identity,
                deployment=deployment,
                chain=chain,
                access=access or ChainAccess(chain, clock),
                holdings=StoredReleases(storage),
                clock=clock,
            ),
            storing=StoreCheck(identity=identity, deployment=deployment, chain=chain, clock=clock),
            terms=TermsDesk(chain, database, indexer, storage),
            database=database,
            indexer=indexer,
            storage=storage,
            kubo=kubo,
            peer=await ask_peer(config, kubo.api_url if kubo else config.kubo.rpc),
            metrics=Metrics(),
        )


async def _kubo(config: NodeConfig, stack: AsyncExitStack) -> KuboDaemon | None:
    if config.kubo.rpc:
        return None
    daemon = KuboDaemon(
        config.kubo_repo,
        gateway_host=config.kubo.gateway_host,
        gateway_port=config.kubo.gateway_port,
        api_port=config.kubo.api_port,
        swarm_port=config.kubo.swarm_port,
        local=_is_development(config),
        binary=config.kubo.binary,
    )
    return await stack.enter_async_context(daemon)


def _backend(config: NodeConfig, kubo: KuboDaemon | None) -> KuboBackend:
    if kubo is None:
        return KuboBackend(config.kubo.rpc)
    return KuboBackend(lambda: kubo.api_url, repo=kubo.repo)


def _storage(
    config: NodeConfig,
    identity: Identity,
    deployment: Deployment,
    database: Database,
    backend: KuboBackend,
    clock: Clock,
) -> Storage:
    development = _is_development(config)
    return Storage(
        StorageSettings(
            registry=Registry(deployment.chain_id, deployment.registry),
            uploads=config.uploads,
            policy=config.storage.policy,
            names=f"immurtal-{identity.node_id[2:14]}",
            release_bytes=config.storage.max_release_bytes,
            upload_bytes=config.storage.max_upload_bytes,
            disk_watermark=config.storage.disk_watermark,
            pace=Pace(
                grace=config.storage.grace_seconds, **(DEVELOPMENT_PACE if development else {})
            ),
        ),
        database=database,
        backend=backend,
        source=IndexView(database),
        peers_of=Neighbours(database, identity.node_id, development=development),
        clock=clock.now,
    )


def _sync(config: NodeConfig) -> SyncSettings:
    development = _is_development(config)
    return SyncSettings(
        poll=POLL_SECONDS[development], stall=None if development else STALL_SECONDS
    )


def _is_development(config: NodeConfig) -> bool:
    return config.chain.id == DEVELOPMENT_CHAIN
