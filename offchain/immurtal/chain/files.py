"""Files that hold keys: read within a bound, written whole or not at all, for their user only."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from immurtal.errors import BadInput, DiskFull


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """The whole file. Raises BadInput: unreadable, or larger than `max_bytes`."""
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > max_bytes:
        raise BadInput(f"{path} is larger than the {max_bytes} bytes that it may have.")
    return data


def write_new(path: Path, data: bytes) -> None:
    """Writes a file that must not be there yet; mode 0600, on the disk when this returns.

    Raises BadInput if it is there (nothing is changed), DiskFull.
    """
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _create(path).close()  # takes the name
        except FileExistsError as error:
            raise BadInput(
                f"{path} is there already.", saved="It was left as it is.", do="Name another file."
            ) from error
    try:
        write_over(path, data)
    except BaseException:
        path.unlink()
        raise


def write_over(path: Path, data: bytes) -> None:
    """As `write_new`, but takes the place of a file of that name: readers see old or new, whole."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with os.fdopen(
                os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
            ) as f:
                f.write(data)
                f.flush()
                os.fsync(f.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _sync_folder(folder: Path) -> None:
    """Makes the name itself last over a power cut, not only the bytes."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"There is no room to write {path}.",
                saved="What was there before is unchanged.",
                do="Free some space, then do the same again.",
            ) from error
        raise BadInput(f"{path} cannot be written: {error.strerror}.") from error
