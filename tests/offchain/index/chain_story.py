"""What might happen on a chain: seeded random events of our five contracts, in an order that the
contracts could have emitted, with strangers' look-alikes between them.

The story keeps a model of what the contracts would hold, written without a look at the handlers.
"""

import copy
import random
from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import encode
from eth_utils.abi import collapse_if_tuple

from immurtal.chain.abi import contract_abi, event_topics
from immurtal.chain.deployment import Deployment

ZERO = "0x" + "00" * 20


def address(n: int) -> str:
    return "0x" + n.to_bytes(20, "big").hex()


def word(n: int) -> bytes:
    return n.to_bytes(32, "big")


def text(raw: bytes) -> str:
    return "0x" + raw.hex()


ADDRESSES = {
    "CopyrightRegistry": address(0xC0),
    "LicenseManager": address(0xC1),
    "RoyaltySplitFactory": address(0xC2),
    "NodeRegistry": address(0xC3),
    "StreamingEscrow": address(0xC4),
}
DEPLOYMENT = Deployment(chain_id=31337, addresses=ADDRESSES, first_block=1)
PEOPLE = [address(n) for n in range(0xA00, 0xA06)]
WORKS = [word(n) for n in range(1, 9)]
SPLITS = [address(n) for n in range(0xB00, 0xB04)]
NODES = [word(n) for n in range(0xD0, 0xD4)]
STRANGER = address(0xBAD)
ODD_STRINGS = [b"https://node.example/\xff\xfe", b"a\x00b", "é🎵".encode(), b"x" * 256, b"plain"]


def encode_log(contract: str, name: str, writer: str, **args: Any) -> dict[str, Any]:
    """An event as a node would log it; `bytes` for every bytes type and for strings."""
    entry = next(e for e in contract_abi(contract) if e["type"] == "event" and e["name"] == name)
    plain = [i for i in entry["inputs"] if not i["indexed"]]
    indexed = [i for i in entry["inputs"] if i["indexed"]]
    types = [collapse_if_tuple(i).replace("string", "bytes") for i in plain]
    return {
        "address": writer,
        "topics": [
            event_topics(contract)[name],
            *(text(encode([i["type"]], [args[i["name"]]])) for i in indexed),
        ],
        "data": text(encode(types, [args[i["name"]] for i in plain])),
    }


@dataclass
class Model:
    """What the contracts would answer."""

    certificates: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    offers: dict[int, dict[str, Any]] = field(default_factory=dict)
    balances: dict[tuple[int, str], int] = field(default_factory=dict)
    expiries: dict[tuple[int, str], int] = field(default_factory=dict)
    grants: dict[tuple[bytes, str], str] = field(default_factory=dict)
    splits: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    credits: dict[tuple[str, str, str], int] = field(default_factory=dict)
    nodes: dict[bytes, bool] = field(default_factory=dict)
    commitments: set[bytes] = field(default_factory=set)


class Story:
    """Writes the logs of one block after another. `copy` branches off, for a fork."""

    def __init__(self, rng: random.Random, model: Model | None = None) -> None:
        self.rng = rng
        self.model = model or Model()
        self._logs: list[dict[str, Any]] = []

    def copy(self) -> "Story":
        return Story(self.rng, copy.deepcopy(self.model))

    def block(self, number: int) -> list[dict[str, Any]]:
        """The logs of the next block."""
        self._logs = []
        self._time = 1_700_000_000 + number
        acts = [
            self._commit, self._register, self._register, self._transfer, self._release,
            self._visibility, self._payout, self._create_offer, self._create_offer,
            self._update_offer, self._close_offer, self._purchase, self._purchase, self._purchase,
            self._give_licence, self._grant, self._revoke, self._create_split, self._distribute,
            self._withdraw, self._announce, self._change_node, self._retire, self._noise,
            self._contest,
        ]  # fmt: skip
        for _ in range(self.rng.choice([0, 0, 1, 2, 5, 9])):
            self.rng.choice(acts)()
        return self._logs

    def _emit(self, contract: str, name: str, writer: str | None = None, **args: Any) -> None:
        self._logs.append(encode_log(contract, name, writer or ADDRESSES[contract], **args))

    def _some(self, items: Any) -> Any:
        items = sorted(items)
        return self.rng.choice(items) if items else None

    def _commit(self) -> None:
        commitment = self.rng.choice([word(n) for n in range(0x100, 0x110)])
        if commitment not in self.model.commitments:
            self.model.commitments.add(commitment)
            self._emit("CopyrightRegistry", "Committed", commitment=commitment, committedAt=7)

    def _register(self) -> None:
        author = self.rng.choice(PEOPLE)
        for work in self.rng.sample(WORKS, self.rng.randint(1, 3)):
            if work in self.model.certificates:
                self._emit("CopyrightRegistry", "Skipped", workHash=work, author=author)
                continue
            payout = self.rng.choice([ZERO, *PEOPLE, *self.model.splits])
            state = {
                "author": author, "owner": author, "release": self.rng.randbytes(32), "version": 1,
                "visibility": self.rng.choice([0, 1, 1, 2, 3]), "payout": payout, "locked": False,
            }  # fmt: skip
            self.model.certificates[work] = state
            number = int.from_bytes(work, "big")
            self._emit(
                "CopyrightRegistry", "Transfer", **{"from": ZERO, "to": author, "id": number}
            )
            self._emit(
                "CopyrightRegistry", "Registered", workHash=work, author=author, committedAt=5,
                registeredAt=self._time, release=state["release"], visibility=state["visibility"],
                payout=payout,
            )  # fmt: skip

    def _transfer(self) -> None:
        work = self._some(self.model.certificates)
        if work:
            state, to = self.model.certificates[work], self.rng.choice(PEOPLE)
            args = {"from": state["owner"], "to": to, "id": int.from_bytes(work, "big")}
            self._emit("CopyrightRegistry", "Transfer", **args)
            state["owner"] = to

    def _release(self) -> None:
        work = self._some(self.model.certificates)
        if work:
            state = self.model.certificates[work]
            state["version"] += 1
            state["release"] = self.rng.choice([self.rng.randbytes(32), state["release"]])
            args = {"release": state["release"], "version": state["version"]}
            self._emit("CopyrightRegistry", "ReleasePublished", certificate=work, **args)
            self._emit("CopyrightRegistry", "MetadataUpdate", tokenId=int.from_bytes(work, "big"))

    def _visibility(self) -> None:
        work = self._some(self.model.certificates)
        if work:
            visibility = self.rng.choice([0, 1, 1, 2, 3])
            self.model.certificates[work]["visibility"] = visibility
            args = {"certificate": work, "visibility": visibility}
            self._emit("CopyrightRegistry", "VisibilityChanged", **args)

    def _payout(self) -> None:
        work = self._some(w for w, s in self.model.certificates.items() if not s["locked"])
        if not work:
            return
        state = self.model.certificates[work]
        if state["payout"] in self.model.splits and self.rng.random() < 0.3:
            state["locked"] = True
            args = {"certificate": work, "payout": state["payout"]}
            self._emit("CopyrightRegistry", "PayoutLocked", **args)
        else:
            state["payout"] = self.rng.choice([ZERO, *PEOPLE, *self.model.splits])
            args = {"certificate": work, "payout": state["payout"]}
            self._emit("CopyrightRegistry", "PayoutChanged", **args)

    def _contest(self) -> None:
        work = self._some(self.model.certificates)
        if work:
            who = self.rng.choice(PEOPLE)
            args = {"workHash": work, "claimant": who, "committedAt": 2}
            self._emit("CopyrightRegistry", "Contested", **args)

    def _create_offer(self) -> None:
        seller = self.rng.choice(PEOPLE)
        owned = [w for w, s in sorted(self.model.certificates.items()) if s["owner"] == seller]
        offer_id = self.rng.choice(range(0x1000, 0x1010))
        if not owned or offer_id in self.model.offers:
            return
        covered = sorted(self.rng.sample(owned, self.rng.randint(1, len(owned))))
        kind = self.rng.choice([0, 0, 1])
        state = {
            "seller": seller, "certificates": covered, "kind": kind, "sold": 0, "open": True,
            "closed": False, "price": self.rng.choice([0, 1, 7, 10**18, 2**128 - 1]),
            "max_supply": self.rng.choice([0, 2**64 - 1]),
        }  # fmt: skip
        self.model.offers[offer_id] = state
        terms = (
            covered,
            kind,
            ZERO,
            2**64 - 1 if kind == 1 else 0,
            kind == 0,
            500,
            word(3),
            word(4),
        )
        self._emit(
            "LicenseManager", "OfferCreated", offerId=offer_id, seller=seller, offer=terms,
            price=state["price"], maxSupply=state["max_supply"],
        )  # fmt: skip

    def _update_offer(self) -> None:
        offer_id = self._some(o for o, s in self.model.offers.items() if not s["closed"])
        if offer_id:
            state = self.model.offers[offer_id]
            state["price"], state["open"] = self.rng.randint(0, 10**20), self.rng.random() < 0.7
            args = {
                "price": state["price"],
                "maxSupply": state["max_supply"],
                "open": state["open"],
            }
            self._emit("LicenseManager", "OfferUpdated", offerId=offer_id, **args)

    def _close_offer(self) -> None:
        offer_id = self._some(o for o, s in self.model.offers.items() if not s["closed"])
        if offer_id and self.rng.random() < 0.3:
            self.model.offers[offer_id].update(open=False, closed=True)
            self._emit("LicenseManager", "OfferClosed", offerId=offer_id)

    def _purchase(self) -> None:
        offer_id = self._some(o for o, s in self.model.offers.items() if s["open"])
        if not offer_id:
            return
        state, buyer = self.model.offers[offer_id], self.rng.choice(PEOPLE)
        place = (offer_id, buyer)
        expiry = self.rng.choice([self._time + 60, 2**64 - 1]) if state["kind"] == 1 else 0
        if state["kind"] == 0 or not self.model.balances.get(place):
            self._mint(offer_id, buyer)
        if expiry:
            self.model.expiries[place] = expiry
        referral = state["price"] // 20
        self._emit(
            "LicenseManager", "Purchased", offerId=offer_id, recipient=buyer, payer=PEOPLE[0],
            referrer=PEOPLE[1], price=state["price"], referral=referral, expiry=expiry,
        )  # fmt: skip
        self._pay(offer_id, state["certificates"], state["price"] - referral)

    def _mint(self, offer_id: int, buyer: str) -> None:
        place = (offer_id, buyer)
        self.model.offers[offer_id]["sold"] += 1
        self.model.balances[place] = self.model.balances.get(place, 0) + 1
        args = {"operator": buyer, "from": ZERO, "to": buyer, "id": offer_id, "amount": 1}
        self._emit("LicenseManager", "TransferSingle", **args)

    def _pay(self, offer_id: int, covered: list[bytes], net: int) -> None:
        payouts = []
        for work in covered:
            state = self.model.certificates[work]
            payouts.append(state["owner"] if state["payout"] == ZERO else state["payout"])
        total = net % len(covered)
        for i, payout in enumerate(payouts):
            total += net // len(covered)
            if i + 1 < len(payouts) and payouts[i + 1] == payout:
                continue
            if total:
                if payout in self.model.splits:
                    self._emit("RoyaltySplit", "Distributed", payout, token=ZERO, amount=total)
                args = {"offerId": offer_id, "payout": payout, "token": ZERO, "amount": total}
                self._emit("LicenseManager", "Paid", **args)
            total = 0

    def _give_licence(self) -> None:
        place = self._some(
            p for p, n in self.model.balances.items() if n and self.model.offers[p[0]]["kind"] == 0
        )
        if not place:
            return
        (offer_id, giver), to = place, self.rng.choice(PEOPLE)
        amounts = [self.rng.randint(0, self.model.balances[place]), 0]
        ends = {"operator": giver, "from": giver, "to": to}
        if self.rng.random() < 0.5:
            args = {**ends, "id": offer_id, "amount": amounts[0]}
            self._emit("LicenseManager", "TransferSingle", **args)
        else:
            args = {**ends, "ids": [offer_id, offer_id], "amounts": amounts}
            self._emit("LicenseManager", "TransferBatch", **args)
        self.model.balances[place] -= amounts[0]
        there = (offer_id, to)
        self.model.balances[there] = self.model.balances.get(there, 0) + amounts[0]

    def _grant(self) -> None:
        work, who = self._some(self.model.certificates), self.rng.choice(PEOPLE)
        if work:
            by = self.model.certificates[work]["owner"]
            self.model.grants[work, who] = by
            self._emit("LicenseManager", "Granted", certificate=work, account=who, by=by)

    def _revoke(self) -> None:
        work, who = self._some(self.model.certificates), self.rng.choice(PEOPLE)
        if work:
            by = self.model.certificates[work]["owner"]
            self.model.grants.pop((work, who), None)
            self._emit("LicenseManager", "GrantRevoked", certificate=work, account=who, by=by)

    def _create_split(self) -> None:
        split = self.rng.choice(SPLITS)
        if split in self.model.splits:
            return
        payees = sorted(self.rng.sample(PEOPLE, 2))
        self.model.splits[split] = list(zip(payees, [2500, 7500], strict=True))
        args = {"split": split, "payees": payees, "shares": [2500, 7500]}
        self._emit("RoyaltySplitFactory", "SplitCreated", **args)

    def _distribute(self) -> None:
        split = self._some(self.model.splits)
        if not split:
            return
        token, amount = self.rng.choice([ZERO, STRANGER]), self.rng.randint(1, 2**200)
        for payee, _ in self.model.splits[split]:
            if self.rng.random() < 0.3:
                key = (split, token, payee)
                self.model.credits[key] = self.model.credits.get(key, 0) + amount
                args = {"token": token, "payee": payee, "amount": amount}
                self._emit("RoyaltySplit", "Credited", split, **args)
        self._emit("RoyaltySplit", "Distributed", split, token=token, amount=amount)

    def _withdraw(self) -> None:
        key = self._some(self.model.credits)
        if key:
            amount = self.model.credits.pop(key)
            args = {"token": key[1], "payee": key[2], "to": key[2], "amount": amount}
            self._emit("RoyaltySplit", "Withdrawn", key[0], **args)

    def _record(self) -> tuple[Any, ...]:
        odd = self.rng.choice
        return (
            odd(ODD_STRINGS), odd(ODD_STRINGS), odd(ODD_STRINGS), odd([0x20, 65535]),
            self.rng.randbytes(32), odd([b"DE", b"\xff\x00"]), odd(ODD_STRINGS),
        )  # fmt: skip

    def _announce(self) -> None:
        node, record = self.rng.choice(NODES), self._record()
        if node not in self.model.nodes:
            self.model.nodes[node] = False
            args = {"nodeId": node, "operator": PEOPLE[0], "salt": word(1), "record": record}
            self._emit("NodeRegistry", "NodeAnnounced", **args)

    def _change_node(self) -> None:
        node = self._some(n for n, retired in self.model.nodes.items() if not retired)
        if node:
            self._emit("NodeRegistry", "NodeChanged", nodeId=node, record=self._record())

    def _retire(self) -> None:
        node = self._some(n for n, retired in self.model.nodes.items() if not retired)
        if node and self.rng.random() < 0.3:
            self.model.nodes[node] = True
            self._emit("NodeRegistry", "NodeRetired", nodeId=node)

    def _noise(self) -> None:
        """Look-alikes, and what we are not interested in."""
        who = self.rng.choice(PEOPLE)
        args = {"from": ZERO, "to": who, "id": 1}
        self._emit("CopyrightRegistry", "Transfer", STRANGER, **args)
        self._emit("RoyaltySplit", "Distributed", STRANGER, token=ZERO, amount=1)
        self._emit("RoyaltySplit", "Credited", STRANGER, token=ZERO, payee=who, amount=1)
        args = {"owner": who, "operator": STRANGER, "isApproved": True}
        self._emit("CopyrightRegistry", "ApprovalForAll", **args)
