"""The demo's folder: emptied at the start, so it must be the demo's own and no other run's."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from immurtal.errors import BadInput

MARK = ".immurtal-demo"


@contextmanager
def claimed(folder: Path, music: Path | None = None) -> Iterator[None]:
    """The folder, empty, for one run at a time.

    Raises BadInput: it holds what no demo put there, `music` lies in it, or another run has it.
    """
    mark = folder / MARK
    if folder.exists() and not mark.exists() and any(folder.iterdir()):
        raise BadInput(
            f"{folder} holds files that no demo put there, and the demo empties its folder.",
            saved="Nothing in it was touched.",
            do="Name another one with --folder.",
        )
    if music is not None and music.resolve().is_relative_to(folder.resolve()):
        raise BadInput(
            f"The music lies in {folder}, which the demo empties.",
            saved="Nothing in it was touched.",
            do="Move the music out of there, or name another folder with --folder.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    held = os.open(mark, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(held, folder)
        for inside in folder.iterdir():
            if inside != mark:
                _remove(inside)
        yield
    finally:
        os.close(held)


def _lock(held: int, folder: Path) -> None:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise BadInput(
            f"Another demo runs in {folder}.",
            saved="It was left alone.",
            do="End it first, or name another folder with --folder.",
        ) from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
