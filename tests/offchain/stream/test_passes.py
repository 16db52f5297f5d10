"""A bought pass plays while it lasts; ended, it is refused by its renewal's name, before a node is
asked; renewed, it plays again."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from stream_world import Stage

from immurtal import cli
from immurtal.chain.contracts import ZERO_ADDRESS, OfferKind, Visibility
from immurtal.chain.transactions import Sender
from immurtal.chain.wallet import KeystoreWallet, LocalKey
from immurtal.cli.amounts import moment
from immurtal.errors import AccessRefused
from immurtal.publish.actions import Actions, OfferTerms, fresh_salt
from immurtal.stream.basket import look
from immurtal.stream.licence import EndedPass, ended_pass, find_access
from immurtal.stream.paying import Pay, carry_out, plan

HOUR = 3600
SECRET = "open sesame"


@pytest.fixture
def size() -> int:
    return 300_000


@pytest.fixture
async def offer(stage: Stage) -> str:
    """A pass of an hour for the stage's work, which is licensed now."""
    await stage.send("CopyrightRegistry", "setVisibility", stage.certificate, Visibility.LICENSED)
    about = ((stage.certificate,), OfferKind.PASS, ZERO_ADDRESS, HOUR)
    terms = OfferTerms(*about, False, 0, fresh_salt(), fresh_salt())
    await Actions(stage.contracts, stage.sender).create_offer(terms, 1000, 0)
    return terms.id(stage.sender.wallet.address)


@pytest.fixture
def buyer(stage: Stage) -> LocalKey:
    wallet = KeystoreWallet.create(stage.folder / "buyer.json", SECRET, scrypt_n=2)
    (stage.folder / "passphrase").write_text(SECRET + "\n")
    stage.anvil.rpc("anvil_setBalance", wallet.address, hex(10**18))
    return wallet


async def buy(stage: Stage, wallet: LocalKey, offer: str) -> int:
    """When the pass ends then."""
    basket = await look(stage.contracts, [offer], recipient=wallet.address)
    planned = await plan(stage.contracts, basket, wallet.address, Pay.AUTO)
    sender = Sender(stage.contracts.rpc, wallet, 31337)
    bought = await carry_out(stage.contracts, sender, wallet, planned, print)
    (sold,) = bought.sold
    return sold.expiry


async def play(stage: Stage, deployments: Path, *words: str) -> dict[str, object]:
    """As typed; raises what the command ends with."""
    nodes = [word for node in stage.work.nodes for word in ("--node", node.node_id)]
    line = [
        *("play", stage.certificate, "-o", str(stage.folder / "song.wav"), "--json", *words),
        *("--home", str(stage.folder / "listener"), *nodes, "--rpc", stage.anvil.url),
        *("--chain-id", "31337", "--deployments", str(deployments)),
        *("--keystore", str(stage.folder / "buyer.json")),
        *("--passphrase-file", str(stage.folder / "passphrase")),
    ]
    runner = CliRunner(mix_stderr=False)
    done = await asyncio.to_thread(runner.invoke, cli.cli, line, standalone_mode=False)
    if done.exception:
        raise done.exception
    return dict(json.loads(done.stdout))


async def test_a_pass_plays_until_it_ends_and_again_when_it_is_renewed(
    stage: Stage, deployment_file: Path, buyer: LocalKey, offer: str
) -> None:
    with pytest.raises(AccessRefused) as stranger:
        await play(stage, deployment_file)
    assert stranger.value.what == f"{buyer.address} has no access to {stage.certificate}."

    ends = await buy(stage, buyer, offer)
    heard = await play(stage, deployment_file)
    assert heard["bytes"] == len(stage.work.audio)
    assert (stage.folder / "song.wav").read_bytes() == stage.work.audio

    stage.anvil.mine(2, HOUR)
    asked = sum(node.asked["shares"] for node in stage.work.nodes)
    for words in ([], ["--offer", offer]):
        with pytest.raises(AccessRefused) as ended:
            await play(stage, deployment_file, *words)
        assert ended.value.what == (
            f"The pass of {buyer.address} for {stage.certificate} ended on {moment(ends)}."
        )
        assert ended.value.do == f"Renew it with `immurtal buy {offer}`."
        assert ended.value.exit_code == 7
    assert sum(node.asked["shares"] for node in stage.work.nodes) == asked

    assert await buy(stage, buyer, offer) > ends + HOUR
    await play(stage, deployment_file, "--offer", offer)


async def test_what_an_account_may_rely_on(stage: Stage, buyer: LocalKey, offer: str) -> None:
    account, work = buyer.address, stage.certificate
    assert await find_access(stage.contracts, work, account) is None
    assert await ended_pass(stage.contracts, work, account) is None
    ends = await buy(stage, buyer, offer)
    assert await find_access(stage.contracts, work, account) == offer
    assert await ended_pass(stage.contracts, work, account) is None
    stage.anvil.mine(2, HOUR)
    assert await find_access(stage.contracts, work, account) is None
    assert await ended_pass(stage.contracts, work, account) == EndedPass(offer, ends)
    assert await ended_pass(stage.contracts, fresh_salt(), account) is None


async def test_whether_a_named_offer_gives_access_is_for_the_nodes_to_say(
    stage: Stage, deployment_file: Path, buyer: LocalKey, offer: str
) -> None:
    """(These nodes give to anybody; what real ones do: tests/e2e/test_errors.py.)"""
    asked = sum(node.asked["shares"] for node in stage.work.nodes)
    await play(stage, deployment_file, "--offer", offer)
    assert sum(node.asked["shares"] for node in stage.work.nodes) > asked
