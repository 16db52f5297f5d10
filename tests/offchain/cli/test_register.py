"""`register` on a real chain: by the author, by a signature, by nobody else; and nothing that holds
a work hash leaves before its commitment protects it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from local_chain import Anvil
from shop import Shop, fresh

from immurtal.chain.contracts import ZERO_ADDRESS
from immurtal.errors import BadInput, ImmurtalError, NotFound, WrongNetwork
from immurtal.publish.actions import commitment
from immurtal.publish.certifying import decode_registration


@pytest.fixture
def salt(tmp_path: Path) -> Path:
    file = tmp_path / "salt.txt"
    file.write_text(fresh() + "\n")
    return file


@pytest.fixture
def works() -> list[str]:
    return [fresh(), fresh()]


def named(works: list[str]) -> list[str]:
    return [f"{work}={fresh()}" for work in works]


def commit(shop: Shop, works: list[str], salt: Path, who: str = "seller") -> str:
    return shop.commit(who, works, salt.read_text().strip())


@pytest.fixture
def signed(shop: Shop, works: list[str], salt: Path, tmp_path: Path) -> Path:
    """By the seller, who sends nothing."""
    commit(shop, works, salt)
    file = tmp_path / "registration.json"
    sent = shop.nonce("seller")
    words = ["--salt-file", str(salt), "--sign", "--out", str(file), "--visibility", "licensed"]
    shop.run("register", *named(works), *words, by="seller")
    assert shop.nonce("seller") == sent
    return file


@pytest.fixture
def asked(anvil: Anvil, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every body that the command sends to the endpoint."""
    import httpx

    bodies: list[str] = []
    send = httpx.AsyncClient.send

    async def listening(self: Any, request: httpx.Request, **options: Any) -> httpx.Response:
        bodies.append(request.content.decode())
        return await send(self, request, **options)

    monkeypatch.setattr(httpx.AsyncClient, "send", listening)
    return bodies


def refused(shop: Shop, file: Path) -> ImmurtalError:
    sent = shop.nonce("relayer")
    error = shop.fail("register", "--relay", str(file), "--yes", by="relayer")
    assert shop.nonce("relayer") == sent
    return error


def change(file: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    body = json.loads(file.read_text())
    edit(body)
    file.write_text(json.dumps(body))


@pytest.mark.parametrize("words", [[], ["--sign", "--out", "f"]])
def test_without_a_commitment_nothing_is_told_to_anyone(
    shop: Shop, works: list[str], salt: Path, asked: list[str], words: list[str]
) -> None:
    value = commitment(shop["seller"], works, salt.read_text().strip())
    line = ["register", *named(works), "--salt-file", str(salt), "--yes", *words]
    error = shop.fail(*line, by="seller")
    assert type(error) is NotFound
    assert error.what.startswith(f"The commitment {value} is not on chain")
    assert f"immurtal register --commit {value}" in error.do
    assert asked
    assert not [body for body in asked for work in works if work[2:] in body]


def test_the_author_registers_and_a_registered_one_is_skipped(
    shop: Shop, works: list[str], salt: Path
) -> None:
    commit(shop, works[:1], salt, "relayer")
    line = [f"{works[0]}={fresh()}", "--salt-file", str(salt), "--yes"]
    first = shop.run("register", *line, by="relayer")
    assert first["certificates"] == works[:1]

    commit(shop, works, salt)
    done = shop.run("register", *named(works), "--salt-file", str(salt), "--yes", by="seller")
    assert (done["certificates"], done["skipped"]) == (works[1:], works[:1])
    again = shop.fail("register", *named(works), "--salt-file", str(salt), "--yes", by="seller")
    assert type(again) is BadInput
    assert again.what == "All of these works have certificates already."


def test_somebody_else_sends_it_and_the_author_owns_it(
    shop: Shop, signed: Path, works: list[str]
) -> None:
    done = shop.run("register", "--relay", str(signed), "--yes", by="relayer")
    assert (done["author"], done["certificates"]) == (shop["seller"], works)
    certificate = shop.read("CopyrightRegistry", "certificateOf", works[0])
    assert certificate["owner"] == certificate["author"] == shop["seller"]
    assert (certificate["visibility"], certificate["payout"]) == (1, ZERO_ADDRESS)
    again = refused(shop, signed)
    assert type(again) is BadInput
    assert again.what == "All of these works have certificates already."


def test_a_changed_registration_is_not_its_authors(shop: Shop, signed: Path) -> None:
    change(signed, lambda body: body["register"]["works"][0].update(payout=shop["relayer"]))
    error = refused(shop, signed)
    assert type(error) is BadInput
    assert error.what == f"The registration is not signed by its author {shop['seller']}."


def test_a_registration_that_expired(shop: Shop, signed: Path) -> None:
    deadline = json.loads(signed.read_text())["register"]["deadline"]
    shop.anvil.mine(2, 25 * 3600)
    error = refused(shop, signed)
    assert type(error) is BadInput
    assert error.what == f"The registration was to be sent until {deadline} (seconds since 1970)."


def test_a_registration_for_another_registry(shop: Shop, signed: Path) -> None:
    change(signed, lambda body: body.update(registry=shop["relayer"]))
    assert type(refused(shop, signed)) is WrongNetwork


def test_a_registration_reads_back(signed: Path) -> None:
    raw = signed.read_bytes()
    assert decode_registration(raw).to_json() == json.loads(raw)
    assert signed.stat().st_mode & 0o777 == 0o600


def test_an_order_is_no_registration(shop: Shop, signed: Path) -> None:
    change(signed, lambda body: body.update(type="immurtal/purchase"))
    error = refused(shop, signed)
    assert "is a file of type 'immurtal/purchase', not 'immurtal/registration'" in error.what


def test_anybody_sends_a_commitment_once(shop: Shop, works: list[str], salt: Path) -> None:
    value = commitment(shop["seller"], works, salt.read_text().strip())
    done = shop.run("register", "--commit", value, by="relayer")
    assert done["committedAt"] == shop.now
    error = shop.fail("register", "--commit", value, by="relayer")
    assert type(error) is BadInput
    assert "is on chain since" in error.what


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "Give works, --job, --relay FILE or --commit"),
        (["--sign"], "Give works"),
        (["--commit", fresh(), "--sign", "--out", "f"], "--sign is for your own works"),
        ([f"{fresh()}={fresh()}"], "need the --salt-file"),
        ([f"{fresh()}={fresh()}", "--sign"], "go together"),
    ],
)
def test_words_that_do_not_fit(shop: Shop, words: list[str], told: str) -> None:
    with pytest.raises(click.UsageError, match=told):
        shop.run("register", *words)


def test_what_is_no_work(shop: Shop, salt: Path) -> None:
    error = shop.fail("register", "0x12", "--salt-file", str(salt))
    assert error.what == "'0x12' names no release."
    error = shop.fail("register", "0x12=0x13", "--salt-file", str(salt))
    assert error.what == "'0x12' is no work hash and no file."
    salt.write_text("pepper\n")
    error = shop.fail("register", f"{fresh()}={fresh()}", "--salt-file", str(salt))
    assert error.what == f"The first line of {salt} is not 0x and 64 lower-case hex digits."
