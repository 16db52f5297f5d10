"""A command's way to the chain: endpoint checked, contracts to read, an account to act with."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from immurtal.chain.contracts import Contracts
from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import RpcPool
from immurtal.chain.transactions import Receipt, Sender
from immurtal.chain.wallet import Wallet
from immurtal.config import NetworkConfig
from immurtal.errors import BadInput, ImmurtalError, WrongNetwork
from immurtal.publish.actions import Actions

_ID = re.compile("0x[0-9a-f]{64}")
_ACCOUNT = re.compile("0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class Client:
    """Reads of one deployment; `chain_id` is what the endpoint itself says."""

    rpc: RpcPool
    deployment: Deployment
    contracts: Contracts
    _senders: list[Sender] = field(default_factory=list)

    @property
    def chain_id(self) -> int:
        return self.deployment.chain_id

    def sender(self, wallet: Wallet) -> Sender:
        self._senders.append(Sender(self.rpc, wallet, self.chain_id))
        return self._senders[-1]

    @property
    def so_far(self) -> str:
        """What was sent, empty for nothing."""
        return " ".join(sender.so_far for sender in self._senders if sender.has_sent)

    def actions(self, wallet: Wallet) -> Actions:
        return Actions(self.contracts, self.sender(wallet))


@asynccontextmanager
async def connect(
    network: NetworkConfig, unless_sent: str = "Nothing was sent."
) -> AsyncIterator[Client]:
    """Raises NotFound (no deployment file), Unreachable, WrongNetwork.

    An error inside that does not say what was kept tells what was sent, or `unless_sent`.
    """
    client: Client | None = None
    try:
        async with _connected(network) as client:
            yield client
    except ImmurtalError as error:
        error.saved = error.saved or (client.so_far if client else "") or unless_sent
        raise


@asynccontextmanager
async def _connected(network: NetworkConfig) -> AsyncIterator[Client]:
    deployment = Deployment.load(network.deployments)
    rpc = RpcPool(network.rpc)
    try:
        found = int(await rpc.call("eth_chainId", []), 16)
        if not found == network.chain_id == deployment.chain_id:
            raise WrongNetwork(
                f"The endpoint is on chain {found}, the deployment file is of chain "
                f"{deployment.chain_id}, and chain {network.chain_id} was asked for.",
                do="Make --rpc, --deployments and --chain-id name the same network.",
            )
        yield Client(rpc, deployment, Contracts(rpc, deployment))
    finally:
        await rpc.close()


def certificate_id(text: str) -> str:
    """A certificate's id as written by a person. Raises BadInput."""
    value = text.strip().lower()
    if not _ID.fullmatch(value):
        raise BadInput(
            f"{text!r} is no certificate id.",
            do="It is 0x and 64 hexadecimal digits: the SHA-256 of the recording's original file.",
        )
    return value


def offer_id(text: str) -> str:
    """An offer's id as written by a person. Raises BadInput."""
    value = text.strip().lower()
    if not _ID.fullmatch(value):
        raise BadInput(f"{text!r} is no offer id.", do="It is 0x and 64 hexadecimal digits.")
    return value


def account(text: str) -> str:
    """An account's address as written by a person; its checksum, if it has one, must be right.

    Raises BadInput.
    """
    from eth_utils.address import is_checksum_address

    digits = text[2:]
    is_plain = digits in (digits.lower(), digits.upper())
    if not _ACCOUNT.fullmatch(text) or not (is_plain or is_checksum_address(text)):
        raise BadInput(
            f"{text!r} is no address.",
            do="It is 0x and 40 hexadecimal digits; where capitals are mixed in, they must be "
            "those of its checksum (EIP-55).",
        )
    return text.lower()


def sent(receipt: Receipt) -> dict[str, object]:
    """A transaction as results tell of it; gas in units, fee in wei."""
    return {
        "transaction": receipt.hash,
        "block": receipt.block,
        "gasUsed": receipt.gas_used,
        "fee": str(receipt.fee),
    }
