"""What key release asks of storage."""

import structlog

from immurtal.content.keys_file import KeysFile, decode_keys_file
from immurtal.errors import BadInput, IntegrityError, Unreachable
from immurtal.storage import Storage

log = structlog.get_logger(__name__)


class StoredReleases:
    """`Holdings` over the node's storage (DESIGN 6.1: named means accepted)."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def releases_keys(self, certificate: str, release: str) -> bool:
        return self._storage.policy == "all" or await self._storage.is_accepted(
            certificate, release
        )

    async def keys_file(self, certificate: str, release: str) -> KeysFile:
        try:
            raw = await self._storage.keys_json(certificate, release)
            return decode_keys_file(raw)
        except (BadInput, IntegrityError) as error:  # our own disk's fault, not the asker's
            log.error("keys-file-unusable", release=release, error=error.what)
            raise Unreachable(f"The keys.json of release {release} cannot be used.") from error
