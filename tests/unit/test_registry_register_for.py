"""CopyrightRegistry.registerFor: an author signs, anyone sends; the author owns."""

from dataclasses import replace

import pytest
from ape import chain
from eth_utils import keccak, to_checksum_address
from outcomes import reverts, said
from plays import ORDER
from works import NOBODY, SALT, Visibility, as_tuple, certify, commit, commitment, work

from immurtal.chain import eip712
from immurtal.chain.wallet import LocalKey

KEY = LocalKey(keccak(text="an author"))
AUTHOR = to_checksum_address(KEY.address)
SONG = work("song", payout=to_checksum_address(keccak(text="a payout")[12:]))
ALBUM = [SONG, work("open", visibility=Visibility.OPEN)]
NEVER = 2**64 - 1
ACCEPTS, REFUSES, REVERTS, BURNS, BOMBS, SHORT = range(6)


def digest(registry, author=AUTHOR, works=ALBUM, salt=SALT, deadline=NEVER, **domain):
    """What the author signs, by the off-chain implementation."""
    said = tuple(
        eip712.Work("0x" + w.work_hash.hex(), "0x" + w.release.hex(), int(w.visibility), w.payout)
        for w in works
    )
    register = eip712.Register(author.lower(), said, "0x" + salt.hex(), deadline)
    contract = domain.get("contract", registry.address)
    return eip712.digest(register, domain.get("chain_id", chain.chain_id), contract.lower())


@pytest.fixture
def send(registry, stranger):
    """Sends the album for the author, signed as it is unless told otherwise."""

    def register(signature=None, author=AUTHOR, works=ALBUM, salt=SALT, deadline=NEVER, **options):
        if signature is None:
            signature = KEY.sign_digest(digest(registry, author, works, salt, deadline))
        rows = [as_tuple(w) for w in works]
        return registry.registerFor(
            author, rows, salt, deadline, signature, sender=stranger, **options
        )

    return register


@pytest.fixture
def committed(registry, stranger):
    chain.provider.set_balance(AUTHOR, 0)
    commit_for(registry, stranger, AUTHOR, ALBUM)


def commit_for(registry, sender, author, works):
    registry.commit(commitment(author, works), sender=sender)
    chain.mine(1, deltatime=2)


def invalid(registry, author=AUTHOR):
    return reverts(registry, "CopyrightRegistry_InvalidSignature", author=author)


def test_a_deadline_has_passed_by_a_second(registry, committed, send):
    deadline = chain.blocks.head.timestamp + 100
    chain.pending_timestamp = deadline + 1
    with reverts(registry, "CopyrightRegistry_SignatureExpired", deadline=deadline):
        send(deadline=deadline)


def test_the_deadline_s_own_second_counts(registry, committed, send):
    deadline = chain.blocks.head.timestamp + 100
    chain.pending_timestamp = deadline
    send(deadline=deadline)
    assert registry.certificateOf(SONG.work_hash).registeredAt == deadline


def test_signatures_that_are_none(registry, committed, send):
    good = KEY.sign_digest(digest(registry))
    for bad in (
        b"",
        good[:63],
        good[:64] + b"\0",
        good + b"\0",
        bytes(65),
        bytes(64),
        good[:64] + b"\x1d",
    ):
        with invalid(registry):
            send(bad)


def test_nobody_is_no_author(registry, stranger, send):
    """A failed recovery gives the zero address: it must not pass for its signature."""
    commit_for(registry, stranger, NOBODY, ALBUM)
    for bad in (b"", bytes(65), bytes(64)):
        with invalid(registry, NOBODY):
            send(bad, author=NOBODY)


def test_what_the_author_did_not_sign(registry, stranger, committed, send):
    changed = [replace(SONG, payout=stranger.address), ALBUM[1]]
    wrong = [
        digest(registry, works=changed),
        digest(registry, works=[replace(SONG, release=bytes(32)), ALBUM[1]]),
        digest(registry, works=[replace(SONG, visibility=Visibility.OPEN), ALBUM[1]]),
        digest(registry, works=ALBUM[::-1]),
        digest(registry, works=[SONG]),
        digest(registry, author=stranger.address),
        digest(registry, salt=bytes(32)),
        digest(registry, deadline=NEVER - 1),
        digest(registry, chain_id=1),
        digest(registry, contract=stranger.address),
    ]
    for other in wrong:
        with invalid(registry):
            send(KEY.sign_digest(other))
    with invalid(registry):
        send(LocalKey(keccak(text="another")).sign_digest(digest(registry)))


def test_needs_the_author_s_commitment(registry, stranger, send):
    commit(registry, stranger, ALBUM)
    wanted = commitment(AUTHOR, ALBUM)
    with reverts(registry, "CopyrightRegistry_NoCommitment", commitment=wanted):
        send()


def test_the_commitment_must_be_old_enough(registry, stranger, send):
    value = commitment(AUTHOR, ALBUM)
    registry.commit(value, sender=stranger)
    at = registry.committedAt(value)
    chain.pending_timestamp = at
    young = {"commitment": value, "registrableAt": at + 1}
    with reverts(registry, "CopyrightRegistry_CommitmentTooYoung", **young):
        send()


def test_sent_again_it_finds_nothing_to_register(registry, committed, send):
    send()
    with reverts(registry, "CopyrightRegistry_NothingToRegister"):
        send()


def test_the_author_owns_and_the_sender_has_no_part(registry, stranger, committed, send):
    receipt = send()
    names = [name for name, _ in said(receipt, registry)]
    assert names == ["Transfer", "Registered"] * 2
    certificate = registry.certificateOf(SONG.work_hash)
    assert (certificate.author, certificate.owner) == (AUTHOR, AUTHOR)
    assert certificate.payout == SONG.payout
    assert registry.balanceOf(AUTHOR) == 2
    assert registry.balanceOf(stranger) == 0
    assert registry.access(ALBUM[1].work_hash) == (AUTHOR, Visibility.OPEN)


def test_a_work_that_is_taken_is_skipped(registry, author, committed, send):
    certify(registry, author, SONG)
    receipt = send()
    assert [name for name, _ in said(receipt, registry)] == ["Skipped", "Transfer", "Registered"]


def test_the_compact_form_and_the_twin_are_the_author_s(registry, committed, send):
    good = KEY.sign_digest(digest(registry))
    s, v = int.from_bytes(good[32:64]), good[64]
    send(good[:32] + (s | (v - 27) << 255).to_bytes(32))
    with reverts(registry, "CopyrightRegistry_NothingToRegister"):
        send(good[:32] + (ORDER - s).to_bytes(32) + bytes([55 - v]))


class TestSmartWallets:
    @pytest.fixture
    def wallet(self, project, deployer, registry, stranger):
        wallet = project.WalletAuthor.deploy(sender=deployer)
        commit_for(registry, stranger, wallet.address, ALBUM)
        return wallet

    def test_accepted(self, registry, deployer, wallet, send):
        wallet.set(ACCEPTS, digest(registry, wallet.address), sender=deployer)
        send(b"anything", author=wallet.address)
        assert registry.certificateOf(SONG.work_hash).author == wallet.address

    def test_another_digest_is_refused(self, registry, deployer, wallet, send):
        wallet.set(ACCEPTS, digest(registry, wallet.address, deadline=5), sender=deployer)
        with invalid(registry, wallet.address):
            send(b"anything", author=wallet.address)

    @pytest.mark.parametrize("answer", [REFUSES, REVERTS, BURNS, BOMBS, SHORT])
    def test_refused(self, registry, deployer, wallet, send, answer):
        wallet.set(answer, digest(registry, wallet.address), sender=deployer)
        with invalid(registry, wallet.address):
            send(b"anything", author=wallet.address, gas=3_000_000)

    def test_a_delegated_account_still_signs_by_its_key(
        self, project, registry, deployer, committed, send
    ):
        """EIP-7702: the author has code, which knows no ERC-1271."""
        bare = project.BareDelegate.deploy(sender=deployer)
        code = "0xef0100" + bare.address[2:].lower()
        chain.provider.web3.provider.make_request("anvil_setCode", [AUTHOR, code])
        assert len(chain.provider.get_code(AUTHOR)) == 23
        send()
        assert registry.certificateOf(SONG.work_hash).author == AUTHOR

    def test_an_account_without_code_accepts_nothing(self, registry, committed, send, deployer):
        with invalid(registry):
            send(b"anything")
