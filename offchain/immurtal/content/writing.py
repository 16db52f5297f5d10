"""Files that are there whole or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from immurtal.errors import BadInput, DiskFull

_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Gives a name beside `path` to write to, which becomes `path` once the block has ended well.

    Raises `DiskFull` where there is no room, `BadInput` where the folder cannot be written to.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):  # where a file stands in the place of a folder
            partial.unlink()
        if error.errno in _NO_ROOM:
            raise DiskFull(
                f"There is no room left to write {path}.",
                saved="Nothing half-written was kept.",
                do="Make room and run the same command again.",
            ) from error
        raise BadInput(
            f"{path} cannot be written: {error.strerror}.", do="Name a place that can be written."
        ) from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_whole(path: Path, data: bytes) -> None:
    """Writes `data` as `path`, replacing what was there."""
    with writing(path) as partial:
        partial.write_bytes(data)
