"""`publish`: from a file or a folder to certificates, offers, and nodes that hold them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from immurtal.cli.common import (
    WalletChoice,
    asynchronous,
    emit,
    json_option,
    network_options,
    wallet_options,
)
from immurtal.errors import BadInput

if TYPE_CHECKING:
    from immurtal.publish.job import Choices, Details, Sale
    from immurtal.publish.pipeline import Published
    from immurtal.publish.recordings import Track


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--node", "nodes", multiple=True, help="Node to share the key with; at least two.")
@click.option("--threshold", type=click.IntRange(2, 255), help="Shares that give the key back.")
@click.option("--replicas", type=click.IntRange(1, 255), help="Nodes that must hold the audio.")
@click.option("--price", help="Price of a licence to each work: 0.01eth, 5gwei.")
@click.option("--album-price", help="Price of a licence to all of them together.")
@click.option("--supply", type=click.IntRange(min=0), default=0, help="Licences ever sold.")
@click.option("--transferable", is_flag=True, help="Buyers may hand their licence on.")
@click.option("--referral", default="0%", help="A referrer's part of the price, up to 50%.")
@click.option("--licence", default="", help="Text of the licence, or where it is to be found.")
@click.option("--split", multiple=True, metavar="ADDRESS=SHARE", help="Share the money: 50%.")
@click.option("--payout", help="Or pay one address; the owner where neither is given.")
@click.option("--open", "is_open", is_flag=True, help="Let everybody listen.")
@click.option("--title", default="", help="Title, for one recording; else as tagged.")
@click.option("--artist", "artists", multiple=True, metavar="NAME[=ROLE]", help="Credit; repeat.")
@click.option("--album", default="", help="Album; else as tagged.")
@click.option("--description", default="", help="What to say about it.")
@click.option(
    "--cover",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="JPEG or PNG; else as tagged.",
)
@click.option("--preview", metavar="SECONDS", type=float, help="Publish a preview from here on.")
@click.option("--private", is_flag=True, help="Encrypt title and credits too.")
@click.option(
    "--recovery-words-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the recovery words of the first publish there instead of showing them.",
)
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), help="The artist's folder."
)
@network_options
@wallet_options
@json_option
@asynchronous
async def publish(network: Any, wallet: WalletChoice, as_json: bool, **options: Any) -> None:
    """Encrypt, certify, offer and store recordings; a folder is an album.

    \b
    immurtal publish song.flac --node 0x12ab… --node 0x77fe… --price 0.01eth \\
        --split 0xA…=60% --split 0xB…=40% --keystore me.json

    The recording never leaves this machine unencrypted, and nothing that names it leaves before
    the chain holds your certificate. Name nodes of different people: any two of them (or as many
    as --threshold says) give a listener the key, one alone can read nothing.

    Interrupted? Run the same command again: it goes on where it was.
    """
    from immurtal.cli.client import connect
    from immurtal.cli.progress import Progress
    from immurtal.publish.home import ArtistHome
    from immurtal.publish.job import Job
    from immurtal.publish.nodes import resolve
    from immurtal.publish.pipeline import Publication
    from immurtal.publish.recordings import find, look_at

    details = _details(options)
    with Progress(quiet=as_json) as progress:
        tracks = look_at(
            find(options["paths"]), details, lambda name, done: progress.show(name, done)
        )
        async with connect(network) as client:
            nodes = await resolve(client.contracts, options["nodes"])
            secret = wallet.passphrase()
            opened = wallet.open(secret)
            choices = _choices(options, client, opened.address, nodes, tracks, details)
            home = ArtistHome(options["home"]) if options["home"] else ArtistHome.default()
            published = await Publication(
                job=Job.open(home.job_folder(choices.job_id), choices),
                tracks=tracks,
                actions=client.actions(opened),
                wallet=opened,
                home=home,
                passphrase=secret,
                report=progress.report,
                show_words=lambda words: _show(words, options["recovery_words_file"]),
            ).run()
    emit(_result(published), as_json=as_json, text=_text(published))


def credit(text: str) -> tuple[str, str]:
    """(name, role) of `NAME=ROLE`; the role of a plain name is `main`."""
    name, _, role = text.partition("=")
    if not name.strip():
        raise BadInput(f"{text!r} names nobody.", do="Write NAME or NAME=ROLE.")
    return name.strip(), role.strip() or "main"


def _details(options: dict[str, Any]) -> "Details":
    from immurtal.publish.job import Details

    if options["preview"] is not None and options["preview"] < 0:
        raise BadInput("A preview cannot start before the recording does.")
    return Details(
        title=options["title"],
        artists=tuple(credit(artist) for artist in options["artists"]),
        album=options["album"],
        description=options["description"],
        cover=options["cover"].resolve() if options["cover"] else None,
        preview_start_ms=None if options["preview"] is None else round(options["preview"] * 1000),
        private=options["private"],
    )


def _choices(
    options: dict[str, Any],
    client: Any,
    author: str,
    nodes: tuple[str, ...],
    tracks: "list[Track]",
    details: "Details",
) -> "Choices":
    from immurtal.chain.contracts import ZERO_ADDRESS, Visibility
    from immurtal.cli.amounts import shares
    from immurtal.cli.client import account
    from immurtal.publish.actions import ordered_shares
    from immurtal.publish.job import Choices

    sale = _sale(options)
    sold = sale.price is not None or sale.album_price is not None
    if options["is_open"] and sold:
        raise BadInput("A work that is open to all is not sold.", do="Leave out --open or --price.")
    if options["split"] and options["payout"]:
        raise BadInput("Give --split or --payout, not both.")
    split = shares(options["split"])
    if split:
        ordered_shares(split)
    threshold = options["threshold"] or max(2, len(nodes) // 2 + 1)
    if threshold > len(nodes):
        raise BadInput(f"A threshold of {threshold} needs as many nodes; {len(nodes)} are named.")
    otherwise = Visibility.LICENSED if sold else Visibility.PRIVATE
    return Choices(
        chain_id=client.chain_id,
        registry=client.deployment.registry,
        author=author,
        sources=tuple(track.source for track in tracks),
        nodes=nodes,
        threshold=threshold,
        replicas=min(options["replicas"] or threshold, len(nodes)),
        visibility=Visibility.OPEN if options["is_open"] else otherwise,
        payout=account(options["payout"]) if options["payout"] else ZERO_ADDRESS,
        split=split,
        sale=sale,
        details=details,
    )


def _sale(options: dict[str, Any]) -> "Sale":
    from immurtal.cli.amounts import ether_amount, percentage
    from immurtal.publish.job import Sale

    return Sale(
        price=None if options["price"] is None else ether_amount(options["price"]),
        album_price=(
            None if options["album_price"] is None else ether_amount(options["album_price"])
        ),
        max_supply=options["supply"],
        transferable=options["transferable"],
        referral_bps=percentage(options["referral"]),
        licence=options["licence"],
    )


def _show(words: str, file: Path | None) -> None:
    """Shows the recovery words, or writes them for their reader alone."""
    if file is not None:
        from immurtal.chain.files import write_new

        write_new(file, (words + "\n").encode())
        return
    click.echo(
        "\nYour recovery words. They are shown once, and open everything you will publish from "
        "here, even if this machine is lost. Write them down:\n",
        err=True,
    )
    parts = words.split()
    for row in range(0, len(parts), 6):
        numbered = (f"{row + i + 1:>2} {word:<10}" for i, word in enumerate(parts[row : row + 6]))
        click.echo("  " + " ".join(numbered), err=True)
    click.echo("", err=True)


def _result(published: "Published") -> dict[str, Any]:
    return {
        "works": [
            {
                "certificate": track.certificate.id,
                "title": track.title,
                "release": track.cid,
                "version": track.certificate.version,
                "committedAt": track.certificate.committed_at,
                "registeredAt": track.certificate.registered_at,
                "offer": track.offer or None,
                "nodes": [
                    {"node": p.node, "share": p.share, "pinned": p.pinned, "problem": p.problem}
                    for p in track.proofs
                ],
            }
            for track in published.tracks
        ],
        "albumOffer": published.album_offer or None,
        "payout": published.payout,
        "transactions": [{"step": step, "hash": tx} for step, tx in published.transactions],
        "warnings": list(published.warnings),
    }


def _text(published: "Published") -> str:
    lines = []
    for track in published.tracks:
        held = sum(proof.pinned for proof in track.proofs)
        lines += [
            f"{track.title}",
            f"  certificate  {track.certificate.id}",
            f"  release      {track.cid}, held by {held} nodes",
        ]
        if track.offer:
            lines.append(f"  offer        {track.offer}")
    if published.album_offer:
        lines.append(f"Album offer    {published.album_offer}")
    return "\n".join(lines)
