"""What the contracts promise, by letter: an audit must have something to say about each."""

from typing import Final

PROMISES: Final = {
    "R1": "a certificate's author, work hash, commit and registration times never change",
    "R2": "no certificate without a commitment by its author at least minAge older",
    "R3": "no work hash twice",
    "R4": "only owner or operator changes release, visibility, payout; a locked payout stays",
    "R5": "the laws of ERC-721 and ERC-1155, and every interface claimed answers whole",
    "R6": "nobody's registration of one work stops the rest of an album",
    "L1": "hasAccess equals the model for every actor, certificate and offer at every moment",
    "L2": "supply caps hold",
    "L3": "no call leaves value in LicenseManager, but what was sent to it unasked",
    "L4": "a buyer pays the price, at most their maximum, only by their own call or witness",
    "L5": "a sleeping offer cannot be bought",
    "L6": "no payee of a split and no referrer can block a sale",
    "S1": "received = paid + credited + waiting, to the wei",
    "S2": "payments are exactly proportional to shares after every transaction",
    "S3": "a payee that cannot be paid changes nothing for the others",
    "S4": "nobody can change a split",
    "E1": "balances + accrued are at most the value held, equal for plain tokens",
    "E2": "recorded plays and amounts only grow, replay changes nothing",
    "E3": "nothing leaves an account without its device's signature or its listener's withdrawal",
    "E4": "what could not be paid stays claimable",
    "E5": "one bad statement harms no other",
    "T1": "over the whole system no wei appears or vanishes",
    "N1": "only its operator changes a node; its id outlives its keys; retired is for good",
}
