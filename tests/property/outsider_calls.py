"""Calls that succeed: by anybody, where the table lets something be caused; and by whom they are
due, where it does not. All that stops an outsider from the latter is that they are an outsider.
"""

from typing import Any, NamedTuple

from models.registry import NOBODY, Visibility
from models.splits import ETH
from outsider_stage import (
    ALBUM,
    ALICE,
    BOB,
    CAROL,
    DEVICE,
    LATE,
    MALLORY,
    PLANNED,
    PRICE,
    SALT,
    Town,
)

RECORD = ("https://b.example", "", "", 0x20, b"\x02" * 32, b"FR", "")


class Call(NamedTuple):
    """sender: whom it is due; for what anybody may call, an outsider."""

    sender: str
    arguments: tuple[Any, ...]
    value: int = 0


def allowed(town: Town) -> dict[str, dict[str, Call]]:
    """Of each function that lets an outsider cause something, by its name alone."""
    album, single, *_ = town.offers
    carol = (CAROL.address, NOBODY, PRICE)
    permit = (LATE, 27, bytes(32), bytes(32))
    unit = (MALLORY.address, CAROL.address)
    both = [(album, *carol), (single, *carol)]
    account = (CAROL.address, DEVICE.address, ETH)

    def anybody(*arguments: Any, value: int = 0) -> Call:
        return Call(MALLORY.address, arguments, value)

    return {
        "LicenseManager": {
            "purchase": anybody(album, *carol, value=PRICE),
            "purchaseBatch": anybody(both, value=PRICE),
            "purchaseWithPermit": anybody((single, *carol), *permit),
            "safeTransferFrom": anybody(*unit, album, 1, b""),
            "safeBatchTransferFrom": anybody(*unit, [album], [1], b""),
        },
        "StreamingEscrow": {
            "deposit": anybody(*account, PRICE, value=PRICE),
            "release": anybody(town.splits[0], ETH),
        },
        "RoyaltySplit": {
            "receive": anybody(value=PRICE),
            "distribute": anybody(ETH, value=PRICE),
            "withdraw": anybody(ETH, town.refuser),
        },
    }


def rightful(town: Town) -> dict[str, dict[str, Call]]:
    """What an outsider would like to do: each is due to one of the others."""
    alice, bob, carol, mallory = (who.address for who in (ALICE, BOB, CAROL, MALLORY))
    first, token = ALBUM[0], int.from_bytes(ALBUM[0])
    album = town.offers[0]
    planned = [(PLANNED, PLANNED, 1, mallory)]
    offer = (ALBUM, 0, ETH, 0, False, 0, SALT, SALT)
    return {
        "CopyrightRegistry": {
            "register": Call(carol, (planned, SALT)),
            "publishRelease": Call(alice, (first, SALT)),
            "setVisibility": Call(alice, (first, int(Visibility.WITHDRAWN))),
            "setPayout": Call(alice, (first, mallory)),
            "lockPayout": Call(alice, (first, town.splits[0])),
            "approve": Call(alice, (mallory, token)),
            "transferFrom": Call(alice, (alice, mallory, token)),
            "safeTransferFrom": Call(alice, (alice, mallory, token)),
        },
        "LicenseManager": {
            "createOffer": Call(alice, (offer, 1, 0)),
            "updateOffer": Call(alice, (album, 1, 1, False)),
            "closeOffer": Call(alice, (album,)),
            "grant": Call(alice, (first, mallory)),
            "revokeGrant": Call(alice, (ALBUM[1], carol)),
            "safeTransferFrom": Call(carol, (carol, mallory, album, 1, b"")),
            "safeBatchTransferFrom": Call(carol, (carol, mallory, [album], [1], b"")),
        },
        "StreamingEscrow": {"withdraw": Call(carol, (DEVICE.address, ETH, mallory))},
        "NodeRegistry": {
            "change": Call(bob, (town.nodes[0], RECORD)),
            "retire": Call(bob, (town.nodes[0],)),
        },
        "RoyaltySplit": {"withdrawTo": Call(town.refuser, (ETH, mallory))},
    }
