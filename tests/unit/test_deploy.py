"""Deploying and checking, against an anvil of each test's own."""

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from scripts.deployment import record
from scripts.deployment.build import forget_stale_build
from scripts.deployment.chain import Chain, NotDeployable, NotMined, RpcFailed
from scripts.deployment.checking import differences, source_differences
from scripts.deployment.connection import artifacts as compile_artifacts
from scripts.deployment.deploying import DeploymentFailed, deploy
from scripts.deployment.plan import ORDER, PROXY, create2, plan
from web3 import HTTPProvider

ROOT = Path(__file__).resolve().parents[2]
DEVELOPMENT_ACCOUNT = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"


@dataclass(frozen=True, slots=True)
class Anvil:
    url: str
    chain: Chain

    def send(self, step) -> tuple[str, int]:
        sent = {"from": DEVELOPMENT_ACCOUNT, "to": PROXY, "data": "0x" + step.data.hex()}
        transaction = self.chain.rpc("eth_sendTransaction", [sent])
        return transaction, self.chain.mined(transaction, timeout=10)

    def nonce(self) -> int:
        return int(self.chain.rpc("eth_getTransactionCount", [DEVELOPMENT_ACCOUNT, "latest"]), 16)


@contextlib.contextmanager
def run_anvil(*options: str) -> Iterator[Anvil]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    provider = HTTPProvider(url, exception_retry_configuration=None)

    def rpc(method: str, params: list[Any]) -> Any:
        answer = provider.make_request(method, params)
        if "error" in answer:
            raise RpcFailed(f"{method}: {answer['error']['message']}")
        return answer["result"]

    process = subprocess.Popen(
        ["anvil", "--port", str(port), *options], stdout=subprocess.PIPE, text=True
    )
    try:
        for line in process.stdout:
            if line.startswith("Listening on"):
                break
        yield Anvil(url, Chain(rpc))
    finally:
        process.stdout.close()
        process.terminate()
        process.wait(10)


@pytest.fixture
def anvil():
    with run_anvil() as running:
        yield running


@pytest.fixture(scope="module")
def artifacts(project):
    return compile_artifacts()


@pytest.fixture
def steps(artifacts):
    return plan(artifacts, 31337)


@pytest.fixture
def path(tmp_path):
    return record.path_of(tmp_path / "deployments", 31337)


@pytest.fixture
def deployed(anvil, steps, path):
    """(chain, entries) of a whole deployment."""
    deploy(steps, anvil.chain, path, anvil.send, print)
    return anvil.chain, record.read(path, 31337)


class TestPlan:
    def test_create2_is_that_of_the_standard_s_proxy(self, anvil, steps):
        data = "0x" + steps[0].data.hex()
        answer = anvil.chain.rpc("eth_call", [{"to": PROXY, "data": data}, "latest"])
        assert answer == steps[0].address

    def test_order_and_wiring(self, steps):
        assert tuple(step.name for step in steps) == ORDER
        factory, registry, licenses, nodes, escrow = steps
        assert factory.arguments == {}
        assert registry.arguments == {"minAge": 1, "factory": factory.address}
        assert licenses.arguments == {"registry": registry.address, "factory": factory.address}
        assert nodes.arguments == {}
        assert escrow.arguments == licenses.arguments

    def test_a_minute_between_commit_and_registration_on_every_other_chain(self, artifacts):
        assert {plan(artifacts, chain)[1].arguments["minAge"] for chain in (1, 8453)} == {60}

    def test_the_same_addresses_on_every_chain_that_people_use(self, artifacts):
        addresses = [[step.address for step in plan(artifacts, chain)] for chain in (1, 8453)]
        assert addresses[0] == addresses[1]


class TestDeploy:
    def test_everything_and_its_record(self, deployed, steps):
        chain, entries = deployed
        assert list(entries) == list(ORDER)
        for step in steps:
            entry = entries[step.name]
            assert entry.address == step.address
            assert entry.code_hash == chain.code_hash(step.address)
            assert entry.block == chain.block_of(entry.transaction)
        assert differences(entries, chain) == []
        assert source_differences(entries, steps) == []

    def test_a_second_time_nothing_is_sent(self, anvil, deployed, steps, path):
        before = path.read_bytes()
        nonce = anvil.nonce()
        deploy(steps, anvil.chain, path, anvil.send, print)
        assert anvil.nonce() == nonce
        assert path.read_bytes() == before

    def test_stopped_half_way_it_goes_on(self, anvil, steps, path):
        """The third contract fails; what was deployed stays, recorded, and is not sent again."""
        sent = []

        def noted(step):
            sent.append(step.name)
            return anvil.send(step)

        def fails_at_the_third(step):
            if len(sent) == 2:
                raise NotMined("the endpoint went away")
            return noted(step)

        with pytest.raises(NotMined, match="the endpoint went away"):
            deploy(steps, anvil.chain, path, fails_at_the_third, print)
        assert list(record.read(path, 31337)) == list(ORDER[:2])

        sent.clear()
        deploy(
            steps, anvil.chain, path, lambda step: sent.append(step.name) or anvil.send(step), print
        )
        assert sent == list(ORDER[2:])
        assert differences(record.read(path, 31337), anvil.chain) == []

    def test_what_others_deployed_is_found_with_block_and_transaction(self, anvil, steps, path):
        mined = {}
        for step in steps[:2]:
            anvil.chain.rpc("anvil_mine", ["0x7"])
            mined[step.name] = anvil.send(step)
        anvil.chain.rpc("anvil_mine", ["0x7"])
        deploy(steps, anvil.chain, path, anvil.send, print)
        entries = record.read(path, 31337)
        for name, (transaction, block) in mined.items():
            assert (entries[name].transaction, entries[name].block) == (transaction, block)
        assert differences(entries, anvil.chain) == []

    def test_an_endpoint_without_a_past_leaves_block_and_transaction_open(self, anvil, steps, path):
        anvil.send(steps[0])

        def pruned(method, params):
            if method == "eth_getCode" and params[1] != "latest":
                raise RpcFailed("missing trie node")
            return anvil.chain.rpc(method, params)

        deploy(steps, Chain(pruned), path, anvil.send, print)
        entry = record.read(path, 31337)["RoyaltySplitFactory"]
        assert (entry.transaction, entry.block) == (None, 0)
        assert entry.code_hash == anvil.chain.code_hash(entry.address)

    def test_a_chain_that_was_reset_is_deployed_and_recorded_anew(self, deployed, steps, path):
        before = record.read(path, 31337)
        with run_anvil() as fresh:
            fresh.chain.rpc("anvil_mine", ["0x20"])
            deploy(steps, fresh.chain, path, fresh.send, print)
            after = record.read(path, 31337)
            assert differences(after, fresh.chain) == []
        assert [after[name].block for name in ORDER] != [before[name].block for name in ORDER]

    def test_another_contract_still_there_is_not_forgotten(self, anvil, deployed, steps, path):
        changed = replace(steps[3], init_code=steps[3].init_code + b"\0")
        changed = replace(changed, address=create2(changed.init_code))
        others = [*steps[:3], changed, *steps[4:]]
        before = path.read_bytes()
        with pytest.raises(DeploymentFailed, match=r"names another NodeRegistry.*--replace"):
            deploy(others, anvil.chain, path, anvil.send, print)
        assert path.read_bytes() == before
        deploy(others, anvil.chain, path, anvil.send, print, replace=True)
        assert record.read(path, 31337)["NodeRegistry"].address == changed.address

    def test_no_proxy_no_deployment(self, anvil, steps, path):
        anvil.chain.rpc("anvil_setCode", [PROXY, "0x"])
        with pytest.raises(NotDeployable, match=f"proxy is not at {PROXY} on chain 31337"):
            deploy(steps, anvil.chain, path, anvil.send, print)
        assert anvil.nonce() == 0
        assert not path.exists()

    def test_no_transient_storage_no_deployment(self, steps, path):
        with run_anvil("--hardfork", "shanghai") as old:
            with pytest.raises(NotDeployable, match="no transient storage"):
                deploy(steps, old.chain, path, old.send, print)
            assert old.nonce() == 0

    def test_a_transaction_that_fails_is_named(self, anvil, steps, path):
        def out_of_gas(step):
            sent = {"from": DEVELOPMENT_ACCOUNT, "to": PROXY, "data": "0x" + step.data.hex()}
            transaction = anvil.chain.rpc("eth_sendTransaction", [sent | {"gas": hex(500_000)}])
            return transaction, anvil.chain.mined(transaction, timeout=10)

        with pytest.raises(NotMined, match=r"0x[0-9a-f]{64} failed in block 1"):
            deploy(steps, anvil.chain, path, out_of_gas, print)
        assert not path.exists()

    def test_a_transaction_that_waits_is_waited_for_and_no_longer(self, anvil):
        start = time.monotonic()
        with pytest.raises(NotMined, match="was not mined within 1 s"):
            anvil.chain.mined("0x" + "00" * 32, timeout=1)
        assert time.monotonic() - start < 5


class TestCheck:
    def test_changed_code(self, deployed):
        chain, entries = deployed
        entry = entries["LicenseManager"]
        chain.rpc("anvil_setCode", [entry.address, "0x00"])
        found = differences(entries, chain)
        assert found[0].startswith(f"LicenseManager: code at {entry.address} is 0x")
        assert "LicenseManager: registry() is None" in found[1]

    def test_missing_code(self, deployed):
        chain, entries = deployed
        entry = entries["NodeRegistry"]
        chain.rpc("anvil_setCode", [entry.address, "0x"])
        assert differences(entries, chain) == [f"NodeRegistry: no code at {entry.address}"]

    def test_missing_implementation(self, deployed):
        chain, entries = deployed
        word = chain.view(entries["RoyaltySplitFactory"].address, "implementation")
        chain.rpc("anvil_setCode", [f"0x{word:040x}", "0x"])
        assert differences(entries, chain) == [
            "RoyaltySplitFactory: its implementation has no code"
        ]

    def test_a_registry_wired_to_another_factory(self, anvil, deployed, artifacts):
        """On chain and in the record, with its right code hash: only the wiring is wrong."""
        chain, entries = deployed
        other = {**artifacts, "RoyaltySplitFactory": artifacts["NodeRegistry"]}
        wrong = plan(other, 31337)[1]
        transaction, block = anvil.send(wrong)
        entries["CopyrightRegistry"] = record.Entry(
            wrong.address, transaction, block, wrong.arguments, chain.code_hash(wrong.address)
        )
        factory = entries["RoyaltySplitFactory"].address
        registry = entries["LicenseManager"].arguments["registry"]
        found = differences(entries, chain)
        assert found == [
            f"CopyrightRegistry: recorded with factory {wrong.arguments['factory']}, "
            f"should be {factory}",
            f"LicenseManager: recorded with registry {registry}, should be {wrong.address}",
            f"StreamingEscrow: recorded with registry {registry}, should be {wrong.address}",
        ]

    def test_a_record_that_says_what_the_chain_does_not(self, deployed):
        chain, entries = deployed
        registry = entries["CopyrightRegistry"]
        arguments = {**registry.arguments, "minAge": 60}
        entries["CopyrightRegistry"] = replace(registry, arguments=arguments, block=99)
        assert differences(entries, chain) == [
            f"CopyrightRegistry: {registry.transaction} is in block {registry.block}, "
            "recorded in block 99",
            "CopyrightRegistry: recorded with minAge 60, should be 1",
            "CopyrightRegistry: minAge() is 1, recorded 60",
        ]

    def test_a_contract_that_is_not_recorded(self, deployed):
        chain, entries = deployed
        del entries["NodeRegistry"]
        assert differences(entries, chain) == ["NodeRegistry: not in the record"]

    def test_other_sources(self, deployed, steps):
        _, entries = deployed
        moved = replace(steps[0], address=PROXY)
        assert source_differences(entries, [moved, *steps[1:]]) == [
            f"RoyaltySplitFactory: recorded at {steps[0].address}, these sources give {PROXY}"
        ]


class TestRecord:
    @pytest.mark.parametrize(
        "text", ["", "[]", "{}", '{"chainId": 31337}', '{"chainId": 31337, "contracts": {"A": {}}}']
    )
    def test_what_is_no_record_is_refused(self, tmp_path, text):
        path = tmp_path / "31337.json"
        path.write_text(text)
        with pytest.raises(record.RecordError, match="is not a deployment record"):
            record.read(path, 31337)

    def test_a_record_of_another_chain_is_refused(self, tmp_path):
        path = tmp_path / "1.json"
        record.write(path, 1, {})
        with pytest.raises(record.RecordError, match="is of chain 1, not 31337"):
            record.read(path, 31337)

    def test_a_write_that_fails_leaves_the_old_record(self, tmp_path):
        path = tmp_path / "1.json"
        entry = record.Entry(PROXY, None, 0, {}, "0x00")
        record.write(path, 1, {"A": entry})
        with pytest.raises(TypeError, match="not JSON serializable"):
            record.write(path, 1, {"A": replace(entry, arguments={"bad": object()})})
        assert record.read(path, 1) == {"A": entry}
        assert [file.name for file in tmp_path.iterdir()] == ["1.json"]


def test_a_changed_source_makes_ape_compile_again(tmp_path):
    for name in ("ape-config.yaml", "package-lock.json"):
        (tmp_path / name).write_text("")
    source = tmp_path / "contracts" / "A.sol"
    source.parent.mkdir()
    source.write_text("one")
    forget_stale_build(tmp_path)
    built = tmp_path / ".build" / "__local__.json"
    built.write_text("{}")
    forget_stale_build(tmp_path)
    assert built.exists()
    source.write_text("two")
    forget_stale_build(tmp_path)
    assert not built.exists()


class TestScripts:
    """The scripts themselves, as people run them."""

    @pytest.fixture
    def ape_run(self, tmp_path, artifacts):
        def run(script, url, *options):
            command = ["ape", "run", script, "--network", url, *options]
            command += ["--deployments-dir", str(tmp_path)]
            return subprocess.run(
                command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=120
            )

        return run

    def test_deploy_and_verify_on_a_chain_with_a_block_each_second(self, ape_run, tmp_path):
        with run_anvil("--block-time", "1", "--slots-in-an-epoch", "1") as anvil:
            done = ape_run("deploy", anvil.url, "--chain-id", "31337")
            assert done.returncode == 0, done.stderr
            value = json.loads((tmp_path / "31337.json").read_text())
            assert value["chainId"] == 31337
            assert list(value["contracts"]) == list(ORDER)
            assert set(value["contracts"]["NodeRegistry"]) == {
                *("address", "transaction", "block", "arguments", "codeHash")
            }
            assert anvil.nonce() == 5

            checked = ape_run("verify_deployment", anvil.url, "--chain-id", "31337", "--sources")
            assert checked.returncode == 0, checked.stderr
            assert "5 contracts are as recorded on chain 31337" in checked.stdout

            nodes = value["contracts"]["NodeRegistry"]["address"]
            anvil.chain.rpc("anvil_setCode", [nodes, "0x"])
            failed = ape_run("verify_deployment", anvil.url)
            assert failed.returncode == 1
            assert f"NodeRegistry: no code at {nodes}" in failed.stderr
            assert "1 differences from chain 31337" in failed.stderr

    def test_a_network_that_ape_takes_for_another_chain_is_refused(self, ape_run, anvil):
        refused = ape_run("deploy", f"ethereum:local:{anvil.url}", "--chain-id", "31337")
        assert refused.returncode != 0
        assert "name it by its URL alone" in refused.stderr
        assert anvil.nonce() == 0

    def test_a_chain_it_was_not_told_is_refused(self, ape_run, anvil, tmp_path):
        refused = ape_run("deploy", anvil.url, "--chain-id", "1")
        assert refused.returncode != 0
        assert "connected to chain 31337, but told --chain-id 1" in refused.stderr
        assert anvil.nonce() == 0
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ((), "chain 4242 needs --account"),
            (("--account", "TEST::0"), "may deploy on chain 31337 only, not on chain 4242"),
        ],
    )
    def test_development_keys_are_for_the_development_chain(self, ape_run, options, words):
        with run_anvil("--chain-id", "4242") as other:
            refused = ape_run("deploy", other.url, "--chain-id", "4242", *options)
            assert refused.returncode != 0
            assert words in refused.stderr
            assert other.nonce() == 0

    def test_verify_without_a_record_says_what_to_do(self, ape_run, anvil):
        done = ape_run("verify_deployment", anvil.url)
        assert done.returncode == 1
        assert "deploy to chain 31337 first" in done.stderr
