"""A network of the demo's own: a chain with the contracts, accounts with money, nodes with a Kubo
each. Everything lies in one folder and ends when the demo ends.

Accounts are encrypted keystores made for the occasion and funded by anvil itself; a development
key is used by the deployment alone.
"""

import asyncio
import json
import os
import re
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from immurtal.chain.contracts import Contracts
from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import Rpc
from immurtal.chain.wallet import KeystoreWallet
from immurtal.config import DEVELOPMENT_CHAIN, NodeConfig
from immurtal.demo.node import DemoNode
from immurtal.demo.processes import Process, free_ports, require, run_command, start_anvil
from immurtal.demo.together import together
from immurtal.errors import ImmurtalError

FUNDS = 100 * 10**18  # wei
PORTS_EACH = 10
LIGHT_SCRYPT = 4096
"""Keystores of the demo are opened many times, and hold play money."""
NODE_COMMAND = (sys.executable, "-m", "immurtal", "node", "run")
CHECKOUT = Path(__file__).resolve().parents[3]

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody with an account: its keystore opens with the network's passphrase file."""

    name: str
    keystore: Path
    address: str


@dataclass(slots=True)
class LocalNetwork:
    """`folder` is empty, or not there yet. `note` hears what goes on; `node_command`: what runs
    the node of a number, from 1."""

    folder: Path
    note: Note = lambda _: None
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
        return self.folder / "deployments"

    @property
    def deployment(self) -> Deployment:
        return Deployment.load(self.deployments / f"{DEVELOPMENT_CHAIN}.json")

    @property
    def environment(self) -> Mapping[str, str]:
        """What the user's own settings must not change: ours alone count."""
        own = {n: value for n, value in os.environ.items() if not n.startswith("IMMURTAL_")}
        folders = {"XDG_DATA_HOME": "data", "XDG_CONFIG_HOME": "config"}
        return own | {name: str(self.folder / folder) for name, folder in folders.items()}

    def client_options(self) -> list[str]:
        return [
            *("--rpc", self.rpc_url),
            *("--chain-id", str(DEVELOPMENT_CHAIN)),
            *("--deployments", str(self.deployments)),
        ]

    def wallet_options(self, actor: Actor) -> list[str]:
        return ["--keystore", str(actor.keystore), "--passphrase-file", str(self.passphrase_file)]

    async def start(self, nodes: int) -> None:
        """Chain, contracts and nodes, announced by their operators. Raises ImmurtalError."""
        require("anvil", "ape")
        self.note("starting a chain")
        self.deployments.mkdir(parents=True)
        self.passphrase_file.touch(0o600)
        self.passphrase_file.write_text(secrets.token_urlsafe(16) + "\n")
        self._chain, self.rpc_url = await start_anvil(self.folder)
        self.note(f"deploying the contracts, setting up {nodes} nodes")
        await together([self._ape("deploy"), self._set_up_nodes(nodes)])
        self.note(f"verifying the deployment, starting {nodes} nodes")
        await together([self._ape("verify_deployment"), *(self._join(node) for node in self.nodes)])

    async def _ape(self, script: str) -> None:
        """The project's own script, as an operator runs it."""
        command = ["ape", "run", script, "--network", self.rpc_url]
        options = ["--chain-id", str(DEVELOPMENT_CHAIN)]
        options += ["--deployments-dir", str(self.deployments)]
        code, out, err = await run_command([*command, *options], cwd=CHECKOUT)
        if code:
            raise ImmurtalError(f"`ape run {script}` failed:\n{out[-2000:]}{err[-2000:]}")

    async def add_actor(self, name: str, funds: int = FUNDS) -> Actor:
        """A new account with `funds` wei."""
        keystore = self.folder / "keystores" / f"{name}.json"
        passphrase = self.passphrase_file.read_text().strip()
        wallet = KeystoreWallet.create(keystore, passphrase, scrypt_n=LIGHT_SCRYPT)
        await self.rpc("anvil_setBalance", wallet.address, hex(funds))
        self.actors[name] = Actor(name, keystore, wallet.address)
        return self.actors[name]

    async def _set_up_nodes(self, count: int) -> None:
        ports = enumerate(free_ports(count, PORTS_EACH), start=1)
        self.nodes = await together([self._set_up_node(number, port) for number, port in ports])

    async def _set_up_node(self, number: int, port: int) -> DemoNode:
        name, folder = f"node-{number}", self.folder / "nodes" / str(number)
        operator = await self.add_actor(f"operator-{number}", 10**18)
        made = await self.immurtal(
            *("node", "init", str(folder), "--operator", operator.address),
            *("--port", str(port), "--domain", f"{name}.demo"),
            *self.client_options(),
        )
        settings = Path(made["config"])
        settings.write_text(
            re.sub(r"(?m)^#? *grace_seconds *=.*$", "grace_seconds = 0", settings.read_text())
        )
        command = [*self.node_command(number), "--config", str(settings)]
        log = self.folder / f"{name}.log"
        return DemoNode(name, made["node"], NodeConfig.load(settings), command, log)

    async def _join(self, node: DemoNode) -> None:
        await node.start()
        operator = self.actors[node.name.replace("node", "operator")]
        settings = ["--config", str(node.config.path)]
        await self.immurtal("node", "announce", *settings, *self.wallet_options(operator))

    async def immurtal(self, *words: str) -> dict[str, Any]:
        """Runs a command of ours with --json; its result. Raises CommandFailed with its words."""
        code, out, err = await run_command(
            [sys.executable, "-m", "immurtal", *words, "--json"], env=self.environment
        )
        if code:
            raise CommandFailed(words, code, err)
        result: dict[str, Any] = json.loads(out)
        return result

    async def rpc(self, method: str, *params: Any) -> Any:
        """One call to the chain."""
        rpc = Rpc(self.rpc_url)
        try:
            return await rpc.call(method, list(params))
        finally:
            await rpc.close()

    async def balance(self, address: str) -> int:
        """Wei at the head."""
        return int(await self.rpc("eth_getBalance", address, "latest"), 16)

    async def head(self) -> int:
        """The number of the newest block."""
        return int(await self.rpc("eth_blockNumber"), 16)

    def contracts(self, rpc: Rpc) -> Contracts:
        return Contracts(rpc, self.deployment)

    async def stop(self) -> None:
        """Ends every process that this network started."""
        await asyncio.gather(*(node.stop() for node in self.nodes))
        if self._chain is not None:
            await self._chain.stop()


class CommandFailed(ImmurtalError):
    """A command of ours left with an error; `error` is its JSON report, where it is one."""

    kind: ClassVar[str] = "command-failed"

    def __init__(self, words: Sequence[str], code: int, err: str) -> None:
        lines = [line for line in err.splitlines() if line.startswith('{"error"')]
        self.code = code
        self.error: dict[str, Any] = json.loads(lines[-1])["error"] if lines else {}
        what = self.error.get("what") or err.strip()[-2000:]
        super().__init__(
            f"`immurtal {words[0]}` left with exit code {code}: {what}",
            saved=self.error.get("saved", ""),
            do=self.error.get("do", ""),
        )
