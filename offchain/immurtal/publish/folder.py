"""Folders that work in progress is kept in: one run at a time, and half-built is never built."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from immurtal.content.metadata import METADATA
from immurtal.errors import BadInput

LOCK = "lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other runs out of the folder; the system lets go of it however this process ends.

    Raises BadInput: another run is at work there, or the folder cannot be written to.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (folder / LOCK).open("w")
    except OSError as error:
        raise BadInput(f"{folder} cannot be written to: {error.strerror}.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadInput(
                f"Another run is at work on the same in {folder}.",
                saved="It was left alone.",
                do="Wait until it ends, or end it; then run the same command again.",
            ) from error
        yield


def discard(folder: Path) -> None:
    """Forgets a release that was built in `folder`: first what makes it count as whole."""
    (folder / METADATA).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
