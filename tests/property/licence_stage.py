"""Where licences are played for: artists' works, splits, tokens, and whoever pays or is paid."""

from dataclasses import dataclass
from typing import Any

from models.licenses import Shop
from models.money import (
    ENDLESS,
    PERMIT2,
    Cash,
    FeePurse,
    Harmless,
    MoodyPurse,
    Permitless,
    Purse,
    Tether,
)
from models.offers import Certificate, Temper
from models.registry import NOBODY, Visibility, commitment
from models.splits import ETH, Mood, Split
from permit2 import permit2_code
from world import Contract, World, actors

WORKS = [bytes([n]) * 32 for n in range(1, 7)]
UNKNOWN = b"\xff" * 32
PEOPLE = actors()[1:5]
RELAYER = actors()[5]
FORTUNE = 10**24
TOKENS: dict[str, type[Purse]] = {
    "MockERC20": Harmless,
    "MoodyToken": MoodyPurse,
    "TetherLike": Tether,
    "ReenteringSpendToken": Harmless,
    "PermitlessToken": Permitless,
    "BlocklistToken": Purse,
    "FeeToken": FeePurse,
}
MARKABLE = ("MoodyToken", "ReenteringSpendToken", "BlocklistToken")


@dataclass(frozen=True, slots=True)
class System:
    registry: Contract
    licenses: Contract
    tokens: dict[str, Contract]
    moody: list[Contract]
    hungry: Contract
    accepting: Contract
    refusing: Contract
    reentering: Contract
    wallet: Contract
    splits: list[tuple[Contract, list[str], list[int]]]
    balances: dict[str, int]

    @property
    def accounts(self) -> list[str]:
        """All that may hold a licence, or be asked about one."""
        contracts = [self.accepting, self.refusing, self.reentering, self.wallet]
        return [*(person.address for person in PEOPLE), *contracts, self.moody[0]]

    @property
    def holders(self) -> list[str]:
        """All whose money is counted."""
        paid = [*self.moody[1:], self.hungry, *(split for split, _, _ in self.splits)]
        return [*self.accounts, RELAYER.address, *paid, self.licenses]


def build(world: World) -> System:
    world.set_code(PERMIT2, permit2_code())
    factory = world.deploy("RoyaltySplitFactory")
    registry = world.deploy("CopyrightRegistry", 1, factory)
    licenses = world.deploy("LicenseManager", registry, factory)
    moody = [world.deploy("MoodyPayee") for _ in range(2)]
    hungry = world.deploy("HungryPayee")
    recipients = ["AcceptingRecipient", "RefusingRecipient", "ReenteringRecipient"]
    accepting, refusing, reentering = [world.deploy(name) for name in recipients]
    wallet = world.deploy("SigningWallet", PEOPLE[0].address)
    tokens = {name: world.deploy(name) for name in TOKENS}
    splits = _splits(world, factory, moody, hungry)
    _register(world, registry, reentering)
    _allow(world, tokens, licenses, [*moody[:1], wallet])
    system = System(
        *(registry, licenses, tokens, moody, hungry, accepting, refusing, reentering, wallet),
        splits,
        {},
    )
    for holder in system.holders:
        system.balances[holder] = world.balance(holder)
    return system


def _splits(
    world: World, factory: Contract, moody: list[Contract], hungry: Contract
) -> list[tuple[Contract, list[str], list[int]]]:
    """Of people; of payees of every temper; and one with the second nested in it."""
    alice, bob, carol, dave = (person.address for person in PEOPLE)
    made: list[tuple[Contract, list[str], list[int]]] = []
    for parties in (
        {alice: 5000, bob: 5000},
        {moody[0]: 3333, moody[1]: 1, carol: 3333, hungry: 3333},
        {"": 2500, dave: 7500},
    ):
        named = {payee or made[1][0]: share for payee, share in parties.items()}
        payees = sorted(named)
        shares = [named[payee] for payee in payees]
        created = _sure(world.transact(alice, factory, "create", payees, shares))
        split = world.at("RoyaltySplit", created.result)
        world.names[split] = f"split_{len(made) + 1}"
        made.append((split, payees, shares))
    return made


def _register(world: World, registry: Contract, reentering: Contract) -> None:
    """Four works by alice, two by bob; who re-enters is their operator."""
    for author, works in zip(PEOPLE[:2], (WORKS[:4], WORKS[4:]), strict=True):
        value = commitment(author.address, works, bytes(32))
        _sure(world.transact(author.address, registry, "commit", value))
        world.warp(1)
        listed = [(work, work, int(Visibility.LICENSED), NOBODY) for work in works]
        _sure(world.transact(author.address, registry, "register", listed, bytes(32)))
        _sure(world.transact(author.address, registry, "setApprovalForAll", reentering, True))


def _allow(
    world: World, tokens: dict[str, Contract], licenses: Contract, wallets: list[Contract]
) -> None:
    for token in tokens.values():
        for owner in [*(person.address for person in PEOPLE), *wallets]:
            _sure(world.transact(RELAYER.address, token, "mint", owner, FORTUNE))
        for person in PEOPLE:
            _sure(world.transact(person.address, token, "approve", licenses, ENDLESS))
        approve = token.function("approve", 2).encode((licenses, ENDLESS))
        _sure(world.transact(RELAYER.address, wallets[0], "execute", token, approve))
    for person in PEOPLE[:2]:
        _sure(world.transact(person.address, tokens["TetherLike"], "approve", PERMIT2, FORTUNE))


def _sure(made: Any) -> Any:
    assert made.ok, made.error
    return made


def model(system: System, moods: dict[str, Mood]) -> Shop:
    """The shop as `build` left it."""
    ether = Cash(moods)
    ether.marked.update([system.refusing, system.wallet, system.licenses])
    ether.balances.update(system.balances)
    shop = Shop(
        system.licenses,
        {ETH: ether},
        {split: Split(split, payees, shares) for split, payees, shares in system.splits},
        {
            system.accepting: Temper.ACCEPTS,
            system.refusing: Temper.REFUSES,
            system.reentering: Temper.REENTERS,
            system.wallet: Temper.DEAF,
            system.licenses: Temper.DEAF,
            **dict.fromkeys(system.moody, Temper.DEAF),
        },
        set(system.tokens.values()),
    )
    for name, token in system.tokens.items():
        shop.coins[token] = purse = TOKENS[name](token)
        owners = [*(person.address for person in PEOPLE), system.moody[0], system.wallet]
        for owner in owners:
            purse.balances[owner] = FORTUNE
        for owner in owners[:-1]:
            purse.allowances[owner, system.licenses] = ENDLESS
        if name == "TetherLike":
            for person in PEOPLE[:2]:
                purse.allowances[person.address, PERMIT2] = FORTUNE
    for i, work in enumerate(WORKS):
        owner = PEOPLE[0 if i < 4 else 1].address
        shop.certificates[work] = Certificate(owner, Visibility.LICENSED, NOBODY)
    return shop
