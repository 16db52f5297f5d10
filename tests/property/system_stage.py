"""The whole system on one stage: artists, listeners, a front-runner, payees of every temper, a
smart wallet, plain and odd tokens; and the models of all contracts over the same money."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from models.escrow import Escrow
from models.licenses import Shop
from models.money import ENDLESS, PERMIT2, Cash, FeePurse, Harmless, Purse
from models.offers import Certificate, Temper
from models.registry import NOBODY, Registry, Visibility, Work, commitment
from models.splits import ETH, Coin, Mood, Split
from permit2 import permit2_code
from world import Contract, World, actors

MIN_AGE = 60
WORKS = [bytes([n]) * 32 for n in range(1, 5)]
LATE = {1: b"\x05" * 32, 2: b"\x06" * 32}
"""Works that an actor, by index, has committed to and not registered yet."""
ARTISTS = actors()[1:3]
PEOPLE = actors()[1:5]
MALLORY, RELAYER = actors()[11], actors()[5]
FORTUNE = 10**24
TOKENS: dict[str, type[Purse]] = {
    "MockERC20": Harmless,
    "BlocklistToken": Purse,
    "FeeToken": FeePurse,
}
PLAIN = ("MockERC20", "BlocklistToken")


@dataclass(frozen=True, slots=True)
class System:
    contracts: dict[str, Contract]
    tokens: dict[str, Contract]
    moody: list[Contract]
    splits: list[tuple[Contract, list[str], list[int]]]
    registry: Registry

    def __getitem__(self, name: str) -> Contract:
        return self.contracts[name]

    @property
    def everybody(self) -> list[str]:
        """Whoever can have anything."""
        splits = [str(split) for split, _, _ in self.splits]
        named = [*self.contracts.values(), *self.tokens.values(), *self.moody]
        return [*(a.address for a in actors()), *map(str, named), *splits, PERMIT2]

    @property
    def payouts(self) -> list[str]:
        splits = [str(split) for split, _, _ in self.splits]
        others = [self["reenterer"], self["wallet"], self["licenses"]]
        return [*splits, *splits, NOBODY, *map(str, [*self.moody, *others]), PEOPLE[2].address]


def sure(made: Any) -> Any:
    assert made.ok, made.error
    return made


def build(world: World) -> System:
    world.set_code(PERMIT2, permit2_code())
    factory = world.deploy("RoyaltySplitFactory")
    registry = world.deploy("CopyrightRegistry", MIN_AGE, factory)
    contracts = {
        "factory": factory,
        "registry": registry,
        "licenses": world.deploy("LicenseManager", registry, factory),
        "escrow": world.deploy("StreamingEscrow", registry, factory),
        "reenterer": world.deploy("ReenteringPayee"),
        "wallet": world.deploy("SigningWallet", PEOPLE[0].address),
    }
    moody = [world.deploy("MoodyPayee") for _ in range(3)]
    tokens = {name: world.deploy(name) for name in TOKENS}
    splits = _splits(world, factory, moody)
    system = System(contracts, tokens, moody, splits, Registry(MIN_AGE))
    _register(world, system)
    for token in tokens.values():
        for person in PEOPLE:
            sure(world.transact(RELAYER.address, token, "mint", person.address, FORTUNE))
            for spender in (contracts["licenses"], contracts["escrow"]):
                sure(world.transact(person.address, token, "approve", spender, ENDLESS))
        sure(world.transact(RELAYER.address, token, "mint", contracts["wallet"], FORTUNE))
    return system


def _splits(
    world: World, factory: Contract, moody: list[Contract]
) -> list[tuple[Contract, list[str], list[int]]]:
    """One of an artist and payees of every temper; one of a person and the first, nested."""
    made: list[tuple[Contract, list[str], list[int]]] = []
    for parties in (
        {PEOPLE[0].address: 5000, str(moody[0]): 3000, str(moody[1]): 2000},
        {PEOPLE[2].address: 2500, "": 7500},
    ):
        named = {payee or str(made[0][0]): share for payee, share in parties.items()}
        payees = sorted(named)
        shares = [named[payee] for payee in payees]
        created = sure(world.transact(PEOPLE[0].address, factory, "create", payees, shares))
        made.append((world.at("RoyaltySplit", created.result), payees, shares))
        world.names[created.result] = f"split_{len(made)}"
    return made


def works_of(hashes: list[bytes], payout: str) -> list[Work]:
    return [Work(work_hash, work_hash, Visibility.LICENSED, payout) for work_hash in hashes]


def _register(world: World, system: System) -> None:
    albums = [(1, WORKS[:3]), (2, WORKS[3:]), (1, [LATE[1]]), (2, [LATE[2]])]
    for index, hashes in albums:
        author = actors()[index].address
        value = commitment(author, hashes, bytes(32))
        sure(world.transact(author, system["registry"], "commit", value))
        system.registry.commit(value, world.now())
    world.warp(MIN_AGE)
    for (index, hashes), payout in zip(albums[:2], system.splits, strict=True):
        author, works = actors()[index].address, works_of(hashes, str(payout[0]))
        plain = [work.plain() for work in works]
        sure(world.transact(author, system["registry"], "register", plain, bytes(32)))
        system.registry.register(author, works, bytes(32), world.now())


class Lively(Cash):
    """ETH that makes one of its receivers do something."""

    def __init__(self, moods: dict[str, Mood]) -> None:
        super().__init__(moods)
        self.wakes = ""
        self.deed: Any = None

    def move(self, sender: str, to: str, amount: int) -> bool:
        moved = super().move(sender, to, amount)
        if moved and to == self.wakes and self.deed:
            self.deed()
        return moved


@dataclass(slots=True)
class Books:
    """All models over the same coins, certificates and splits."""

    registry: Registry
    shop: Shop
    escrow: Escrow
    coins: dict[str, Coin]
    splits: dict[str, Split]
    ether: Lively
    minted: dict[str, int] = field(default_factory=dict)


def open_books(world: World, system: System) -> Books:
    registry = deepcopy(system.registry)
    ether = Lively(dict.fromkeys(system.moody, Mood.ACCEPTS))
    deaf = ("licenses", "escrow", "registry", "wallet")
    ether.marked.update(str(system[name]) for name in deaf)
    ether.wakes = str(system["reenterer"])
    splits = {str(s): Split(str(s), payees, shares) for s, payees, shares in system.splits}
    coins: dict[str, Coin] = {ETH: ether}
    for account in system.everybody:
        ether.balances[account] = world.balance(account)
    minted = {ETH: sum(ether.balances.values())}
    for name, token in system.tokens.items():
        coins[token] = purse = TOKENS[name](str(token))
        for owner in [*(person.address for person in PEOPLE), str(system["wallet"])]:
            purse.balances[owner] = FORTUNE
            purse.allowances[owner, str(system["licenses"])] = ENDLESS
        minted[token] = FORTUNE * (len(PEOPLE) + 1)
    silent = [*system.moody, *(system[name] for name in (*deaf, "reenterer"))]
    tempers = dict.fromkeys(map(str, silent), Temper.DEAF)
    shop = Shop(str(system["licenses"]), coins, splits, tempers, set(system.tokens.values()))
    escrow = Escrow(str(system["escrow"]), registry.payout_of, splits)
    books = Books(registry, shop, escrow, coins, splits, ether, minted)
    sync(books)
    return books


def sync(books: Books) -> None:
    """What the shop knows of certificates is what the registry says."""
    for work_hash, known in books.registry.certificates.items():
        certificate = Certificate(known.owner, known.visibility, known.payout)
        books.shop.certificates[work_hash] = certificate
