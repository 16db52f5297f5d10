"""`contest` on a real chain: an older commitment is proved; nothing is revealed before a yes."""

import hashlib
from pathlib import Path

import click
import pytest
from shop import Shop, fresh

from immurtal.chain import abi
from immurtal.chain.contracts import ZERO_ADDRESS
from immurtal.errors import BadInput, NotFound


@pytest.fixture
def salt(tmp_path: Path) -> Path:
    file = tmp_path / "salt.txt"
    file.write_text(fresh() + "\n")
    return file


def register(shop: Shop, work: str, who: str = "seller") -> None:
    """As somebody does who commits now."""
    salt = fresh()
    shop.commit(who, [work], salt)
    row = (work, fresh(), 0, ZERO_ADDRESS)
    shop.contract(who, "CopyrightRegistry", "register", [row], salt)


def words(salt: Path, *works: str) -> list[str]:
    return ["--salt-file", str(salt), *(word for work in works for word in ("--work", work))]


def test_a_work_without_a_certificate(shop: Shop, salt: Path) -> None:
    work = fresh()
    error = shop.fail("contest", work, *words(salt, work))
    assert type(error) is NotFound
    assert error.what == f"There is no certificate {work}."


def test_who_never_committed_proves_nothing(shop: Shop, salt: Path, tmp_path: Path) -> None:
    work = fresh()
    register(shop, work)
    error = shop.fail("contest", work, *words(salt, work), "--yes")
    assert type(error) is NotFound
    assert error.what.endswith("is on chain: it was never sent.")
    error = shop.fail("contest", work, "--home", str(tmp_path / "none"), "--yes")
    assert type(error) is NotFound
    assert error.what.endswith("is on chain: none that names it is kept here.")
    assert error.saved == "Nothing was revealed."


def test_a_younger_commitment_proves_nothing(shop: Shop, salt: Path) -> None:
    work = fresh()
    register(shop, work)
    shop.commit("buyer", [work], salt.read_text().strip())
    error = shop.fail("contest", work, *words(salt, work), "--yes")
    assert type(error) is BadInput
    assert "not older than the author's" in error.what


def test_an_author_contests_nothing_of_theirs(shop: Shop, salt: Path) -> None:
    work = fresh()
    register(shop, work)
    error = shop.fail("contest", work, *words(salt, work), "--yes", by="seller")
    assert error.what == f"{shop['seller']} is the author of {work} already."


def test_an_older_commitment_is_recorded_after_a_yes(
    shop: Shop, salt: Path, tmp_path: Path
) -> None:
    song = tmp_path / "song.wav"
    song.write_bytes(fresh().encode())
    work, other = "0x" + hashlib.sha256(song.read_bytes()).hexdigest(), fresh()
    shop.commit("buyer", [other, work], salt.read_text().strip())
    register(shop, work)
    line = ["contest", str(song), *words(salt, other, work)]
    sent = shop.nonce()
    with pytest.raises(click.Abort):
        shop.run(*line, typed="n\n")
    assert "Warning: this reveals 1 other work(s) of your commitment for ever." in shop.said
    assert shop.nonce() == sent
    done = shop.run(*line, "--yes")
    assert (done["certificate"], done["revealed"]) == (work, [other, work])
    assert done["committedAt"] < done["authorCommittedAt"]
    log = shop.anvil.rpc("eth_getTransactionReceipt", done["transaction"])["logs"][0]
    event = abi.decode_log(log, "CopyrightRegistry")
    assert event is not None
    assert (event.name, event.args) == (
        "Contested",
        {"workHash": work, "claimant": shop["buyer"], "committedAt": done["committedAt"]},
    )
