"""Every error a person can meet, one class a kind.

Each carries what happened, what was saved, and what to do; the command line prints these as one
paragraph and leaves with `exit_code`; the API answers with `kind` as the RFC 9457 type suffix.

    ImmurtalError (1)
    ├── WrongNetwork (3)        the chain is not the one that was asked for
    ├── InsufficientFunds (4)   the account cannot pay
    ├── NotFound (5)            no such certificate, offer, node, release or file
    ├── Unreachable (6)         an RPC endpoint, node or IPFS daemon does not answer
    ├── AccessRefused (7)       the chain does not entitle this account
    │   └── AccessNotDeepYet    it does at the head, not yet at the node's depth: wait
    ├── KeySharesMissing (8)    fewer than t good key shares, or one that is not what it claims
    ├── IntegrityError (9)      bytes that do not match their CID, tag or hash
    ├── DiskFull (10)           no room where something must be written
    ├── PortInUse (11)          a port that a server needs is taken
    ├── BadInput (12)           a file, setting or argument that cannot be used
    ├── TransactionFailed (13)  reverted, or replaced
    ├── NotAccepted (14)        a node refused to hold a release
    ├── CannotBuy (16)          an offer that is not sold, or not so
    └── TokenMisbehaves (17)    a token that does not do what ERC-20 says
"""

from typing import ClassVar


class ImmurtalError(Exception):
    """`what` happened; `saved`: what was kept; `do`: what the reader can do about it."""

    kind: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, saved: str = "", do: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.saved = saved
        self.do = do

    def paragraph(self) -> str:
        """The whole message, as one paragraph."""
        return " ".join(part for part in (self.what, self.saved, self.do) if part)


class WrongNetwork(ImmurtalError):
    kind = "wrong-network"
    exit_code = 3


class InsufficientFunds(ImmurtalError):
    kind = "insufficient-funds"
    exit_code = 4


class NotFound(ImmurtalError):
    kind = "not-found"
    exit_code = 5


class Unreachable(ImmurtalError):
    kind = "unreachable"
    exit_code = 6


class AccessRefused(ImmurtalError):
    """A typed refusal of a node; `reason` is the type suffix of its answer (FORMATS, HTTP)."""

    kind = "access-refused"
    exit_code = 7

    def __init__(
        self, what: str, *, reason: str = "access-refused", saved: str = "", do: str = ""
    ) -> None:
        super().__init__(what, saved=saved, do=do)
        self.reason = reason


class AccessNotDeepYet(AccessRefused):
    """`retry_after`: seconds until the access is as deep as the node asks for."""

    kind = "access-not-deep-yet"

    def __init__(self, what: str, *, retry_after: int, saved: str = "", do: str = "") -> None:
        super().__init__(what, reason=self.kind, saved=saved, do=do)
        self.retry_after = retry_after


class KeySharesMissing(ImmurtalError):
    kind = "key-shares-missing"
    exit_code = 8


class IntegrityError(ImmurtalError):
    kind = "integrity"
    exit_code = 9


class DiskFull(ImmurtalError):
    kind = "disk-full"
    exit_code = 10


class PortInUse(ImmurtalError):
    kind = "port-in-use"
    exit_code = 11


class BadInput(ImmurtalError):
    kind = "bad-input"
    exit_code = 12


class TransactionFailed(ImmurtalError):
    """`error` is the contract's custom error with its arguments, where it could be read."""

    kind = "transaction-failed"
    exit_code = 13

    def __init__(self, what: str, *, error: str = "", saved: str = "", do: str = "") -> None:
        super().__init__(what, saved=saved, do=do)
        self.error = error


class NotAccepted(ImmurtalError):
    kind = "not-accepted"
    exit_code = 14


class CannotBuy(ImmurtalError):
    """`reason` for programs: the contract's refusal (`sold-out`, `not-licensed`, …), or one of
    `price-above-max`, `payout-refuses`, `recipient-refuses`, `no-permit`, `no-permit2`,
    `order-used`, `order-expired`, `order-invalid`."""

    kind = "cannot-buy"
    exit_code = 16

    def __init__(self, what: str, *, reason: str, saved: str = "", do: str = "") -> None:
        super().__init__(what, saved=saved, do=do)
        self.reason = reason


class TokenMisbehaves(ImmurtalError):
    kind = "token-misbehaves"
    exit_code = 17
