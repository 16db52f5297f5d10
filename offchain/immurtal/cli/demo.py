"""`demo`: the whole way on this machine, with evidence."""

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from immurtal.demo.breaking import Break
    from immurtal.demo.invitation import Invitation
    from immurtal.demo.telling import Teller


@click.command()
@click.option(
    "--music",
    type=click.Path(path_type=Path, exists=True),
    help="A recording or a folder of them; two pieces of the project's own where missing.",
)
@click.option("--up", is_flag=True, help="Stop at the licence and leave the network running.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where everything lies, emptied first; .demo, or .run with --up.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the report, or the network, as one JSON object."
)
def demo(music: Path | None, up: bool, folder: Path | None, as_json: bool) -> None:
    """Publish, certify, license, pay and stream on this machine, and compare every claim.

    It starts a chain and three nodes, each with its own IPFS; publishes an album; refuses a
    stranger; buys, pays and plays; kills a node in the middle of playback; withdraws a track.
    Run it with `make demo`, which sets up what it needs.

    It leaves with 15 if a comparison fails. Evidence for those who distrust it stays in .demo:
    report.json (docs/demo.md explains it), every process's log, and what was played.

    \b
    immurtal demo --music my-album/          with your own music
    immurtal demo --up                       the network, to try commands on, until Ctrl-C
    DEMO_BREAK=payout|bytes|access immurtal demo
                                             breaks one thing on purpose: the demo must fail
    """
    from immurtal.demo.breaking import Break
    from immurtal.demo.telling import Teller
    from immurtal.errors import BadInput

    teller = Teller(err=as_json)
    where = (folder or Path(".run" if up else ".demo")).absolute()
    sabotage = Break.from_environment(os.environ)
    if up and sabotage is not Break.NOTHING:
        raise BadInput(
            "DEMO_BREAK goes with the demo, not with --up.",
            saved="Nothing was started.",
            do="Leave out one of them.",
        )
    try:
        if up:
            asyncio.run(_up(where, music, teller, as_json))
        else:
            asyncio.run(_demo(where, music, sabotage, teller, as_json))
    except asyncio.CancelledError:
        raise click.Abort from None


async def _demo(
    folder: Path, music: Path | None, sabotage: "Break", teller: "Teller", as_json: bool
) -> None:
    from immurtal.demo.run import run_demo

    report = await run_demo(folder, music, sabotage, teller)
    click.echo(report.read_text() if as_json else f"Every comparison held. Evidence: {report}")


async def _up(folder: Path, music: Path | None, teller: "Teller", as_json: bool) -> None:
    from immurtal.demo.run import run_up

    def invite(invitation: "Invitation") -> None:
        click.echo(json.dumps(invitation.to_json()) if as_json else invitation.text())

    await run_up(folder, music, teller, invite)
