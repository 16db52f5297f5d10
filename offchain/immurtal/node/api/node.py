"""GET /v1/node: who this is, what it takes, and what it sees."""

from fastapi import APIRouter

from immurtal import __version__
from immurtal.content.encoding import b64u
from immurtal.node.api.context import Here
from immurtal.node.api.wire import ChainState, NodeInfo, Policy, PublicNodeKey, Versions

router = APIRouter(prefix="/v1", tags=["node"])


@router.get("/node", summary="Who this node is, its keys and its policy")
async def node(here: Here) -> NodeInfo:
    config, status = here.config, here.indexer.status
    return NodeInfo(
        node=here.identity.node_id,
        operator=here.identity.operator,
        keys=[
            PublicNodeKey(kem=key.kem, key=b64u(key.public.key), node_key=key.public.hash)
            for key in here.identity.keys.all
        ],
        depth=config.chain.depth,
        chain=ChainState(
            chain_id=here.deployment.chain_id,
            registry=here.deployment.registry,
            license_manager=here.deployment.license_manager,
            node_registry=here.deployment.node_registry,
            head=status.head,
            final=status.final,
        ),
        policy=Policy(
            pins=config.storage.policy,
            takes_shares=True,
            max_release_bytes=config.storage.max_release_bytes,
            max_upload_bytes=config.storage.max_upload_bytes,
            region=config.node.region,
        ),
        peer=here.peer.address,
        gateway_url=config.kubo.gateway_url,
        versions=Versions(immurtal=__version__, kubo=here.peer.version),
    )
