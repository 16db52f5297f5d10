"""F1 and F2 (DESIGN 10), over random faults of random nodes."""

import asyncio
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_world import FAULTS, FakeNode, Recorder, Reply, Work, honest, make_work, serving

from immurtal.chain.contracts import Certificate, Contracts, Visibility
from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import Rpc
from immurtal.content.cid import Cid
from immurtal.errors import ImmurtalError
from immurtal.stream.opening import Opened
from immurtal.stream.player import Listener
from immurtal.stream.session import ListenerKeys

REGISTRY = "0x" + "11" * 20
AUTHOR = "0x" + "22" * 20
QUICK = sorted(set(FAULTS) - {"drips", "hangs"})
schedules = st.lists(st.sampled_from(["honest", *QUICK]), max_size=12)


@pytest.fixture(scope="module")
def works() -> list[Work]:
    """Of one leaf, of exactly two, of five and a bit."""
    base = Path(tempfile.mkdtemp())
    sizes = (1000, 2 * 262_144 - 2 * 16 - 40, 5 * 262_144)
    made = []
    for size in sizes:
        folder = base / str(size)
        folder.mkdir()
        made.append(make_work(folder, size=size, registry=REGISTRY, author=AUTHOR))
    return made


def following(schedule: list[str]) -> object:
    """Answers its nth request as the schedule says; after its end, honestly."""
    left = iter(schedule)

    async def answer(node: FakeNode, cid: Cid) -> Reply:
        name = next(left, "honest")
        return honest(node, cid) if name == "honest" else await FAULTS[name](node, cid)

    return answer


async def play(work: Work, out: io.BytesIO) -> Recorder:
    recorder = Recorder()
    rpc = Rpc("http://127.0.0.1:1")  # nothing of the chain is needed here
    contracts = Contracts(rpc, Deployment(31337, {"CopyrightRegistry": REGISTRY}))
    certificate = Certificate(
        work.binding.work_hash,
        AUTHOR,
        AUTHOR,
        1,
        2,
        work.release,
        1,
        Visibility.OPEN,
        AUTHOR,
        False,
    )
    opened = Opened(certificate, work.root, work.built.metadata, work.keys_file, {}, work.binding)
    with tempfile.TemporaryDirectory() as folder:
        keys = ListenerKeys(Path(folder))
        async with (
            serving(work.nodes),
            Listener(contracts, keys, observer=recorder, stall=0.5) as listener,
        ):
            listener.blocks.add(node.record for node in work.nodes)
            await listener.play(opened, work.content_key, out)
    await rpc.close()
    return recorder


@settings(max_examples=40, deadline=None)
@given(
    which=st.integers(0, 2),
    faults=st.lists(schedules, min_size=2, max_size=2),
    place=st.integers(0, 2),
)
def test_one_honest_node_is_enough(
    works: list[Work], which: int, faults: list[list[str]], place: int
) -> None:
    """F1, F2: whatever two of three nodes answer, and in whatever order, if the third is honest
    then what is played equals the original byte for byte, and every block that was used was
    checked: each leaf is used once, from a node that gave it right."""
    work = works[which]
    schedules_ = [*faults[:place], [], *faults[place:]]
    for node, schedule in zip(work.nodes, schedules_, strict=True):
        node.fault = following(schedule)
    audio = io.BytesIO()
    recorder = asyncio.run(play(work, audio))
    assert audio.getvalue() == work.audio
    leaves = -(-work.built.metadata.variants[0].cipher_bytes // 262_144)
    assert sorted(index for _, index, _ in recorder.blocks) == list(range(leaves))


@settings(max_examples=25, deadline=None)
@given(which=st.integers(0, 2), faults=st.lists(schedules, min_size=3, max_size=3))
def test_nothing_false_is_ever_played(
    works: list[Work], which: int, faults: list[list[str]]
) -> None:
    """F1 without any honest node: what is written before an error is a beginning of the original,
    and if there is no error it is the whole of it."""
    work = works[which]
    for node, schedule in zip(work.nodes, faults, strict=True):
        node.fault = following(schedule)
    written = io.BytesIO()
    try:
        asyncio.run(play(work, written))
    except ImmurtalError:
        assert work.audio.startswith(written.getvalue())
    else:
        assert written.getvalue() == work.audio
