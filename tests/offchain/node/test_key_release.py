"""Key release on a real chain: who gets no share first, then who does (DESIGN 6.4, K1, K2, K4)."""

import os
import secrets
from dataclasses import dataclass, replace
from typing import Any

import pytest
from node_world import World

from immurtal.chain import abi
from immurtal.chain.contracts import (
    ZERO_ADDRESS,
    ZERO_ID,
    Contracts,
    Visibility,
    block_parameter,
)
from immurtal.chain.eip712 import KeyRequest, Session
from immurtal.chain.rpc import RpcPool
from immurtal.chain.signatures import ERC1271_MAGIC
from immurtal.chain.signatures import YES as ERC1271_YES
from immurtal.chain.wallet import LocalKey
from immurtal.content.keys_file import KeysFile
from immurtal.errors import (
    AccessNotDeepYet,
    AccessRefused,
    IntegrityError,
    NotFound,
    Unreachable,
)
from immurtal.keys import hpke
from immurtal.keys.bodies import ShareReply
from immurtal.keys.node_keys import NodeKeys
from immurtal.keys.sealing import Binding, NodeKey, entry_for, open_reply, seal_keys_file
from immurtal.keys.sessions import SignedRequest, SignedSession, make_request, make_session
from immurtal.node.access import ChainAccess
from immurtal.node.identity import Identity, node_id
from immurtal.node.release import KeyRelease
from immurtal.node.view import ChainView

DEPTH = 3
ARTIST, BUYER, STRANGER = 1, 2, 3
OPERATOR = "0x" + "0b" * 20


class Shelf:
    """What the node holds, in memory."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], KeysFile] = {}
        self.broken: Exception | None = None

    async def releases_keys(self, certificate: str, release: str) -> bool:
        return (certificate, release) in self.files

    async def keys_file(self, certificate: str, release: str) -> KeysFile:
        if self.broken:
            raise self.broken
        return self.files[certificate, release]


@dataclass
class Network:
    """Two nodes that a release names, and one certificate with that release."""

    world: World
    identities: list[Identity]
    shelf: Shelf
    certificate: str
    release: str
    keys_file: KeysFile

    def node(
        self,
        number: int = 0,
        *,
        rpc: RpcPool | None = None,
        endpoints: list[Contracts] | None = None,
    ) -> KeyRelease:
        pool = rpc or self.world.rpc
        contracts = endpoints or [Contracts(pool, self.world.deployment)]
        view = ChainView(contracts, self.world.clock, DEPTH)
        return KeyRelease(
            identity=self.identities[number],
            deployment=self.world.deployment,
            chain=view,
            access=ChainAccess(view, self.world.clock),
            holdings=self.shelf,
            clock=self.world.clock,
        )

    @property
    def domain(self) -> dict[str, object]:
        return {
            "chain_id": self.world.deployment.chain_id,
            "registry": self.world.deployment.registry,
        }

    def binding(self, certificate: str) -> Binding:
        author = self.world.wallet(ARTIST).address
        return Binding(31337, self.world.deployment.registry, certificate, author)


@dataclass
class Listener:
    """A device with a session of its account; account None: for Open works."""

    network: Network
    account: int | None
    ttl: int = 3600

    def __post_init__(self) -> None:
        self.device = LocalKey.generate()
        self.session_key = hpke.generate()
        wallet = None if self.account is None else self.network.world.wallet(self.account)
        self.session = make_session(
            wallet,
            self.device,
            self.session_key.public,
            now=self.network.world.clock.now(),
            ttl=self.ttl,
            **self.network.domain,  # type: ignore[arg-type]
        )

    def request(self, **changes: object) -> SignedRequest:
        network = self.network
        request = KeyRequest(
            node_key=network.identities[0].keys.current.public.hash,
            certificate=network.certificate,
            release=network.release,
            key_id=network.keys_file.key_id,
            offer_id=ZERO_ID,
            time=network.world.clock.now(),
        )
        return make_request(
            self.session,
            self.device,
            replace(request, **changes),
            **network.domain,  # type: ignore[arg-type]
        )


async def ask(node: KeyRelease, signed: SignedRequest) -> ShareReply:
    await node.authenticate(signed)
    return await node.decide(signed)


async def assert_refused(reason: str, node: KeyRelease, signed: SignedRequest) -> AccessRefused:
    with pytest.raises(AccessRefused) as refused:
        await ask(node, signed)
    assert refused.value.reason == reason
    return refused.value


def identity() -> Identity:
    salt = "0x" + secrets.token_hex(32)
    return Identity(node_id(OPERATOR, salt), OPERATOR, NodeKeys.generate())


@pytest.fixture
async def network(world: World) -> Network:
    return await publish(world, Visibility.LICENSED)


async def publish(world: World, visibility: Visibility) -> Network:
    identities = [identity(), identity()]
    work, release = secrets.token_bytes(32), "0x" + secrets.token_hex(32)
    author = world.wallet(ARTIST).address
    keys_file = seal_keys_file(
        os.urandom(32),
        os.urandom(16),
        2,
        [NodeKey(one.node_id, one.keys.current.public) for one in identities],
        hpke.generate().public,
        Binding(31337, world.deployment.registry, "0x" + work.hex(), author),
    )
    certificate = await world.register(ARTIST, visibility, work=work, release=release)
    world.anvil.mine(DEPTH)
    shelf = Shelf()
    shelf.files[certificate, release] = keys_file
    return Network(world, identities, shelf, certificate, release, keys_file)


# who gets nothing


async def test_a_stranger(network: Network) -> None:
    await assert_refused("access-refused", network.node(), Listener(network, STRANGER).request())


async def test_a_licence_of_another_work(network: Network) -> None:
    other = await publish(network.world, Visibility.LICENSED)
    offer = await network.world.offer(ARTIST, other.certificate)
    await network.world.buy(BUYER, offer)
    network.world.anvil.mine(DEPTH)
    request = Listener(network, BUYER).request(offer_id=offer)
    await assert_refused("access-refused", network.node(), request)


async def test_an_unknown_certificate(network: Network) -> None:
    request = Listener(network, ARTIST).request(certificate="0x" + secrets.token_hex(32))
    await assert_refused("access-refused", network.node(), request)


async def test_a_request_captured_at_another_node(network: Network) -> None:
    captured = Listener(network, ARTIST).request()
    await ask(network.node(0), captured)
    await assert_refused("wrong-node", network.node(1), captured)


async def test_a_request_captured_and_sent_again_later(network: Network) -> None:
    captured = Listener(network, ARTIST).request()
    await ask(network.node(), captured)
    network.world.anvil.mine(1, 61)
    await assert_refused("clock-skew", network.node(), captured)


@pytest.mark.parametrize(("skew", "refused"), [(-61, True), (61, True), (-60, False), (60, False)])
async def test_the_clock_may_differ_by_a_minute(network: Network, skew: int, refused: bool) -> None:
    request = Listener(network, ARTIST).request(time=network.world.clock.now() + skew)
    if refused:
        await assert_refused("clock-skew", network.node(), request)
    else:
        await ask(network.node(), request)


async def test_an_expired_session(network: Network) -> None:
    listener = Listener(network, ARTIST, ttl=100)
    network.world.anvil.mine(1, 100)
    await assert_refused("session-expired", network.node(), listener.request())


async def test_a_session_of_more_than_a_week(network: Network) -> None:
    listener = Listener(network, ARTIST)
    session = replace(
        listener.session.session, expires=listener.session.session.not_before + 7 * 86_400 + 1
    )
    listener.session = signed_by(network, network.world.wallet(ARTIST), session)
    await assert_refused("session-invalid", network.node(), listener.request())


async def test_a_session_signed_by_somebody_else(network: Network) -> None:
    listener = Listener(network, ARTIST)
    session = listener.session.session
    listener.session = signed_by(network, network.world.wallet(STRANGER), session)
    await assert_refused("session-invalid", network.node(), listener.request())


async def test_a_session_of_no_account_signed_by_its_device_is_for_open_works_only(
    network: Network,
) -> None:
    await assert_refused("access-refused", network.node(), Listener(network, None).request())


async def test_a_request_signed_by_another_device(network: Network) -> None:
    good, thief = Listener(network, ARTIST), Listener(network, STRANGER)
    stolen = replace(thief.request(), session=good.session)
    await assert_refused("request-invalid", network.node(), stolen)


async def test_a_changed_request(network: Network) -> None:
    signed = Listener(network, ARTIST).request()
    changed = replace(signed, request=replace(signed.request, offer_id="0x" + "01" * 32))
    await assert_refused("request-invalid", network.node(), changed)


async def test_a_release_that_is_not_current(network: Network) -> None:
    newer = "0x" + secrets.token_hex(32)
    await network.world.send(
        ARTIST, "CopyrightRegistry", "publishRelease", network.certificate, newer
    )
    request = Listener(network, ARTIST).request()
    await assert_refused("release-not-current", network.node(), request)


async def test_a_release_that_was_not_accepted(network: Network) -> None:
    network.shelf.files.clear()
    await assert_refused("not-accepted", network.node(), Listener(network, ARTIST).request())


async def test_a_release_whose_keys_are_not_here(network: Network) -> None:
    network.shelf.broken = NotFound("The block is not here.")
    await assert_refused("not-accepted", network.node(), Listener(network, ARTIST).request())


@pytest.mark.parametrize("error", [Unreachable("Kubo is down."), IntegrityError("Changed.")])
async def test_a_store_that_fails_gives_nothing(network: Network, error: Exception) -> None:
    network.shelf.broken = error
    with pytest.raises(type(error)):
        await ask(network.node(), Listener(network, ARTIST).request())


async def test_a_release_that_names_other_nodes(network: Network) -> None:
    other = await publish(network.world, Visibility.LICENSED)
    network.shelf.files[network.certificate, network.release] = other.keys_file
    request = Listener(network, ARTIST).request(key_id=other.keys_file.key_id)
    await assert_refused("not-accepted", network.node(), request)


async def test_an_envelope_copied_into_ones_own_certificate(network: Network) -> None:
    thief = await network.world.register(
        STRANGER, Visibility.PRIVATE, work=secrets.token_bytes(32), release=network.release
    )
    network.world.anvil.mine(DEPTH)
    network.shelf.files[thief, network.release] = network.keys_file
    request = Listener(network, STRANGER).request(certificate=thief)
    await assert_refused("not-accepted", network.node(), request)


async def test_another_key_id(network: Network) -> None:
    request = Listener(network, ARTIST).request(key_id=os.urandom(16))
    await assert_refused("request-invalid", network.node(), request)


async def test_a_withdrawn_work_is_its_owners_only(network: Network) -> None:
    offer = await network.world.offer(ARTIST, network.certificate)
    await network.world.buy(BUYER, offer)
    withdrawn = ("setVisibility", network.certificate, Visibility.WITHDRAWN)
    await network.world.send(ARTIST, "CopyrightRegistry", *withdrawn)
    network.world.anvil.mine(DEPTH)
    request = Listener(network, BUYER).request(offer_id=offer)
    await assert_refused("access-refused", network.node(), request)
    await ask(network.node(), Listener(network, ARTIST).request())


async def test_access_that_has_ended_at_the_head_but_not_deeper(network: Network) -> None:
    grant = (network.certificate, network.world.wallet(BUYER).address)
    await network.world.send(ARTIST, "LicenseManager", "grant", *grant)
    network.world.anvil.mine(DEPTH)
    await ask(network.node(), Listener(network, BUYER).request())
    await network.world.send(ARTIST, "LicenseManager", "revokeGrant", *grant)
    await assert_refused("access-refused", network.node(), Listener(network, BUYER).request())


async def test_a_pass_that_has_expired_by_the_nodes_own_clock(network: Network) -> None:
    class LateHead(Contracts):
        """A chain whose blocks still count the pass."""

        async def expiry_of(self, *_: object, **__: object) -> int:
            return network.world.clock.now()

    offer = await network.world.offer(ARTIST, network.certificate)
    await network.world.buy(BUYER, offer)
    network.world.anvil.mine(DEPTH)
    endpoint = LateHead(network.world.rpc, network.world.deployment)
    request = Listener(network, BUYER).request(offer_id=offer)
    await assert_refused("access-refused", network.node(endpoints=[endpoint]), request)


# when the chain cannot be relied on


async def test_a_head_that_is_too_old(network: Network) -> None:
    listener = Listener(network, ARTIST)
    network.world.clock.ahead = 60
    await ask(network.node(), listener.request())
    network.world.clock.ahead = 61
    await assert_refused("chain-lagging", network.node(), listener.request())


async def test_no_endpoint_that_answers(network: Network) -> None:
    dead = RpcPool(["http://127.0.0.1:9"], timeout=1)
    await assert_refused(
        "chain-lagging", network.node(rpc=dead), Listener(network, ARTIST).request()
    )
    await dead.close()


async def test_one_endpoint_of_two_is_dead(network: Network) -> None:
    dead = RpcPool(["http://127.0.0.1:9"], timeout=1)
    both = [network.world.contracts, Contracts(dead, network.world.deployment)]
    await ask(network.node(endpoints=both), Listener(network, ARTIST).request())
    await dead.close()


async def test_an_endpoint_that_lies_about_access_is_outvoted_by_doubt(network: Network) -> None:
    class Liar(Contracts):
        async def has_access(self, *_: object, **__: object) -> bool:
            return True

    both = [Liar(network.world.rpc, network.world.deployment), network.world.contracts]
    request = Listener(network, STRANGER).request()
    await assert_refused("chain-lagging", network.node(endpoints=both), request)


class Inventor(RpcPool):
    """An endpoint that speaks of blocks that nobody else knows, and says yes to everything."""

    only_the_head = False

    async def call(self, method: str, params: list[Any]) -> Any:
        answer = await super().call(method, _known(params))
        if method == "eth_getBlockByNumber":
            honest = self.only_the_head and params[0] != "latest"
            return answer if honest else answer | {"hash": INVENTED}
        return YES if _selector(params) == HAS_ACCESS else answer


INVENTED = "0x" + "ee" * 32
YES = "0x" + "1".zfill(64)
HAS_ACCESS = abi.encode_call("LicenseManager", "hasAccess", INVENTED, ZERO_ADDRESS, 0)[:4].hex()


def _known(params: list[Any]) -> list[Any]:
    return [params[0], "latest"] if params[-1] == block_parameter(INVENTED) else params


def _selector(params: list[Any]) -> str:
    return params[0]["data"][2:10] if isinstance(params[0], dict) else ""


@pytest.mark.parametrize("first", [0, 1])
async def test_an_endpoint_that_invents_blocks_is_not_believed_alone(
    network: Network, first: int
) -> None:
    """The honest one knows no such block: that is an answer, not silence."""
    inventor = Inventor([network.world.anvil.url])
    lying = Contracts(inventor, network.world.deployment)
    alone = await ask(network.node(endpoints=[lying]), Listener(network, STRANGER).request())
    assert alone.node == network.identities[0].node_id  # the lie itself is good enough
    both = [lying, network.world.contracts]
    node = network.node(endpoints=both if first == 0 else both[::-1])
    await assert_refused("chain-lagging", node, Listener(network, STRANGER).request())
    await inventor.close()


async def test_an_endpoint_that_invents_a_head_to_hide_a_revocation(network: Network) -> None:
    grant = (network.certificate, network.world.wallet(BUYER).address)
    await network.world.send(ARTIST, "LicenseManager", "grant", *grant)
    network.world.anvil.mine(DEPTH)
    await network.world.send(ARTIST, "LicenseManager", "revokeGrant", *grant)
    inventor = Inventor([network.world.anvil.url])
    inventor.only_the_head = True
    lying = Contracts(inventor, network.world.deployment)
    node = network.node(endpoints=[lying, network.world.contracts])
    await assert_refused("chain-lagging", node, Listener(network, BUYER).request())
    await inventor.close()


async def test_an_endpoint_that_vouches_for_signatures_is_not_believed_alone(
    network: Network,
) -> None:
    class Forger(RpcPool):
        async def call(self, method: str, params: list[Any]) -> Any:
            forged = _selector(params) == ERC1271_MAGIC.hex()
            return ERC1271_YES if forged else await super().call(method, params)

    forger = Forger([network.world.anvil.url])
    lying = Contracts(forger, network.world.deployment)
    thief = Listener(network, STRANGER)
    session = replace(thief.session.session, account=network.world.wallet(ARTIST).address)
    thief.session = signed_by(network, network.world.wallet(STRANGER), session)
    await ask(network.node(endpoints=[lying]), thief.request())
    both = network.node(endpoints=[network.world.contracts, lying])
    await assert_refused("chain-lagging", both, thief.request())
    await forger.close()


async def test_an_endpoint_that_is_a_block_ahead_is_no_liar(network: Network) -> None:
    class Late(RpcPool):
        async def call(self, method: str, params: list[Any]) -> Any:
            at = [seen, False] if params == ["latest", False] else params
            return await super().call(method, at)

    seen = network.world.anvil.rpc("eth_blockNumber")
    network.world.anvil.mine()
    late = Late([network.world.anvil.url])
    both = [network.world.contracts, Contracts(late, network.world.deployment)]
    await ask(network.node(endpoints=both), Listener(network, ARTIST).request())
    await late.close()


async def test_a_head_of_the_future(network: Network) -> None:
    """Whose chain is it, and which passes has it let expire?"""
    network.world.clock.ahead = -60
    await ask(network.node(), Listener(network, ARTIST).request())
    network.world.clock.ahead = -61
    await assert_refused("chain-lagging", network.node(), Listener(network, ARTIST).request())


# who gets a share, and when


async def test_access_not_deep_enough_says_when_to_come_back(network: Network) -> None:
    offer = await network.world.offer(ARTIST, network.certificate)
    await network.world.buy(BUYER, offer)
    listener = Listener(network, BUYER)
    for _ in range(DEPTH):
        with pytest.raises(AccessNotDeepYet) as early:
            await ask(network.node(), listener.request(offer_id=offer))
        assert 1 <= early.value.retry_after <= DEPTH * 60
        network.world.anvil.mine()
    reply = await ask(network.node(), listener.request(offer_id=offer))
    assert opened(network, listener, reply)


async def test_owner_grant_and_open(network: Network) -> None:
    granted = (network.certificate, network.world.wallet(BUYER).address)
    await network.world.send(ARTIST, "LicenseManager", "grant", *granted)
    network.world.anvil.mine(DEPTH)
    for account in (ARTIST, BUYER):
        listener = Listener(network, account)
        assert opened(network, listener, await ask(network.node(), listener.request()))

    everyone = await publish(network.world, Visibility.OPEN)
    anybody = Listener(everyone, None)
    assert anybody.session.session.account == ZERO_ADDRESS
    assert opened(everyone, anybody, await ask(everyone.node(), anybody.request()))


async def test_shares_sealed_to_a_retired_key_stay_playable(network: Network) -> None:
    before = network.identities[0]
    request = Listener(network, ARTIST).request()
    network.identities[0] = replace(before, keys=before.keys.rotated())
    reply = await ask(network.node(), request)
    assert reply.node == before.node_id


async def test_a_reply_opens_with_the_session_key_alone(network: Network) -> None:
    listener = Listener(network, ARTIST)
    reply = await ask(network.node(), listener.request())
    thief = Listener(network, ARTIST)
    with pytest.raises(IntegrityError):
        opened(network, thief, reply)
    assert opened(network, listener, reply)


def opened(network: Network, listener: Listener, reply: ShareReply) -> bytes:
    entry = entry_for(network.keys_file, network.identities[0].keys.current.public.hash)
    assert (reply.index, reply.node) == (entry.index, network.identities[0].node_id)
    binding = network.binding(network.certificate)
    key_id = network.keys_file.key_id
    return open_reply(reply.sealed, entry, key_id, binding, listener.session_key)


def signed_by(network: Network, wallet: LocalKey, session: Session) -> SignedSession:
    registry = network.world.deployment.registry
    return SignedSession(session, wallet.sign_digest_of_typed(session, 31337, registry))
