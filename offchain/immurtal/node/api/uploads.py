"""HEAD and PATCH /v1/uploads/{id}: the archive of a release on its way in, resumable by offset."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Request, Response

from immurtal.node.api.context import Here
from immurtal.node.api.problems import Refused, refusals
from immurtal.node.api.wire import Imported
from immurtal.storage.uploads import OffsetMismatch

router = APIRouter(prefix="/v1/uploads", tags=["storing"])

Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
Authorization = Annotated[str, Header(description="`Bearer` and the upload's token")]
Offset = Annotated[int, Header(alias="Upload-Offset", ge=0, description="bytes")]

REFUSALS: Final[dict[int | str, dict[str, Any]]] = refusals(
    "request-invalid", "unauthorized", "not-found", "unavailable"
)
STATE: Final = "pinned"


@router.head(
    "/{upload}",
    summary="How much of an upload is here",
    response_class=Response,
    responses=REFUSALS,
)
async def where(here: Here, upload: Id, authorization: Authorization = "") -> Response:
    """`Upload-Offset` and `Upload-Length`, in bytes."""
    found = await here.storage.find_upload(upload, _token(authorization))
    return Response(headers={"Upload-Offset": str(found.offset), "Upload-Length": str(found.size)})


@router.patch(
    "/{upload}",
    summary="Send the archive's bytes from an offset on",
    response_model=Imported,
    responses={
        204: {"description": "Taken; `Upload-Offset` says how much is here"},
        **REFUSALS,
        **refusals("not-accepted", "offset-mismatch", "too-large", "integrity", "disk-full"),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/offset+octet-stream": {
                    "schema": {"type": "string", "format": "binary"}
                }
            },
        }
    },
)
async def send(
    request: Request, here: Here, upload: Id, offset: Offset, authorization: Authorization = ""
) -> Response:
    """The last piece imports and pins the release, and answers when that is done."""
    token = _token(authorization)
    try:
        found = await here.storage.append_upload(upload, token, offset, request.stream())
    except OffsetMismatch as error:
        headers = {"Upload-Offset": str(error.offset)}
        raise Refused(error.kind, error.what, headers=headers) from error
    headers = {"Upload-Offset": str(found.offset)}
    if not found.complete:
        return Response(status_code=204, headers=headers)
    imported = Imported(release=found.release, state=STATE)
    return Response(
        imported.model_dump_json(by_alias=True), media_type="application/json", headers=headers
    )


def _token(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused(
            "unauthorized",
            "The header Authorization must be Bearer and the upload's token.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return token
