"""The RPC client against answers that lie, hang, break off or never end; and Kubo's own."""

import asyncio
import os
from pathlib import Path

import pytest
from hostile_rpc import answering, chunked
from storage_world import Node, make_release

from immurtal.content.cid import raw_cid
from immurtal.errors import Unreachable
from immurtal.storage.backend import BackendError, NotHere, Stalled
from immurtal.storage.kubo import KuboBackend

MISSING = raw_cid(bytes(range(32)))


async def listed(backend: KuboBackend) -> list[str]:
    return [pin.cid async for pin in backend.list_pins()]


class TestHostileAnswers:
    async def test_a_listing_that_failed_half_way_is_an_error_not_a_short_list(self) -> None:
        line = b'{"Cid":"%s","Type":"recursive"}\n' % MISSING.encode()
        cut = chunked(line, trailer=b"X-Stream-Error: datastore closed\r\n")
        async with answering(cut) as url:
            with pytest.raises(BackendError, match="datastore closed"):
                await listed(KuboBackend(url))

    async def test_a_connection_that_breaks_off_is_unreachable(self) -> None:
        broken = chunked(b'{"Cid":"b"}\n').removesuffix(b"0\r\n\r\n")
        async with answering(broken) as url:
            with pytest.raises(Unreachable, match="does not answer"):
                await listed(KuboBackend(url))

    async def test_silence_is_a_stall(self) -> None:
        async with answering(chunked()[:80], then_hang=True) as url:
            with pytest.raises(Stalled):
                await KuboBackend(url, quiet_seconds=0.2).has_block(MISSING)

    async def test_an_endless_block_is_cut(self) -> None:
        async with answering(chunked(*[b"x" * 1_000_000] * 4)) as url:
            with pytest.raises(BackendError, match="more than 2097152 bytes"):
                await KuboBackend(url).get_block(MISSING)

    async def test_a_line_without_end_is_cut(self) -> None:
        async with answering(chunked(b"x" * 100_000)) as url:
            with pytest.raises(BackendError, match="line without end"):
                await listed(KuboBackend(url))

    @pytest.mark.parametrize("line", [b"[]\n", b"{}\n", b"nonsense\n", b'"text"\n', b"\xff\n"])
    async def test_an_answer_of_another_shape_is_named(self, line: bytes) -> None:
        async with answering(chunked(line)) as url:
            with pytest.raises(BackendError, match="something else"):
                await listed(KuboBackend(url))

    async def test_a_pin_that_ends_without_a_result_did_not_happen(self) -> None:
        async with answering(chunked(b'{"Progress":1}\n')) as url:
            with pytest.raises(BackendError, match="without a result"):
                await KuboBackend(url).pin(MISSING, "name")

    async def test_nobody_answers(self) -> None:
        with pytest.raises(Unreachable, match="does not answer"):
            await KuboBackend("http://127.0.0.1:1").capacity()


class TestKubo:
    async def test_a_missing_block_is_not_here(self, node: Node) -> None:
        assert not await node.backend.has_block(MISSING)
        with pytest.raises(NotHere):
            await node.backend.get_block(MISSING)
        with pytest.raises(NotHere):
            await node.backend.get_block(MISSING, within=0.3)
        assert not await node.backend.has_all(MISSING)

    async def test_pins_have_names_and_go_once(self, node: Node, tmp_path: Path) -> None:
        made = make_release("song")
        await node.put(made)
        assert await node.backend.pin_name(made.cid) is None
        heard: list[tuple[int, int]] = []
        await node.backend.pin(made.cid, "immurtal:release", lambda *now: heard.append(now))
        assert heard[-1] == (len(made.blocks), sum(map(len, made.blocks.values())))
        assert await node.backend.pin_name(made.cid) == "immurtal:release"
        assert made.cid in await listed(node.backend)
        for _ in range(2):
            await node.backend.unpin(made.cid)
        assert await node.backend.pin_name(made.cid) is None

    async def test_a_missing_leaf_is_noticed_without_asking_anyone(
        self, node: Node, tmp_path: Path
    ) -> None:
        made = make_release("song")
        for without, whole in ((made.audio[1:2], False), ((), True)):
            await node.put(made, without)
            assert await node.backend.has_all(made.cid) is whole

    async def test_whoever_gives_up_a_pin_by_its_progress_ends_it(
        self, node: Node, tmp_path: Path
    ) -> None:
        made = make_release("song")
        await node.put(made)

        def enough(_: int, __: int) -> None:
            raise Stalled("enough")

        with pytest.raises(Stalled, match="enough"):
            await node.backend.pin(made.cid, "x", enough)

    async def test_a_corrupt_block_is_not_handed_out(self, node: Node, tmp_path: Path) -> None:
        made = make_release("song")
        await node.put(made)
        await corrupt(node, made.blocks[made.audio[0]])
        with pytest.raises(BackendError, match="hash"):
            await node.backend.get_block(made.audio[0].text)


async def corrupt(node: Node, block: bytes) -> None:
    """Changes one byte of the block in Kubo's folder."""

    def change() -> int:
        changed = 0
        for folder, _, names in os.walk(node.daemon.repo / "blocks"):
            for name in names:
                path = Path(folder) / name
                if path.stat().st_size == len(block) and path.read_bytes() == block:
                    path.write_bytes(bytes([block[0] ^ 1]) + block[1:])
                    changed += 1
        return changed

    assert await asyncio.to_thread(change) == 1
