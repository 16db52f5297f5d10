"""The terms of an offer: a JSON file of one raw leaf, which is also its ERC-1155 metadata."""

import hashlib
import json
from collections.abc import Sequence

from immurtal.errors import BadInput

MAX_TERMS_BYTES = 64 * 1024

_PLAIN = {
    "perpetual": "The holder may listen to the works named here for as long as they hold this "
    "licence. It permits private listening, not copying, broadcasting or adaptation.",
    "pass": "The holder may listen to the works named here until the pass expires. It permits "
    "private listening, not copying, broadcasting or adaptation.",
    "per-play": "Each payment is for one play of one of the works named here.",
}


def terms_file(kind: str, certificates: Sequence[str], licence: str = "", name: str = "") -> bytes:
    """Terms in the project's form. `kind`: perpetual, pass or per-play; `licence`: the artist's own
    text, in place of the plain one. Raises BadInput: too long for one file of terms."""
    body = {
        "name": name or f"Listening licence ({kind})",
        "description": f"Licence to {len(certificates)} work(s) on Immurtal: "
        + ", ".join(certificates),
        "licence": licence or _PLAIN[kind],
    }
    terms = json.dumps(body, ensure_ascii=False, indent=2).encode(errors="replace")
    if len(terms) > MAX_TERMS_BYTES:
        raise BadInput(
            f"The terms have {len(terms)} bytes, more than {MAX_TERMS_BYTES}.",
            do="Say where the licence is to be found, in place of its text.",
        )
    return terms


def terms_digest(terms: bytes) -> str:
    """What stands on chain as `terms`: the SHA-256 of the file."""
    return "0x" + hashlib.sha256(terms).hexdigest()
