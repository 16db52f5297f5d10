"""StreamingEscrow: ERC-5267, what it was deployed with, and what it does not take."""

import ape
from ape import chain
from plays import DEVICE, ETH, KEY, digest
from works import certify, work


def test_eip712_domain(escrow):
    assert list(escrow.eip712Domain()) == [
        b"\x0f",
        "Immurtal",
        "1",
        chain.chain_id,
        escrow.address,
        bytes(32),
        [],
    ]


def test_tells_how_it_was_deployed(escrow, registry, factory):
    assert escrow.registry() == registry.address
    assert escrow.factory() == factory.address


def test_a_wallet_s_typed_data_is_what_is_recorded(escrow, registry, author, buyer, stranger):
    """As `eth_signTypedData_v4` hashes it, by another library than ours."""
    from eth_account import Account
    from eth_account.messages import encode_typed_data

    (song,) = certify(registry, author, work("song"))
    entry = {"certificate": song, "plays": 1, "amount": 0}
    types = {
        "Statement": [
            {"name": "listener", "type": "address"},
            {"name": "token", "type": "address"},
            {"name": "entries", "type": "Entry[]"},
        ],
        "Entry": [
            {"name": "certificate", "type": "bytes32"},
            {"name": "plays", "type": "uint64"},
            {"name": "amount", "type": "uint128"},
        ],
    }
    domain = {
        "name": "Immurtal",
        "version": "1",
        "chainId": chain.chain_id,
        "verifyingContract": escrow.address,
    }
    message = {"listener": buyer.address, "token": ETH, "entries": [entry]}
    signable = encode_typed_data(domain, types, message)
    signature = Account.sign_message(signable, KEY.secret()).signature
    assert signature == KEY.sign_digest(digest(escrow, buyer, [(song, 1, 0)]))
    escrow.record([((buyer.address, ETH, [(song, 1, 0)]), signature)], sender=stranger)
    assert tuple(escrow.recordedOf(buyer, DEVICE, ETH, song)) == (1, 0)


def test_views_of_what_is_not(escrow, stranger):
    nobody = (stranger, stranger, stranger)
    assert tuple(escrow.accountOf(*nobody)) == (0, 0, 0)
    assert escrow.available(*nobody) == 0
    assert tuple(escrow.recordedOf(*nobody, bytes(32))) == (0, 0)
    assert escrow.accruedOf(stranger, stranger) == 0


def test_takes_no_eth_but_deposits(escrow, stranger):
    """Plain ETH would belong to nobody."""
    payable = [m.name for m in escrow.contract_type.methods if m.stateMutability == "payable"]
    assert payable == ["deposit"]
    with ape.reverts():
        stranger.transfer(escrow, 1)
    assert escrow.balance == 0
