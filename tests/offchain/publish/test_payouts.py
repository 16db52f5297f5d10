"""A transfer keeps the payout: whoever buys a certificate must look before they sell licences."""

import pytest
from publish_world import World

from immurtal.chain.wallet import LocalKey
from immurtal.errors import BadInput
from immurtal.publish.payouts import check_payouts
from immurtal.publish.pipeline import Published

ELSEWHERE = "0x" + "e1" * 20


async def sold(world: World, buyer: LocalKey, published: Published) -> None:
    number = int(published.tracks[0].certificate.id, 16)
    to = buyer.address
    await world.send("CopyrightRegistry", "transferFrom", world.wallet.address, to, number)


async def check(world: World, published: Published, *confirmed: str) -> None:
    known = await world.contracts.certificate(published.tracks[0].certificate.id)
    await check_payouts(world.contracts, [known], confirmed)


async def test_the_authors_own_payout_is_fine(world: World) -> None:
    published = await world.publish(world.recording(), payout=ELSEWHERE)
    await check(world, published)


async def test_a_payout_that_follows_the_owner_is_fine(world: World) -> None:
    published = await world.publish(world.recording())
    await sold(world, world.rich(), published)
    await check(world, published)


async def test_one_that_is_older_than_the_ownership_must_be_confirmed_or_set(
    world: World,
) -> None:
    published = await world.publish(world.recording(), payout=ELSEWHERE)
    buyer = world.rich()
    await sold(world, buyer, published)
    with pytest.raises(BadInput, match="was set before") as told:
        await check(world, published)
    assert f"--confirm-payout {ELSEWHERE}" in told.value.do
    with pytest.raises(BadInput):
        await check(world, published, "0x" + "e2" * 20)
    await check(world, published, ELSEWHERE)
    work = published.tracks[0].certificate.id
    await world.send("CopyrightRegistry", "setPayout", work, ELSEWHERE, wallet=buyer)
    await check(world, published)


async def test_setting_it_before_the_sale_does_not_count(world: World) -> None:
    published = await world.publish(world.recording())
    work = published.tracks[0].certificate.id
    await world.send("CopyrightRegistry", "setPayout", work, ELSEWHERE)
    await check(world, published)
    await sold(world, world.rich(), published)
    with pytest.raises(BadInput, match="was set before"):
        await check(world, published)


async def test_what_is_sold_on_and_back_is_a_new_ownership(world: World) -> None:
    published = await world.publish(world.recording(), payout=ELSEWHERE)
    buyer = world.rich()
    await sold(world, buyer, published)
    number = int(published.tracks[0].certificate.id, 16)
    back = (buyer.address, world.wallet.address, number)
    await world.send("CopyrightRegistry", "transferFrom", *back, wallet=buyer)
    with pytest.raises(BadInput, match="was set before"):
        await check(world, published)
