"""How the demo listens from inside: the same listener and the same requests as the commands'."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from immurtal.chain.http import NodeClient
from immurtal.chain.rpc import Rpc
from immurtal.chain.wallet import KeystoreWallet
from immurtal.demo.network import Actor, LocalNetwork
from immurtal.demo.node import DemoNode
from immurtal.keys.asking import Asked, ask_patiently
from immurtal.keys.sealing import entry_for
from immurtal.stream.events import Observer
from immurtal.stream.opening import Opened
from immurtal.stream.player import Listener
from immurtal.stream.session import ListenerKeys

PATIENCE_SECONDS = 60.0


def wallet_of(network: LocalNetwork, actor: Actor) -> Callable[[], KeystoreWallet]:
    passphrase = network.passphrase_file.read_text().strip()
    return lambda: KeystoreWallet.open(actor.keystore, passphrase)


def home_of(network: LocalNetwork, name: str) -> Path:
    """A listener's folder."""
    return network.folder / "listeners" / name


@asynccontextmanager
async def listening(
    network: LocalNetwork, home: str, observer: Observer | None = None
) -> AsyncIterator[Listener]:
    """A listener with a way to the chain, opened and closed together."""
    rpc = Rpc(network.rpc_url)
    try:
        keys = ListenerKeys(home_of(network, home))
        async with Listener(network.contracts(rpc), keys, observer=observer) as listener:
            yield listener
    finally:
        await rpc.close()


async def ask_share(
    network: LocalNetwork, node: DemoNode, who: Actor, opened: Opened, relying_on: str
) -> bytes:
    """This very node's share, checked. Raises what it answers instead."""
    keys = ListenerKeys(home_of(network, who.name))
    session = keys.session(network.deployment, who.address, wallet_of(network, who))
    asked = Asked(opened.binding, opened.keys_file, opened.certificate.release, relying_on)
    entry = entry_for(opened.keys_file, opened.nodes[node.id].node_key)
    async with NodeClient(node.api_url, allow_local=True) as client:
        return await ask_patiently(
            lambda body: client.post("/v1/key-shares", body),
            entry,
            asked,
            session,
            patience=PATIENCE_SECONDS,
        )
