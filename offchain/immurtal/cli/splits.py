"""`split show|distribute|withdraw`: money that waits in a royalty split."""

from typing import TYPE_CHECKING, Any

import click

from immurtal.cli.common import (
    WalletChoice,
    asynchronous,
    emit,
    json_option,
    network_options,
    wallet_options,
)

if TYPE_CHECKING:
    from immurtal.chain.contracts import Split
    from immurtal.publish.splits import Held

TOKENS = click.option(
    "--token", "tokens", multiple=True, metavar="ADDRESS", help="ERC-20 token, or eth; repeatable."
)

YES = click.option(
    "--yes",
    is_flag=True,
    expose_value=False,
    help="Nothing is asked here: everybody gets their own. Taken as elsewhere.",
)


@click.group()
def split() -> None:
    """Show, distribute and withdraw what a royalty split holds.

    A purchase pays everybody at once. Money also waits in a split after resales and plain
    transfers, until anybody distributes it; and whoever could not be paid has a credit, which
    anybody may have paid out to them.

    \b
    immurtal split show 0x<split>
    immurtal split distribute 0x<split> --token 0x<token>
    immurtal split withdraw 0x<split> --to 0x<another account of mine>
    """


@split.command()
@click.argument("address")
@TOKENS
@network_options
@json_option
@asynchronous
async def show(address: str, tokens: tuple[str, ...], network: Any, as_json: bool) -> None:
    """Who gets what: payees, shares, what waits, credits, and who can be paid.

    \b
    immurtal split show 0x<split> --token eth --token 0x<token>

    Whether a payee can be paid is tried on the endpoint, with the gas that the split would give.
    """
    from immurtal.cli import client as chain
    from immurtal.publish.splits import held

    async with chain.connect(network, "Nothing was changed: this only looks.") as client:
        found = await client.contracts.split(chain.account(address))
        holdings = [await held(client.contracts, found, token) for token in _tokens(tokens)]
    result = {
        "split": found.address,
        "payees": [
            {"payee": payee, "share": share}
            for payee, share in zip(found.payees, found.shares, strict=True)
        ],
        "tokens": [_held_json(holding) for holding in holdings],
    }
    text = "\n".join([_payees(found), *(_held_text(holding) for holding in holdings)])
    emit(result, as_json=as_json, text=text)


@split.command()
@click.argument("address")
@TOKENS
@YES
@network_options
@wallet_options
@json_option
@asynchronous
async def distribute(
    address: str,
    tokens: tuple[str, ...],
    network: Any,
    wallet: WalletChoice,
    as_json: bool,
) -> None:
    """Pay the payees what waits. Anybody may; you pay only the gas.

    \b
    immurtal split distribute 0x<split> --token 0x<token>

    Of several tokens each is a transaction; one in which nothing waits is passed over, so this can
    be repeated after an interruption.
    """
    from immurtal.cli import client as chain
    from immurtal.publish import splits

    done: list[dict[str, Any]] = []
    lines: list[str] = []
    async with chain.connect(network) as client:
        found = await client.contracts.split(chain.account(address))
        sender = client.sender(wallet.open())
        for token in _tokens(tokens):
            holding = await splits.held(client.contracts, found, token)
            one: dict[str, Any] = {"token": holding.currency.to_json(), "distributed": "0"}
            if not holding.distributable:
                lines.append(f"Nothing to distribute of {holding.currency.text(holding.rest)}.")
                done.append(one | {"credited": [], "transaction": None})
                continue
            receipt = await splits.distribute(sender, found.address, token)
            paid = splits.amounts(receipt, found.address, "Distributed", token)
            credited = splits.amounts(receipt, found.address, "Credited", token)
            total = sum(int(args["amount"]) for args in paid)
            lines.append(f"Distributed {holding.currency.text(total)}.")
            lines += [
                f"  {args['payee']} could not be paid and is credited "
                f"{holding.currency.text(args['amount'])}"
                for args in credited
            ]
            credits = [{"payee": a["payee"], "amount": str(a["amount"])} for a in credited]
            one |= {"distributed": str(total), "credited": credits, **chain.sent(receipt)}
            done.append(one)
    emit({"split": found.address, "tokens": done}, as_json=as_json, text="\n".join(lines))


@split.command()
@click.argument("address")
@click.option("--payee", help="Whose credit; yours where missing.")
@click.option("--to", "target", help="Where to, if it is yours; to the payee where missing.")
@click.option("--token", default="eth", show_default=True, help="ERC-20 token, or eth.")
@YES
@network_options
@wallet_options
@json_option
@asynchronous
async def withdraw(
    address: str,
    payee: str | None,
    target: str | None,
    token: str,
    network: Any,
    wallet: WalletChoice,
    as_json: bool,
) -> None:
    """Pay out a credit: to its payee by anybody, elsewhere by the payee alone.

    \b
    immurtal split withdraw 0x<split>                        # my credit in ETH, to me
    immurtal split withdraw 0x<split> --payee 0xB…           # Bob's, to Bob
    immurtal split withdraw 0x<split> --to 0xC… --token 0xT… # mine, to another account
    """
    from immurtal.cli import client as chain
    from immurtal.publish import splits

    whose = chain.account(payee) if payee else None
    to = chain.account(target) if target else None
    (known,) = _tokens((token,))
    async with chain.connect(network) as client:
        found = await client.contracts.split(chain.account(address))
        currency = await splits.currency_of(client.contracts, known)
        sender = client.sender(wallet.open())
        owner = whose or sender.wallet.address
        amount, receipt = await splits.withdraw(
            client.contracts, sender, found.address, known, owner, to or owner
        )
    result = {
        "split": found.address,
        "token": currency.to_json(),
        "payee": owner,
        "to": to or owner,
        "amount": str(amount),
        **chain.sent(receipt),
    }
    emit(result, as_json=as_json, text=f"{currency.text(amount)} paid to {to or owner}.")


def _tokens(words: tuple[str, ...]) -> list[str]:
    from immurtal.chain.contracts import ZERO_ADDRESS
    from immurtal.cli.client import account

    named = words or ("eth",)
    return list(dict.fromkeys(ZERO_ADDRESS if w.lower() == "eth" else account(w) for w in named))


def _payees(found: "Split") -> str:
    parts = zip(found.payees, found.shares, strict=True)
    return "\n".join(f"{share / 100:>6.2f} %  {payee}" for payee, share in parts)


def _held_json(holding: "Held") -> dict[str, Any]:
    return {
        "token": holding.currency.to_json(),
        "distributable": str(holding.distributable),
        "rest": str(holding.rest),
        "credited": str(holding.credited),
        "payees": [
            {
                "payee": part.payee,
                "due": str(part.due),
                "credit": str(part.credit),
                "payable": part.payable,
            }
            for part in holding.parts
        ],
    }


def _held_text(holding: "Held") -> str:
    text = holding.currency.text
    lines = [
        f"{text(holding.distributable)} to distribute, {text(holding.rest)} too little to divide, "
        f"{text(holding.credited)} credited"
    ]
    for part in holding.parts:
        if part.payable is None:
            continue
        can = "can be paid" if part.payable else "cannot be paid: would be credited"
        credit = f", {text(part.credit)} to withdraw" if part.credit else ""
        lines.append(f"  {part.payee}: {text(part.due)} due{credit}; {can}")
    return "\n".join(lines)
