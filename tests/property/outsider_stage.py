"""A small world that belongs to others: everything of theirs that an outsider might move."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from models.money import ENDLESS, PERMIT2
from models.offers import Kind, Offer
from models.permits import Order, permit2_digest
from models.registry import NOBODY, Visibility, Work, commitment, register_digest
from models.splits import ETH
from permit2 import permit2_code
from world import CHAIN_ID, Contract, World, actors, sign_digest

from immurtal.chain.eip712 import Entry, Statement, digest

ALICE, BOB, CAROL, DEVICE = actors()[1:5]
MALLORY, RUPERT = actors()[11], actors()[15]
VICTIMS = [ALICE.address, BOB.address, CAROL.address]
OUTSIDERS = [MALLORY.address, RUPERT.address]
ALBUM = [bytes([n]) * 32 for n in (1, 2)]
SINGLE, SIGNED, PLANNED, THEIRS = (bytes([n]) * 32 for n in (3, 4, 5, 9))
WORKS = [*ALBUM, SINGLE, SIGNED]
SALT = b"\x77" * 32
PRICE = 10_000
LATE = 2**40
Books = dict[tuple[Any, ...], Any]


@dataclass(slots=True)
class Town:
    contracts: dict[str, Contract]
    splits: list[Contract]
    token: Contract
    refuser: Contract
    offers: list[int] = field(default_factory=list)
    nodes: list[bytes] = field(default_factory=list)
    used: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    """Arguments with which a signature was used already, by function."""
    statements: list[tuple[Any, ...]] = field(default_factory=list)
    own_node: bytes = b""
    """An outsider's."""

    @property
    def coins(self) -> list[str]:
        return [ETH, self.token]


def build(world: World) -> Town:
    world.set_code(PERMIT2, permit2_code())
    factory = world.deploy("RoyaltySplitFactory")
    registry = world.deploy("CopyrightRegistry", 1, factory)
    contracts = {
        "CopyrightRegistry": registry,
        "LicenseManager": world.deploy("LicenseManager", registry, factory),
        "StreamingEscrow": world.deploy("StreamingEscrow", registry, factory),
        "RoyaltySplitFactory": factory,
        "NodeRegistry": world.deploy("NodeRegistry"),
    }
    refuser = world.deploy("SwitchPayee")
    splits = [_split(world, factory, payees) for payees in (VICTIMS[:2], [CAROL.address, refuser])]
    contracts["RoyaltySplit"] = splits[1]
    town = Town(contracts, splits, world.deploy("MockERC20"), refuser)
    for step in (_certify, _fund, _sell, _stream, _announce):
        step(world, town)
    return town


def _does(world: World, sender: str, contract: Contract, *call: Any, value: int = 0) -> Any:
    made = world.transact(sender, contract, *call, value=value)
    assert made.ok, (call, made.error)
    return made


def _split(world: World, factory: Contract, payees: list[str]) -> Contract:
    made = _does(world, ALICE.address, factory, "create", sorted(payees), [5000, 5000])
    split = world.at("RoyaltySplit", made.result)
    world.names.setdefault(split, f"split_{payees[0][2:6]}")
    return split


def _certify(world: World, town: Town) -> None:
    registry = town.contracts["CopyrightRegistry"]
    first, second = town.splits
    plans = [
        (ALICE, ALBUM, (first, NOBODY)),
        (BOB, [SINGLE], (second,)),
        (MALLORY, [THEIRS], (NOBODY,)),
        (CAROL, [SIGNED], (NOBODY,)),
        (CAROL, [PLANNED], (NOBODY,)),
    ]
    for author, hashes, _ in plans:
        value = commitment(author.address, hashes, SALT)
        _does(world, author.address, registry, "commit", value)
    world.warp(1)
    for author, hashes, payouts in plans[:3]:
        works = [(w, w, int(Visibility.LICENSED), p) for w, p in zip(hashes, payouts, strict=True)]
        _does(world, author.address, registry, "register", works, SALT)
    work = Work(SIGNED, SIGNED, Visibility.PRIVATE, NOBODY)
    signed = register_digest(CHAIN_ID, registry, CAROL.address, [work], SALT, LATE)
    signature = sign_digest(CAROL, signed)
    arguments = (CAROL.address, [work.plain()], SALT, LATE, signature)
    _does(world, BOB.address, registry, "registerFor", *arguments)
    town.used["registerFor"] = [arguments]
    album = int.from_bytes(ALBUM[0])
    _does(world, ALICE.address, registry, "approve", BOB.address, album)
    _does(world, ALICE.address, registry, "setApprovalForAll", CAROL.address, True)


def _fund(world: World, town: Town) -> None:
    """Everybody has tokens, and allows the contracts to take them."""
    for who in [*VICTIMS, *OUTSIDERS]:
        _does(world, who, town.token, "mint", who, 10**9)
        for spender in ("LicenseManager", "StreamingEscrow"):
            _does(world, who, town.token, "approve", town.contracts[spender], ENDLESS)
    # One payee refuses ETH and so has a credit; both splits have something that waits.
    for split in town.splits:
        _does(world, ALICE.address, split, "distribute", ETH, value=5001)
        assert world.send(BOB.address, split, 777).ok
        _does(world, BOB.address, town.token, "mint", split, 333)
    _does(world, ALICE.address, town.refuser, "setRefuses", False)


def _sell(world: World, town: Town) -> None:
    licenses = town.contracts["LicenseManager"]

    def offer(seller: Any, works: list[bytes], kind: Kind, token: str, duration: int) -> int:
        rights = (duration, kind == Kind.PERPETUAL, 1000, SALT, bytes(32))
        made = Offer(seller.address, tuple(works), kind, token, *rights)
        _does(world, seller.address, licenses, "createOffer", made.plain(), PRICE, 0)
        town.offers.append(made.id)
        return made.id

    album = offer(ALICE, ALBUM, Kind.PERPETUAL, ETH, 0)
    single = offer(BOB, [SINGLE], Kind.PASS, town.token, 10**6)
    offer(BOB, [SINGLE], Kind.PER_PLAY, ETH, 0)
    offer(MALLORY, [THEIRS], Kind.PERPETUAL, ETH, 0)
    bought = (CAROL.address, NOBODY, PRICE)
    _does(world, CAROL.address, licenses, "purchase", album, *bought, value=PRICE)
    _does(world, CAROL.address, licenses, "setApprovalForAll", BOB.address, True)
    _does(world, ALICE.address, licenses, "grant", ALBUM[1], CAROL.address)
    own = (MALLORY.address, NOBODY, PRICE)
    _does(world, MALLORY.address, licenses, "purchase", album, *own, value=PRICE)
    order = Order(single, CAROL.address, NOBODY, PRICE)
    signed = permit2_digest(CHAIN_ID, licenses, town.token, order, 1, LATE)
    arguments = (order.plain(), CAROL.address, 1, LATE, sign_digest(CAROL, signed))
    _does(world, BOB.address, licenses, "purchaseWithPermit2", *arguments)
    town.used["purchaseWithPermit2"] = [arguments]


def _stream(world: World, town: Town) -> None:
    """Accounts with money, money that accrued, and a request that is old enough."""
    escrow = town.contracts["StreamingEscrow"]

    def signed(by: Any, listener: str, token: str, works: list[bytes], amount: int) -> Any:
        entries = [(work, amount // 10, amount) for work in works]
        listed = tuple(Entry("0x" + work.hex(), *rest) for work, *rest in entries)
        struct = Statement(listener, token, listed)
        signature = sign_digest(by, digest(struct, CHAIN_ID, escrow))
        return (listener, token, entries), signature

    for token in town.coins:
        value = 10**6 if token == ETH else 0
        account = (CAROL.address, DEVICE.address, token)
        _does(world, CAROL.address, escrow, "deposit", *account, 10**6, value=value)
        one = signed(DEVICE, CAROL.address, token, WORKS[:3], 1000)
        _does(world, CAROL.address, escrow, "record", [one])
        _does(world, CAROL.address, escrow, "requestWithdrawal", *account[1:], 500)
        more = signed(MALLORY, CAROL.address, token, [THEIRS], 5000)
        own = signed(MALLORY, MALLORY.address, token, [THEIRS, ALBUM[0]], 50)
        forged = (more[0], one[1])
        town.used.setdefault("record", []).append(([one],))
        town.statements += [one, more, own, forged]
    world.warp(86_400)


def _announce(world: World, town: Town) -> None:
    nodes = town.contracts["NodeRegistry"]
    record = ("https://node.example", "", "", 0x20, b"\x01" * 32, b"DE", "")
    made = _does(world, BOB.address, nodes, "announce", SALT, record)
    town.nodes.append(made.result)
    own = _does(world, MALLORY.address, nodes, "announce", SALT, record)
    town.own_node = own.result


def read(world: World, town: Town) -> Books:
    """All that is others', by kind and whose."""
    books: Books = {}
    _read_works(world, town, books)
    _read_licences(world, town, books)
    _read_money(world, town, books)
    _read_escrow(world, town, books)
    for node in town.nodes:
        books["node", node] = world.call(town.contracts["NodeRegistry"], "nodeOf", node)
    return books


def _asker(world: World, contract: Contract) -> Callable[..., Any]:
    return lambda *call: world.call(contract, *call)


def _read_works(world: World, town: Town, books: Books) -> None:
    ask = _asker(world, town.contracts["CopyrightRegistry"])
    for work in WORKS:
        approved = ask("getApproved", int.from_bytes(work))
        books["certificate", work] = (*ask("certificateOf", work), approved)
    for author, hashes in ((ALICE, ALBUM), (CAROL, [PLANNED])):
        value = commitment(author.address, hashes, SALT)
        books["commitment", value] = ask("committedAt", value)
    for contract in ("CopyrightRegistry", "LicenseManager"):
        for victim in VICTIMS:
            for outsider in OUTSIDERS:
                pair = (victim, outsider)
                approval = world.call(town.contracts[contract], "isApprovedForAll", *pair)
                books["approval", contract, *pair] = approval


def _read_licences(world: World, town: Town, books: Books) -> None:
    ask = _asker(world, town.contracts["LicenseManager"])
    for offer in town.offers[:3]:
        fixed, state = ask("offerOf", offer)
        books["offer", offer] = (fixed, state._replace(sold=0))
        books["sold", offer] = state.sold
    for account in VICTIMS:
        for offer in town.offers[:3]:
            books["units", offer, account] = ask("balanceOf", account, offer)
            books["expiry", offer, account] = ask("expiryOf", offer, account)
    for account in [*VICTIMS, *OUTSIDERS]:
        for work in WORKS:
            books["grant", work, account] = ask("isGranted", work, account)


def money(world: World, town: Town, coin: str, holder: str) -> int:
    balance = world.balance(holder) if coin == ETH else None
    return world.call(town.token, "balanceOf", holder) if balance is None else balance


def _read_money(world: World, town: Town, books: Books) -> None:
    for coin in town.coins:
        for holder in [*VICTIMS, DEVICE.address, town.refuser]:
            books["money", coin, holder] = money(world, town, coin, holder)
        for split in town.splits:
            owed = world.call(split, "totalCredit", coin)
            books["waiting", coin, split] = money(world, town, coin, split) - owed
            for payee in [*VICTIMS, town.refuser]:
                books["credit", coin, split, payee] = world.call(split, "creditOf", coin, payee)
        held = money(world, town, coin, town.contracts["LicenseManager"])
        books["kept", coin] = held
    for victim in VICTIMS:
        for spender in ("LicenseManager", "StreamingEscrow"):
            allowed = world.call(town.token, "allowance", victim, town.contracts[spender])
            books["allowance", victim, spender] = allowed


def _read_escrow(world: World, town: Town, books: Books) -> None:
    ask = _asker(world, town.contracts["StreamingEscrow"])
    for coin in town.coins:
        account = (CAROL.address, DEVICE.address, coin)
        balance, *request = ask("accountOf", *account)
        books["deposit", coin, CAROL.address] = balance
        books["request", coin] = request
        for work in WORKS:
            books["recorded", coin, work] = ask("recordedOf", *account, work)
        for payout in [*VICTIMS, *town.splits]:
            books["accrued", coin, payout] = ask("accruedOf", payout, coin)


def wealth(books: Books) -> Counter[tuple[str, str]]:
    """What each of the others has, or is owed, in each coin; and all of them together, splits and
    contracts too: a split's wealth may well become its payees'."""
    found: Counter[tuple[str, str]] = Counter()
    for (kind, *rest), amount in books.items():
        if kind in ("money", "deposit", "accrued", "waiting", "credit"):
            coin, whose = rest[0], rest[-1]
            found[coin, "all"] += amount
            found[coin, whose] += amount if whose in VICTIMS else 0
    return found


def spoils(world: World, town: Town) -> Counter[str]:
    """What the outsiders have together, by coin, where they put it themselves too."""
    found: Counter[str] = Counter()
    ask = _asker(world, town.contracts["StreamingEscrow"])
    for coin in town.coins:
        for outsider in OUTSIDERS:
            found[coin] += money(world, town, coin, outsider) + ask("accruedOf", outsider, coin)
        for listener in [*VICTIMS, *OUTSIDERS, DEVICE.address]:
            for device in [*VICTIMS, *OUTSIDERS, DEVICE.address]:
                if listener in OUTSIDERS or device in OUTSIDERS:
                    found[coin] += ask("accountOf", listener, device, coin)[0]
    return found
