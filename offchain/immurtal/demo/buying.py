"""A licence is bought, and everybody who has a share in it is paid in the same transaction."""

from immurtal.chain.transactions import ether
from immurtal.demo.checks import check
from immurtal.demo.network import Actor
from immurtal.demo.stage import PRICE, SHARES, Stage, Told, Work
from immurtal.demo.telling import aligned


async def buy(stage: Stage, buyer: Actor, work: Work) -> Told:
    """A licence, and the payees' balances on chain before and after."""
    payees = [stage.network.actors[name] for name in SHARES]
    before = [await stage.network.balance(payee.address) for payee in payees]
    bought = await stage.run(buyer, "buy", work.offer)
    await stage.sabotage.payout(stage.network, payees[0])
    after = [await stage.network.balance(payee.address) for payee in payees]
    paid = [
        {
            "payee": payee.address,
            "name": payee.name,
            "share": SHARES[payee.name],
            "before": str(old),
            "after": str(new),
            "due": str(PRICE * SHARES[payee.name] // 10_000),
            "track": work.title,
            "transaction": bought["transaction"],
        }
        for payee, old, new in zip(payees, before, after, strict=True)
    ]
    stage.report.values["paid"] += paid
    stage.report.write()
    for payee, old, new in zip(payees, before, after, strict=True):
        check(
            new - old == PRICE * SHARES[payee.name] // 10_000,
            "each payee has received their share of the price",
            f"The {payee.name} received {new - old} wei of {PRICE} instead of "
            f"{SHARES[payee.name] / 100:g} %.",
        )
    rows = [
        (p.name, f"+{ether(new - old)} ETH", f"{SHARES[p.name] / 100:g} %", f"has {ether(new)}")
        for p, old, new in zip(payees, before, after, strict=True)
    ]
    return [f"the {buyer.name} paid {ether(PRICE)} ETH for {work.title!r}", *aligned(rows)]
