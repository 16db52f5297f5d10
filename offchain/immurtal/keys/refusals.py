"""Why a node refuses what a client signed; `reason` is the type suffix of its answer."""

from immurtal.errors import AccessRefused


class _Refusal(AccessRefused):
    def __init__(self, what: str, *, saved: str = "", do: str = "") -> None:
        super().__init__(what, reason=self.kind, saved=saved, do=do)


class SessionInvalid(_Refusal):
    """The session's signature, key or lifetime is wrong: a new one must be signed."""

    kind = "session-invalid"


class SessionExpired(_Refusal):
    """The session's time is over: a new one must be signed."""

    kind = "session-expired"


class RequestInvalid(_Refusal):
    """The request is malformed, or not signed by whom it must be."""

    kind = "request-invalid"


class ClockSkew(_Refusal):
    """Client's and node's clocks are more than 60 seconds apart."""

    kind = "clock-skew"


class WrongNode(_Refusal):
    """The request is for another node's key."""

    kind = "wrong-node"
