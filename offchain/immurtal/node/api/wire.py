"""The JSON of the API: what goes out, and, for OpenAPI, what comes in (read by `keys.bodies`).

Hashes, ids and addresses are lower-case 0x text; amounts decimal text in base units; times seconds.
"""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Hash = Annotated[str, Field(pattern="^0x[0-9a-f]{64}$")]
Address = Annotated[str, Field(pattern="^0x[0-9a-f]{40}$")]
Amount = Annotated[str, Field(pattern="^[0-9]{1,78}$", description="base units, decimal")]
Binary = Annotated[str, Field(description="base64url without padding")]

Item = TypeVar("Item")


class Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Answer(Wire):
    v: Literal[1] = 1


class Page(Answer, Generic[Item]):
    """`next` is the cursor of the page behind this one; null on the last."""

    items: list[Item]
    next: str | None


# key shares


class SessionStruct(Wire):
    account: Address
    device: Address
    kem: int
    session_key: Binary
    not_before: int
    expires: int


class KeyRequestStruct(Wire):
    node_key: Hash
    certificate: Hash
    release: Hash
    key_id: Annotated[str, Field(pattern="^0x[0-9a-f]{32}$")]
    offer_id: Hash
    time: int


class KeyShareBody(Answer):
    session: SessionStruct
    session_signature: Binary
    request: KeyRequestStruct
    request_signature: Binary


class KeyShareReply(Answer):
    node: Hash
    kem: int
    index: Annotated[int, Field(ge=1, le=255)]
    sealed: Binary


# storing


class StoreStruct(Wire):
    node_key: Hash
    certificate: Hash
    release: Hash
    size: int
    time: int


class StoreBody(Answer):
    store: StoreStruct
    signature: Binary


class UploadTicket(Wire):
    id: str
    offset: int
    size: int
    token: str


class Stored(Answer):
    """`upload` is null if every block is here already."""

    release: Hash
    state: str
    upload: UploadTicket | None


class Imported(Answer):
    release: Hash
    state: str


class Held(Answer):
    cid: str


class ReleaseState(Answer):
    release: Hash
    cid: str
    certificates: list[Hash]
    accepted: bool
    state: Literal["queued", "pinning", "pinned", "failed", "releasing", "released", "unknown"]
    bytes: int | None
    reason: str | None


# the node


class PublicNodeKey(Wire):
    kem: int
    key: Binary
    node_key: Hash


class ChainState(Wire):
    chain_id: int
    registry: Address
    license_manager: Address
    node_registry: Address
    head: int | None
    final: int | None


class Policy(Wire):
    pins: Literal["accepted", "all"]
    takes_shares: bool
    max_release_bytes: int
    max_upload_bytes: int
    region: str


class Versions(Wire):
    immurtal: str
    kubo: str | None


class NodeInfo(Answer):
    """`keys`: the current one first; `depth`: blocks below the head at which access must hold."""

    node: Hash
    operator: Address
    keys: list[PublicNodeKey]
    depth: int
    chain: ChainState
    policy: Policy
    peer: str | None
    gateway_url: str
    versions: Versions


class Alive(Answer):
    alive: bool


class Readiness(Answer):
    ready: bool
    reasons: list[str]


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its body itself, by the one codec both wings share."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
