"""The node's parts, made once and handed to whoever works with them."""

from dataclasses import dataclass

from immurtal.chain.contracts import Contracts
from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import RpcPool
from immurtal.config import NodeConfig
from immurtal.index.database import Database
from immurtal.index.sync import Indexer
from immurtal.node.clock import Clock
from immurtal.node.identity import Identity
from immurtal.node.metrics import Metrics
from immurtal.node.peer import Peer
from immurtal.node.release import KeyRelease
from immurtal.node.storing import StoreCheck
from immurtal.node.terms import TermsDesk
from immurtal.node.view import ChainView
from immurtal.storage import Storage
from immurtal.storage.daemon import KuboDaemon


@dataclass(frozen=True, slots=True)
class Parts:
    """`kubo`: the supervised daemon; None where an existing Kubo is used."""

    config: NodeConfig
    identity: Identity
    deployment: Deployment
    clock: Clock
    rpc: RpcPool
    contracts: Contracts
    chain: ChainView
    release: KeyRelease
    storing: StoreCheck
    terms: TermsDesk
    database: Database
    indexer: Indexer
    storage: Storage
    kubo: KuboDaemon | None
    peer: Peer
    metrics: Metrics
