"""What `make up` says once the network is up: addresses, keystores, and what to try."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from immurtal.demo.network import CHECKOUT, Actor
from immurtal.demo.node import DemoNode
from immurtal.demo.stage import Stage, Work
from immurtal.demo.telling import aligned


@dataclass(frozen=True, slots=True)
class Invitation:
    """`environment`: what makes a command of ours speak to this network, as the listener."""

    rpc: str
    chain_id: int
    nodes: tuple[DemoNode, ...]
    actors: tuple[Actor, ...]
    works: tuple[Work, ...]
    environment: Mapping[str, str]

    @classmethod
    def to(cls, stage: Stage) -> Self:
        network = stage.network
        return cls(
            rpc=network.rpc_url,
            chain_id=network.deployment.chain_id,
            nodes=tuple(network.nodes),
            actors=tuple(network.actors.values()),
            works=tuple(stage.works),
            environment={
                "IMMURTAL_RPC": network.rpc_url,
                "IMMURTAL_CHAIN_ID": str(network.deployment.chain_id),
                "IMMURTAL_DEPLOYMENTS": str(network.deployments),
                "IMMURTAL_PASSPHRASE_FILE": str(network.passphrase_file),
                "XDG_DATA_HOME": network.environment["XDG_DATA_HOME"],
                "IMMURTAL_KEYSTORE": str(network.actors["listener"].keystore),
            },
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "rpc": self.rpc,
            "chainId": self.chain_id,
            "nodes": [
                {
                    "id": node.id,
                    "name": node.name,
                    "api": node.api_url,
                    "gateway": node.config.kubo.gateway_url,
                }
                for node in self.nodes
            ],
            "accounts": [
                {"name": actor.name, "address": actor.address, "keystore": str(actor.keystore)}
                for actor in self.actors
            ],
            "works": [
                {"certificate": work.certificate, "title": work.title, "offer": work.offer}
                for work in self.works
            ],
            "environment": dict(self.environment),
        }

    def text(self) -> str:
        heard, other = self.works[0], self.works[-1]
        chosen = " ".join(f"--node {node.id}" for node in self.nodes)
        artist = next(actor for actor in self.actors if actor.name == "artist")
        activate = shlex.quote(str(CHECKOUT / ".venv" / "bin" / "activate"))
        exports = (f"{name}={shlex.quote(value)}" for name, value in self.environment.items())
        return "\n".join(
            [
                "",
                f"The network is up: chain {self.chain_id} at {self.rpc}, and these nodes:",
                *_indented(aligned([(node.name, node.api_url, node.id) for node in self.nodes])),
                "Accounts (their keystores open with the passphrase file):",
                *_indented(aligned([(a.name, a.address, str(a.keystore)) for a in self.actors])),
                "Works on sale:",
                *_indented(aligned([(repr(w.title), w.certificate) for w in self.works])),
                "",
                "In another terminal, as the listener, who has bought the first:",
                f"  . {activate}",
                *(f"  export {export}" for export in exports),
                f"  immurtal status {heard.certificate}",
                f"  immurtal play {heard.certificate} -o played.opus",
                f"  immurtal buy {other.offer}",
                f"  immurtal play {other.certificate} -o another.opus",
                "As the artist, with a file of your own:",
                f"  export IMMURTAL_KEYSTORE={shlex.quote(str(artist.keystore))}",
                f"  immurtal publish YOUR_FILE {chosen} --price 0.01eth",
                f"  immurtal withdraw {heard.certificate}",
                "",
                "Ctrl-C ends it all and leaves nothing behind.",
            ]
        )


def _indented(lines: list[str]) -> list[str]:
    return ["  " + line for line in lines]
