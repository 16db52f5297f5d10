"""What is signed for a token is what other wallets sign: eth-account's own EIP-712 is the judge."""

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from immurtal.chain.eip712 import Domain, typed_data
from immurtal.chain.wallet import LocalKey
from immurtal.stream.permits import Permit

TOKEN = "0x" + "ab" * 20


@pytest.mark.parametrize("domain", [Domain("A token", "2"), Domain("A token"), Domain("", "1")])
def test_a_permit_is_signed_as_other_wallets_do(domain: Domain) -> None:
    wallet = LocalKey.generate()
    permit = Permit(wallet.address, "0x" + "cd" * 20, 2**256 - 1, 7, 2**40, domain)
    ours = wallet.sign_digest_of_typed(permit, 5, TOKEN)
    message = encode_typed_data(full_message=typed_data(permit, 5, TOKEN))
    theirs = Account.sign_message(message, wallet.secret()).signature
    assert ours == bytes(theirs)
