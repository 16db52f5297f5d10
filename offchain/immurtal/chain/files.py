"""Files that hold keys: read within a bound, written whole or not at all, for their user only."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

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
    """Writes a file that must not be there yet; mode 0600, on the disk when this returns. It takes
    its name whole: whatever ends this process leaves no empty file behind.

    Raises BadInput if it is there (nothing is changed), DiskFull.
    """
    with _explained(path), _partial(path, data) as partial:
        try:
            _name(partial, path)
        except FileExistsError as error:
            raise BadInput(
                f"{path} is there already.", saved="It was left as it is.", do="Name another file."
            ) from error
        _sync_folder(path.parent)


def write_over(path: Path, data: bytes) -> None:
    """As `write_new`, but takes the place of a file of that name: readers see old or new, whole."""
    with _explained(path), _partial(path, data) as partial:
        partial.replace(path)
        _sync_folder(path.parent)


@contextlib.contextmanager
def _partial(path: Path, data: bytes) -> Iterator[Path]:
    """The data in a file beside `path`, which is gone afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def _name(partial: Path, path: Path) -> None:
    """Raises FileExistsError. A second name for the bytes; where a file system knows no such thing
    (a memory stick's), the name is taken first and filled then."""
    try:
        path.hardlink_to(partial)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        partial.replace(path)


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
