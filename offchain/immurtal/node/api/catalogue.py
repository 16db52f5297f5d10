"""The catalogue: what the index says, in pages. Ids in paths are as everywhere, in lower case."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy import Connection

from immurtal.errors import NotFound
from immurtal.index import queries
from immurtal.index.pages import MOST
from immurtal.node.api.catalogue_wire import (
    CertificateAnswer,
    CertificateWire,
    ChangeWire,
    LicenceWire,
    NodeWire,
    OfferAnswer,
    OfferWire,
    PaymentWire,
    SplitAnswer,
)
from immurtal.node.api.context import Here
from immurtal.node.api.problems import refusals
from immurtal.node.api.wire import Page

Id = Annotated[str, Path(pattern="^0x[0-9a-f]{64}$")]
Account = Annotated[str, Path(pattern="^0x[0-9a-f]{40}$")]
Cursor = Annotated[str | None, Query(max_length=100, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=MOST)]

router = APIRouter(prefix="/v1", tags=["catalogue"], responses=refusals("request-invalid"))


@router.get("/certificates", summary="Every certificate, the newest first")
async def certificates(
    here: Here, cursor: Cursor = None, limit: Limit = 50
) -> Page[CertificateWire]:
    page = await here.database.read(queries.certificates, cursor, limit)
    return Page(items=[CertificateWire.of(item) for item in page.items], next=page.next)


@router.get(
    "/certificates/{certificate}",
    summary="A certificate with its history and offers",
    responses=refusals("not-found"),
)
async def certificate(here: Here, certificate: Id) -> CertificateAnswer:
    found = await here.database.read(_certificate, certificate)
    if found is None:
        raise NotFound("This node knows no such certificate.")
    return found


@router.get(
    "/certificates/{certificate}/payments",
    summary="What purchases brought a certificate, down to the payees",
    responses=refusals("not-found"),
)
async def payments(
    here: Here, certificate: Id, cursor: Cursor = None, limit: Limit = 50
) -> Page[PaymentWire]:
    if await here.database.read(queries.certificate, certificate) is None:
        raise NotFound("This node knows no such certificate.")
    page = await here.database.read(queries.payments_of, certificate, cursor, limit)
    return Page(items=[PaymentWire.of(item) for item in page.items], next=page.next)


@router.get("/offers/{offer}", summary="An offer", responses=refusals("not-found"))
async def offer(here: Here, offer: Id) -> OfferAnswer:
    found = await here.database.read(queries.offer, offer)
    if found is None:
        raise NotFound("This node knows no such offer.")
    return OfferAnswer(**OfferWire.of(found).model_dump())


@router.get("/accounts/{account}/licences", summary="The licences of an account")
async def licences(
    here: Here, account: Account, cursor: Cursor = None, limit: Limit = 50
) -> Page[LicenceWire]:
    page = await here.database.read(queries.licences_of, account, cursor, limit)
    return Page(items=[LicenceWire.of(item) for item in page.items], next=page.next)


@router.get("/splits/{address}", summary="A royalty split", responses=refusals("not-found"))
async def split(here: Here, address: Account) -> SplitAnswer:
    found = await here.database.read(queries.split, address)
    if found is None:
        raise NotFound("This node knows no such split.")
    return SplitAnswer.of(found)


@router.get("/nodes", summary="The nodes that are announced, by id")
async def nodes(here: Here, cursor: Cursor = None, limit: Limit = 50) -> Page[NodeWire]:
    page = await here.database.read(queries.nodes, cursor, limit)
    return Page(items=[NodeWire.of(item) for item in page.items], next=page.next)


def _certificate(connection: Connection, certificate: str) -> CertificateAnswer | None:
    found = queries.certificate(connection, certificate)
    if found is None:
        return None
    history = queries.history(connection, certificate)
    offers = queries.offers_of(connection, certificate)
    return CertificateAnswer.whole(
        found,
        [ChangeWire.of(change) for change in history.items],
        [OfferWire.of(view) for view in offers.items],
    )
