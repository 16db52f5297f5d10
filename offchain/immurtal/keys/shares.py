"""Shamir shares of a content key over GF(256), byte-compatible with HashiCorp Vault's and Privy's
libraries: a share is 32 bytes ‖ 1 byte x, and its index is x, 1 to 255 (FORMATS, Keys)."""

from collections.abc import Sequence

import pyshamir

from immurtal.errors import BadInput

KEY_BYTES = 32
SHARE_BYTES = 33
MAX_SHARES = 255


def split(content_key: bytes, nodes: int, threshold: int) -> list[bytes]:
    """`nodes` shares of 33 bytes, of which any `threshold` give the key back; x's are random.

    Raises BadInput unless 2 ≤ threshold ≤ nodes ≤ 255 and the key has 32 bytes.
    """
    if len(content_key) != KEY_BYTES:
        raise BadInput(f"A content key has {KEY_BYTES} bytes, not {len(content_key)}.")
    if not 2 <= threshold <= nodes <= MAX_SHARES:
        raise BadInput(
            f"{threshold} of {nodes} is no way to share a key.",
            do=f"Take a threshold of at least 2, and as many nodes or more, up to {MAX_SHARES}.",
        )
    return [bytes(share) for share in pyshamir.split(content_key, nodes, threshold)]


def combine(shares: Sequence[bytes]) -> bytes:
    """The 32-byte content key of good shares; from too few or from bad ones, 32 other bytes.

    Nothing in a share tells whether it is good: `sealing.combine_checked` knows the hashes. Raises
    BadInput: fewer than 2, a wrong length, x of 0, or the same x twice.
    """
    if len(shares) < 2:
        raise BadInput(f"A content key needs at least 2 shares, not {len(shares)}.")
    indices = [share_index(share) for share in shares]
    if len(set(indices)) != len(indices):
        raise BadInput(f"Key shares must differ in their index; these have {sorted(indices)}.")
    return bytes(pyshamir.combine([bytearray(share) for share in shares]))


def share_index(share: bytes) -> int:
    """The x of a share, 1 to 255. Raises BadInput if this is no share."""
    if len(share) != SHARE_BYTES:
        raise BadInput(f"A key share has {SHARE_BYTES} bytes, not {len(share)}.")
    if share[-1] == 0:
        raise BadInput("A key share's index is 1 to 255, not 0.")
    return share[-1]
