"""What key release asks of storage."""

from immurtal.content.keys_file import KeysFile, decode_keys_file
from immurtal.errors import BadInput, IntegrityError
from immurtal.storage import Storage


class StoredReleases:
    """`Holdings` over the node's storage (DESIGN 6.1: named means accepted)."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def releases_keys(self, certificate: str, release: str) -> bool:
        return self._storage.policy == "all" or await self._storage.is_accepted(
            certificate, release
        )

    async def keys_file(self, certificate: str, release: str) -> KeysFile:
        raw = await self._storage.keys_json(certificate, release)
        try:
            return decode_keys_file(raw)
        except BadInput as error:
            raise IntegrityError(f"The keys.json of release {release} is none.") from error
