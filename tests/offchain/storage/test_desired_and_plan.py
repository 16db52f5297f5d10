"""The pure half: what is wanted, and what follows from it, case by case."""

from dataclasses import replace

from immurtal.content.cid import raw_cid, release_cid
from immurtal.storage.desired import (
    ChainState,
    Content,
    Kind,
    Registered,
    Visibility,
    Wanted,
    desired_pins,
)
from immurtal.storage.plan import Moment, PinRow, Plan, State, make_plan

WORK, RELEASE, TERMS = "0x" + "aa" * 32, "0x" + "bb" * 32, "0x" + "cc" * 32
ROOT = release_cid(bytes.fromhex(RELEASE[2:]))
KEYS, METADATA = raw_cid(b"k" * 32), raw_cid(b"m" * 32)
TERMS_CID = raw_cid(bytes.fromhex(TERMS[2:]))
KNOWN = {RELEASE: Content(RELEASE, WORK, METADATA, KEYS, 1000)}
ACCEPTED = {(WORK, RELEASE)}
SHOWN = Registered(WORK, RELEASE, Visibility.LICENSED, (TERMS,), 7)
WITHDRAWN = replace(SHOWN, visibility=Visibility.WITHDRAWN)
OURS = "immurtal:"


def kinds(
    seen: Registered | None,
    settled: Registered | None = None,
    *,
    accepted: set[tuple[str, str]] = ACCEPTED,
    contents: dict[str, Content] = KNOWN,
    policy: str = "accepted",
) -> dict[str, tuple[Kind, bool]]:
    state = ChainState(9, 8, (seen,) if seen else (), (settled,) if settled else ())
    wanted = desired_pins(state, accepted, contents, policy)  # type: ignore[arg-type]
    return {cid: (item.kind, item.seen) for cid, item in wanted.items()}


class TestDesired:
    def test_nothing_is_wanted_that_nobody_accepted(self) -> None:
        assert kinds(SHOWN, accepted=set()) == {}

    def test_the_policy_all_wants_it_anyway_but_not_its_keys_alone(self) -> None:
        held = {ROOT: (Kind.RELEASE, True), TERMS_CID: (Kind.TERMS, True)}
        assert kinds(SHOWN, accepted=set(), policy="all") == held
        assert kinds(WITHDRAWN, accepted=set(), policy="all") == {}

    def test_an_acceptance_is_of_one_release_of_one_certificate(self) -> None:
        assert kinds(replace(SHOWN, certificate="0x" + "dd" * 32)) == {}
        assert kinds(replace(SHOWN, release="0x" + "dd" * 32)) == {}

    def test_withdrawn_only_the_keys_stay(self) -> None:
        assert kinds(WITHDRAWN) == {KEYS: (Kind.KEYS, True)}

    def test_withdrawn_and_unknown_it_must_be_looked_into(self) -> None:
        assert kinds(WITHDRAWN, contents={}) == {ROOT: (Kind.LOOK, True)}

    def test_what_counts_for_another_is_not_wanted(self) -> None:
        other = {RELEASE: replace(KNOWN[RELEASE], certificate="0x" + "dd" * 32)}
        assert kinds(SHOWN, contents=other) == {METADATA: (Kind.METADATA, True)}
        assert kinds(WITHDRAWN, contents=other) == {}

    def test_what_only_the_final_chain_wants_is_kept_and_not_fetched(self) -> None:
        assert kinds(WITHDRAWN, SHOWN) == {
            KEYS: (Kind.KEYS, True),
            ROOT: (Kind.RELEASE, False),
            TERMS_CID: (Kind.TERMS, False),
        }

    def test_a_release_to_be_looked_into_is_not_fetched_whole_for_the_final_chain(self) -> None:
        assert kinds(WITHDRAWN, SHOWN, contents={})[ROOT] == (Kind.LOOK, True)

    def test_no_release_and_no_terms_are_nothing_to_hold(self) -> None:
        nothing = "0x" + "00" * 32
        bare = replace(SHOWN, release=nothing, terms=(nothing,))
        assert kinds(bare, accepted={(WORK, nothing)}) == {}
        without_terms = replace(SHOWN, terms=(nothing,))
        assert set(kinds(without_terms)) == {ROOT, KEYS}


NOW = Moment(now=1000, highest=20, final=18, grace=100, orphan_grace=500)
WANTED = Wanted(ROOT, Kind.RELEASE, frozenset({WORK}), True, 7)
PINNED = PinRow(ROOT, Kind.RELEASE, State.PINNED)
HELD = {ROOT: "immurtal:release"}


def planned(
    wanted: Wanted | None,
    row: PinRow | None,
    pinned: dict[str, str],
    moment: Moment = NOW,
    **more: object,
) -> Plan:
    return make_plan(
        {wanted.cid: wanted} if wanted else {},
        {row.cid: row} if row else {},
        pinned,
        moment,
        ours=OURS,
        **more,  # type: ignore[arg-type]
    )


class TestPinning:
    def test_what_is_wanted_and_not_here_starts(self) -> None:
        plan = planned(WANTED, None, {})
        assert plan.start == [WANTED]
        assert plan.changed == [PinRow(ROOT, Kind.RELEASE)]

    def test_what_only_the_final_chain_wants_does_not(self) -> None:
        for row in (None, PinRow(ROOT, Kind.RELEASE)):
            assert planned(replace(WANTED, seen=False), row, {}).start == []

    def test_what_is_here_is_pinned_whoever_pinned_it(self) -> None:
        plan = planned(WANTED, None, {ROOT: "a stranger's"})
        assert (plan.start, plan.changed) == ([], [PINNED])

    def test_what_is_here_and_was_never_looked_into_is_looked_into(self) -> None:
        unknown = replace(WANTED, known=False)
        for row in (None, PINNED):
            assert planned(unknown, row, HELD).start == [unknown]

    def test_what_failed_waits_for_its_time(self) -> None:
        row = PinRow(ROOT, Kind.RELEASE, State.FAILED, attempts=2, next_retry=1001)
        assert planned(WANTED, row, {}).start == []
        assert planned(WANTED, replace(row, next_retry=1000), {}).start == [WANTED]

    def test_what_runs_is_not_started_again(self) -> None:
        row = PinRow(ROOT, Kind.RELEASE, State.PINNING)
        assert planned(WANTED, row, {}, running={ROOT}).start == []
        assert planned(WANTED, row, {}).start == [WANTED]  # left over from before a crash

    def test_a_pin_that_was_lost_is_made_again(self) -> None:
        assert planned(WANTED, PINNED, {}).start == [WANTED]

    def test_fresh_ones_come_before_those_that_failed_and_small_ones_first(self) -> None:
        cids = [raw_cid(bytes([i]) * 32) for i in range(4)]
        kinds = (Kind.RELEASE, Kind.RELEASE, Kind.KEYS, Kind.RELEASE)
        blocks = (5, 9, 1, 8)
        wants = {
            cid: Wanted(cid, kind, frozenset(), True, block)
            for cid, kind, block in zip(cids, kinds, blocks, strict=True)
        }
        rows = {cids[1]: PinRow(cids[1], Kind.RELEASE, State.FAILED, attempts=3)}
        plan = make_plan(wants, rows, {}, NOW, ours=OURS)
        assert [item.cid for item in plan.start] == [cids[2], cids[3], cids[0], cids[1]]


class TestLettingGo:
    def test_it_waits_until_that_is_final_and_then_for_the_grace(self) -> None:
        (row,) = planned(None, PINNED, HELD).changed
        assert (row.unwanted_at, row.release_after) == (20, None)
        (row,) = planned(None, row, HELD, replace(NOW, final=20)).changed
        assert row.release_after == 1100
        assert planned(None, row, HELD, replace(NOW, final=20, now=1099)).let_go == []
        assert planned(None, row, HELD, replace(NOW, final=20, now=1100)).let_go == [row]

    def test_nothing_goes_while_the_index_has_not_caught_up(self) -> None:
        row = replace(PINNED, unwanted_at=0)
        plan = planned(None, row, HELD, Moment(1000, 0, -1, 0, 0))
        assert (plan.let_go, plan.changed) == ([], [])

    def test_wanted_again_it_waits_anew_the_next_time(self) -> None:
        row = replace(PINNED, unwanted_at=15, release_after=1050)
        assert planned(WANTED, row, HELD).changed == [PINNED]

    def test_what_the_final_chain_wants_stays(self) -> None:
        row = replace(PINNED, unwanted_at=15, release_after=900)
        assert planned(replace(WANTED, seen=False), row, HELD).let_go == []

    def test_what_is_held_back_waits(self) -> None:
        row = replace(PINNED, unwanted_at=15, release_after=900)
        assert planned(None, row, HELD, held_back={ROOT}).let_go == []

    def test_what_was_released_is_not_released_again(self) -> None:
        row = replace(PINNED, state=State.RELEASED, unwanted_at=15, release_after=900)
        assert planned(None, row, {}).let_go == []
        assert planned(None, row, {ROOT: "a stranger's"}).let_go == []
        assert planned(None, row, HELD).let_go == [row]

    def test_a_pin_of_ours_that_the_table_lost_gets_time_to_be_accepted_again(self) -> None:
        (row,) = planned(None, None, HELD).changed
        assert (row.state, row.release_after) == (State.PINNED, 1500)

    def test_a_strangers_pin_is_none_of_our_business(self) -> None:
        assert planned(None, None, {ROOT: "a stranger's", KEYS: ""}) == Plan()
