"""CopyrightRegistry.commit: the first commit of a value keeps its time."""

from ape import chain
from outcomes import said
from works import commitment, work

VALUE = commitment("0x" + "11" * 20, [work("a")])


def test_records_the_time_of_its_block(registry, author):
    receipt = registry.commit(VALUE, sender=author)
    now = chain.blocks.head.timestamp
    assert said(receipt, registry) == [("Committed", {"commitment": VALUE, "committedAt": now})]
    assert registry.committedAt(VALUE) == now


def test_a_repetition_changes_nothing_and_says_nothing(registry, author, stranger):
    registry.commit(VALUE, sender=author)
    first = registry.committedAt(VALUE)
    chain.mine(1, deltatime=100)
    for account in (author, stranger):
        assert said(registry.commit(VALUE, sender=account), registry) == []
    assert registry.committedAt(VALUE) == first


def test_anyone_may_send_it(registry, stranger):
    registry.commit(VALUE, sender=stranger)
    assert registry.committedAt(VALUE) == chain.blocks.head.timestamp


def test_what_was_never_committed_has_no_time(registry):
    assert registry.committedAt(VALUE) == 0
