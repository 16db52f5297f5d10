"""Reading whole pieces from streams that may hand out less than they are asked for."""

from typing import BinaryIO


def read_up_to(stream: BinaryIO, size: int) -> bytes:
    """`size` bytes, or fewer only where the stream ends."""
    data = stream.read(size)
    while 0 < len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data
