"""metadata.json: ERC-721 metadata plus `music`, and its private form (FORMATS, Content).

A private release keeps the whole in metadata.enc under the content key; the metadata.json beside it
is `public_part()` of the same.
"""

import io
from dataclasses import dataclass, replace
from typing import Any, Final

from immurtal.content.cipher import (
    HEADER_BYTES,
    SEGMENT,
    Header,
    SegmentDecryptor,
    associated_data,
    cipher_size,
    encrypt_stream,
)
from immurtal.content.encoding import address, b64u, hex32, hex_encode
from immurtal.content.strict_json import Fields, decode_object, encode_json
from immurtal.errors import BadInput, IntegrityError

METADATA_LIMIT: Final = 1024 * 1024
"""Bytes of metadata.json."""
METADATA: Final = "metadata.json"
METADATA_ENC: Final = "metadata.enc"
PRIVATE_NAME: Final = "Private recording"

_VARIANTS_LIMIT: Final = 255
_ARTISTS_LIMIT: Final = 1000


@dataclass(frozen=True, slots=True)
class Binding:
    """What a release belongs to: one work, in one registry, on one chain.

    `registry`: CopyrightRegistry, any case; kept in lower case. `work_hash`: 32 bytes.
    """

    chain_id: int
    registry: str
    work_hash: bytes

    def __post_init__(self) -> None:
        object.__setattr__(self, "registry", address(self.registry, name="registry"))

    def associated_data(self, path: str) -> bytes:
        """What binds the ciphertext at `path` to its place."""
        return associated_data(self.chain_id, self.registry, self.work_hash, path)


@dataclass(frozen=True, slots=True)
class Artist:
    """`role`: as `main`, `composer`, `producer`."""

    name: str
    role: str = "main"


@dataclass(frozen=True, slots=True)
class Variant:
    """One ciphertext. `sha256` is of the plaintext; `bitrate` in bits a second."""

    path: str
    codec: str
    bitrate: int
    plain_bytes: int
    sha256: bytes
    cipher_bytes: int
    header: Header

    def __post_init__(self) -> None:
        if not _is_release_path(self.path):
            raise BadInput(f"Not a path in a release: {self.path[:200]!r}.")
        if cipher_size(self.plain_bytes) != self.cipher_bytes:
            raise BadInput(f"{self.plain_bytes} bytes do not encrypt to {self.cipher_bytes}.")


@dataclass(frozen=True, slots=True)
class Details:
    """What a person wants to know of a recording. `preview`: its path in the release."""

    title: str
    artists: tuple[Artist, ...] = ()
    isrc: str | None = None
    duration_ms: int | None = None
    album: str | None = None
    track: int | None = None
    preview: str | None = None
    description: str | None = None
    image: str | None = None
    external_url: str | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """`details` is None in the public part of a private release. `key_id`: 16 bytes."""

    binding: Binding
    key_id: bytes
    variants: tuple[Variant, ...]
    details: Details | None

    def __post_init__(self) -> None:
        if not self.variants or len({variant.path for variant in self.variants}) < len(
            self.variants
        ):
            raise BadInput("A release needs variants, each at a path of its own.")

    def public_part(self) -> "Metadata":
        """What everybody may see of a private release."""
        return replace(self, details=None)

    def encode(self) -> bytes:
        """The bytes of metadata.json."""
        raw = encode_json(_without_none(self._fields()))
        if len(raw) > METADATA_LIMIT:
            raise BadInput(
                f"metadata.json would have {len(raw)} bytes, more than {METADATA_LIMIT}.",
                do="Shorten the description or the credits.",
            )
        return raw

    def _fields(self) -> dict[str, Any]:
        details = self.details
        return {
            "name": details.title if details else PRIVATE_NAME,
            "description": details and details.description,
            "image": details and details.image,
            "external_url": details and details.external_url,
            "music": {"v": 1}
            | (_detail_fields(details) if details else {})
            | {
                "keyId": hex_encode(self.key_id),
                "workHash": hex32(self.binding.work_hash),
                "registry": self.binding.registry,
                "chainId": self.binding.chain_id,
                "variants": [_variant_fields(variant) for variant in self.variants],
            }
            | ({"preview": details.preview} if details else {}),
        }


def decode_metadata(raw: bytes) -> Metadata:
    """metadata.json from a stranger; raises `BadInput`."""
    fields = decode_object(raw, METADATA_LIMIT, METADATA)
    music = fields.object("music")
    music.version()
    return Metadata(
        Binding(music.whole("chainId", 1), music.address("registry"), music.hex("workHash", 32)),
        music.hex("keyId", 16),
        tuple(_decode_variant(variant) for variant in music.objects("variants", _VARIANTS_LIMIT)),
        _decode_details(fields, music) if music.has("title") else None,
    )


def counts_for(metadata: Metadata, work_hash: bytes, registry: str, chain_id: int) -> bool:
    """Whether a release with this metadata counts for that certificate (FORMATS, Content)."""
    return metadata.binding == Binding(chain_id, registry, work_hash)


def encrypt_metadata(metadata: Metadata, key: bytes) -> bytes:
    """The bytes of metadata.enc: the whole metadata.json under the content key."""
    aad = metadata.binding.associated_data(METADATA_ENC)
    return b"".join(encrypt_stream(key, aad, io.BytesIO(metadata.encode())))


def decrypt_metadata(public: Metadata, ciphertext: bytes, key: bytes) -> Metadata:
    """The whole metadata of a private release, from its public part and its metadata.enc.

    Raises `IntegrityError` if it does not open, or says something else than the public part.
    """
    if len(ciphertext) > cipher_size(METADATA_LIMIT):
        raise BadInput(f"metadata.enc has {len(ciphertext)} bytes, more than it can need.")
    header = Header.parse(ciphertext[:HEADER_BYTES])
    aad = public.binding.associated_data(METADATA_ENC)
    decryptor = SegmentDecryptor(key, aad, header, len(ciphertext))
    raw = b"".join(
        decryptor.decrypt(i, ciphertext[i * SEGMENT : (i + 1) * SEGMENT])
        for i in range(decryptor.segments)
    )
    whole = decode_metadata(raw)
    if whole.public_part() != public:
        raise IntegrityError("metadata.enc and metadata.json speak of different releases.")
    return whole


def _is_release_path(path: str) -> bool:
    names = path.split("/")
    return (
        len(path.encode()) <= 255
        and "\\" not in path
        and all(name not in ("", ".", "..") for name in names)
    )


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_none(value) if isinstance(value, dict) else value
        for name, value in fields.items()
        if value is not None
    }


def _detail_fields(details: Details) -> dict[str, Any]:
    return {
        "title": details.title,
        "artists": [{"name": artist.name, "role": artist.role} for artist in details.artists],
        "isrc": details.isrc,
        "durationMs": details.duration_ms,
        "album": details.album,
        "track": details.track,
    }


def _variant_fields(variant: Variant) -> dict[str, Any]:
    return {
        "path": variant.path,
        "codec": variant.codec,
        "bitrate": variant.bitrate,
        "bytes": variant.plain_bytes,
        "sha256": hex32(variant.sha256),
        "cipherBytes": variant.cipher_bytes,
        "header": b64u(variant.header.bytes),
    }


def _decode_variant(fields: Fields) -> Variant:
    return Variant(
        fields.text("path"),
        fields.text("codec"),
        fields.whole("bitrate"),
        fields.whole("bytes"),
        fields.hex("sha256", 32),
        fields.whole("cipherBytes"),
        Header.parse(fields.binary("header", HEADER_BYTES)),
    )


def _decode_details(fields: Fields, music: Fields) -> Details:
    artists = music.objects("artists", _ARTISTS_LIMIT) if music.has("artists") else []
    return Details(
        title=music.text("title"),
        artists=tuple(
            Artist(artist.text("name"), artist.optional("role", artist.text) or "")
            for artist in artists
        ),
        isrc=music.optional("isrc", music.text),
        duration_ms=music.optional("durationMs", music.whole),
        album=music.optional("album", music.text),
        track=music.optional("track", music.whole),
        preview=music.optional("preview", music.text),
        description=fields.optional("description", lambda f: fields.text(f, METADATA_LIMIT)),
        image=fields.optional("image", fields.text),
        external_url=fields.optional("external_url", fields.text),
    )
