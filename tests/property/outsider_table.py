"""What an outsider may cause with each function of each contract: somebody who owns nothing of
what is looked at, was approved for none of it, and has nobody's signature but used ones.

An entry is a phrase for people, and the changes that the test lets happen to what is others'. Where
money may go on, the test asks besides that nobody's wealth falls and no outsider's grows.
"""

from typing import NamedTuple

VIEW = "a view: nothing"


class May(NamedTuple):
    """changes: kind of thing and direction, such as "credit +"; without any, nothing changes."""

    phrase: str
    changes: frozenset[str] = frozenset()


def _may(phrase: str, *changes: str) -> May:
    return May(phrase, frozenset(changes))


_VIEW = _may(VIEW)
_OFFER = "(bytes32[],uint8,address,uint64,bool,uint16,bytes32,bytes32)"
_OWN = "nothing but with what is their own"
_DISTRIBUTED = ("money +", "waiting -", "waiting +", "credit +")
_SOLD = (*_DISTRIBUTED, "sold +", "units +", "expiry +")

TABLE: dict[str, dict[str, May]] = {
    "CopyrightRegistry": {
        "commit(bytes32)": _may("a commitment is recorded: the first time of one stays"),
        "register((bytes32,bytes32,uint8,address)[],bytes32)": _may(
            "works of their own commitment are registered, that have no certificate yet"
        ),
        "registerFor(address,(bytes32,bytes32,uint8,address)[],bytes32,uint64,bytes)": _may(
            "without the author's signature nothing; with one that was used nothing"
        ),
        "contest(bytes32,bytes32[],bytes32)": _may("a claim is recorded, which moves nothing"),
        "publishRelease(bytes32,bytes32)": _may(_OWN),
        "setVisibility(bytes32,uint8)": _may(_OWN),
        "setPayout(bytes32,address)": _may(_OWN),
        "lockPayout(bytes32,address)": _may(_OWN),
        "approve(address,uint256)": _may(_OWN),
        "setApprovalForAll(address,bool)": _may("others may manage what is the caller's own"),
        "transferFrom(address,address,uint256)": _may(_OWN),
        "safeTransferFrom(address,address,uint256)": _may(_OWN),
        "safeTransferFrom(address,address,uint256,bytes)": _may(_OWN),
        "access(bytes32)": _VIEW,
        "balanceOf(address)": _VIEW,
        "certificateOf(bytes32)": _VIEW,
        "committedAt(bytes32)": _VIEW,
        "contractURI()": _VIEW,
        "eip712Domain()": _VIEW,
        "factory()": _VIEW,
        "getApproved(uint256)": _VIEW,
        "isApprovedForAll(address,address)": _VIEW,
        "minAge()": _VIEW,
        "name()": _VIEW,
        "ownerOf(uint256)": _VIEW,
        "payoutOf(bytes32)": _VIEW,
        "royaltyInfo(uint256,uint256)": _VIEW,
        "supportsInterface(bytes4)": _VIEW,
        "symbol()": _VIEW,
        "tokenURI(uint256)": _VIEW,
    },
    "LicenseManager": {
        f"createOffer({_OFFER},uint128,uint64)": _may(
            "an offer over the caller's own certificates"
        ),
        "updateOffer(uint256,uint128,uint64,bool)": _may(_OWN),
        "closeOffer(uint256)": _may(_OWN),
        "grant(bytes32,address)": _may(_OWN),
        "revokeGrant(bytes32,address)": _may(_OWN),
        "purchase(uint256,address,address,uint256)": _may(
            "a licence for anybody, at the caller's own expense, and its payouts are paid", *_SOLD
        ),
        "purchaseBatch((uint256,address,address,uint256)[])": _may(
            "licences for anybody, at the caller's own expense, and their payouts are paid", *_SOLD
        ),
        "purchaseWithPermit((uint256,address,address,uint256),uint256,uint8,bytes32,bytes32)": _may(
            "a licence for anybody, at the caller's own expense, and its payouts are paid", *_SOLD
        ),
        "purchaseWithPermit2((uint256,address,address,uint256),address,uint256,uint256,bytes)": (
            _may("without the payer's signature nothing; with one that was used nothing")
        ),
        "safeTransferFrom(address,address,uint256,uint256,bytes)": _may(
            "licences of their own come to somebody", "units +"
        ),
        "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)": _may(
            "licences of their own come to somebody", "units +"
        ),
        "setApprovalForAll(address,bool)": _may("others may move what is the caller's own"),
        "balanceOf(address,uint256)": _VIEW,
        "balanceOfBatch(address[],uint256[])": _VIEW,
        "contractURI()": _VIEW,
        "eip712Domain()": _VIEW,
        "expiryOf(uint256,address)": _VIEW,
        "factory()": _VIEW,
        "hasAccess(bytes32,address,uint256)": _VIEW,
        "isApprovedForAll(address,address)": _VIEW,
        "isGranted(bytes32,address)": _VIEW,
        "offerOf(uint256)": _VIEW,
        "quote(uint256,address)": _VIEW,
        "registry()": _VIEW,
        "supportsInterface(bytes4)": _VIEW,
        "uri(uint256)": _VIEW,
    },
    "StreamingEscrow": {
        "deposit(address,address,address,uint256)": _may(
            "anybody's account is funded, at the caller's own expense", "deposit +"
        ),
        "requestWithdrawal(address,address,uint128)": _may(_OWN),
        "withdraw(address,address,address)": _may(_OWN),
        "record(((address,address,(bytes32,uint64,uint128)[]),bytes)[])": _may(
            "without the device's signature nothing; with one that was used nothing"
        ),
        "release(address,address)": _may(
            "what accrued to a payout is paid to it, but 1 base unit", "accrued -", *_DISTRIBUTED
        ),
        "accountOf(address,address,address)": _VIEW,
        "accruedOf(address,address)": _VIEW,
        "available(address,address,address)": _VIEW,
        "eip712Domain()": _VIEW,
        "factory()": _VIEW,
        "recordedOf(address,address,address,bytes32)": _VIEW,
        "registry()": _VIEW,
    },
    "RoyaltySplit": {
        "receive()": _may("the split has more to share", "waiting +"),
        "distribute(address)": _may("the payees of a split are paid their due", *_DISTRIBUTED),
        "withdraw(address,address)": _may(
            "a payee's credit is paid to that payee", "credit -", "money +"
        ),
        "withdrawTo(address,address)": _may(_OWN),
        "creditOf(address,address)": _VIEW,
        "payees()": _VIEW,
        "totalCredit(address)": _VIEW,
    },
    "RoyaltySplitFactory": {
        "create(address[],uint16[])": _may("a split comes to be, if it was not there"),
        "implementation()": _VIEW,
        "isSplit(address)": _VIEW,
        "predict(address[],uint16[])": _VIEW,
    },
    "NodeRegistry": {
        "announce(bytes32,(string,string,string,uint16,bytes,bytes2,string))": _may(
            "a node of the caller's own"
        ),
        "change(bytes32,(string,string,string,uint16,bytes,bytes2,string))": _may(_OWN),
        "retire(bytes32)": _may(_OWN),
        "nodeOf(bytes32)": _VIEW,
    },
}
