"""A seller's works and offers on a real chain, tokens of several manners, and the command line as a
buyer types it."""

import json
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from eth_abi.abi import decode
from local_chain import ROOT, Anvil

from immurtal import cli
from immurtal.chain import abi
from immurtal.chain.contracts import ZERO_ADDRESS, OfferKind, Visibility
from immurtal.chain.deployment import Deployment
from immurtal.chain.tokens import call_data
from immurtal.chain.wallet import KeystoreWallet, LocalKey
from immurtal.errors import ImmurtalError
from immurtal.publish.actions import OfferTerms, commitment

sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from permit2 import PERMIT2_ADDRESS, permit2_code  # noqa: E402
from scripts.export_abi import compile_contracts  # noqa: E402

PASSPHRASE = "open sesame"
SHOP_TOKENS = (
    "TetherLike",
    "ForgetfulToken",
    "LyingDomainToken",
    "BrokenPermitToken",
    "HostileNameToken",
)


@cache
def token_code() -> dict[str, bytes]:
    """Creation code by contract."""
    files = dict.fromkeys(SHOP_TOKENS, "contracts/mocks/ShopTokens.sol")
    files["MockERC20"] = "contracts/mocks/MockERC20.sol"
    out = compile_contracts(["evm.bytecode.object"], files)
    return {n: bytes.fromhex(o["evm"]["bytecode"]["object"]) for n, o in out.items()}


@dataclass
class Shop:
    """seller and buyer: accounts with money; wallets by name have a keystore in `folder`."""

    anvil: Anvil
    deployment_file: Path
    folder: Path
    wallets: dict[str, LocalKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.deployment = Deployment.load(self.deployment_file)
        (self.folder / "passphrase").write_text(PASSPHRASE + "\n")
        for name in ("seller", "buyer", "relayer"):
            self.actor(name)

    def actor(self, name: str, wei: int = 10**20) -> LocalKey:
        wallet = KeystoreWallet.create(self.folder / f"{name}.json", PASSPHRASE, scrypt_n=2)
        self.anvil.rpc("anvil_setBalance", wallet.address, hex(wei))
        self.anvil.rpc("anvil_impersonateAccount", wallet.address)
        self.wallets[name] = wallet
        return wallet

    def __getitem__(self, name: str) -> str:
        return self.wallets[name].address

    # what a user types

    def options(self, who: str | None) -> list[str]:
        words = ["--rpc", self.anvil.url, "--chain-id", "31337"]
        words += ["--deployments", str(self.deployment_file)]
        if who is None:
            return words
        secret = str(self.folder / "passphrase")
        return [*words, "--keystore", str(self.folder / f"{who}.json"), "--passphrase-file", secret]

    def run(
        self, *words: str, by: str | None = "buyer", typed: str | None = None
    ) -> dict[str, Any]:
        """What the command says as JSON. Raises its error; `said` keeps standard error."""
        line = [*words, *self.options(by), "--json"]
        runner = CliRunner(mix_stderr=False)
        done = runner.invoke(cli.cli, line, standalone_mode=False, input=typed)
        self.said = done.stderr
        if done.exception is not None:
            raise done.exception
        assert done.exit_code == 0, done.output
        said = done.stdout
        return dict(json.loads(said[said.index("{") :]))  # the runner echoes what is typed

    def fail(
        self, *words: str, by: str | None = "buyer", typed: str | None = None
    ) -> ImmurtalError:
        """The error that the command ends with."""
        try:
            result = self.run(*words, by=by, typed=typed)
        except ImmurtalError as error:
            return error
        raise AssertionError(f"it went through: {result}")

    def text(self, *words: str, by: str | None = "buyer", typed: str | None = None) -> str:
        """What a person reads."""
        line = [*words, *self.options(by)]
        done = CliRunner().invoke(cli.cli, line, standalone_mode=False, input=typed)
        if done.exception is not None:
            raise done.exception
        return done.output

    # the chain

    def send(self, who: str, to: str, data: bytes, value: int = 0) -> dict[str, Any]:
        row = {"from": self[who], "to": to, "data": "0x" + data.hex(), "value": hex(value)}
        receipt = self.anvil.rpc("eth_sendTransactionSync", row | {"gas": hex(2**24)})
        assert receipt["status"] == "0x1", receipt
        return dict(receipt)

    def call(self, to: str, signature: str, kinds: Sequence[str], *args: object) -> Any:
        data = "0x" + call_data(signature, *args).hex()
        answer = self.anvil.rpc("eth_call", {"to": to, "data": data}, "latest")
        return decode(kinds, bytes.fromhex(answer[2:]))[0]

    def contract(self, who: str, contract: str, function: str, *args: object) -> dict[str, Any]:
        to = self.deployment.addresses[contract]
        return self.send(who, to, abi.encode_call(contract, function, *args))

    def read(self, contract: str, function: str, *args: object) -> Any:
        to = self.deployment.addresses[contract]
        data = "0x" + abi.encode_call(contract, function, *args).hex()
        answer = self.anvil.rpc("eth_call", {"to": to, "data": data}, "latest")
        return abi.decode_result(contract, function, answer)

    @property
    def now(self) -> int:
        return int(self.anvil.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def commit(self, who: str, works: Sequence[str], salt: str) -> str:
        value = commitment(self[who], works, salt)
        self.contract(who, "CopyrightRegistry", "commit", value)
        self.anvil.mine(2, 2)
        return value

    def work(self, visibility: Visibility = Visibility.LICENSED, payout: str = ZERO_ADDRESS) -> str:
        """A certificate of the seller's."""
        work, salt = fresh(), fresh()
        self.commit("seller", [work], salt)
        row = (work, fresh(), int(visibility), payout)
        self.contract("seller", "CopyrightRegistry", "register", [row], salt)
        return work

    def offer(
        self,
        *works: str,
        price: int = 1000,
        kind: OfferKind = OfferKind.PERPETUAL,
        token: str = ZERO_ADDRESS,
        duration: int = 0,
        supply: int = 0,
        referral: int = 0,
    ) -> str:
        named = tuple(sorted(works or (self.work(),)))
        bps = referral
        terms = OfferTerms(named, kind, token, duration, False, bps, "0x" + "07" * 32, fresh())
        row = (named, int(kind), token, duration, False, bps, terms.terms, terms.salt)
        self.contract("seller", "LicenseManager", "createOffer", row, price, supply)
        return terms.id(self["seller"])

    def pass_offer(self, *works: str, duration: int = 86400, **terms: Any) -> str:
        return self.offer(*works, kind=OfferKind.PASS, duration=duration, **terms)

    def token(self, name: str = "MockERC20", amount: int = 10**21) -> str:
        """A token of which the buyer has so much."""
        address = str(self.anvil.create(token_code()[name])["contractAddress"]).lower()
        self.send("seller", address, call_data("mint(address,uint256)", self["buyer"], amount))
        return address

    def has(self, token: str, account: str) -> int:
        if token == ZERO_ADDRESS:
            return int(self.anvil.rpc("eth_getBalance", account, "latest"), 16)
        return int(self.call(token, "balanceOf(address)", ["uint256"], account))

    def allows(self, token: str, spender: str, who: str = "buyer") -> int:
        found = self.call(token, "allowance(address,address)", ["uint256"], self[who], spender)
        return int(found)

    @property
    def manager(self) -> str:
        return self.deployment.license_manager

    def units(self, offer: str, account: str) -> int:
        return int(self.read("LicenseManager", "balanceOf", account, abi.id_number(offer)))

    def expiry(self, offer: str, account: str) -> int:
        return int(self.read("LicenseManager", "expiryOf", abi.id_number(offer), account))

    def nonce(self, who: str = "buyer") -> int:
        """How many transactions an account has sent."""
        return int(self.anvil.rpc("eth_getTransactionCount", self[who], "latest"), 16)

    def with_permit2(self) -> None:
        self.anvil.rpc("anvil_setCode", PERMIT2_ADDRESS, "0x" + permit2_code().hex())

    def without_permit2(self) -> None:
        self.anvil.rpc("anvil_setCode", PERMIT2_ADDRESS, "0x")

    def split(self, *parts: tuple[str, int]) -> str:
        payees, shares = zip(*sorted(parts), strict=True)
        at = self.deployment.split_factory
        self.send("seller", at, abi.encode_call("RoyaltySplitFactory", "create", payees, shares))
        return str(self.read("RoyaltySplitFactory", "predict", payees, shares))


def fresh() -> str:
    return "0x" + secrets.token_hex(32)
