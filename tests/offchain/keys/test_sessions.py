"""Sessions and requests: a captured one is of no use elsewhere, later, or to somebody else (K4)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from local_chain import Anvil

from immurtal.chain.eip712 import KeyRequest, Store
from immurtal.chain.rpc import Rpc
from immurtal.chain.signatures import ZERO_ADDRESS
from immurtal.chain.wallet import LocalKey, Wallet
from immurtal.errors import AccessRefused, BadInput
from immurtal.keys.hpke import generate
from immurtal.keys.refusals import (
    ClockSkew,
    RequestInvalid,
    SessionExpired,
    SessionInvalid,
    WrongNode,
)
from immurtal.keys.sessions import (
    SignedRequest,
    SignedSession,
    check_request,
    check_session,
    make_request,
    make_session,
)
from immurtal.keys.store import check_store, make_store

NOW = 1_800_000_000
WEEK = 7 * 24 * 3600
REGISTRY, CHAIN = "0x" + "c0" * 20, 31337
HERE = {"chain_id": CHAIN, "registry": REGISTRY}
WALLET, DEVICE, STRANGER = (LocalKey(bytes([i]) * 32) for i in (1, 2, 3))
SESSION_KEY = generate()
NODE_KEY, OTHER_NODE_KEY = generate().public.hash, generate().public.hash
REQUEST = KeyRequest(NODE_KEY, "0x" + "11" * 32, "0x" + "22" * 32, bytes(16), "0x" + "00" * 32, NOW)
STORE = Store(NODE_KEY, "0x" + "11" * 32, "0x" + "22" * 32, 1000, NOW)


@pytest.fixture
async def rpc(anvil: Anvil) -> AsyncIterator[Rpc]:
    rpc = Rpc(anvil.url)
    yield rpc
    await rpc.close()


def session(
    wallet: Wallet | None = WALLET, device: LocalKey = DEVICE, **where: Any
) -> SignedSession:
    return make_session(wallet, device, SESSION_KEY.public, now=NOW, ttl=3600, **(HERE | where))


def request(**changes: Any) -> SignedRequest:
    return make_request(session(), DEVICE, replace(REQUEST, **changes), **HERE)


def checked(signed: SignedRequest, **changes: Any) -> None:
    check_request(signed, **({"now": NOW, "node_keys": [NODE_KEY], **HERE} | changes))


def resigned(signed: SignedSession, signer: LocalKey, **changes: Any) -> SignedSession:
    changed = replace(signed.session, **changes)
    return SignedSession(changed, signer.sign_digest_of_typed(changed, CHAIN, REGISTRY))


@pytest.mark.parametrize("ttl", [-1, 0, WEEK + 1])
def test_a_session_of_another_length_is_not_signed(ttl: int) -> None:
    with pytest.raises(BadInput, match=f"1 to {WEEK} seconds, not {ttl}"):
        make_session(WALLET, DEVICE, SESSION_KEY.public, now=NOW, ttl=ttl, **HERE)


def test_a_request_is_signed_by_its_sessions_device_only() -> None:
    with pytest.raises(BadInput, match="another device key"):
        make_request(session(), STRANGER, REQUEST, **HERE)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"not_before": NOW, "expires": NOW}, id="no time"),
        pytest.param({"not_before": NOW + 1, "expires": NOW}, id="backwards"),
        pytest.param({"expires": NOW + WEEK + 1}, id="too long"),
        pytest.param({"kem": 0x21}, id="unknown KEM"),
        pytest.param({"session_key": bytes(31)}, id="short key"),
    ],
)
async def test_a_session_that_should_not_have_been_signed(rpc: Rpc, changes: Any) -> None:
    with pytest.raises(SessionInvalid):
        await check_session(rpc, resigned(session(), WALLET, **changes), now=NOW, **HERE)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"account": STRANGER.address}, id="account"),
        pytest.param({"account": ZERO_ADDRESS}, id="no account"),
        pytest.param({"device": STRANGER.address}, id="device"),
        pytest.param({"session_key": bytes(32)}, id="session key"),
        pytest.param({"not_before": NOW - 1}, id="begin"),
        pytest.param({"expires": NOW + 3601}, id="end"),
    ],
)
async def test_a_session_with_any_member_changed(rpc: Rpc, changes: Any) -> None:
    signed = session()
    changed = replace(signed, session=replace(signed.session, **changes))
    with pytest.raises(SessionInvalid, match="not signed by"):
        await check_session(rpc, changed, now=NOW, **HERE)


@pytest.mark.parametrize("where", [{"chain_id": 1}, {"registry": "0x" + "c1" * 20}])
async def test_a_session_of_another_chain_or_registry(rpc: Rpc, where: Any) -> None:
    with pytest.raises(SessionInvalid, match="for this chain and registry"):
        await check_session(rpc, session(**where), now=NOW, **HERE)


async def test_a_session_lasts_from_its_begin_to_its_end(rpc: Rpc) -> None:
    signed = session()
    for now in (NOW - 60, NOW, NOW + 3599):
        await check_session(rpc, signed, now=now, **HERE)
    with pytest.raises(ClockSkew, match="begins 61 seconds from now"):
        await check_session(rpc, signed, now=NOW - 61, **HERE)
    with pytest.raises(SessionExpired, match="has expired"):
        await check_session(rpc, signed, now=NOW + 3600, **HERE)


async def test_for_open_works_the_device_signs_and_nobody_else(rpc: Rpc) -> None:
    signed = session(wallet=None)
    assert signed.session.account == ZERO_ADDRESS
    await check_session(rpc, signed, now=NOW, **HERE)
    with pytest.raises(SessionInvalid):
        await check_session(rpc, resigned(signed, WALLET), now=NOW, **HERE)


async def test_a_device_cannot_sign_its_own_session(rpc: Rpc) -> None:
    with pytest.raises(SessionInvalid):
        await check_session(rpc, resigned(session(), DEVICE), now=NOW, **HERE)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"certificate": "0x" + "12" * 32}, id="certificate"),
        pytest.param({"release": "0x" + "23" * 32}, id="release"),
        pytest.param({"key_id": b"\1" * 16}, id="key id"),
        pytest.param({"offer_id": "0x" + "01" * 32}, id="offer"),
        pytest.param({"time": NOW + 1}, id="time"),
        pytest.param({"node_key": OTHER_NODE_KEY}, id="node key"),
    ],
)
def test_a_captured_request_with_any_member_changed(changes: Any) -> None:
    captured = request()
    changed = replace(captured, request=replace(captured.request, **changes))
    with pytest.raises(RequestInvalid, match="not signed by its session's device"):
        checked(changed, node_keys=[NODE_KEY, OTHER_NODE_KEY])


def test_a_captured_request_at_another_node() -> None:
    with pytest.raises(WrongNode, match="none of this node's"):
        checked(request(), node_keys=[OTHER_NODE_KEY])


@pytest.mark.parametrize("where", [{"chain_id": 1}, {"registry": "0x" + "c1" * 20}])
def test_a_captured_request_on_another_chain_or_registry(where: Any) -> None:
    with pytest.raises(RequestInvalid):
        checked(request(), **where)


def test_a_captured_request_under_another_session() -> None:
    """Whoever puts their own session in front of it gets nothing: their device did not sign."""
    stolen = replace(request(), session=session(STRANGER, STRANGER))
    with pytest.raises(RequestInvalid):
        checked(stolen)


@pytest.mark.parametrize("skew", [-61, 61, 10**9])
def test_a_request_of_another_time(skew: int) -> None:
    with pytest.raises(ClockSkew, match=f"{abs(skew)} seconds from this node's clock"):
        checked(request(), now=NOW + skew)


def test_a_good_request_passes_for_a_minute_at_current_and_retired_keys() -> None:
    for now in (NOW - 60, NOW, NOW + 60):
        checked(request(), now=now, node_keys=[OTHER_NODE_KEY, NODE_KEY])


async def test_refusals_carry_the_suffix_of_the_answer(rpc: Rpc) -> None:
    for refusal, suffix in (
        (SessionInvalid, "session-invalid"),
        (SessionExpired, "session-expired"),
        (RequestInvalid, "request-invalid"),
        (ClockSkew, "clock-skew"),
        (WrongNode, "wrong-node"),
    ):
        made = refusal("why", do="what")
        assert isinstance(made, AccessRefused)
        assert (made.reason, made.kind, made.exit_code) == (suffix, suffix, 7)
        assert made.paragraph() == "why what"


async def store_checked(rpc: Rpc, store: Store, signer: LocalKey, **changes: Any) -> None:
    settings = {"owner": WALLET.address, "now": NOW, "node_keys": [NODE_KEY], **HERE} | changes
    await check_store(rpc, make_store(signer, store, **HERE), **settings)


async def test_stores_that_are_refused(rpc: Rpc) -> None:
    with pytest.raises(RequestInvalid, match=f"not signed by {WALLET.address}"):
        await store_checked(rpc, STORE, STRANGER)
    with pytest.raises(RequestInvalid):
        await store_checked(rpc, STORE, WALLET, owner=STRANGER.address)
    with pytest.raises(RequestInvalid):
        await store_checked(rpc, STORE, WALLET, owner=ZERO_ADDRESS)
    with pytest.raises(RequestInvalid):
        await store_checked(rpc, STORE, WALLET, chain_id=1)
    with pytest.raises(WrongNode):
        await store_checked(rpc, STORE, WALLET, node_keys=[OTHER_NODE_KEY])
    with pytest.raises(ClockSkew):
        await store_checked(rpc, STORE, WALLET, now=NOW + 61)


async def test_the_owners_store_passes(rpc: Rpc) -> None:
    await store_checked(rpc, STORE, WALLET)
