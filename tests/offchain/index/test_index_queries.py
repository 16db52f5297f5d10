"""What is read of the index, against the model of the contracts that wrote the chain."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chain_story import ADDRESSES, PEOPLE, SPLITS, ZERO, Story, encode_log, text, word
from fake_chain import FakeChain
from index_world import indexer, opened, settle

from immurtal.chain.abi import id_text
from immurtal.chain.contracts import Visibility
from immurtal.errors import BadInput
from immurtal.index import queries
from immurtal.index.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Any:
    with opened(tmp_path / "index.db") as database:
        yield database


async def everything(database: Database, read: Callable[..., Any], *args: Any, limit: int) -> list:
    """All pages of a list."""
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(10_000):
        page = await database.read(read, *args, cursor=cursor, limit=limit)
        assert len(page.items) <= limit
        found += page.items
        cursor = page.next
        if cursor is None:
            return found
    raise AssertionError("the list does not end")


def named(story: Story) -> set[tuple[str, str, int]]:
    works = story.model.certificates.items()
    return {(text(work), text(s["release"]), s["visibility"]) for work, s in works}


async def held(database: Database, read: Callable[..., Any]) -> set[tuple[str, str, int]]:
    found = await database.read(lambda c: list(read(c)))
    return {(item.certificate, item.release, int(item.visibility)) for item in found}


class TestReleases:
    """Seen is what the head says, settled what the final block says; wanted is what was so at the
    final block or at any block since, unless it was withdrawn all the while."""

    @pytest.mark.parametrize("seed", range(6))
    async def test_at_the_head_at_final_and_between(self, database: Database, seed: int) -> None:
        chain = FakeChain(seed, finality=4)
        chain.mine(60)
        chain.reorganise(6, 9)
        await settle(indexer(database, chain))
        branch = chain.branch[chain.final :]
        assert await held(database, queries.current_releases) == named(chain.head.story)
        assert await held(database, queries.releases_final) == named(branch[0].story)
        since = set().union(*(named(block.story) for block in branch))
        open_since = {item for item in since if item[2] != Visibility.WITHDRAWN}
        wanted = await held(database, queries.wanted_at_final)
        assert open_since <= wanted
        assert all(visibility != Visibility.WITHDRAWN for _, _, visibility in wanted)

    async def test_a_withdrawal_is_wanted_until_it_is_final(self, database: Database) -> None:
        chain = Written(finality=2)
        chain.say(*registered(word(1)))
        await settle(indexer(database, chain))
        chain.say(said("VisibilityChanged", certificate=word(1), visibility=3))
        index = indexer(database, chain)
        for blocks, wanted in ((0, 1), (1, 1), (1, 0)):
            chain.mine(blocks)
            await settle(index)
            assert len(await held(database, queries.wanted_at_final)) == wanted
        assert await held(database, queries.current_releases) == {
            (text(word(1)), text(word(77)), Visibility.WITHDRAWN)
        }

    async def test_what_was_open_between_two_withdrawals_in_the_window_is_wanted(
        self, database: Database
    ) -> None:
        chain = Written(finality=5)
        chain.say(*registered(word(1), visibility=3))
        chain.mine(5)
        chain.say(said("VisibilityChanged", certificate=word(1), visibility=1))
        chain.say(said("VisibilityChanged", certificate=word(1), visibility=3))
        await settle(indexer(database, chain))
        assert len(await held(database, queries.wanted_at_final)) == 1

    async def test_a_replaced_release_is_wanted_until_final(self, database: Database) -> None:
        chain = Written(finality=1)
        chain.say(*registered(word(1)))
        chain.mine(1)
        chain.say(said("ReleasePublished", certificate=word(1), release=word(78), version=2))
        await settle(indexer(database, chain))
        both = {(text(word(1)), text(word(n)), 1) for n in (77, 78)}
        assert await held(database, queries.wanted_at_final) == both
        chain.mine(1)
        await settle(indexer(database, chain))
        assert await held(database, queries.wanted_at_final) == {(text(word(1)), text(word(78)), 1)}


class TestPages:
    @pytest.mark.parametrize("limit", [1, 3, 100])
    async def test_every_row_comes_once_newest_first(self, database: Database, limit: int) -> None:
        chain = FakeChain(5)
        chain.mine(80)
        await settle(indexer(database, chain))
        model = chain.head.story.model
        works = await everything(database, queries.certificates, limit=limit)
        assert sorted(w.id for w in works) == sorted(map(text, model.certificates))
        times = [w.registered_at for w in works]
        assert times == sorted(times, reverse=True)
        for work in model.certificates:
            changes = await everything(database, queries.history, text(work), limit=limit)
            assert changes[-1].event == "Registered"
            assert changes[0].owner == model.certificates[work]["owner"]
            places = [(c.block, c.log_index) for c in changes]
            assert places == sorted(places, reverse=True)
            offers = await everything(database, queries.offers_of, text(work), limit=limit)
            covering = {o for o, s in model.offers.items() if work in s["certificates"]}
            assert {o.offer.id for o in offers} == {id_text(o) for o in covering}
        for who in PEOPLE:
            licences = await everything(database, queries.licences_of, who, limit=limit)
            owned = {
                id_text(o)
                for o, account in {*model.balances, *model.expiries}
                if account == who and (model.balances.get((o, who)) or model.expiries.get((o, who)))
            }
            assert {item.offer for item in licences} == owned
        nodes = await everything(database, queries.nodes, limit=limit)
        assert {n.id for n in nodes} == {text(n) for n, gone in model.nodes.items() if not gone}
        assert not any("\x00" in n.api_url + n.domain + n.region for n in nodes)

    @pytest.mark.parametrize(
        "cursor", ["", "1", "1.2.3", "-1.2", "x.y", "²." + "1", "9" * 40 + ".1"]
    )
    async def test_a_cursor_of_somebody_else_is_refused(
        self, database: Database, cursor: str
    ) -> None:
        with pytest.raises(BadInput, match="cursor is not one that this node gave out"):
            await database.read(queries.certificates, cursor)

    async def test_what_is_not_there(self, database: Database) -> None:
        nothing = text(word(404))
        assert await database.read(queries.cursor) is None
        for read in (queries.certificate, queries.offer, queries.split, queries.registered_in):
            assert await database.read(read, nothing) is None
        for read in (queries.history, queries.offers_of, queries.payments_of, queries.licences_of):
            assert (await database.read(read, nothing)).items == ()


class TestOffers:
    async def test_awake_while_the_seller_owns_all_and_all_are_licensed(
        self, database: Database
    ) -> None:
        chain = FakeChain(8)
        chain.mine(90)
        await settle(indexer(database, chain))
        model = chain.head.story.model
        seen = set()
        for number, state in model.offers.items():
            view = await database.read(queries.offer, id_text(number))
            works = [model.certificates[w] for w in state["certificates"]]
            awake = all(w["owner"] == state["seller"] and w["visibility"] == 1 for w in works)
            assert view.awake == awake
            assert view.offer.certificates == tuple(map(text, state["certificates"]))
            seen.add(awake)
        assert seen == {True, False}


class TestPayments:
    """Every part of every purchase is told once: parts add up to what the payouts were paid."""

    @pytest.mark.parametrize("seed", range(4))
    async def test_parts_add_up_to_what_was_paid(self, database: Database, seed: int) -> None:
        chain = FakeChain(seed)
        chain.mine(120)
        await settle(indexer(database, chain))
        paid: dict[str, int] = {}
        for block in chain.branch:
            for log in block.logs:
                if log["topics"][0] == PAID and log["address"] == ADDRESSES["LicenseManager"]:
                    payout = "0x" + log["topics"][2][-40:]
                    paid[payout] = paid.get(payout, 0) + int(log["data"][66:130], 16)
        told: dict[str, int] = {}
        for work in chain.head.story.model.certificates:
            for part in await everything(database, queries.payments_of, text(work), limit=7):
                if part.amount:
                    told[part.payout] = told.get(part.payout, 0) + part.amount
                else:
                    assert part.payout is None
        assert told == paid
        assert paid

    async def test_an_album_over_three_payouts_down_to_payees(self, database: Database) -> None:
        chain = Written()
        works = [word(1), word(2), word(3)]
        shares = {"payees": PEOPLE[:2], "shares": [2500, 7500]}
        terms = (works, 0, ZERO, 0, True, 0, word(3), word(4))
        buy = {"recipient": PEOPLE[2], "payer": PEOPLE[3], "referrer": ZERO}
        chain.say(
            *(log for work in works for log in registered(work)),
            said("SplitCreated", "RoyaltySplitFactory", split=SPLITS[0], **shares),
            said("OfferCreated", "LicenseManager", offerId=9, seller=PEOPLE[0], offer=terms,
                 price=101, maxSupply=0),
            said("Purchased", "LicenseManager", offerId=9, price=101, referral=1, expiry=0, **buy),
            said("Paid", "LicenseManager", offerId=9, payout=SPLITS[0], token=ZERO, amount=67),
            said("Paid", "LicenseManager", offerId=9, payout=PEOPLE[5], token=ZERO, amount=33),
        )  # fmt: skip
        await settle(indexer(database, chain))
        parts = [(await database.read(queries.payments_of, text(work))).items[0] for work in works]
        assert [(p.amount, p.payout) for p in parts] == [
            (34, SPLITS[0]), (33, SPLITS[0]), (33, PEOPLE[5]),
        ]  # fmt: skip
        assert [(p.payee, p.share, p.amount) for p in parts[0].payees] == [
            (PEOPLE[0], 2500, 8), (PEOPLE[1], 7500, 25),
        ]  # fmt: skip
        assert [(p.payee, p.share, p.amount) for p in parts[2].payees] == [(PEOPLE[5], 10_000, 33)]


PAID = encode_log("LicenseManager", "Paid", ZERO, offerId=0, payout=ZERO, token=ZERO, amount=0)[
    "topics"
][0]


def said(name: str, contract: str = "CopyrightRegistry", **args: Any) -> dict[str, Any]:
    return encode_log(contract, name, ADDRESSES[contract], **args)


def registered(work: bytes, visibility: int = 1) -> list[dict[str, Any]]:
    args = {"author": PEOPLE[0], "committedAt": 1, "registeredAt": 2, "payout": ZERO}
    return [
        said("Registered", workHash=work, release=word(77), visibility=visibility, **args),
    ]


class Written(FakeChain):
    """A chain that says what it is told, a block each time, and otherwise nothing."""

    def __init__(self, finality: int = 2) -> None:
        super().__init__(1, finality=finality)
        self._next: list[dict[str, Any]] = []
        silent = self.head.story
        silent.block = lambda number: self._next  # type: ignore[method-assign]
        silent.copy = lambda: silent  # type: ignore[method-assign]

    def say(self, *logs: dict[str, Any]) -> None:
        self._next = list(logs)
        self.mine()
        self._next = []
