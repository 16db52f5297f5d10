"""`demo`: the whole way on this machine, with evidence."""

import asyncio
import os
from pathlib import Path

import click


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
@click.option("--json", "as_json", is_flag=True, help="Print the report at the end.")
def demo(music: Path | None, up: bool, folder: Path | None, as_json: bool) -> None:
    """Publish, certify, license, pay and stream on this machine, and compare every claim.

    Run it with `make demo`, which sets up what it needs. Leaves with an error if a comparison
    fails. Evidence for those who distrust it: .demo/report.json, and the logs beside it.

    DEMO_BREAK=payout|bytes|access breaks one thing on purpose: the demo must then fail.
    """
    from immurtal.demo.breaking import Break
    from immurtal.demo.run import run_demo, run_up

    where = (folder or Path(".run" if up else ".demo")).absolute()
    sabotage = Break.from_environment(os.environ)
    if up:
        asyncio.run(run_up(where, music, click.echo))
        return
    report = asyncio.run(
        run_demo(where, music, sabotage, lambda text: click.echo(text, err=as_json))
    )
    click.echo(report.read_text() if as_json else f"Every comparison held. Evidence: {report}")
