"""A network of the demo's own: a chain with the contracts, accounts with money, nodes with a Kubo
each. Everything lies in one folder and ends when the demo ends.

Accounts are encrypted keystores made for the occasion and funded by anvil itself: no development
key is used at all.
"""

import asyncio
import json
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from immurtal.chain.contracts import Contracts
from immurtal.chain.deployment import Deployment
from immurtal.chain.http import NodeClient
from immurtal.chain.rpc import Rpc
from immurtal.chain.wallet import KeystoreWallet
from immurtal.config import DEVELOPMENT_CHAIN, NodeConfig
from immurtal.demo.processes import Process, free_ports, run_command, start_anvil
from immurtal.errors import ImmurtalError

START_SECONDS = 60.0
FUNDS = 100 * 10**18  # wei
NODE_COMMAND = (sys.executable, "-m", "immurtal", "node", "run")
CHECKOUT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody with an account: its keystore opens with the network's passphrase file."""

    name: str
    keystore: Path
    address: str


@dataclass(slots=True)
class DemoNode:
    """One node's process and where it answers."""

    name: str
    id: str
    config: NodeConfig
    command: Sequence[str]
    log: Path
    process: Process | None = None

    @property
    def api_url(self) -> str:
        return self.config.api.public_url

    async def start(self) -> None:
        self.process = await Process.start(self.name, self.command, self.log)

    async def ready(self) -> None:
        """Waits until it says that it is ready. Raises ImmurtalError with its log if it ends."""
        until = time.monotonic() + START_SECONDS
        async with NodeClient(self.api_url, allow_local=True) as client:
            while time.monotonic() < until:
                if self.process is None or not self.process.running:
                    break
                try:
                    await client.get_json("/readyz")
                    return
                except ImmurtalError:
                    await asyncio.sleep(0.2)
        tail = self.process.tail() if self.process else ""
        raise ImmurtalError(f"{self.name} did not get ready. The end of its log:\n{tail}")

    async def kill(self) -> None:
        """kill -9 for the node and its Kubo at once."""
        if self.process is not None:
            await self.process.kill()

    async def stop(self) -> None:
        if self.process is not None:
            await self.process.stop()


@dataclass(slots=True)
class LocalNetwork:
    """`folder` is emptied at the start. `node_command`: what runs the node of a number, from 1."""

    folder: Path
    node_command: Callable[[int], Sequence[str]] = lambda _: NODE_COMMAND
    actors: dict[str, Actor] = field(default_factory=dict)
    nodes: list[DemoNode] = field(default_factory=list)
    rpc_url: str = ""
    _chain: Process | None = None

    @property
    def passphrase_file(self) -> Path:
        return self.folder / "passphrase"

    @property
    def deployments(self) -> Path:
        return self.folder / "deployments" / f"{DEVELOPMENT_CHAIN}.json"

    @property
    def deployment(self) -> Deployment:
        return Deployment.load(self.deployments)

    def client_options(self) -> list[str]:
        return [
            *("--rpc", self.rpc_url),
            *("--chain-id", str(DEVELOPMENT_CHAIN)),
            *("--deployments", str(self.deployments)),
        ]

    def wallet_options(self, actor: Actor) -> list[str]:
        return ["--keystore", str(actor.keystore), "--passphrase-file", str(self.passphrase_file)]

    async def start_chain(self) -> None:
        """A fresh folder, a chain, and the contracts, by the project's own ape script."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.passphrase_file.touch(0o600)
        self.passphrase_file.write_text(secrets.token_urlsafe(16) + "\n")
        self._chain, self.rpc_url = await start_anvil(self.folder)
        for script in ("deploy", "verify_deployment"):
            await self._ape(script)

    async def _ape(self, script: str) -> None:
        command = ["ape", "run", script, "--network", self.rpc_url]
        options = ["--chain-id", str(DEVELOPMENT_CHAIN)]
        options += ["--deployments-dir", str(self.deployments.parent)]
        code, out, err = await run_command([*command, *options], cwd=CHECKOUT)
        if code:
            raise ImmurtalError(f"`ape run {script}` failed:\n{out[-2000:]}{err[-2000:]}")

    async def add_actor(self, name: str, funds: int = FUNDS) -> Actor:
        """A new account with `funds` wei."""
        keystore = self.folder / "keystores" / f"{name}.json"
        passphrase = self.passphrase_file.read_text().strip()
        # A light scrypt: the demo opens these many times, and they hold play money.
        wallet = KeystoreWallet.create(keystore, passphrase, scrypt_n=4096)
        rpc = Rpc(self.rpc_url)
        try:
            await rpc.call("anvil_setBalance", [wallet.address, hex(funds)])
        finally:
            await rpc.close()
        self.actors[name] = Actor(name, keystore, wallet.address)
        return self.actors[name]

    async def add_nodes(self, count: int) -> None:
        """Sets nodes up, starts them, and has their operators announce them."""
        for number in range(1, count + 1):
            operator = await self.add_actor(f"operator-{number}", 10**18)
            self.nodes.append(await self._set_up_node(number, operator))
        await asyncio.gather(*(node.start() for node in self.nodes))
        await asyncio.gather(*(node.ready() for node in self.nodes))
        for number, node in enumerate(self.nodes, start=1):
            operator = self.actors[f"operator-{number}"]
            settings = ["--config", str(node.config.path)]
            await self.immurtal("node", "announce", *settings, *self.wallet_options(operator))

    async def _set_up_node(self, number: int, operator: Actor) -> DemoNode:
        name, folder = f"node-{number}", self.folder / "nodes" / str(number)
        made = await self.immurtal(
            *("node", "init", str(folder), "--operator", operator.address),
            *("--port", str(free_ports(1)[0]), "--domain", f"node-{number}.demo"),
            *self.client_options(),
        )
        settings = Path(made["config"])
        settings.write_text(
            re.sub(r"(?m)^#? *grace_seconds *=.*$", "grace_seconds = 0", settings.read_text())
        )
        command = [*self.node_command(number), "--config", str(settings)]
        log = self.folder / f"{name}.log"
        return DemoNode(name, made["node"], NodeConfig.load(settings), command, log)

    async def immurtal(self, *words: str) -> dict[str, Any]:
        """Runs a command of ours with --json; its result. Raises ImmurtalError with its words."""
        code, out, err = await run_command(
            [sys.executable, "-m", "immurtal", *words, "--json"],
            env={"XDG_DATA_HOME": str(self.folder / "data"), "NO_COLOR": "1"},
        )
        if code:
            raise CommandFailed(words, code, err)
        result: dict[str, Any] = json.loads(out)
        return result

    async def balance(self, address: str) -> int:
        """Wei at the head."""
        rpc = Rpc(self.rpc_url)
        try:
            return int(await rpc.call("eth_getBalance", [address, "latest"]), 16)
        finally:
            await rpc.close()

    async def head(self) -> int:
        """The number of the newest block."""
        rpc = Rpc(self.rpc_url)
        try:
            return int(await rpc.call("eth_blockNumber", []), 16)
        finally:
            await rpc.close()

    def contracts(self, rpc: Rpc) -> Contracts:
        return Contracts(rpc, self.deployment)

    async def stop(self) -> None:
        """Ends every process that this network started."""
        await asyncio.gather(*(node.stop() for node in self.nodes))
        if self._chain is not None:
            await self._chain.stop()


class CommandFailed(ImmurtalError):
    """A command of ours left with an error; `error` is its JSON report, where it is one."""

    def __init__(self, words: Sequence[str], code: int, err: str) -> None:
        lines = [line for line in err.splitlines() if line.startswith('{"error"')]
        self.code = code
        self.error: dict[str, Any] = json.loads(lines[-1])["error"] if lines else {}
        what = self.error.get("what") or err.strip()[-2000:]
        super().__init__(f"`immurtal {' '.join(words[:2])}` left with {code}: {what}")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": os.cpu_count(),
        "system": " ".join(os.uname()[i] for i in (0, 2, 4)),
        "python": sys.version.split()[0],
        "loadAverage": os.getloadavg()[0],
    }
