"""Uploads that break, and nodes that say anything."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from local_server import Reply, Seen
from publish_world import StandIn, World, refusal, said

from immurtal.errors import AccessRefused, ImmurtalError, IntegrityError, NotAccepted, Unreachable
from immurtal.publish.nodes import ChosenNode, look_at
from immurtal.publish.storing import Delivery, store

SIZE = 300_000
RELEASE = "0x" + "31" * 32


@dataclass
class Bytes:
    """A CAR, as far as this wire cares."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, offset: int, size: int) -> bytes:
        return self.data[offset : offset + size]


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("immurtal.publish.storing.PIECE", 100_000)


@pytest.fixture
async def node(world: World) -> StandIn:
    """One that keeps what it is sent and looks into nothing."""

    def take_in(release: str) -> Reply:
        world.nodes[0].blocks = {release: bytes(world.nodes[0].spools[release])}  # type: ignore
        return said({"release": release, "state": "pinned"})

    world.nodes[0].take_in = take_in  # type: ignore[method-assign]
    return world.nodes[0]


async def deliver(world: World, node: StandIn, data: bytes) -> list[int]:
    """How far it was, each time that this was told."""
    chosen = next(n for n in await look_at(world.contracts, [node.id]))
    told: list[int] = []
    delivery = Delivery(31337, world.deployment.registry, "0x" + "01" * 32, RELEASE, Bytes(data))
    await store(world.wallet, chosen, delivery, lambda done, total: told.append(done))
    return told


def failing(times: int, reply: Callable[[], Reply], method: str, start: str = "/v1/") -> object:
    left = [times]

    def fault(node: StandIn, seen: Seen) -> Reply | None:
        if seen.method != method or not seen.target.startswith(start) or not left[0]:
            return None
        left[0] -= 1
        return reply()

    return fault


async def test_all_arrives_in_pieces(world: World, node: StandIn) -> None:
    data = bytes(range(256)) * (SIZE // 256)
    told = await deliver(world, node, data)
    assert node.blocks == {RELEASE: data}
    assert told == sorted(told)
    assert len(node.asked("PATCH", "/v1/uploads/")) == 3


@pytest.mark.parametrize(
    "suffix",
    [
        "chain-lagging",
        "release-not-current",
        "not-found",
        "rate-limited",
        "unavailable",
        "unauthorized",
    ],
)
async def test_what_may_pass_is_tried_again(world: World, node: StandIn, suffix: str) -> None:
    node.fault = failing(3, lambda: refusal(suffix), "POST", "/v1/store")  # type: ignore
    await deliver(world, node, b"x" * SIZE)
    assert len(node.asked("POST", "/v1/store")) == 4


@pytest.mark.parametrize(
    ("suffix", "error"),
    [
        ("not-accepted", NotAccepted),
        ("too-large", NotAccepted),
        ("integrity", IntegrityError),
        ("wrong-node", AccessRefused),
        ("request-invalid", AccessRefused),
        ("clock-skew", AccessRefused),
    ],
)
async def test_what_does_not_pass_is_told_at_once(
    world: World, node: StandIn, suffix: str, error: type[ImmurtalError]
) -> None:
    node.fault = failing(99, lambda: refusal(suffix), "POST", "/v1/store")  # type: ignore
    with pytest.raises(error, match=suffix):
        await deliver(world, node, b"x" * SIZE)
    assert len(node.asked("POST", "/v1/store")) == 1


async def test_a_cut_goes_on_where_the_node_is_however_often_it_comes(
    world: World, node: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as bytes arrive between the cuts, no number of them is too many."""
    monkeypatch.setattr("immurtal.publish.storing.TRIES", 2)
    pieces = [0]

    def cut(node: StandIn, seen: Seen) -> Reply | None:
        if seen.method != "PATCH":
            return None
        pieces[0] += 1
        return Reply(502, b"cut") if pieces[0] % 2 == 0 else None

    node.fault = cut
    await deliver(world, node, b"y" * 1_000_000)
    assert node.blocks == {RELEASE: b"y" * 1_000_000}  # type: ignore[comparison-overlap]
    assert len(node.asked("POST", "/v1/store")) > 2


async def test_a_node_that_is_gone_is_given_up(
    world: World, node: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("immurtal.publish.storing.TRIES", 3)
    node.fault = failing(99, lambda: Reply(502, b"no"), "PATCH")  # type: ignore[assignment]
    with pytest.raises(Unreachable, match="502"):
        await deliver(world, node, b"x" * SIZE)
    assert len(node.asked("PATCH", "/v1/uploads/")) == 3


async def test_one_try_for_a_node_that_was_down_before(world: World, node: StandIn) -> None:
    (well,) = await look_at(world.contracts, [node.id])
    ill = ChosenNode(well.record, trouble=Unreachable("It was down."))
    node.fault = failing(99, lambda: Reply(502, b"no"), "POST")  # type: ignore[assignment]
    delivery = Delivery(31337, world.deployment.registry, "0x" + "01" * 32, RELEASE, Bytes(b"x"))
    with pytest.raises(Unreachable):
        await store(world.wallet, ill, delivery)
    assert len(node.asked("POST", "/v1/store")) == 1


async def test_an_upload_that_is_all_there_is_imported(world: World, node: StandIn) -> None:
    """The node was ended after the last byte and before the import: it needs to be asked again."""
    node.spools[RELEASE] = bytearray(b"z" * SIZE)
    await deliver(world, node, b"z" * SIZE)
    assert node.blocks == {RELEASE: b"z" * SIZE}  # type: ignore[comparison-overlap]
    (asked,) = node.asked("PATCH", "/v1/uploads/")
    assert (asked.headers["upload-offset"], asked.body) == (str(SIZE), b"")


@pytest.mark.parametrize(
    "upload",
    [
        "x",
        [],
        {"id": "../node", "offset": 0, "token": "t"},
        {"id": "a", "offset": -1, "token": "t"},
        {"id": "a", "offset": SIZE + 1, "token": "t"},
        {"id": "a", "offset": True, "token": "t"},
        {"id": "a", "offset": "0", "token": "t"},
        {"id": "a", "offset": 0, "token": "t\r\nX: y"},
        {"id": "a", "offset": 0},
        {"id": 7, "offset": 0, "token": "t"},
    ],
)
async def test_an_upload_that_is_none_is_named(world: World, node: StandIn, upload: object) -> None:
    node.fault = failing(99, lambda: said({"upload": upload}, 201), "POST")  # type: ignore
    with pytest.raises(IntegrityError, match="an upload that is none"):
        await deliver(world, node, b"x" * SIZE)
    assert not node.asked("PATCH", "/v1/")
