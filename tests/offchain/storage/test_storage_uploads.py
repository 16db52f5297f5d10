"""Uploads: what is refused, what an interruption costs, and that nothing false is ever pinned."""

import asyncio
import shutil
from collections import namedtuple
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from storage_world import Chain, Made, Node, leaf, make_release, pieces, run_node

from immurtal.content.car import block_prefix
from immurtal.content.cid import DAG_PB, cid_of
from immurtal.content.dag_pb import Kind, NodeLink, encode_node
from immurtal.content.dag_pb import Node as NodeOfDag
from immurtal.errors import (
    AccessRefused,
    BadInput,
    DiskFull,
    IntegrityError,
    NotAccepted,
    NotFound,
    Unreachable,
)
from immurtal.storage import uploads as uploads_module
from immurtal.storage.obtain import TooLarge
from immurtal.storage.uploads import LIFETIME, OffsetMismatch, Upload


async def opened(node: Node, made: Made, size: int | None = None) -> Upload:
    await node.storage.accept(made.certificate, made.release)
    upload = await node.storage.open_upload(
        made.certificate, made.release, len(made.car()) if size is None else size
    )
    assert upload is not None
    return upload


async def send(node: Node, upload: Upload, offset: int, data: bytes) -> Upload:
    return await node.storage.append_upload(upload.id, upload.token, offset, pieces(data))


class TestRefusals:
    async def test_larger_than_the_node_takes(self, tmp_path: Path, chain: Chain) -> None:
        made = make_release("song")
        async with run_node(tmp_path / "n", chain, upload_bytes=1000) as node:
            with pytest.raises(TooLarge, match="this node takes 1000"):
                await opened(node, made)

    async def test_of_no_bytes(self, node: Node) -> None:
        with pytest.raises(BadInput, match="at least one byte"):
            await opened(node, make_release("song"), 0)

    async def test_where_the_disk_would_fall_below_its_watermark(
        self, tmp_path: Path, chain: Chain
    ) -> None:
        async with run_node(tmp_path / "n", chain, disk_watermark=1 << 60) as node:
            with pytest.raises(DiskFull, match="no room"):
                await opened(node, make_release("song"))

    async def test_a_disk_that_fills_up_half_way_keeps_what_came(
        self, node: Node, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made, sync = make_release("song"), 100_000
        upload, car = await opened(node, made), made.car()
        usage = namedtuple("usage", "free")
        monkeypatch.setattr(uploads_module, "SYNC_BYTES", sync)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0))
        with pytest.raises(DiskFull) as refused:
            await send(node, upload, 0, car)
        assert refused.value.saved == "What came before is kept."
        monkeypatch.undo()
        at = (await node.storage.find_upload(upload.id, upload.token)).offset
        assert sync <= at < len(car)
        assert (await send(node, upload, at, car[at:])).complete

    async def test_a_wrong_token(self, node: Node) -> None:
        upload = await opened(node, make_release("song"))
        with pytest.raises(AccessRefused) as refused:
            await node.storage.find_upload(upload.id, "guess")
        assert refused.value.reason == "unauthorized"
        with pytest.raises(AccessRefused):
            await node.storage.append_upload(upload.id, "guess", 0, pieces(b"x"))

    async def test_an_unknown_upload(self, node: Node) -> None:
        with pytest.raises(NotFound, match="no such upload"):
            await node.storage.find_upload("../../etc/passwd", "token")

    async def test_guessed_uploads_leave_nothing_behind(self, node: Node) -> None:
        for number in range(3):
            with pytest.raises(NotFound, match="no such upload"):
                await node.storage.append_upload(f"{number:032x}", "guess", 0, pieces(b"x"))
        assert node.storage._uploads._locks == {}

    async def test_the_wrong_offset(self, node: Node) -> None:
        made = make_release("song")
        upload, car = await opened(node, made), made.car()
        await send(node, upload, 0, car[:1000])
        for wrong in (0, 999, 1001):
            with pytest.raises(OffsetMismatch) as refused:
                await send(node, upload, wrong, car[wrong:])
            assert refused.value.offset == 1000

    async def test_more_than_was_announced(self, node: Node) -> None:
        upload = await opened(node, make_release("song"), 1000)
        with pytest.raises(TooLarge, match="More came than the 1000 bytes"):
            await send(node, upload, 0, b"x" * 1001)

    async def test_a_sender_that_falls_silent(
        self, node: Node, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(uploads_module, "IDLE_SECONDS", 0.1)
        upload = await opened(node, make_release("song"))

        async def silent() -> AsyncIterator[bytes]:
            yield b"x" * 10
            await asyncio.Event().wait()

        with pytest.raises(Unreachable, match="Nothing came"):
            await node.storage.append_upload(upload.id, upload.token, 0, silent())
        assert (await node.storage.find_upload(upload.id, upload.token)).offset == 10


class TestFalseContent:
    async def refused(self, node: Node, made: Made, car: bytes, says: str) -> None:
        """Refused as an integrity error: nothing is pinned, nothing stays, it can begin anew."""
        upload = await opened(node, made, len(car))
        with pytest.raises(IntegrityError, match=says):
            await send(node, upload, 0, car)
        assert await node.names() == {}
        with pytest.raises(NotFound):
            await node.storage.find_upload(upload.id, upload.token)
        await node.storage.reconciler.pass_once()
        assert not any([await node.holds(cid) for cid in made.blocks])
        assert list((node.folder / "uploads").iterdir()) == []
        await node.take(made)
        assert made.cid in await node.names()

    async def test_one_changed_byte(self, node: Node) -> None:
        made = make_release("song")
        car = bytearray(made.car())
        car[len(car) // 2] ^= 1
        await self.refused(node, made, bytes(car), "not block")

    async def test_cut_off(self, node: Node) -> None:
        made = make_release("song")
        await self.refused(node, made, made.car()[:-5], "cut off")

    async def test_no_archive(self, node: Node) -> None:
        await self.refused(node, make_release("song"), b"x" * 1000, "not the archive")

    async def test_another_root(self, node: Node) -> None:
        await self.refused(
            node, make_release("song"), make_release("another").car(), "not the announced"
        )

    async def test_a_leaf_that_is_missing_and_not_here(self, node: Node) -> None:
        made = make_release("song")
        await self.refused(node, made, made.car(without=made.audio[:1]), "not whole")

    async def test_a_node_that_is_missing_and_not_here(self, node: Node) -> None:
        made = make_release("song")
        await self.refused(node, made, made.car(without=(made.root,)), "lacks block")

    async def test_a_block_that_the_release_does_not_lead_to(self, node: Node) -> None:
        made, other = make_release("song"), make_release("other", b"other audio")
        car = made.car() + other.car()[len(make_header(other)) :]
        await self.refused(node, made, car, "not of the release")

    async def test_crumbs(self, node: Node) -> None:
        """Two GiB of blocks of four bytes would take ten of memory, and fifty million files."""
        made = make_release("song")
        crumbs = [leaf(number.to_bytes(4)) for number in range(5000)]
        entries = (block_prefix(cid, 4) + number.to_bytes(4) for number, cid in enumerate(crumbs))
        await self.refused(node, made, made.car() + b"".join(entries), "more blocks than")

    async def test_a_node_of_links_and_nothing_else(self, node: Node) -> None:
        made = make_release("song")
        links = [NodeLink("", leaf(number.to_bytes(4)), 4) for number in range(5000)]
        block = encode_node(NodeOfDag(Kind.FILE, tuple(links), (4,) * len(links)))
        entry = block_prefix(cid_of(DAG_PB, block), len(block)) + block
        await self.refused(node, made, made.car() + entry, "more blocks than")

    async def test_a_release_that_names_another_work(self, node: Node) -> None:
        made = make_release("wrapped", named=make_release("victim").certificate)
        upload = await opened(node, made)
        with pytest.raises(NotAccepted, match="does not name this certificate"):
            await send(node, upload, 0, made.car())
        assert await node.names() == {}


class TestInterruptions:
    async def test_it_goes_on_after_a_restart_and_a_new_store(
        self, tmp_path: Path, chain: Chain
    ) -> None:
        made = make_release("song")
        chain.name(made)
        car = made.car()
        async with run_node(tmp_path / "n", chain) as node:
            upload = await opened(node, made)
            await send(node, upload, 0, car[:300_000])
        async with run_node(tmp_path / "n", chain) as node:
            again = await opened(node, made)
            assert (again.id, again.offset) == (upload.id, 300_000)
            with pytest.raises(AccessRefused):  # the newer token took the older one's place
                await send(node, upload, 300_000, car[300_000:])
            assert (await send(node, again, 300_000, car[300_000:])).complete
            assert (await node.storage.status(made.cid)).state == "pinned"

    async def test_what_came_before_a_broken_connection_is_kept(self, node: Node) -> None:
        made = make_release("song")
        upload, car = await opened(node, made), made.car()

        async def breaks() -> AsyncIterator[bytes]:
            yield car[:200_000]
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            await node.storage.append_upload(upload.id, upload.token, 0, breaks())
        assert (await node.storage.find_upload(upload.id, upload.token)).offset == 200_000
        assert (await send(node, upload, 200_000, car[200_000:])).complete

    async def test_bytes_that_were_not_yet_safe_are_written_again(self, node: Node) -> None:
        made = make_release("song")
        upload, car = await opened(node, made), made.car()
        await send(node, upload, 0, car[:1000])
        (spool,) = (node.folder / "uploads").iterdir()
        with spool.open("ab") as file:
            file.write(b"left by a crash")
        assert (await send(node, upload, 1000, car[1000:])).complete

    async def test_a_spool_that_lost_bytes_says_so(self, node: Node) -> None:
        made = make_release("song")
        upload, car = await opened(node, made), made.car()
        await send(node, upload, 0, car[:1000])
        (spool,) = (node.folder / "uploads").iterdir()
        spool.write_bytes(car[:400])
        assert (await node.storage.find_upload(upload.id, upload.token)).offset == 400
        assert (await send(node, upload, 400, car[400:])).complete

    async def test_a_kubo_that_is_down_at_the_end_costs_nothing(self, node: Node) -> None:
        made = make_release("song")
        upload, car = await opened(node, made), made.car()
        await node.daemon.stop()
        with pytest.raises(Unreachable):
            await send(node, upload, 0, car)
        await node.daemon.start()
        assert (await send(node, upload, len(car), b"")).complete
        assert made.cid in await node.names()

    async def test_two_that_send_the_end_at_once_import_once(self, node: Node) -> None:
        made = make_release("song")
        upload, car = await opened(node, made), made.car()
        first, second = await asyncio.gather(
            send(node, upload, 0, car), send(node, upload, len(car), b""), return_exceptions=True
        )
        assert isinstance(first, Upload)
        assert isinstance(second, Upload | OffsetMismatch | NotFound)
        assert (await node.storage.status(made.cid)).state == "pinned"

    async def test_a_sender_that_leaves_during_the_import_does_not_stop_it(
        self, node: Node
    ) -> None:
        made = make_release("song")
        upload, car = await opened(node, made), made.car()
        await send(node, upload, 0, car[:-1])
        sending = asyncio.create_task(send(node, upload, len(car) - 1, car[-1:]))
        async with asyncio.timeout(5):
            while not node.storage._finishing:  # noqa: ASYNC110
                await asyncio.sleep(0)
        sending.cancel()
        await asyncio.gather(*node.storage._finishing.values())
        assert (await node.storage.status(made.cid)).state == "pinned"


class TestWhatIsHere:
    async def test_a_release_that_is_here_needs_no_upload(self, node: Node) -> None:
        made = make_release("song")
        await node.take(made)
        assert await node.storage.open_upload(made.certificate, made.release, 10) is None

    async def test_new_metadata_brings_only_its_own_blocks(self, node: Node) -> None:
        old, new = make_release("song"), make_release("song", note=" (live)")
        await node.take(old)
        data = new.car(without=new.audio)
        assert len(data) < 5_000
        await node.take(new, data)
        assert (await node.storage.status(new.cid)).state == "pinned"

    async def test_another_release_of_the_certificate_ends_the_upload(self, node: Node) -> None:
        old, new = make_release("song"), make_release("song", note=" (live)")
        upload = await opened(node, old)
        await opened(node, new)
        with pytest.raises(NotFound):
            await node.storage.find_upload(upload.id, upload.token)


class TestAge:
    async def test_after_a_day_what_is_not_current_goes_and_what_is_stays(
        self, tmp_path: Path, chain: Chain
    ) -> None:
        now = 1_000_000
        kept, left, idle = make_release("kept"), make_release("left"), make_release("idle")
        for made in (kept, idle):
            chain.name(made)
        async with run_node(tmp_path / "n", chain, clock=lambda: now) as node:
            uploads = {made.cid: await opened(node, made) for made in (kept, left, idle)}
            now += LIFETIME - 1
            for made in (kept, left):
                await send(node, uploads[made.cid], 0, made.car()[:10])
            now += 1
            stray = node.folder / "uploads" / "stray.car"
            stray.write_bytes(b"of no upload")
            current = {(item.certificate, item.release) for item in (await chain()).seen}
            await node.storage._uploads.drop_old(current)
            assert (
                await node.storage.find_upload(uploads[kept.cid].id, uploads[kept.cid].token)
            ).offset
            for made in (left, idle):
                with pytest.raises(NotFound):
                    await node.storage.find_upload(uploads[made.cid].id, uploads[made.cid].token)
            assert not stray.exists()


def make_header(made: Made) -> bytes:
    return made.car(without=tuple(made.blocks))
