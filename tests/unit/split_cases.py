"""What the split tests share: payees, and money that is ETH or a token."""

from dataclasses import dataclass
from typing import Any

from ape import chain
from eth_utils import keccak, to_checksum_address

ETH = "0x0000000000000000000000000000000000000000"
ONE = 10**18


def fresh(count: int, tag: str = "payee") -> list[str]:
    """Sorted addresses that nobody has used."""
    addresses = (keccak(text=f"{tag} {i}")[12:] for i in range(count))
    return [to_checksum_address(address) for address in sorted(addresses)]


def ordered(*accounts: Any) -> list[str]:
    return sorted((str(getattr(a, "address", a)) for a in accounts), key=lambda a: int(a, 16))


@dataclass(frozen=True, slots=True)
class Money:
    """ETH, or an ERC-20 token that anyone may mint, behind the same three calls."""

    payer: Any
    contract: Any = None

    @property
    def address(self) -> str:
        return self.contract.address if self.contract else ETH

    def send(self, to: Any, amount: int) -> None:
        if self.contract:
            self.contract.mint(to, amount, sender=self.payer)
        else:
            self.payer.transfer(to, amount)

    def balance(self, account: Any) -> int:
        if self.contract:
            return int(self.contract.balanceOf(account))
        return int(chain.provider.get_balance(str(getattr(account, "address", account))))
