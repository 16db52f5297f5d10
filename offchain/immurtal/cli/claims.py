"""`register` and `contest`: what a commitment is good for."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from immurtal.cli.common import (
    WalletChoice,
    asynchronous,
    consent,
    emit,
    json_option,
    network_options,
    teller,
    wallet_options,
)
from immurtal.errors import BadInput

if TYPE_CHECKING:
    from immurtal.chain.eip712 import Work
    from immurtal.cli.client import Client
    from immurtal.publish.certifying import Registered
    from immurtal.publish.commitments import Commitment

LEVELS = ("private", "licensed", "open", "withdrawn")
MAX_VALID_SECONDS = 30 * 24 * 3600
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
HOME = click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), help="The artist's folder."
)
SALT = click.option("--salt-file", type=FILE, help="File whose first line is the salt: 0x…")


@click.command()
@click.argument("work")
@click.option("--work", "works", multiple=True, help="Each work of the commitment, in its order.")
@SALT
@HOME
@click.option("--yes", is_flag=True, help="Do not ask.")
@network_options
@wallet_options
@json_option
@asynchronous
async def contest(
    work: str,
    works: tuple[str, ...],
    salt_file: Path | None,
    home: Path | None,
    yes: bool,
    network: Any,
    wallet: WalletChoice,
    as_json: bool,
) -> None:
    """Prove that you committed to a work before whoever registered it.

    \b
    immurtal contest song.flac
    immurtal contest 0x<work hash> --work 0xA… --work 0xB… --salt-file salt.txt

    WORK is the recording's original file, or its SHA-256. The commitment is looked for among the
    publishes in your artist's folder, or given by --work and --salt-file. The claim is recorded on
    chain for ever. It moves nothing and judges nothing: the certificate stays where it is.

    A contest reveals the whole commitment, with its other works. Whoever learns of a work that has
    no certificate yet can commit to it and register it: register yours first.
    """
    from immurtal.cli import client as chain
    from immurtal.cli.amounts import moment
    from immurtal.publish.contesting import check_claim

    known, given = work_id(work), [work_id(each) for each in works]
    if bool(given) != (salt_file is not None):
        raise click.UsageError("--work and --salt-file go together.")
    async with chain.connect(network) as client:
        opened = wallet.open()
        held = _held(client, opened.address, given, salt_file, home)
        claim = await check_claim(client.contracts, known, held, opened.address)
        others = len(claim.commitment.works) - 1
        tell = teller(quiet=as_json and yes)
        tell(
            f"You committed on {moment(claim.claimed_at)}, {claim.certificate.author} on "
            f"{moment(claim.certificate.committed_at)}."
        )
        if others:
            tell(
                f"Warning: this reveals {others} other work(s) of your commitment for ever. Those "
                "without a certificate can be registered by whoever sees them: register them first."
            )
        consent("Record the claim, and reveal the whole commitment?", yes=yes)
        receipt = await client.actions(opened).contest(
            known, claim.commitment.works, claim.commitment.salt
        )
    result = {
        "certificate": known,
        "claimant": opened.address,
        "committedAt": claim.claimed_at,
        "author": claim.certificate.author,
        "authorCommittedAt": claim.certificate.committed_at,
        "revealed": list(claim.commitment.works),
        **chain.sent(receipt),
    }
    emit(result, as_json=as_json, text=f"The claim on {known} is recorded (block {receipt.block}).")


@dataclass(frozen=True, slots=True)
class _Wish:
    """What `register` was asked for, besides --commit and --relay."""

    works: tuple[str, ...]
    salt_file: Path | None
    job: str | None
    visibility: str
    payout: str | None
    home: Path | None

    def check(self) -> None:
        """Raises UsageError."""
        if (self.job is not None) == bool(self.works):
            raise click.UsageError("Give HASH=RELEASE for each work, or --job.")
        if bool(self.works) != (self.salt_file is not None):
            raise click.UsageError("Works need the --salt-file of their commitment.")
        if self.job is not None and (self.payout or self.visibility != LEVELS[0]):
            raise click.UsageError("A --job has its own visibility and payout.")


@click.command()
@click.argument("works", nargs=-1, metavar="[HASH=RELEASE]...")
@SALT
@click.option("--job", help="An interrupted publish: its folder, or the folder's name.")
@click.option("--visibility", type=click.Choice(LEVELS), default=LEVELS[0], show_default=True)
@click.option("--payout", help="Address that the money goes to; the owner where missing.")
@click.option("--sign", "signs", is_flag=True, help="Write a signed registration; send nothing.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Its file.")
@click.option(
    "--valid",
    type=click.IntRange(60, MAX_VALID_SECONDS),
    default=24 * 3600,
    show_default=True,
    help="Seconds that a signed registration may be sent for.",
)
@click.option("--relay", "relayed", type=FILE, help="Send somebody's signed registration.")
@click.option("--commit", "committed", metavar="COMMITMENT", help="Send somebody's commitment.")
@HOME
@click.option("--yes", is_flag=True, help="Do not ask.")
@network_options
@wallet_options
@json_option
@asynchronous
async def register(
    works: tuple[str, ...],
    salt_file: Path | None,
    job: str | None,
    visibility: str,
    payout: str | None,
    signs: bool,
    out: Path | None,
    valid: int,
    relayed: Path | None,
    committed: str | None,
    home: Path | None,
    yes: bool,
    network: Any,
    wallet: WalletChoice,
    as_json: bool,
) -> None:
    """Register works that you committed to, or sign so that somebody else can.

    `immurtal publish` does all of this by itself. Here are its parts, for works whose commitment is
    on chain already:

    \b
    immurtal register 0x<hash>=0x<release> --salt-file salt.txt
    immurtal register --job 0f3a… --sign --out registration.json
    immurtal register --relay registration.json      # anybody, who pays the gas
    immurtal register --commit 0x<commitment>        # anybody; it says nothing of the works

    HASH is the SHA-256 of the original file, RELEASE the digest of its release's CID; each work of
    the commitment, in its order. With --job all of it is taken from an interrupted publish; when it
    is registered, run that publish again: it goes on from there.

    A signed registration reveals the works to whoever gets the file. That is safe, and only
    because the commitment is on chain and old enough by then (this waits for it): who learns of
    them now comes too late. Whoever sends it has no part in it; the certificate is its author's.
    """
    if (relayed is not None) + (committed is not None) + bool(works or job) != 1:
        raise click.UsageError("Give works, --job, --relay FILE or --commit COMMITMENT: one.")
    if signs != (out is not None):
        raise click.UsageError("--sign and --out FILE go together.")
    if signs and (relayed or committed):
        raise click.UsageError("--sign is for your own works.")
    if committed is not None:
        await _commit(committed, network, wallet, as_json)
    elif relayed is not None:
        await _relay(relayed, yes, network, wallet, as_json)
    else:
        wish = _Wish(works, salt_file, job, visibility, payout, home)
        wish.check()
        await _own(wish, out, valid, yes, network, wallet, as_json)


async def _commit(value: str, network: Any, wallet: WalletChoice, as_json: bool) -> None:
    from immurtal.cli import client as chain

    known = work_id(value, "commitment")
    async with chain.connect(network) as client:
        if found := await client.contracts.committed_at(known):
            raise BadInput(f"The commitment {known} is on chain since {found} (s since 1970).")
        receipt = await client.actions(wallet.open()).commit(known)
        at = await client.contracts.committed_at(known)
    result = {"commitment": known, "committedAt": at, **chain.sent(receipt)}
    emit(result, as_json=as_json, text=f"{known} is committed (block {receipt.block}).")


async def _relay(file: Path, yes: bool, network: Any, wallet: WalletChoice, as_json: bool) -> None:
    from immurtal.chain.files import read_bounded
    from immurtal.cli import client as chain
    from immurtal.publish import certifying

    raw = read_bounded(file, certifying.MAX_FILE_BYTES)
    signed = certifying.decode_registration(raw)
    async with chain.connect(network) as client:
        there = await certifying.check_registration(client.contracts, signed)
        tell = teller(quiet=as_json and yes)
        tell(f"{len(signed.register.works)} work(s) of {signed.register.author}.")
        for work in there:
            tell(f"Registered already, and skipped: {work}")
        consent("Send it, and pay the gas?", yes=yes)
        done = await certifying.register_for(client.actions(wallet.open()), signed)
    _emit(signed.register.author, done, as_json)


async def _own(
    wish: _Wish,
    out: Path | None,
    valid: int,
    yes: bool,
    network: Any,
    wallet: WalletChoice,
    as_json: bool,
) -> None:
    from immurtal.chain.files import write_new
    from immurtal.cli import client as chain
    from immurtal.cli.amounts import moment
    from immurtal.content.strict_json import encode_json
    from immurtal.publish import certifying
    from immurtal.publish.commitments import Commitment, matured

    if out is not None and out.exists():
        raise BadInput(f"{out} is there already.", saved="Nothing was signed.")
    async with chain.connect(network) as client:
        opened = wallet.open()
        works, salt = await _wished(client, opened, wish, signs=out is not None)
        if out is not None:
            signed = await certifying.sign_registration(
                client.contracts, opened, works, salt, valid
            )
            write_new(out, encode_json(signed.to_json()) + b"\n")
            until = moment(signed.register.deadline)
            emit(
                {"file": str(out), "registration": signed.to_json()},
                as_json=as_json,
                text=f"Signed: {out}. Until {until} anybody who has it can register these works "
                f"for you: immurtal register --relay {out}",
            )
            return
        hashes = tuple(work.work_hash for work in works)
        await matured(client.contracts, Commitment(opened.address, hashes, salt).value)
        tell = teller(quiet=as_json and yes)
        for work in await certifying.registered_already(client.contracts, works):
            tell(f"Registered already, and skipped: {work}")
        consent(f"Register {len(works)} work(s), which reveals them?", yes=yes)
        done = await certifying.register(client.actions(opened), works, salt)
    _emit(opened.address, done, as_json)


async def _wished(
    client: "Client", opened: Any, wish: _Wish, *, signs: bool
) -> "tuple[tuple[Work, ...], str]":
    """The works and the salt. Of a job that may leave now, it is written down what leaves."""
    from immurtal.chain.contracts import ZERO_ADDRESS, Visibility
    from immurtal.chain.eip712 import Work
    from immurtal.cli import client as chain
    from immurtal.publish.commitments import check_works, read_salt

    if wish.job is not None:
        return await _of_job(client, opened, wish.job, wish.home, signs=signs)
    level = int(Visibility[wish.visibility.upper()])
    payout = chain.account(wish.payout) if wish.payout else ZERO_ADDRESS
    pairs = [pair(word) for word in wish.works]
    check_works([work for work, _ in pairs])
    assert wish.salt_file is not None
    works = tuple(Work(work, release, level, payout) for work, release in pairs)
    return works, read_salt(wish.salt_file)


async def _of_job(
    client: "Client", opened: Any, name: str, home: Path | None, *, signs: bool
) -> "tuple[tuple[Work, ...], str]":
    from immurtal.publish.actions import ordered_shares
    from immurtal.publish.certifying import job_works
    from immurtal.publish.commitments import Commitment, matured
    from immurtal.publish.folder import locked
    from immurtal.publish.home import ArtistHome
    from immurtal.publish.job import Job

    artist = ArtistHome(home) if home else ArtistHome.default()
    folder = Path(name) if Path(name).is_dir() else artist.job_folder(name)
    begun = Job.load(folder)
    with locked(folder):
        choices = begun.choices
        here = client.deployment
        if (choices.chain_id, choices.registry) != (here.chain_id, here.registry):
            raise BadInput(f"The publish in {folder} is of another network.")
        if choices.author != opened.address:
            raise BadInput(f"The publish in {folder} is of {choices.author}, not of this wallet.")
        await matured(client.contracts, Commitment.of(begun).value)
        payout = choices.payout
        if choices.split and signs:  # whoever likes makes it, before or after money arrives
            payout = await client.contracts.predict_split(*ordered_shares(choices.split))
        elif choices.split:
            payout = await client.actions(opened).ensure_split(choices.split)
        works, _ = job_works(begun, payout)
    return works, begun.salt


def _held(
    client: "Client", author: str, given: Sequence[str], salt_file: Path | None, home: Path | None
) -> "list[Commitment]":
    from immurtal.publish.commitments import Commitment, check_works, kept, read_salt
    from immurtal.publish.home import ArtistHome

    if salt_file is not None:
        check_works(given)
        return [Commitment(author, tuple(given), read_salt(salt_file))]
    artist = ArtistHome(home) if home else ArtistHome.default()
    return list(kept(artist, client.chain_id, client.deployment.registry, author))


def _emit(author: str, done: "Registered", as_json: bool) -> None:
    from immurtal.cli import client as chain

    result = {
        "author": author,
        "certificates": list(done.works),
        "skipped": list(done.skipped),
        **chain.sent(done.receipt),
    }
    lines = [f"Registered for {author} (block {done.receipt.block}):", *done.works]
    lines += [f"Skipped, as it has a certificate already: {work}" for work in done.skipped]
    emit(result, as_json=as_json, text="\n  ".join(lines))


def work_id(text: str, what: str = "work hash") -> str:
    """A work by its hash, or by its original file. Raises BadInput."""
    import re

    value = text.strip().lower()
    if re.fullmatch("0x[0-9a-f]{64}", value):
        return value
    if what == "work hash" and Path(text).is_file():
        with Path(text).open("rb") as file:
            return "0x" + hashlib.file_digest(file, "sha256").hexdigest()
    raise BadInput(f"{text!r} is no {what} and no file.", do="It is 0x and 64 hexadecimal digits.")


def pair(word: str) -> tuple[str, str]:
    """(work hash, release) of `HASH=RELEASE`. Raises BadInput."""
    work, equals, release = word.partition("=")
    if not equals:
        raise BadInput(f"{word!r} names no release.", do="Write 0x<hash>=0x<release>.")
    return work_id(work), work_id(release, "release digest")
