"""Reading whole pieces from streams that may hand out less than they are asked for."""

from typing import Protocol


class Readable(Protocol):
    """What is read from here: files, and whatever stands in front of one."""

    def read(self, size: int, /) -> bytes: ...


def read_up_to(stream: Readable, size: int) -> bytes:
    """`size` bytes, or fewer only where the stream ends."""
    data = stream.read(size)
    while 0 < len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data
