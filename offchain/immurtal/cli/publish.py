"""`publish`: from a file or a folder to certificates, offers, and nodes that hold them."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from immurtal.cli.common import (
    WalletChoice,
    asynchronous,
    emit,
    json_option,
    keys_options,
    network_options,
    wallet_options,
)
from immurtal.errors import BadInput

if TYPE_CHECKING:
    from immurtal.chain.contracts import Visibility
    from immurtal.cli.client import Client
    from immurtal.publish.job import Choices, Details, Sale
    from immurtal.publish.pipeline import Published
    from immurtal.publish.recordings import Track

MAX_REFERRAL_BPS = 5_000
MAX_OFFERED = 64  # certificates in one offer
MAX_SUPPLY = 2**64 - 1
MAX_PREVIEW_START = 86_400  # seconds


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--node", "nodes", multiple=True, help="Node to share the key with; at least two.")
@click.option("--threshold", type=click.IntRange(2, 255), help="Shares that give the key back.")
@click.option("--replicas", type=click.IntRange(1, 255), help="Nodes that must hold the audio.")
@click.option("--price", help="Price of a licence to each work: 0.01eth, 5gwei.")
@click.option("--album-price", help="Price of a licence to all of them together.")
@click.option("--supply", type=click.IntRange(0, MAX_SUPPLY), default=0, help="Licences ever sold.")
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
@keys_options
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

    Interrupted? Run the same command again: it goes on where it was. Until the works are being
    registered, you may still change your mind and run it with other options.
    """
    from immurtal.cli.client import connect
    from immurtal.cli.progress import Progress
    from immurtal.publish.folder import locked
    from immurtal.publish.home import ArtistHome
    from immurtal.publish.job import Job
    from immurtal.publish.nodes import resolve
    from immurtal.publish.pipeline import Publication
    from immurtal.publish.recordings import find, look_at

    paths = find(options["paths"])
    details, sale = _details(options, len(paths)), _sale(options, len(paths))
    home = ArtistHome(options["home"]) if options["home"] else ArtistHome.default()
    is_first = home.recovery_public() is None
    if is_first:
        _check_words(options["recovery_words_file"])
    # What is asked for is asked for before the long work, and not between moving bars.
    secret = wallet.keys_passphrase(options["keys_passphrase_file"], new=is_first)
    opened = wallet.open()
    async with connect(network) as client:
        nodes = await resolve(client.contracts, options["nodes"])
        money = _money(options, len(nodes), sale)
        with Progress(quiet=as_json) as progress:

            def show_words(words: str) -> None:
                with progress.paused():
                    _show(words, options["recovery_words_file"])

            tracks = await asyncio.to_thread(look_at, paths, details, progress.show)
            choices = _choices(client, opened.address, nodes, tracks, details, sale, money)
            folder = home.job_folder(choices.job_id)
            with locked(folder):
                published = await Publication(
                    job=Job.open(folder, choices),
                    tracks=tracks,
                    actions=client.actions(opened),
                    wallet=opened,
                    home=home,
                    passphrase=secret,
                    report=progress.report,
                    show_words=show_words,
                ).run()
    emit(_result(published), as_json=as_json, text=_text(published))


def credit(text: str) -> tuple[str, str]:
    """(name, role) of `NAME=ROLE`; the role of a plain name is `main`."""
    name, _, role = text.partition("=")
    if not name.strip():
        raise BadInput(f"{text!r} names nobody.", do="Write NAME or NAME=ROLE.")
    return name.strip(), role.strip() or "main"


def _details(options: dict[str, Any], count: int) -> "Details":
    from immurtal.content.tags import read_cover
    from immurtal.publish.job import Details

    cover, preview = options["cover"], options["preview"]
    if preview is not None and not 0 <= preview <= MAX_PREVIEW_START:
        raise BadInput("A preview starts within the recording: at 0 seconds or later.")
    if options["private"] and (cover is not None or preview is not None):
        raise BadInput(
            "A cover and a preview are public, and this is to be private.",
            do="Leave out --private, or --cover and --preview.",
        )
    if options["title"] and count > 1:
        raise BadInput(f"One title cannot be that of {count} recordings.", do="Tag the files.")
    if cover is not None:
        read_cover(cover)
    return Details(
        title=options["title"],
        artists=tuple(credit(artist) for artist in options["artists"]),
        album=options["album"],
        description=options["description"],
        cover=cover.resolve() if cover else None,
        preview_start_ms=None if preview is None else round(preview * 1000),
        private=options["private"],
    )


def _sale(options: dict[str, Any], count: int) -> "Sale":
    """What the contracts would refuse is refused here, before anything is on chain."""
    from immurtal.cli.amounts import ether_amount, percentage
    from immurtal.content.terms import terms_file
    from immurtal.publish.job import Sale

    price, album_price = options["price"], options["album_price"]
    referral = percentage(options["referral"])
    if referral > MAX_REFERRAL_BPS:
        raise BadInput("A referrer gets at most 50 % of a price.", do="Lower --referral.")
    if album_price is not None and not 2 <= count <= MAX_OFFERED:
        raise BadInput(
            f"An album price is for 2 to {MAX_OFFERED} recordings, not {count}.",
            do="Leave out --album-price, or publish them in parts.",
        )
    if price is None and album_price is None and (options["supply"] or options["transferable"]):
        raise BadInput("Nothing is sold without a price.", do="Give --price or --album-price.")
    terms_file("perpetual", ["0x" + "0" * 64] * count, options["licence"])
    return Sale(
        price=None if price is None else ether_amount(price),
        album_price=None if album_price is None else ether_amount(album_price),
        max_supply=options["supply"],
        transferable=options["transferable"],
        referral_bps=referral,
        licence=options["licence"],
    )


@dataclass(frozen=True, slots=True)
class _Money:
    """Who may hear, how many nodes it takes, and who is paid."""

    visibility: "Visibility"
    threshold: int
    replicas: int
    payout: str
    split: tuple[tuple[str, int], ...]


def _money(options: dict[str, Any], nodes: int, sale: "Sale") -> _Money:
    from immurtal.chain.contracts import ZERO_ADDRESS, Visibility
    from immurtal.cli.amounts import shares
    from immurtal.cli.client import account
    from immurtal.publish.actions import ordered_shares

    sold = sale.price is not None or sale.album_price is not None
    if options["is_open"] and sold:
        raise BadInput("A work that is open to all is not sold.", do="Leave out --open or --price.")
    if options["split"] and options["payout"]:
        raise BadInput("Give --split or --payout, not both.")
    split = shares(options["split"])
    if split:
        ordered_shares(split)
    threshold = options["threshold"] or max(2, nodes // 2 + 1)
    replicas = options["replicas"] or threshold
    for what, wanted in (("threshold", threshold), ("replicas", replicas)):
        if wanted > nodes:
            raise BadInput(f"--{what} {wanted} needs as many nodes; {nodes} are named.")
    otherwise = Visibility.LICENSED if sold else Visibility.PRIVATE
    return _Money(
        visibility=Visibility.OPEN if options["is_open"] else otherwise,
        threshold=threshold,
        replicas=replicas,
        payout=account(options["payout"]) if options["payout"] else ZERO_ADDRESS,
        split=tuple(sorted(split)),
    )


def _choices(
    client: "Client",
    author: str,
    nodes: tuple[str, ...],
    tracks: "list[Track]",
    details: "Details",
    sale: "Sale",
    money: _Money,
) -> "Choices":
    from immurtal.publish.job import Choices

    return Choices(
        chain_id=client.chain_id,
        registry=client.deployment.registry,
        author=author,
        sources=tuple(track.source for track in tracks),
        nodes=nodes,
        threshold=money.threshold,
        replicas=money.replicas,
        visibility=money.visibility,
        payout=money.payout,
        split=money.split,
        sale=sale,
        details=details,
    )


def _check_words(file: Path | None) -> None:
    """The recovery words are for a person's eyes, or for a file of theirs; never for a log."""
    if file is None and not sys.stderr.isatty():
        raise BadInput(
            "This first publish makes your recovery words, and nobody is there to read them.",
            saved="Nothing was made yet.",
            do="Run it at a terminal, or give --recovery-words-file FILE.",
        )
    if file is not None and file.exists():
        raise BadInput(f"{file} is there already.", do="Name another --recovery-words-file.")


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
    click.prompt("\nPress Enter once you have them", default="", show_default=False, err=True)


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
                "leftOut": track.left_out or None,
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
        lines += [track.title, f"  certificate  {track.certificate.id}"]
        if track.left_out:
            lines.append(f"  left out     {track.left_out}")
            continue
        held = sum(proof.pinned for proof in track.proofs)
        lines.append(f"  release      {track.cid}, held by {held} nodes")
        if track.offer:
            lines.append(f"  offer        {track.offer}")
    if published.album_offer:
        lines.append(f"Album offer    {published.album_offer}")
    return "\n".join(lines)
