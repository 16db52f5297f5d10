"""One publish, kept on disk so that it can go on after an interruption.

The job file holds what was chosen, two random salts, and the releases that a registration names,
written before it is sent. Everything else is asked of the chain, the nodes and the disk again, so a
resumed publish repeats nothing. Until those releases are written down no work hash has left this
machine: nobody is asked about a work, and everything may still be chosen anew.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from immurtal.chain.contracts import Visibility
from immurtal.chain.files import read_bounded, write_over
from immurtal.content.encoding import address, hex32, hex32_decode
from immurtal.errors import BadInput, NotFound
from immurtal.publish.folder import discard

JOB_FILE = "job.json"
MAX_JOB_BYTES = 1024 * 1024
VERSION = 1
FREE = frozenset({"replicas"})
"""Choices that may change at any time: they are on no chain and in no release."""


@dataclass(frozen=True, slots=True)
class Source:
    """One recording: its original file and the SHA-256 of that file's bytes."""

    path: Path
    work_hash: str


@dataclass(frozen=True, slots=True)
class Sale:
    """Perpetual licences in ETH; prices in wei, None: not sold that way. `max_supply` 0: no cap;
    `referral_bps`: basis points; `licence`: text or reference for the terms."""

    price: int | None
    album_price: int | None
    max_supply: int
    transferable: bool
    referral_bps: int
    licence: str


@dataclass(frozen=True, slots=True)
class Details:
    """What is said about the recordings beyond their tags; empty: as tagged.

    `preview_start_ms`: where a public preview starts, None for none; `private`: metadata too.
    """

    title: str
    artists: tuple[tuple[str, str], ...]
    album: str
    description: str
    cover: Path | None
    preview_start_ms: int | None
    private: bool


@dataclass(frozen=True, slots=True)
class Choices:
    """All that a publish was asked to do. `split`: (payee, basis points), empty for `payout`;
    `payout` zero address: the owner. `nodes`: NodeRegistry ids; `replicas`: nodes that must hold
    the pins before the publish is done."""

    chain_id: int
    registry: str
    author: str
    sources: tuple[Source, ...]
    nodes: tuple[str, ...]
    threshold: int
    replicas: int
    visibility: Visibility
    payout: str
    split: tuple[tuple[str, int], ...]
    sale: Sale
    details: Details

    @property
    def work_hashes(self) -> tuple[str, ...]:
        return tuple(source.work_hash for source in self.sources)

    @property
    def job_id(self) -> str:
        """The same author publishing the same files in the same order is the same job."""
        parts = [str(self.chain_id), self.registry, self.author, *self.work_hashes]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Job:
    """`salt` hides the commitment until it is revealed; `offer_salt` makes offer ids ours.
    `releases`: digest for each source, once the registration names them; empty before."""

    folder: Path
    choices: Choices
    salt: str
    offer_salt: str
    releases: tuple[str, ...] = ()

    @property
    def revealed(self) -> bool:
        """Whether the work hashes may have left this machine."""
        return bool(self.releases)

    @classmethod
    def open(cls, folder: Path, choices: Choices) -> "Job":
        """The job of that folder, begun now or earlier. Choices that changed since then are taken
        over as long as nothing was revealed, and what was built to say otherwise is forgotten.

        Raises BadInput for choices that cannot change any more: they may be on chain already.
        """
        try:
            begun = cls.load(folder)
        except NotFound:
            job = cls(folder, choices, hex32(os.urandom(32)), hex32(os.urandom(32)))
            job._save()
            return job
        changed = _differences(begun.choices, choices)
        job = dataclasses.replace(begun, choices=choices)
        if not changed:
            return job
        if not begun.revealed:
            for built in folder.glob("track-*") if "details" in changed else ():
                discard(built)
        elif fixed := sorted(changed - FREE):
            raise BadInput(
                f"This publish was begun with another choice of {', '.join(fixed)}.",
                saved=f"What was done so far is kept in {folder}.",
                do="Run it with the same options to go on, then change what you want with "
                "`immurtal release`, `visibility`, `payout` or `offer`.",
            )
        job._save()
        return job

    def reveal(self, releases: Sequence[str]) -> "Job":
        """Writes down what is about to be registered; from then on the works may be asked about."""
        job = dataclasses.replace(self, releases=tuple(releases))
        job._save()
        return job

    @classmethod
    def load(cls, folder: Path) -> "Job":
        """Raises NotFound, BadInput."""
        path = folder / JOB_FILE
        if not path.is_file():
            raise NotFound(f"There is no publish in {folder}.")
        try:
            values = json.loads(read_bounded(path, MAX_JOB_BYTES))
            if values["v"] != VERSION:
                raise BadInput(f"{path} has version {values['v']}.", do="Update immurtal.")
            return cls(
                folder=folder,
                choices=_choices(values["choices"]),
                salt=hex32(hex32_decode(values["salt"])),
                offer_salt=hex32(hex32_decode(values["offerSalt"])),
                releases=tuple(hex32(hex32_decode(r)) for r in values["releases"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadInput(
                f"{path} cannot be read as a publish: {error!r}.",
                do="Move its folder away to begin anew; what is on chain stays there.",
            ) from error

    def track_folder(self, position: int) -> Path:
        """Where the release of one recording is built; positions count from 1."""
        return self.folder / f"track-{position}"

    def _save(self) -> None:
        body = {
            "v": VERSION,
            "choices": dataclasses.asdict(self.choices),
            "salt": self.salt,
            "offerSalt": self.offer_salt,
            "releases": self.releases,
        }
        write_over(self.folder / JOB_FILE, json.dumps(body, indent=2, default=str).encode())


def _choices(values: dict[str, Any]) -> Choices:
    details, sale = values["details"], values["sale"]
    return Choices(
        chain_id=int(values["chain_id"]),
        registry=address(values["registry"]),
        author=address(values["author"]),
        sources=tuple(Source(Path(s["path"]), s["work_hash"]) for s in values["sources"]),
        nodes=tuple(values["nodes"]),
        threshold=int(values["threshold"]),
        replicas=int(values["replicas"]),
        visibility=Visibility(values["visibility"]),
        payout=address(values["payout"]),
        split=tuple((address(payee), int(share)) for payee, share in values["split"]),
        sale=Sale(**sale),
        details=Details(
            **details
            | {
                "artists": tuple((name, role) for name, role in details["artists"]),
                "cover": Path(details["cover"]) if details["cover"] else None,
            }
        ),
    )


def _differences(begun: Choices, now: Choices) -> set[str]:
    """Names of the choices that differ; where the files lie does not matter, only their bytes."""
    names = {field.name for field in dataclasses.fields(Choices)} - {"sources"}
    return {name for name in names if getattr(begun, name) != getattr(now, name)}
