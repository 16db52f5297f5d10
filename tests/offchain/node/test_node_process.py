"""One whole node, with a real Kubo and a real chain, from the first start to the second."""

import asyncio
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from local_chain import Anvil, deploy_contracts, run_anvil
from node_process import NodeProcess
from node_world import ChainClock, World

from immurtal.chain.contracts import ZERO_ID, Visibility
from immurtal.chain.deployment import Deployment
from immurtal.chain.eip712 import Store
from immurtal.chain.http import NodeClient
from immurtal.chain.rpc import RpcPool
from immurtal.chain.wallet import KeystoreWallet, LocalKey
from immurtal.config import NetworkConfig, NodeConfig
from immurtal.content.cid import raw_cid
from immurtal.content.keys_file import KeysFile
from immurtal.content.metadata import Details
from immurtal.content.release import (
    BuiltRelease,
    VariantSource,
    build_release,
    car_size,
    car_stream,
)
from immurtal.errors import AccessRefused
from immurtal.keys import hpke
from immurtal.keys.asking import Asked, HeldSession, ask_patiently
from immurtal.keys.bodies import encode_store
from immurtal.keys.sealing import Binding, NodeKey, entry_for, seal_keys_file
from immurtal.keys.sessions import make_session
from immurtal.keys.store import make_store
from immurtal.node.identity import Identity
from immurtal.node.setup import Choices, create

ARTIST, STRANGER, OPERATOR = 1, 3, 4
AUDIO_BYTES = 600_000
PIECE = 250_000


@pytest.fixture(scope="module")
def ticking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    with run_anvil(tmp_path_factory.mktemp("anvil"), "--block-time", "1") as anvil:
        yield anvil


@pytest.fixture(scope="module")
def deployments(ticking: Anvil, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("deployments") / "31337.json"
    path.write_text(json.dumps(deploy_contracts(ticking)))
    return path


@pytest.fixture
async def world(ticking: Anvil, deployments: Path) -> AsyncIterator[World]:
    rpc = RpcPool([ticking.url])
    yield World(ticking, Deployment.load(deployments), rpc, ChainClock(ticking))
    await rpc.close()


@pytest.fixture(scope="module")
def node(
    ticking: Anvil, deployments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeProcess]:
    folder = tmp_path_factory.mktemp("node")
    process = NodeProcess(new_node(folder, ticking, deployments), folder / "node.log")
    process.start()
    try:
        process.wait_until_ready()
        yield process
    finally:
        process.end()


def new_node(folder: Path, anvil: Anvil, deployments: Path) -> NodeConfig:
    network = NetworkConfig(31337, (anvil.url,), deployments)
    choices = Choices(anvil.wallet(OPERATOR).address, first_port=20_000 + secrets.randbelow(9000))
    return create(folder / "node", network, choices)


@dataclass
class Published:
    """A registered release that this node and another, which does not run, are named in."""

    certificate: str
    release: str
    built: BuiltRelease
    keys_file: KeysFile
    binding: Binding


async def publish(world: World, config: NodeConfig, folder: Path) -> Published:
    audio = folder / "audio.opus"
    audio.write_bytes(os.urandom(AUDIO_BYTES))
    work = sha256(audio.read_bytes()).digest()
    author, registry = world.wallet(ARTIST).address, world.deployment.registry
    binding = Binding(31337, registry, "0x" + work.hex(), author)
    content_key, key_id = os.urandom(32), os.urandom(16)
    identity = Identity.load(config)
    named = [
        NodeKey(identity.node_id, identity.keys.current.public),
        NodeKey("0x" + secrets.token_hex(32), hpke.generate().public),
    ]
    recovery = hpke.generate().public
    keys_file = seal_keys_file(content_key, key_id, 2, named, recovery, binding)
    built = build_release(
        folder / "release",
        variants=[VariantSource(audio, "opus", 128_000)],
        details=Details("A song"),
        keys_json=keys_file.encode(),
        content_key=content_key,
        key_id=key_id,
        chain_id=31337,
        registry=registry,
        work_hash=work,
    )
    release = "0x" + built.root.hex()
    certificate = await world.register(ARTIST, Visibility.LICENSED, work=work, release=release)
    return Published(certificate, release, built, keys_file, binding)


def store_body(
    world: World, config: NodeConfig, published: Published, account: int, **changes: object
) -> dict[str, object]:
    values: dict[str, object] = {
        "node_key": Identity.load(config).keys.current.public.hash,
        "certificate": published.certificate,
        "release": published.release,
        "size": car_size(published.built),
        "time": int(time.time()),
    }
    signed = make_store(
        world.wallet(account),
        Store(**values | changes),  # type: ignore[arg-type]
        chain_id=31337,
        registry=world.deployment.registry,
    )
    body: dict[str, object] = json.loads(encode_store(signed))
    return body


async def deliver(client: httpx.AsyncClient, upload: dict[str, object], car: bytes) -> object:
    """Sends the archive in pieces; the answer to the last."""
    answer = None
    path, headers = f"/v1/uploads/{upload['id']}", {"Authorization": f"Bearer {upload['token']}"}
    for offset in range(int(str(upload["offset"])), len(car), PIECE):
        piece = car[offset : offset + PIECE]
        answer = await client.patch(
            path, content=piece, headers={**headers, "Upload-Offset": str(offset)}
        )
        assert answer.is_success, answer.text
    assert answer is not None
    return answer.json()


def problem(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return str(answer.json()["type"]).removeprefix("urn:immurtal:error:")


@pytest.fixture
async def http(node: NodeProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=node.url, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
async def published(world: World, node: NodeProcess, tmp_path: Path) -> Published:
    return await publish(world, node.config, tmp_path)


async def test_who_may_not_store(
    world: World, node: NodeProcess, http: httpx.AsyncClient, published: Published
) -> None:
    async def refused(account: int = ARTIST, **changes: object) -> str:
        body = store_body(world, node.config, published, account, **changes)
        answer = await http.post("/v1/store", json=body)
        return problem(answer)

    assert await refused(STRANGER) == "request-invalid"
    assert await refused(time=int(time.time()) - 70) == "clock-skew"
    assert await refused(node_key="0x" + "11" * 32) == "wrong-node"
    assert await refused(release="0x" + "22" * 32) == "release-not-current"
    assert await refused(certificate="0x" + "33" * 32) == "not-found"
    assert await refused(size=3 << 30) == "too-large"
    answer = await http.get(f"/v1/releases/{published.built.cid}")
    assert (answer.json()["accepted"], answer.json()["state"]) == (False, "unknown")


async def test_stored_pinned_served_and_shared(
    world: World, node: NodeProcess, http: httpx.AsyncClient, published: Published
) -> None:
    body = store_body(world, node.config, published, ARTIST)
    accepted = await http.post("/v1/store", json=body)
    assert accepted.status_code == 201, accepted.text
    upload = accepted.json()["upload"]
    car = b"".join(car_stream(published.built))
    assert upload["size"] == len(car)

    path, token = f"/v1/uploads/{upload['id']}", {"Authorization": f"Bearer {upload['token']}"}
    assert problem(await http.patch(path, content=b"x", headers={"Upload-Offset": "0"})) == (
        "unauthorized"
    )
    ahead = await http.patch(path, content=b"x", headers={**token, "Upload-Offset": "7"})
    assert (problem(ahead), ahead.headers["upload-offset"]) == ("offset-mismatch", "0")
    first = await http.patch(path, content=car[:PIECE], headers={**token, "Upload-Offset": "0"})
    assert (first.status_code, first.headers["upload-offset"]) == (204, str(PIECE))
    where = await http.head(path, headers=token)
    assert (where.headers["upload-offset"], where.headers["upload-length"]) == (
        str(PIECE),
        str(len(car)),
    )
    again = await http.post("/v1/store", json=store_body(world, node.config, published, ARTIST))
    assert again.json()["upload"]["offset"] == PIECE
    done = await deliver(http, again.json()["upload"], car)
    assert done == {"v": 1, "release": published.release, "state": "pinned"}

    said = await until(http, f"/v1/certificates/{published.certificate}", 200)
    assert (said["release"], said["visibility"]) == (published.release, "licensed")
    assert [change["event"] for change in said["history"]] == ["Registered"]
    held = (await http.get(f"/v1/releases/{published.built.cid}")).json()
    assert (held["state"], held["accepted"]) == ("pinned", True)
    assert held["certificates"] == [published.certificate]
    gateway = node.config.kubo.gateway_url
    served = await http.get(f"{gateway}/ipfs/{published.built.cid}?format=raw")
    assert sha256(served.content).digest() == published.built.root
    assert served.headers["x-content-type-options"] == "nosniff"

    found = (await http.get(f"/routing/v1/providers/{published.built.cid}")).json()["Providers"]
    assert len(found) == 1
    assert found[0]["Schema"] == "peer"
    elsewhere = raw_cid(sha256(b"not here").digest())
    none = (await http.get(f"/routing/v1/providers/{elsewhere}")).json()
    assert none["Providers"] == []

    assert await share_of(world, http, published, ARTIST)
    with pytest.raises(AccessRefused) as refused:
        await share_of(world, http, published, STRANGER)
    assert refused.value.reason == "access-refused"


async def test_terms_are_taken_if_the_chain_names_them(
    world: World, node: NodeProcess, http: httpx.AsyncClient, published: Published
) -> None:
    terms = json.dumps({"name": "Terms", "licence": secrets.token_hex(8)}).encode()
    digest = "0x" + sha256(terms).hexdigest()
    assert problem(await http.put(f"/v1/terms/{digest}", content=b"other")) == "request-invalid"
    assert problem(await http.put(f"/v1/terms/{digest}", content=terms)) == "not-accepted"

    body = store_body(world, node.config, published, ARTIST)
    upload = (await http.post("/v1/store", json=body)).json()["upload"]
    await deliver(http, upload, b"".join(car_stream(published.built)))
    await world.offer(ARTIST, published.certificate, digest=digest)
    held = await http.put(f"/v1/terms/{digest}", content=terms)
    assert held.status_code == 200, held.text
    assert held.json()["cid"] == raw_cid(sha256(terms).digest())
    gateway = node.config.kubo.gateway_url
    served = await http.get(f"{gateway}/ipfs/{held.json()['cid']}?format=raw")
    assert served.content == terms


async def until(http: httpx.AsyncClient, path: str, status: int) -> dict[str, Any]:
    """What is said once the answer has that status; within half a minute."""
    deadline = time.monotonic() + 30
    while True:
        answer = await http.get(path)
        if answer.status_code == status:
            return dict(answer.json())
        assert time.monotonic() < deadline, answer.text
        await asyncio.sleep(0.1)


async def share_of(
    world: World, http: httpx.AsyncClient, published: Published, account: int
) -> bytes:
    device, key = LocalKey.generate(), hpke.generate()
    signed = make_session(
        world.wallet(account),
        device,
        key.public,
        now=int(time.time()),
        ttl=600,
        chain_id=31337,
        registry=world.deployment.registry,
    )
    async with NodeClient(str(http.base_url).rstrip("/"), allow_local=True) as client:
        return await ask_patiently(
            lambda body: client.post("/v1/key-shares", body),
            entry_for(published.keys_file, await node_key(http)),
            Asked(published.binding, published.keys_file, published.release, ZERO_ID),
            HeldSession(signed, device, key),
            patience=30,
            waiting=None,
        )


async def node_key(http: httpx.AsyncClient) -> str:
    return str((await http.get("/v1/node")).json()["keys"][0]["nodeKey"])


async def test_a_chain_that_stops_answering_is_seen_and_gives_no_share(
    world: World, node: NodeProcess, http: httpx.AsyncClient, published: Published
) -> None:
    """Stopped, not ended: the endpoint takes connections and says nothing."""
    os.kill(world.anvil.process.pid, signal.SIGSTOP)
    try:
        degraded = await until(http, "/readyz", 503)
        assert degraded["ready"] is False
        assert any("index degraded" in reason for reason in degraded["reasons"])
        assert (await http.get("/healthz")).json()["alive"] is True
        body = store_body(world, node.config, published, ARTIST)
        assert problem(await http.post("/v1/store", json=body)) == "chain-lagging"
    finally:
        os.kill(world.anvil.process.pid, signal.SIGCONT)
    assert (await until(http, "/readyz", 200))["ready"] is True


async def test_what_the_node_says_of_itself(
    node: NodeProcess, http: httpx.AsyncClient, world: World
) -> None:
    identity = Identity.load(node.config)
    said = (await http.get("/v1/node")).json()
    assert (said["node"], said["operator"]) == (identity.node_id, identity.operator)
    assert said["depth"] == 1
    assert said["chain"]["registry"] == world.deployment.registry
    assert re.fullmatch(r"/ip4/127\.0\.0\.1/tcp/\d+/p2p/\w+", said["peer"])
    assert said["versions"]["kubo"].startswith("0.43")
    assert (await http.get("/healthz")).json()["alive"] is True
    figures = (await http.get("/metrics")).text
    assert "immurtal_ready 1.0" in figures


async def test_the_operators_commands(
    world: World, node: NodeProcess, http: httpx.AsyncClient, published: Published, tmp_path: Path
) -> None:
    settings = ["--config", str(node.config.path), "--json"]
    accepted = await immurtal("node", "accept", published.certificate, *settings)
    assert accepted == {"accepted": {published.certificate: published.release}}
    keystore, passphrase = tmp_path / "operator.json", tmp_path / "passphrase"
    passphrase.write_text("correct horse\n")
    KeystoreWallet.create(
        keystore, "correct horse", private_key=world.wallet(OPERATOR).secret(), scrypt_n=4096
    )
    wallet = ["--keystore", str(keystore), "--passphrase-file", str(passphrase)]
    announced = await immurtal("node", "announce", *settings, *wallet)
    node_id = Identity.load(node.config).node_id
    assert announced["node"] == node_id
    found = await world.contracts.node(node_id)
    assert (found.api_url, found.gateway_url) == (node.url, node.config.kubo.gateway_url)
    assert found.node_key == Identity.load(node.config).keys.current.public.hash
    changed = await immurtal("node", "change", *settings, *wallet)
    assert changed["transaction"] != announced["transaction"]

    shown = await immurtal("node", "show", *settings)
    assert (shown["announced"]["apiUrl"], shown["live"]["node"]) == (node.url, node_id)
    network = ["--rpc", world.anvil.url, "--chain-id", "31337"]
    listed = await immurtal(
        *("node", "list", "--json", *network),
        *("--deployments", str(node.config.chain.deployments)),
    )
    assert [one["id"] for one in listed["nodes"]] == [node_id]
    retired = await immurtal("node", "retire", *settings, *wallet)
    assert retired["node"] == node_id
    assert (await world.contracts.node(node_id)).retired
    state = await http.get(f"/v1/releases/{published.built.cid}")
    assert state.json()["accepted"] is True


async def immurtal(*words: str) -> dict[str, Any]:
    """What the command prints. Raises AssertionError with its error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "immurtal", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return dict(json.loads(out))


async def test_openapi_lists_every_refusal(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    shares = document["paths"]["/v1/key-shares"]["post"]
    named = str(shares["responses"])
    for reason in ("access-not-deep-yet", "release-not-current", "chain-lagging", "wrong-node"):
        assert f"urn:immurtal:error:{reason}" in named
    assert "KeyShareBody" in document["components"]["schemas"]
    for path, calls in document["paths"].items():
        for call in calls.values():
            assert call["summary"], path


@pytest.mark.parametrize(
    "path",
    [
        "/v1/certificates/0x12",
        "/v1/certificates?limit=101",
        "/v1/certificates?cursor=zzz",
        "/v1/accounts/me/licences",
        "/v1/releases/Qm",
        "/routing/v1/providers/Qm",
    ],
)
async def test_bad_reads_are_refused(http: httpx.AsyncClient, path: str) -> None:
    assert problem(await http.get(path)) == "request-invalid"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/certificates/0x" + "00" * 32,
        "/v1/certificates/0x" + "00" * 32 + "/payments",
        "/v1/offers/0x" + "00" * 32,
        "/v1/splits/0x" + "00" * 20,
        "/v1/uploads/none",
    ],
)
async def test_what_is_not_there(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert problem(answer) in ("not-found", "method-not-allowed")


async def test_stopped_by_sigterm_it_goes_on_where_it_was(
    world: World, deployments: Path, tmp_path: Path
) -> None:
    node = NodeProcess(new_node(tmp_path, world.anvil, deployments), tmp_path / "node.log")
    node.start()
    try:
        node.wait_until_ready()
        published = await publish(world, node.config, tmp_path)
        async with httpx.AsyncClient(base_url=node.url, timeout=60, trust_env=False) as http:
            body = store_body(world, node.config, published, ARTIST)
            upload = (await http.post("/v1/store", json=body)).json()["upload"]
            car = b"".join(car_stream(published.built))
            token = {"Authorization": f"Bearer {upload['token']}", "Upload-Offset": "0"}
            await http.patch(f"/v1/uploads/{upload['id']}", content=car[:PIECE], headers=token)

        started = time.monotonic()
        assert await asyncio.to_thread(node.end) == 0, node.log.read_text()[-3000:]
        assert time.monotonic() - started < 25
        assert "Traceback" not in node.log.read_text()
        for port in (node.config.api.port, node.config.kubo.gateway_port):
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)

        node.start()
        node.wait_until_ready()
        async with httpx.AsyncClient(base_url=node.url, timeout=60, trust_env=False) as http:
            body = store_body(world, node.config, published, ARTIST)
            again = (await http.post("/v1/store", json=body)).json()["upload"]
            assert (again["id"], again["offset"]) == (upload["id"], PIECE)
            done = await deliver(http, again, car)
            assert done == {"v": 1, "release": published.release, "state": "pinned"}
            assert await share_of(world, http, published, ARTIST)
    finally:
        node.end()


@pytest.mark.parametrize(
    ("setting", "value", "code", "says"),
    [
        ("rpc", '["http://127.0.0.1:9"]', 6, "127.0.0.1:9"),
        ("id", "5", 3, "chain 31337"),
        ("port", "", 11, "cannot be opened for the API"),
    ],
)
async def test_what_keeps_a_node_from_starting_is_one_paragraph(
    node: NodeProcess,
    ticking: Anvil,
    deployments: Path,
    tmp_path: Path,
    setting: str,
    value: str,
    code: int,
    says: str,
) -> None:
    config = new_node(tmp_path, ticking, deployments)
    text = config.path.parent / "node.toml"
    changed = re.sub(
        rf"(?m)^{setting} = .*$",
        f"{setting} = {value or node.config.api.port}",
        text.read_text(),
        count=1,
    )
    text.write_text(changed)
    broken = NodeProcess(NodeConfig.load(text), tmp_path / "node.log")
    broken.start()
    assert broken.process is not None
    assert await asyncio.to_thread(broken.process.wait, 60) == code
    said = broken.log.read_text()
    assert says in said
    assert "Error: " in said
    assert "Traceback" not in said
