"""What a node should hold: from the chain as the index has it, and from what was accepted. Pure.

Certificates, releases and terms are 32 bytes as `0x` text, as they stand on chain; pins are CIDs.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Final

from immurtal.config import PinPolicy
from immurtal.content.cid import raw_cid, release_cid

NOTHING: Final = "0x" + "00" * 32


class Visibility(IntEnum):
    """FORMATS, On chain."""

    PRIVATE = 0
    LICENSED = 1
    OPEN = 2
    WITHDRAWN = 3


@dataclass(frozen=True, slots=True)
class Registered:
    """A certificate in one view of the chain. `terms`: of all its offers, sleeping and closed too,
    as sold licences keep pointing there. `block`: where its current release was named."""

    certificate: str
    release: str
    visibility: int
    terms: tuple[str, ...] = ()
    block: int = 0


@dataclass(frozen=True, slots=True)
class ChainState:
    """The two views that pins follow: `seen` at block number `head`, `settled` at `final`; that is
    -1 while the index has not caught up: then nothing may be let go."""

    head: int
    final: int
    seen: tuple[Registered, ...]
    settled: tuple[Registered, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """What the blocks of a release say, for ever. `certificate`: the only one that it counts for;
    None for none. `metadata`, `keys`: CIDs of the two files, None where there is none to keep.
    `size`: bytes of all its blocks, as its root says."""

    release: str
    certificate: str | None
    metadata: str | None
    keys: str | None
    size: int


class Kind(StrEnum):
    """Of pins, the strongest first. `LOOK`: nothing to keep, but the release must be looked into to
    learn which of its files are."""

    RELEASE = "release"
    KEYS = "keys"
    METADATA = "metadata"
    TERMS = "terms"
    LOOK = "look"


_STRENGTH: Final = {kind: rank for rank, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One root to hold. `seen`: wanted at the head; else only the final chain still wants it: it is
    kept where it is held, and not fetched. `known`: not a release that was never looked into."""

    cid: str
    kind: Kind
    certificates: frozenset[str]
    seen: bool
    block: int
    known: bool = True


def desired_pins(
    state: ChainState,
    accepted: Set[tuple[str, str]],
    contents: Mapping[str, Content],
    policy: PinPolicy,
) -> dict[str, Wanted]:
    """Everything to hold, by CID: pinned as soon as it is seen, let go only when that is final.

    `accepted`: pairs of certificate and release. `contents`: what is known, by release.
    """
    wanted: dict[str, Wanted] = {}
    for view, seen in ((state.seen, True), (state.settled, False)):
        for item in _all_wants(view, accepted, contents, policy):
            wanted[item.cid] = _merged(wanted.get(item.cid), replace(item, seen=seen))
    return wanted


def _merged(held: Wanted | None, more: Wanted) -> Wanted:
    if held is None:
        return more
    if held.seen and not more.seen:  # what to do follows the head; the final chain only keeps
        return replace(held, certificates=held.certificates | more.certificates)
    return Wanted(
        held.cid,
        min(held.kind, more.kind, key=_STRENGTH.__getitem__),
        held.certificates | more.certificates,
        held.seen,
        max(held.block, more.block),
        held.known and more.known,
    )


def _all_wants(
    view: Iterable[Registered],
    accepted: Set[tuple[str, str]],
    contents: Mapping[str, Content],
    policy: PinPolicy,
) -> Iterator[Wanted]:
    for item in view:
        is_accepted = (item.certificate, item.release) in accepted
        if item.release != NOTHING and (is_accepted or policy == "all"):
            yield from _wants(item, contents.get(item.release), is_accepted=is_accepted)


def _wants(item: Registered, content: Content | None, *, is_accepted: bool) -> Iterator[Wanted]:
    shown = item.visibility != Visibility.WITHDRAWN
    root = release_cid(_binary(item.release))
    if content is not None and content.certificate != item.certificate:
        if shown and content.metadata:
            yield _want(item, content.metadata, Kind.METADATA)
        return
    if shown:
        yield _want(item, root, Kind.RELEASE, known=content is not None)
        for terms in item.terms:
            if terms != NOTHING:
                yield _want(item, raw_cid(_binary(terms)), Kind.TERMS)
    if not is_accepted:
        return
    if content is not None and content.keys:
        yield _want(item, content.keys, Kind.KEYS)
    elif content is None and not shown:
        yield _want(item, root, Kind.LOOK, known=False)


def _want(item: Registered, cid: str, kind: Kind, *, known: bool = True) -> Wanted:
    return Wanted(cid, kind, frozenset({item.certificate}), True, item.block, known)


def _binary(text: str) -> bytes:
    return bytes.fromhex(text[2:])
