"""A node that answers with another share than its own, and says that all is well."""

import secrets
from pathlib import Path

import click

from immurtal.config import NodeConfig
from immurtal.node import app, release


def another_share(*_: object) -> bytes:
    return secrets.token_bytes(32) + b"\x01"


@click.command()
@click.option("--config", "config_file", type=click.Path(path_type=Path), required=True)
def lying_node(config_file: Path) -> None:
    release.open_share = another_share  # type: ignore[assignment]
    app.run(NodeConfig.load(config_file))


if __name__ == "__main__":
    lying_node()
