"""Gas of pay per play: deposits, statements, withdrawals, releases."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from eth_utils.crypto import keccak

from bench import peers
from bench.chain import ETH, ONE, Chain, call_data, mock_code
from bench.results import Row
from bench.scene import certify, create_split
from immurtal.chain import eip712

DAY: Final = 24 * 3600
DEVICE: Final = 9
"""The account that stands for a device's key."""
SIZES: Final = (1, 10, 100)
GOAL_SAME: Final = 12_500
GOAL_DIFFERENT: Final = 18_000


def deposits(chain: Chain) -> Iterator[Row]:
    listener = chain.accounts[8]
    device = chain.anvil.wallet(DEVICE).address
    token = chain.deploy(mock_code("MockERC20"))
    chain.spend(listener, token, call_data("mint(address,uint256)", listener, 10 * ONE))
    escrow = chain.contracts["StreamingEscrow"]
    chain.spend(listener, token, call_data("approve(address,uint256)", escrow, 2**256 - 1))

    def send(function: str, *args: object, value: int = 0) -> int:
        return chain.gas(listener, "StreamingEscrow", function, *args, value=value)

    for what in ("first", "again"):
        spent = send("deposit", listener, device, ETH, ONE, value=ONE)
        yield Row(f"escrow, deposit of ETH, {what}", "gas", spent)
    spent = send("deposit", listener, device, token, ONE)
    yield Row("escrow, deposit of ERC-20, first", "gas", spent)
    yield Row("escrow, requestWithdrawal", "gas", send("requestWithdrawal", device, ETH, ONE))
    chain.pass_time(DAY + 1)
    yield Row("escrow, withdraw", "gas", send("withdraw", device, ETH, listener))


def statements(chain: Chain) -> Iterator[Row]:
    """Entries that were all recorded before, and so were their payouts' accruals."""
    artist, other = chain.accounts[1:3]
    pair = create_split(chain, "played", 2).address
    count = max(SIZES)
    same = certify(chain, artist, "played, same", pair, count).ids
    payouts = [f"0x{keccak(text=f'payout {i}')[12:].hex()}" for i in range(count)]
    different = certify(chain, other, "played, different", payouts, count).ids
    record = _recorder(chain)
    for ids, name, goal in (
        (same, "the same payout", GOAL_SAME),
        (different, "different payouts", GOAL_DIFFERENT),
    ):
        record(ids)
        spent = {size: record(ids[:size]) for size in SIZES}
        for size in SIZES:
            peer = peers.X402_CLAIM_OF_10 if size == 10 else None
            what = f"record, {size} entries seen before, {name}"
            yield Row(what, "gas", spent[size], peer=peer)
        few, many = SIZES[1:]
        marginal = -(-(spent[many] - spent[few]) // (many - few))
        yield Row(f"record, each further entry, {name}", "gas", marginal, goal=goal)
    for payout, name in ((payouts[0], "plain account"), (pair, "split of 2")):
        chain.set_balance(payouts[0], ONE)
        spent = chain.gas(artist, "StreamingEscrow", "release", payout, ETH)
        yield Row(f"escrow, release to a {name}", "gas", spent)


def _recorder(chain: Chain) -> Callable[[Sequence[str]], int]:
    """Records one play more of each of some certificates; says what it cost."""
    listener, sender = chain.accounts[7], chain.accounts[0]
    device = chain.anvil.wallet(DEVICE)
    escrow = chain.contracts["StreamingEscrow"]
    funds = (listener, device.address, ETH, ONE)
    chain.gas(listener, "StreamingEscrow", "deposit", *funds, value=ONE)
    price = 10**9
    played: dict[str, int] = {}

    def record(certificates: Sequence[str]) -> int:
        for certificate in certificates:
            played[certificate] = played.get(certificate, 0) + 1
        entries = [(id_, played[id_], price * played[id_]) for id_ in certificates]
        signed = tuple(eip712.Entry(*entry) for entry in entries)
        statement = eip712.Statement(listener, ETH, signed)
        signature = device.sign_digest_of_typed(statement, chain.anvil.chain_id, escrow)
        statements = [((listener, ETH, entries), signature)]
        return chain.gas(sender, "StreamingEscrow", "record", statements)

    return record
