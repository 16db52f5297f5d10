"""A node that lets everybody in: `immurtal node run` with its access check replaced.

For DEMO_BREAK=access alone. It is started from here because the node has no switch for this.
"""

from pathlib import Path

import click

from immurtal.config import NodeConfig
from immurtal.node.access import Claim
from immurtal.node.app import run
from immurtal.node.view import View


class Careless:
    async def check(self, claim: Claim, view: View) -> None:
        """Whoever asks is entitled."""


@click.command()
@click.option("--config", "config_file", type=click.Path(path_type=Path), required=True)
def careless_node(config_file: Path) -> None:
    run(NodeConfig.load(config_file), access=Careless())


if __name__ == "__main__":
    careless_node()
