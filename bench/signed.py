"""Gas of what is done by signature or in tokens: registrations, claims, purchases."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from permit2 import PERMIT2_ADDRESS, permit2_code

from bench.chain import ETH, NOBODY, ONE, Chain, call_data, mock_code
from bench.results import Row
from bench.scene import SALT, certify, commit, create_offer, create_split, digest
from immurtal.chain import eip712
from immurtal.chain.contracts import OfferKind, Visibility

NEVER: Final = 2**63
MONTH: Final = 30 * 24 * 3600
ALWAYS: Final = 2**256 - 1


@dataclass(frozen=True, slots=True)
class Permit(eip712.Struct):
    """EIP-2612, of MockERC20."""

    TYPE = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
    DOMAIN = eip712.Domain("Mock", "1")
    owner: str
    spender: str
    value: int
    nonce: int
    deadline: int


def claims(chain: Chain) -> Iterator[Row]:
    """Account 1 signs, 2 sends; account 3 committed to the same work before."""
    sender, earlier = chain.accounts[2:4]
    author = chain.anvil.wallet(1)
    work = digest("relayed")
    commit(chain, earlier, [work])
    commit(chain, author.address, [work])
    terms = (work, digest(work), Visibility.LICENSED, NOBODY)
    registration = eip712.Register(author.address, (eip712.Work(*terms),), SALT, NEVER)
    signature = _sign(chain, 1, registration, chain.contracts["CopyrightRegistry"])
    arguments = (author.address, [terms], SALT, NEVER, signature)
    spent = chain.gas(sender, "CopyrightRegistry", "registerFor", *arguments)
    yield Row("registerFor, signed by a plain account, without a payout", "gas", spent)
    spent = chain.gas(earlier, "CopyrightRegistry", "contest", work, [work], SALT)
    yield Row("contest, a commitment to 1 work", "gas", spent)


def token_purchases(chain: Chain) -> Iterator[Row]:
    """Account 7 buys for itself; account 6 bought the same before, and sends what is relayed."""
    artist, relayer, buyer = chain.accounts[5:8]
    chain.anvil.rpc("anvil_setCode", PERMIT2_ADDRESS, "0x" + permit2_code().hex())
    token = chain.deploy(mock_code("MockERC20"))
    licenses = chain.contracts["LicenseManager"]
    works = certify(chain, artist, "sold for tokens", _used_pair(chain, token, "tokens"))
    for account in (relayer, buyer):
        chain.spend(account, token, call_data("mint(address,uint256)", account, 100 * ONE))
    for account in (licenses, PERMIT2_ADDRESS):
        approval = call_data("approve(address,uint256)", account, ALWAYS)
        chain.spend(relayer, token, approval)
        chain.spend(buyer, token, approval)

    def order(name: str) -> tuple[int, str, str, int]:
        _, offer_id = create_offer(chain, artist, works.ids, token=token, terms=digest(name))
        chain.gas(relayer, "LicenseManager", "purchase", offer_id, relayer, NOBODY, ONE)
        return offer_id, buyer, NOBODY, ONE

    spent = chain.gas(buyer, "LicenseManager", "purchase", *order("allowance"))
    yield Row("purchase in ERC-20, 2 payees, by allowance", "gas", spent)

    wanted = order("Permit2")
    permit = eip712.purchase_permit(licenses, token, eip712.Purchase(*wanted), 1, NEVER)
    signature = _sign(chain, 7, permit, PERMIT2_ADDRESS)
    arguments = (wanted, buyer, 1, NEVER, signature)
    spent = chain.gas(relayer, "LicenseManager", "purchaseWithPermit2", *arguments)
    yield Row("purchase in ERC-20, 2 payees, by Permit2, relayed", "gas", spent)

    wanted = order("permit")
    chain.spend(buyer, token, call_data("approve(address,uint256)", licenses, 0))
    signature = _sign(chain, 7, Permit(buyer, licenses, ONE, 0, NEVER), token)
    parts = (signature[64], signature[:32], signature[32:64])
    spent = chain.gas(buyer, "LicenseManager", "purchaseWithPermit", wanted, NEVER, *parts)
    yield Row("purchase in ERC-20, 2 payees, by EIP-2612", "gas", spent)


def passes(chain: Chain) -> Iterator[Row]:
    artist, buyer = chain.accounts[6:8]
    pair = _used_pair(chain, ETH, "passes")
    works = certify(chain, artist, "sold for a while", pair)
    kind = {"kind": OfferKind.PASS, "duration": MONTH, "transferable": False}
    _, offer_id = create_offer(chain, artist, works.ids, **kind)
    order = (offer_id, buyer, NOBODY, ONE)
    spent = chain.gas(buyer, "LicenseManager", "purchase", *order, value=ONE)
    what = "purchase, pass, paid out to 2 payees at once"
    yield Row(what, "gas", spent, goal=150_000)
    spent = chain.gas(buyer, "LicenseManager", "purchase", *order, value=ONE)
    yield Row("purchase, renewal of a pass, 2 payees", "gas", spent)
    orders = []
    for name in ("one", "two", "three"):
        sold = certify(chain, artist, f"batch {name}", pair)
        orders.append((create_offer(chain, artist, sold.ids)[1], buyer, NOBODY, ONE))
    spent = chain.gas(buyer, "LicenseManager", "purchaseBatch", orders, value=3 * ONE)
    yield Row("purchase, batch of 3, 2 payees", "gas", spent)


def _used_pair(chain: Chain, token: str, name: str) -> str:
    """A split of 2 whose payees hold ETH, or some of the token, as the split then does."""
    split = create_split(chain, f"bought {name}", 2)
    if token != ETH:
        for payee in (*split.payees, split.address):
            chain.spend(chain.accounts[0], token, call_data("mint(address,uint256)", payee, 1))
    return split.address


def _sign(chain: Chain, account: int, struct: eip712.Struct, verifying_contract: str) -> bytes:
    wallet = chain.anvil.wallet(account)
    return wallet.sign_digest_of_typed(struct, chain.anvil.chain_id, verifying_contract)
