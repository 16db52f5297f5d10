"""The supervised Kubo: what it refuses, what it serves, and that it never outlives its node."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from storage_world import Node, make_release

from immurtal.errors import BadInput, PortInUse
from immurtal.storage.daemon import KuboDaemon
from immurtal.storage.kubo_config import KuboPorts, configured, find_binary

PORTS = KuboPorts("127.0.0.1", 1, 2, 3)


def program(folder: Path, version: str) -> Path:
    path = folder / "ipfs"
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


class TestTheProgram:
    def test_an_old_one_that_was_named_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match=r"Kubo 0\.42, older than 0\.43"):
            find_binary(str(program(tmp_path, "0.42.1")))

    def test_what_is_no_kubo_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="is not an IPFS program"):
            find_binary("", {"IMMURTAL_IPFS": str(program(tmp_path, "hello"))})

    def test_none_at_all_says_how_to_get_it(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="no IPFS program") as refused:
            find_binary("", {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)})
        assert "make setup" in refused.value.do

    def test_an_old_one_on_the_path_gives_way_to_the_cache(self, tmp_path: Path) -> None:
        cache = tmp_path / "immurtal" / "kubo" / "v0.43.0"
        cache.mkdir(parents=True)
        program(tmp_path, "0.42.1")
        wanted = program(cache, "0.43.0")
        env = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
        assert find_binary("", env) == wanted


class TestSettings:
    def test_a_peer_that_is_none_is_refused(self) -> None:
        with pytest.raises(BadInput, match="Not a peer's address"):
            configured({}, PORTS, ["http://example.com"], local=True)

    def test_peers_are_grouped_by_identity(self) -> None:
        peer = "12D3KooWHHCgMZYv4Dx8SziyiknpQ3jyxkdpHmBiYJvhd4KjGjHV"
        addresses = [f"/ip4/10.0.0.{i}/tcp/4001/p2p/{peer}" for i in (1, 2)]
        config = configured({}, PORTS, addresses, local=True)
        assert config["Peering"]["Peers"] == [
            {"ID": peer, "Addrs": ["/ip4/10.0.0.1/tcp/4001", "/ip4/10.0.0.2/tcp/4001"]}
        ]

    def test_the_rpc_is_on_loopback_whatever_the_gateway_is(self) -> None:
        config = configured({}, KuboPorts("0.0.0.0", 1, 2, 3), [], local=False)
        assert config["Addresses"]["API"] == "/ip4/127.0.0.1/tcp/2"
        assert config["Addresses"]["Gateway"] == "/ip4/0.0.0.0/tcp/1"

    def test_what_an_operator_set_besides_stays(self) -> None:
        config = configured({"Gateway": {"RootRedirect": "/x"}, "Own": 1}, PORTS, [], local=False)
        assert config["Gateway"]["RootRedirect"] == "/x"
        assert config["Own"] == 1
        assert "Routing" not in config


class TestTheGateway:
    async def test_it_serves_raw_blocks_and_cars_that_are_here_and_nothing_else(
        self, node: Node, tmp_path: Path
    ) -> None:
        made, missing = make_release("song"), make_release("not here")
        await node.put(made)
        async with httpx.AsyncClient(base_url=node.daemon.gateway_url, timeout=5) as http:
            raw = await http.get(
                f"/ipfs/{made.audio[0]}?format=raw", headers={"Origin": "http://a"}
            )
            assert raw.content == made.blocks[made.audio[0]]
            assert raw.headers["X-Content-Type-Options"] == "nosniff"
            assert raw.headers["Access-Control-Allow-Origin"] == "*"
            whole = await http.get(f"/ipfs/{made.cid}?format=car")
            assert whole.headers["Content-Type"].startswith("application/vnd.ipld.car")
            assert (await http.get(f"/ipfs/{made.cid}/metadata.json")).status_code == 406
            assert (await http.get(f"/ipfs/{missing.cid}?format=raw")).status_code == 404
            assert (await http.get(f"/routing/v1/providers/{made.cid}")).status_code == 404

    async def test_it_is_a_daemon_of_its_own_that_asks_nobody(self, node: Node) -> None:
        async with httpx.AsyncClient(base_url=f"{node.daemon.api_url}/api/v0") as http:
            config = (await http.post("/config/show")).json()
            peers = (await http.post("/swarm/peers")).json()
        assert config["Routing"]["Type"] == "none"
        assert config["Bootstrap"] == []
        assert config["Datastore"]["HashOnRead"] is True
        assert config["AutoConf"]["Enabled"] is False
        assert not peers["Peers"]


class TestItsLife:
    async def test_a_port_in_use_is_named(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            daemon = KuboDaemon(tmp_path / "ipfs", local=True, gateway_port=port)
            with pytest.raises(PortInUse, match=f"Port {port} on 127.0.0.1") as refused:
                await daemon.start()
            assert "gateway_port" in refused.value.do
            assert daemon.pid is None

    async def test_it_comes_back_after_it_was_killed_on_the_same_ports(self, node: Node) -> None:
        before = node.daemon.gateway_url
        assert node.daemon.pid is not None
        os.kill(node.daemon.pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            while node.daemon.restarts == 0 or not node.daemon.running:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert node.daemon.gateway_url == before
        assert (await node.backend.capacity()).used > 0

    async def test_it_stops_and_starts_with_the_same_identity(self, tmp_path: Path) -> None:
        daemon = KuboDaemon(tmp_path / "ipfs", local=True)
        async with daemon:
            first, pid = daemon.peer_id, daemon.pid
            assert pid is not None
        assert not running(pid)
        async with KuboDaemon(tmp_path / "ipfs", local=True) as again:
            assert again.peer_id == first

    @pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
    async def test_it_ends_with_a_node_that_was_killed_and_the_next_one_starts(
        self, tmp_path: Path
    ) -> None:
        repo = tmp_path / "ipfs"
        node = subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, "-c", STARTS_ONE, repo], stdout=subprocess.PIPE, text=True
        )
        assert node.stdout is not None
        pid = int(await asyncio.to_thread(lambda: node.stdout.readline()))
        assert running(pid)
        node.kill()
        node.wait()
        node.stdout.close()
        async with KuboDaemon(repo, local=True) as daemon:  # at once: the old one is on its way out
            assert daemon.running
            assert not running(pid)


STARTS_ONE = """
import asyncio, sys
from pathlib import Path
import structlog
from immurtal.storage.daemon import KuboDaemon

async def main():
    daemon = KuboDaemon(Path(sys.argv[1]), local=True)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    await daemon.start()
    print(daemon.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def running(pid: int) -> bool:
    """Neither gone nor a zombie that only its parent's wait is missing of."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
