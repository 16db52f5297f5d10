"""Any t of n key shares, asked for all at once; whoever refuses, hangs or lies is named."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from immurtal.chain.contracts import Node
from immurtal.chain.http import NodeClient
from immurtal.chain.problems import reason_of
from immurtal.content.keys_file import SealedShare
from immurtal.errors import (
    AccessRefused,
    ImmurtalError,
    IntegrityError,
    KeySharesMissing,
    NotFound,
)
from immurtal.keys.asking import Asked, HeldSession, ask_patiently
from immurtal.keys.refusals import RequestInvalid
from immurtal.keys.sealing import combine_checked
from immurtal.stream.events import Observer

PATIENCE_SECONDS: Final = 900.0
PASSING: Final = frozenset({"chain-lagging", "rate-limited"})
"""Refusals that time cures."""
PASSING_PAUSE: Final = 2.0  # seconds
_REFUSED_BY: Final = "No key: every node that answered refused"


class SharesMissing(KeySharesMissing):
    """problems: by node id, what came instead of a good share."""

    def __init__(self, what: str, problems: Mapping[str, ImmurtalError], *, do: str) -> None:
        super().__init__(what, do=do)
        self.problems = dict(problems)


class SharesRefused(AccessRefused):
    """All nodes refuse, for one reason. problems: by node id."""

    def __init__(self, what: str, problems: Mapping[str, ImmurtalError], reason: str) -> None:
        super().__init__(what, reason=reason, do=_ADVICE.get(reason, ""))
        self.problems = dict(problems)


_LIED: Final = (
    "A node that sends false shares must be replaced: tell the artist, who can publish the release "
    "to others, or try again when more of its nodes answer."
)
_ADVICE: Final = {
    "access-refused": "Buy a licence or ask for a grant; if you have one, name its offer.",
    "access-not-deep-yet": "Try again when a few more blocks have passed.",
    "release-not-current": "The artist has published another release: try again.",
    "clock-skew": "Set the clock of this machine.",
    "session-expired": "Try again: a new session is signed.",
    "session-invalid": "Try again: a new session is signed.",
}


async def content_key(
    asked: Asked,
    nodes: Mapping[str, Node],
    session: HeldSession,
    *,
    allow_local: bool,
    patience: float = PATIENCE_SECONDS,
    observer: Observer | None = None,
) -> bytes:
    """The content key, from the first `threshold` good shares of the nodes in keys.json.

    nodes: records by id; those without one count as not found. patience: seconds to wait for an
    access that is not deep enough yet.
    Raises SharesRefused, SharesMissing.
    """
    observer = observer or Observer()
    keys_file = asked.keys_file
    good: dict[int, bytes] = {}
    problems: dict[str, ImmurtalError] = {}

    async def ask(entry: SealedShare) -> None:
        node_id = "0x" + entry.node.hex()
        try:
            good[entry.index] = await _share(
                entry, nodes.get(node_id), asked, session, allow_local, patience, observer
            )
        except ImmurtalError as error:
            problems[node_id] = error
            observer.on_refusal(node_id, reason_of(error), error.what)
        else:
            observer.on_share(node_id)

    tasks = [asyncio.create_task(ask(entry)) for entry in keys_file.nodes]
    try:
        for done in asyncio.as_completed(tasks):
            await done
            if len(good) >= keys_file.threshold:
                return combine_checked(keys_file, good).content_key
            if len(keys_file.nodes) - len(problems) < keys_file.threshold:
                break  # those left cannot make up for it, however long they are waited for
        await _hear_the_rest(tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    raise _too_few(asked, good, problems)


async def _hear_the_rest(tasks: list[asyncio.Task[None]], seconds: float = 2.0) -> None:
    """A short while for what the other nodes have to say, so that the error can name it."""
    await asyncio.wait(tasks, timeout=seconds)


async def _share(
    entry: SealedShare,
    node: Node | None,
    asked: Asked,
    session: HeldSession,
    allow_local: bool,
    patience: float,
    observer: Observer,
) -> bytes:
    node_id = "0x" + entry.node.hex()
    if node is None:
        raise NotFound(f"Node {node_id} of keys.json cannot be looked up in the registry.")
    until = time.monotonic() + patience
    async with NodeClient(node.api_url, allow_local=allow_local) as client:
        while True:
            try:
                return await ask_patiently(
                    lambda body: client.post("/v1/key-shares", body),
                    entry,
                    asked,
                    session,
                    patience=max(0.0, until - time.monotonic()),
                    waiting=lambda seconds: observer.on_wait(node_id, seconds),
                )
            except RequestInvalid as error:  # as its own words: its reply is none
                raise IntegrityError(f"{client.http.name} sent no key share: {error.what}") from (
                    error
                )
            except AccessRefused as error:
                late = time.monotonic() + PASSING_PAUSE > until
                if error.reason not in PASSING or late:
                    raise
            await asyncio.sleep(PASSING_PAUSE)


def _too_few(
    asked: Asked, good: Mapping[int, bytes], problems: Mapping[str, ImmurtalError]
) -> ImmurtalError:
    each = " ".join(f"{node_id[:10]}…: {error.what}" for node_id, error in problems.items())
    reasons = {reason_of(error) for error in problems.values()}
    refused = all(isinstance(error, AccessRefused) for error in problems.values())
    if problems and refused and len(reasons) == 1 and not good:
        reason = reasons.pop()
        return SharesRefused(f"{_REFUSED_BY} ({reason}). {each}", problems, reason)
    threshold = asked.keys_file.threshold
    lied = any(isinstance(error, IntegrityError) for error in problems.values())
    return SharesMissing(
        f"{len(good)} good key shares of {threshold} needed. {each}",
        problems,
        do=_LIED if lied else "Try again when more of the release's nodes answer.",
    )
