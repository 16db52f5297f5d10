"""Gas of every state-changing function in its typical cases, and the size of each contract's code.

`python -m bench.gas`, from the checkout's root. Whole transactions on anvil from their receipts,
with the 21,000 and the call data. Two runs over the same code give the same figures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain as joined
from typing import Final

from bench import peers
from bench.chain import ETH, NOBODY, ONE, Chain, bare_transfers, call_data, mock_code, run_chain
from bench.plays import deposits, statements
from bench.results import Row, load_average, report
from bench.scene import SALT, certify, create_offer, create_split, digest, distribute
from bench.signed import claims, passes, token_purchases
from bench.snapshots import MOST_BYTES
from bench.sound import sound_gas
from bench.story import register_gas
from bench.unlock import purchase_gas
from immurtal.chain.contracts import Visibility

CODE_LIMIT: Final = 24_576
"""Bytes of code that a contract may have (EIP-170)."""
WITHIN_LIMIT: Final = 1.10
CERTIFICATE: Final = "certificate, commit and register, an author's first"
NEXT: Final = "certificate, commit and register, the next"
PERPETUAL: Final = "purchase, perpetual, paid out to 2 payees at once"
HELD_TO_LIMIT: Final = 10
"""Payees from which on a distribution is held against a bare loop of transfers."""


def gas(chain: Chain) -> list[Row]:
    """Every case. On a fresh chain: an author's first certificate costs more than the next."""
    parts = (
        certificates,
        claims,
        offers,
        purchases,
        passes,
        token_purchases,
        creations,
        eth_again,
        erc20_again,
        credits,
        deposits,
        statements,
        nodes,
    )
    rows = joined.from_iterable(part(chain) for part in parts)
    return [row if row.peer is None else replace(row, peer_source="quoted") for row in rows]


def certificates(chain: Chain) -> Iterator[Row]:
    artist, other, third = chain.accounts[1:4]
    split = create_split(chain, "certificate", 2).address
    first = certify(chain, artist, "first", split)
    following = certify(chain, artist, "next", split)
    album = certify(chain, other, "album", split, 12)
    bare = certify(chain, third, "bare", NOBODY)
    yield Row("commit", "gas", first.commit_gas)
    yield Row("register, an author's first", "gas", first.register_gas)
    yield Row("register, the next", "gas", following.register_gas)
    yield Row("register, an author's first, without a payout", "gas", bare.register_gas)
    yield Row("register, an album of 12", "gas", album.register_gas)
    for what, works, goal in (
        ("an author's first", first, 200_000),
        ("the next", following, 180_000),
        ("each of an album of 12", album, 110_000),
    ):
        what = f"certificate, commit and register, {what}"
        yield Row(what, "gas", works.gas_each, peer=peers.STORY_REGISTER, goal=goal)
    (work,), (plain,) = first.ids, bare.ids
    token_id = int(work, 16)
    for what, sender, function, *args in (
        ("publishRelease", artist, "publishRelease", work, digest("another release")),
        ("setVisibility", artist, "setVisibility", work, Visibility.WITHDRAWN),
        ("setPayout, where there was none", third, "setPayout", plain, split),
        ("setPayout, where there was one", third, "setPayout", plain, third),
        ("lockPayout", artist, "lockPayout", work, split),
        ("transfer of a certificate", artist, "transferFrom", artist, other, token_id),
    ):
        yield Row(what, "gas", chain.gas(sender, "CopyrightRegistry", function, *args))


def offers(chain: Chain) -> Iterator[Row]:
    artist, fan = chain.accounts[3:5]
    works = certify(chain, artist, "offered", NOBODY, 64)
    one, offer_id = create_offer(chain, artist, works.ids[:1])
    yield Row("createOffer, 1 certificate", "gas", one)
    yield Row("createOffer, 64 certificates", "gas", create_offer(chain, artist, works.ids)[0])
    for function, *args in (
        ("updateOffer", offer_id, 2 * ONE, 100, True),
        ("closeOffer", offer_id),
        ("grant", works.ids[0], fan),
        ("revokeGrant", works.ids[0], fan),
    ):
        yield Row(function, "gas", chain.gas(artist, "LicenseManager", function, *args))


def purchases(chain: Chain) -> Iterator[Row]:
    artist, buyer, fan, referrer = chain.accounts[4:8]

    def put_on_sale(payout: str, count: int = 1, referral_bps: int = 0) -> int:
        works = certify(chain, artist, f"sold {payout} {count} {referral_bps}", payout, count)
        return create_offer(chain, artist, works.ids, referral_bps)[1]

    def buy(account: str, offer_id: int, referrer: str = NOBODY) -> int:
        terms = (offer_id, account, referrer, ONE)
        return chain.gas(account, "LicenseManager", "purchase", *terms, value=ONE)

    yield Row("purchase, to a plain account", "gas", buy(buyer, put_on_sale(artist)))
    pair, five, ten = (create_split(chain, "sold", count).address for count in (2, 5, 10))
    offer_id = put_on_sale(pair)
    yield Row(
        PERPETUAL,
        "gas",
        buy(buyer, offer_id),
        peer=peers.SOUND_MINT,
        goal=125_000,
    )
    yield Row("purchase, the same buyer once more", "gas", buy(buyer, offer_id))
    yield Row("purchase, 5 payees", "gas", buy(buyer, put_on_sale(five)))
    yield Row("purchase, 10 payees", "gas", buy(buyer, put_on_sale(ten)))
    referred = put_on_sale(pair, referral_bps=1000)
    yield Row("purchase, 2 payees and a referrer", "gas", buy(buyer, referred, referrer))
    yield Row("purchase, an album of 12, 2 payees", "gas", buy(buyer, put_on_sale(pair, 12)))
    transfer = (buyer, fan, offer_id, 1, b"")
    spent = chain.gas(buyer, "LicenseManager", "safeTransferFrom", *transfer)
    yield Row("transfer of a licence", "gas", spent)


def creations(chain: Chain) -> Iterator[Row]:
    pair = create_split(chain, "created", 2).creation_gas
    yield Row("split of 2, creation", "gas", pair, peer=peers.SPLITS_CREATION_OF_2, goal=110_000)
    for count in (10, 100):
        what = f"split of {count}, creation"
        yield Row(what, "gas", create_split(chain, "created", count).creation_gas)


def eth_again(chain: Chain) -> Iterator[Row]:
    for count, peer in peers.SPLITS_ETH.items():
        split = create_split(chain, "ETH", count)
        distribute(chain, split, value=ONE)
        ours = distribute(chain, split, value=ONE)
        bare = chain.deploy(bare_transfers(split.payees, ONE // count))
        limit = chain.spend(chain.accounts[0], bare, b"", ONE)
        goal = peer - 1
        if count >= HELD_TO_LIMIT:
            goal = min(goal, int(WITHIN_LIMIT * limit))
        what = f"split, ETH paid again to {count}"
        yield Row(what, "gas", ours, peer=peer, limit=limit, goal=goal)


def erc20_again(chain: Chain) -> Iterator[Row]:
    token = chain.deploy(mock_code("MockERC20"))
    for count, peer in peers.SPLITS_ERC20.items():
        split = create_split(chain, "ERC-20", count)
        # What does not divide stays behind, as it mostly does.
        mint = call_data("mint(address,uint256)", split.address, ONE + 1)
        for _ in range(2):
            chain.spend(chain.accounts[0], token, mint)
            ours = distribute(chain, split, token)
        yield Row(f"split, ERC-20 paid again to {count}", "gas", ours, peer=peer, goal=peer - 1)


def credits(chain: Chain) -> Iterator[Row]:
    payee, other = chain.accounts[8:10]
    split = create_split(chain, "credited", 2, payee)

    def credit() -> int:
        chain.refuse_money(payee, True)
        spent = distribute(chain, split, value=ONE)
        chain.refuse_money(payee, False)
        return spent

    yield Row("split of 2, ETH, one is credited instead", "gas", credit())
    for function, *args in (("withdraw", ETH, payee), ("withdrawTo", ETH, other)):
        spent = chain.gas(payee, "RoyaltySplit", function, *args, at=split.address)
        yield Row(function, "gas", spent)
        credit()


def nodes(chain: Chain) -> Iterator[Row]:
    operator = chain.accounts[8]
    record = {
        "apiUrl": "https://node.example.org",
        "gatewayUrl": "https://blocks.example.org",
        "peer": f"/dns4/node.example.org/tcp/4001/p2p/{'k51' * 17}w",
        "kem": 0x0020,
        "key": bytes.fromhex(digest("key")[2:]),
        "region": b"DE",
        "domain": "example.org",
    }
    node = chain.call(operator, "NodeRegistry", "announce", SALT, record)
    for function, *args in (("announce", SALT, record), ("change", node, record), ("retire", node)):
        yield Row(f"node, {function}", "gas", chain.gas(operator, "NodeRegistry", function, *args))


def sizes(chain: Chain) -> list[Row]:
    """Bytes of each contract's code as it stands on the chain."""
    factory = "RoyaltySplitFactory"
    split = chain.call(chain.accounts[0], factory, "implementation")
    return [
        Row(f"{name}, code", "bytes", chain.code_size(address), limit=CODE_LIMIT, goal=MOST_BYTES)
        for name, address in (*chain.contracts.items(), ("RoyaltySplit", split))
    ]


def beside_unlock(chain: Chain, rows: Sequence[Row]) -> Row:
    """What was measured of our purchase, with Unlock's own measured on this chain."""
    what = "purchase, perpetual, 2 payees; Unlock V15, which pays no split"
    return _beside(rows, PERPETUAL, what, purchase_gas(chain))


def beside_sound(chain: Chain, rows: Sequence[Row]) -> list[Row]:
    """What was measured of our certificate and our purchase, with Sound's on this chain."""
    peer = sound_gas(chain)
    edition, mint = (None, None) if peer is None else (peer.edition, peer.mint)
    return [
        _beside(rows, CERTIFICATE, "certificate, an author's first; Sound V1.2, edition", edition),
        _beside(
            rows,
            PERPETUAL,
            "purchase, perpetual, 2 payees; Sound V1.2, which pays no split",
            mint,
        ),
    ]


def beside_story(chain: Chain, rows: Sequence[Row]) -> Row:
    """What was measured of our next certificate, with an early Story's on this chain."""
    what = "certificate, the next; Story 1.0.0-beta-rc6, register alone"
    return _beside(rows, NEXT, what, register_gas(chain))


def _beside(rows: Sequence[Row], ours: str, what: str, peer: int | None) -> Row:
    measured = next(row for row in rows if row.what == ours)
    return replace(measured, what=what, peer=peer, peer_source=None if peer is None else "measured")


def main() -> int:
    load = load_average()
    with run_chain() as chain:
        rows = gas(chain)
        rows += [beside_unlock(chain, rows), *beside_sound(chain, rows)]
        rows += [beside_story(chain, rows), *sizes(chain)]
        about = {
            "chain": chain.version(),
            "peers": peers.SOURCES,
            "limit": "the same payees paid by hard-coded calls, in the same run; for code, EIP-170",
        }
    return report("gas", rows, load, about)


if __name__ == "__main__":
    raise SystemExit(main())
