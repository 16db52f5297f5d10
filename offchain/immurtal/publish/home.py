"""The artist's folder: key files, the recovery key's public half, unfinished and finished jobs.

<folder>/recovery.json                     {v: 1, kem, key}
<folder>/keys/<chain id>/<work hash>.json   encrypted key files
<folder>/jobs/<job>/                       one publish each
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from immurtal.chain.files import read_bounded, write_new
from immurtal.content.encoding import b64u, b64u_decode
from immurtal.errors import BadInput
from immurtal.keys.hpke import PublicKey
from immurtal.keys.recovery import generate_words, recovery_key

MAX_RECOVERY_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class ArtistHome:
    folder: Path

    @classmethod
    def default(cls, env: Mapping[str, str] = os.environ) -> "ArtistHome":
        """`immurtal/artist` under the user's data folder (XDG base directory specification)."""
        base = env.get("XDG_DATA_HOME")
        data = Path(base) if base else Path.home() / ".local" / "share"
        return cls(data / "immurtal" / "artist")

    def key_file(self, chain_id: int, work_hash: str) -> Path:
        return self.folder / "keys" / str(chain_id) / f"{work_hash}.json"

    def job_folder(self, job_id: str) -> Path:
        return self.folder / "jobs" / job_id

    @property
    def recovery_file(self) -> Path:
        return self.folder / "recovery.json"

    def recovery_public(self) -> PublicKey | None:
        """The recovery key to seal to; None before the first publish. Raises BadInput."""
        if not self.recovery_file.exists():
            return None
        try:
            values = json.loads(read_bounded(self.recovery_file, MAX_RECOVERY_BYTES))
            return PublicKey(values["kem"], b64u_decode(values["key"], name="key"))
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(
                f"{self.recovery_file} is not a recovery key file: {error}.",
                do="Restore it from a backup, or move it away: the next publish makes a new "
                "recovery key, and old releases still need the old words.",
            ) from error

    def create_recovery(self, show: Callable[[str], None]) -> PublicKey:
        """Makes the recovery key, has its 24 words shown, once, and then keeps the public half: a
        crash before loses nothing that was sealed. Raises BadInput if there is one already."""
        words = generate_words()
        show(words)
        public = recovery_key(words).public
        body = json.dumps({"v": 1, "kem": public.kem, "key": b64u(public.key)})
        write_new(self.recovery_file, body.encode())
        return public
