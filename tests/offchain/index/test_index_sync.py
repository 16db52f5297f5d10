"""Endpoints that lie, lag, refuse or fail; chains that leave what is remembered; two writers."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from chain_story import ADDRESSES, DEPLOYMENT
from fake_chain import FakeChain
from index_world import (
    SHALLOW,
    StoppedClock,
    check_against_model,
    dump,
    indexer,
    opened,
    rows,
    settle,
)

from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import RpcPool
from immurtal.errors import BadInput, IntegrityError, Unreachable, WrongNetwork
from immurtal.index import cursor, schema
from immurtal.index.cursor import CursorMoved
from immurtal.index.database import Database
from immurtal.index.sync import DeepReorganisation, Indexer, SyncSettings


@pytest.fixture
def chain() -> FakeChain:
    chain = FakeChain(11)
    chain.mine(40)
    return chain


@pytest.fixture
def database(tmp_path: Path) -> Any:
    with opened(tmp_path / "index.db") as database:
        yield database


async def until(index: Indexer, state: str) -> None:
    async with asyncio.timeout(20), index.changed:
        await index.changed.wait_for(lambda: index.status.state == state)


def is_block_logs(method: str, params: list[Any]) -> bool:
    return method == "eth_getLogs" and "blockHash" in params[0]


def without(*fields: str) -> Any:
    """Tampers with the logs of single blocks: only the whole block's are given rightly."""

    def tamper(method: str, params: list[Any], answer: Any) -> Any:
        return [] if is_block_logs(method, params) and set(fields) & set(params[0]) else answer

    return tamper


class TestLyingEndpoints:
    async def test_withheld_logs_are_found_in_the_whole_block(
        self, chain: FakeChain, database: Database
    ) -> None:
        chain.tamper = without("topics")
        await settle(indexer(database, chain))
        check_against_model(database, chain.head.story.model)

    async def test_a_block_without_the_logs_of_its_bloom_is_refused(
        self, chain: FakeChain, database: Database
    ) -> None:
        chain.tamper = without("blockHash")
        with pytest.raises(IntegrityError, match="not those that its bloom speaks of"):
            await settle(indexer(database, chain))
        at = dump(database)["cursor"][0][0]
        assert chain.branch[at + 1].logs, "it stopped at the first block with logs"
        chain.tamper = lambda method, params, answer: answer
        await settle(indexer(database, chain))
        check_against_model(database, chain.head.story.model)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("address", "0x" + "77" * 20),
            ("blockHash", "0x" + "77" * 32),
            ("blockNumber", "0x77"),
            ("logIndex", "-0x1"),
            ("topics", "nonsense"),
        ],
    )
    async def test_a_forged_log_is_refused(
        self, chain: FakeChain, database: Database, field: str, value: str
    ) -> None:
        def forge(method: str, params: list[Any], answer: Any) -> Any:
            if not is_block_logs(method, params):
                return answer
            return [{**log, field: value} for log in answer]

        chain.tamper = forge
        with pytest.raises(IntegrityError, match="its bloom speaks of"):
            await settle(indexer(database, chain))

    async def test_an_endpoint_of_the_pool_that_tells_the_truth_is_found(
        self, chain: FakeChain, database: Database
    ) -> None:
        class Pool(RpcPool):
            """The first endpoint answers everything, and withholds logs."""

            def __init__(self) -> None:
                self.liar = FakeChain(11, tamper=without("blockHash"))
                self.liar.branch, self.liar.by_hash = chain.branch, chain.by_hash
                self.call, self.batch = self.liar.call, self.liar.batch  # type: ignore[method-assign]

            @property
            def endpoints(self) -> Any:
                return [self.liar, chain]

        await settle(Indexer(database, Pool(), DEPLOYMENT, StoppedClock(), SHALLOW))
        check_against_model(database, chain.head.story.model)

    async def test_another_block_than_asked_for_is_refused(
        self, chain: FakeChain, database: Database
    ) -> None:
        def shift(method: str, params: list[Any], answer: Any) -> Any:
            if method == "eth_getBlockByNumber" and params[0] == "0x5":
                return chain.branch[6].header()
            return answer

        chain.finality, chain.tamper = 40, shift
        with pytest.raises(IntegrityError, match="Asked for block 5, got 6"):
            await settle(indexer(database, chain))

    async def test_a_header_out_of_range_is_refused(
        self, chain: FakeChain, database: Database
    ) -> None:
        chain.tamper = lambda method, params, answer: (
            {**answer, "number": hex(2**63)} if method == "eth_getBlockByNumber" else answer
        )
        with pytest.raises(IntegrityError, match="malformed block header"):
            await indexer(database, chain).step()


class TestOrdinaryTrouble:
    async def test_ranges_shrink_to_what_the_endpoint_takes(
        self, chain: FakeChain, database: Database
    ) -> None:
        chain.mine(100)
        chain.widest = 7
        await settle(indexer(database, chain))
        check_against_model(database, chain.head.story.model)

    async def test_an_endpoint_that_refuses_a_single_block_is_named_not_looped_over(
        self, chain: FakeChain, database: Database
    ) -> None:
        chain.widest = 0
        with pytest.raises(Exception, match="range too wide"):
            await settle(indexer(database, chain))

    async def test_without_a_final_tag_depth_counts(
        self, chain: FakeChain, database: Database
    ) -> None:
        chain.finality = None
        await settle(indexer(database, chain))
        assert dump(database)["cursor"][0][2] == chain.head.number - SHALLOW.finality_depth

    async def test_a_lagging_endpoint_takes_nothing_back(
        self, chain: FakeChain, database: Database
    ) -> None:
        index = indexer(database, chain)
        await settle(index)
        before = dump(database)
        ahead = chain.branch[-3:]
        del chain.branch[-3:]
        assert not await index.step()
        assert dump(database) == before
        chain.branch += ahead
        chain.mine()
        await settle(index)
        check_against_model(database, chain.head.story.model)

    async def test_a_chain_below_everything_known_is_said_to_be(
        self, chain: FakeChain, database: Database
    ) -> None:
        index = indexer(database, chain)
        await settle(index)
        del chain.branch[10:]
        with pytest.raises(Unreachable, match="The chain ends at block 9"):
            await index.step()

    async def test_final_moves_without_new_blocks(
        self, chain: FakeChain, database: Database
    ) -> None:
        index = indexer(database, chain)
        await settle(index)
        chain.finality = 0
        await index.step()
        assert dump(database)["cursor"][0][2] == chain.head.number
        assert min(b.number for b in rows(database, schema.blocks)) == chain.head.number - 8


class TestDeepReorganisation:
    async def test_it_is_named(self, chain: FakeChain, database: Database) -> None:
        index = indexer(database, chain)
        await settle(index)
        chain.reorganise(20, 30)
        with pytest.raises(DeepReorganisation, match="deeper than 8 blocks past final"):
            await index.step()

    async def test_the_running_index_is_rebuilt(
        self, chain: FakeChain, database: Database, tmp_path: Path
    ) -> None:
        index, stop = indexer(database, chain), asyncio.Event()
        await settle(index)
        chain.reorganise(20, 30)
        running = asyncio.create_task(index.run(stop))
        await until(index, "degraded")
        assert "must be rebuilt" in index.status.reason
        await until(index, "live")
        stop.set()
        await running
        with opened(tmp_path / "fresh.db") as fresh:
            await settle(indexer(fresh, chain))
            assert dump(database) == dump(fresh)


class TestRunning:
    async def test_status_tells_syncing_live_and_degraded(
        self, chain: FakeChain, database: Database
    ) -> None:
        index, stop = indexer(database, chain), asyncio.Event()
        assert index.status.state == "syncing"
        running = asyncio.create_task(index.run(stop))
        await until(index, "live")
        assert (index.status.head, index.status.indexed, index.status.final) == (40, 40, 37)
        chain.unreachable = 2
        await until(index, "degraded")
        assert "does not answer" in index.status.reason
        assert index.status.indexed == 40
        await until(index, "live")
        assert index.status.reason == ""
        stop.set()
        await asyncio.wait_for(running, 5)

    async def test_an_old_head_is_degraded_where_that_is_asked_for(
        self, chain: FakeChain, database: Database
    ) -> None:
        settings = SyncSettings(journal_depth=8, stall=60)
        index = indexer(database, chain, settings)
        await settle(index)
        assert index.status.state == "degraded"
        assert "seconds old" in index.status.reason

    async def test_change_wakes_whoever_waits(self, chain: FakeChain, database: Database) -> None:
        settings = SyncSettings(journal_depth=8, poll=3600)
        index, stop = indexer(database, chain, settings), asyncio.Event()
        running = asyncio.create_task(index.run(stop))
        await until(index, "live")
        async with index.changed:
            chain.mine()
            index.new_head.set()
            await asyncio.wait_for(index.changed.wait(), 5)
        stop.set()
        await asyncio.wait_for(running, 5)

    async def test_another_chain_is_refused(self, chain: FakeChain, database: Database) -> None:
        other = Deployment(chain_id=1, addresses=ADDRESSES, first_block=1)
        index = Indexer(database, chain, other, StoppedClock(), SHALLOW)
        with pytest.raises(WrongNetwork, match="serves chain 31337, not 1"):
            await index.run(asyncio.Event())

    async def test_a_database_of_other_contracts_is_refused(
        self, chain: FakeChain, database: Database
    ) -> None:
        await settle(indexer(database, chain))
        before = dump(database)
        moved = {**ADDRESSES, "NodeRegistry": "0x" + "66" * 20}
        other = Deployment(chain_id=31337, addresses=moved, first_block=1)
        with pytest.raises(BadInput, match="with other contracts"):
            await Indexer(database, chain, other, StoppedClock(), SHALLOW).step()
        assert dump(database) == before

    async def test_of_two_writers_one_fails_and_nothing_is_written_twice(
        self, chain: FakeChain, database: Database
    ) -> None:
        index, other = indexer(database, chain), indexer(database, chain)
        await settle(index)
        chain.mine()
        real = index._source.blocks

        async def overtaken(headers: Any) -> Any:
            await other.step()
            return await real(headers)

        index._source.blocks = overtaken  # type: ignore[method-assign]
        with pytest.raises(CursorMoved):
            await index.step()
        check_against_model(database, chain.head.story.model)

    async def test_caught_up_only_when_nothing_final_is_missing(
        self, chain: FakeChain, database: Database
    ) -> None:
        chain.mine(60)
        index = indexer(database, chain)
        await index.step()
        with database.reading() as connection:
            at = cursor.load(connection)
        assert at is not None
        assert at.number < at.final_number
        assert not at.caught_up
        await settle(index)
        with database.reading() as connection:
            at = cursor.load(connection)
        assert at is not None
        assert at.caught_up
