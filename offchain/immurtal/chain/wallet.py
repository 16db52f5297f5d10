"""What can sign: a keystore file, an ape account, or a key in memory.

Addresses are lower-case `0x` text. Private keys leave a wallet in no form: not in `repr`, not in
errors.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_checksum_address
from eth_utils.exceptions import ValidationError

from immurtal.chain.eip712 import Struct, digest, typed_data
from immurtal.chain.files import read_bounded, write_new
from immurtal.errors import BadInput

MAX_KEYSTORE_BYTES = 64 * 1024
SCRYPT_N = 2**18
"""Cost of a keystore's scrypt, as geth's; 256 MiB and about 0.6 s."""


class Wallet(Protocol):
    """An account that signs. Every method may ask the person at the terminal for consent."""

    @property
    def address(self) -> str:
        """Lower-case `0x` text."""

    def sign_digest_of_typed(self, struct: Struct, chain_id: int, verifying_contract: str) -> bytes:
        """A 65-byte signature r ‖ s ‖ v, v 27 or 28, of the struct's EIP-712 digest."""

    def sign_transaction(self, fields: Mapping[str, Any]) -> bytes:
        """The raw transaction. `fields` as in JSON-RPC, with ints and bytes: type, chainId, nonce,
        to, value, data, gas, maxFeePerGas, maxPriorityFeePerGas."""


class LocalKey:
    """A secp256k1 key in memory: device keys, and nodes' own accounts."""

    def __init__(self, private_key: bytes) -> None:
        """Raises BadInput if this is no key."""
        try:
            self._key = PrivateKey(private_key)
            self.address: str = self._key.public_key.to_address()
        except (ValidationError, ValueError) as error:
            raise BadInput("A private key is 32 bytes, more than 0, below the order.") from error

    @classmethod
    def generate(cls) -> Self:
        return cls(bytes(Account.create().key))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"

    def secret(self) -> bytes:
        """The 32 bytes themselves, for whoever encrypts them at rest."""
        return self._key.to_bytes()

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes r ‖ s ‖ v, v 27 or 28, s in the lower half (EIP-2)."""
        signature = self._key.sign_msg_hash(digest)
        return signature.to_bytes()[:64] + bytes([27 + signature.v])

    def sign_digest_of_typed(self, struct: Struct, chain_id: int, verifying_contract: str) -> bytes:
        return self.sign_digest(digest(struct, chain_id, verifying_contract))

    def sign_transaction(self, fields: Mapping[str, Any]) -> bytes:
        signed = Account.sign_transaction(_checksummed(fields), self._key)
        return bytes(signed.raw_transaction)


class KeystoreWallet(LocalKey):
    """A key that rests in a file of the web3 secret storage format (geth, ape and others)."""

    @classmethod
    def open(cls, path: Path, passphrase: str) -> Self:
        """Unlocks a keystore. Raises BadInput: unreadable, not a keystore, wrong passphrase."""
        try:
            keystore = json.loads(read_bounded(path, MAX_KEYSTORE_BYTES))
            key = bytes(Account.decrypt(keystore, passphrase))
        except ValueError as error:
            if "MAC mismatch" in str(error):
                raise BadInput(
                    f"The passphrase does not unlock the keystore {path}.",
                    do="Check --passphrase-file: its first line is the passphrase.",
                ) from error
            raise _no_keystore(path) from error
        except (KeyError, TypeError, AttributeError, RecursionError, NotImplementedError) as error:
            raise _no_keystore(path) from error
        return cls(key)

    @classmethod
    def create(
        cls,
        path: Path,
        passphrase: str,
        *,
        private_key: bytes | None = None,
        scrypt_n: int = SCRYPT_N,
    ) -> Self:
        """Makes a key, or takes the one given, and writes it encrypted, readable by its user only.

        Raises BadInput if the file is there already (keys are never overwritten), or without a
        passphrase.
        """
        if not passphrase:
            raise BadInput("A keystore needs a passphrase that is not empty.")
        wallet = cls(private_key) if private_key is not None else cls.generate()
        keystore = Account.encrypt(wallet.secret(), passphrase, kdf="scrypt", iterations=scrypt_n)
        write_new(path, json.dumps(keystore).encode())
        return wallet


def keystore_address(path: Path) -> str:
    """The address that a keystore says it is for; nothing is unlocked. Raises BadInput."""
    try:
        address = str(json.loads(read_bounded(path, MAX_KEYSTORE_BYTES))["address"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise _no_keystore(path) from error
    return "0x" + address.removeprefix("0x").lower()


def _no_keystore(path: Path) -> BadInput:
    return BadInput(
        f"{path} is not a keystore in the web3 secret storage format.",
        do="Make one with `immurtal wallet create`, or name another with --keystore.",
    )


class ApeWallet:
    """An account of ape, signed for by ape: keyfiles of `ape accounts`, or a plugin's accounts.

    Importing ape takes seconds, so it happens here and only here. With a passphrase ape signs
    without asking; without one, ape asks for consent and passphrase itself.
    """

    def __init__(self, alias: str, passphrase: str | None = None) -> None:
        """Raises BadInput: ape is not installed, no such account, wrong passphrase."""
        try:
            import ape
        except ImportError as error:
            raise BadInput(
                "Ape accounts need ape, which is not installed.",
                do="Install `immurtal[contracts]`, or use --keystore.",
            ) from error
        if alias not in ape.accounts.aliases:
            raise BadInput(
                f"Ape has no account {alias!r}.", do="See `ape accounts list` for those it has."
            )
        self._ape = ape
        self._account = ape.accounts.load(alias)
        self.address: str = str(self._account.address).lower()
        if passphrase is not None:
            self._unlock(passphrase)

    def _unlock(self, passphrase: str) -> None:
        from ape.exceptions import AccountsError
        from ape.logging import LogLevel, logger

        if not hasattr(self._account, "set_autosign"):
            raise BadInput("This ape account takes no passphrase.", do="Leave it out.")
        try:
            # Ape warns on standard output, in the middle of what --json prints.
            with logger.at_level(LogLevel.ERROR):
                self._account.set_autosign(True, passphrase=passphrase)
        except AccountsError as error:
            raise BadInput(
                f"The passphrase does not unlock the ape account {self._account.alias!r}."
            ) from error

    def __repr__(self) -> str:
        return f"ApeWallet({self.address})"

    def sign_digest_of_typed(self, struct: Struct, chain_id: int, verifying_contract: str) -> bytes:
        message = encode_typed_data(full_message=typed_data(struct, chain_id, verifying_contract))
        signature = self._account.sign_message(message)
        if signature is None:
            raise _not_signed()
        return bytes(signature.encode_rsv())

    def sign_transaction(self, fields: Mapping[str, Any]) -> bytes:
        ethereum = self._ape.networks.ethereum
        transaction = ethereum.create_transaction(**_checksummed(fields))
        signed = self._account.sign_transaction(transaction)
        if signed is None:
            raise _not_signed()
        return bytes(signed.serialize_transaction())


def _not_signed() -> BadInput:
    return BadInput("The ape account did not sign.", do="Confirm the signature when ape asks.")


def _checksummed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """With `to` as the libraries want it; a creation has none."""
    to = fields.get("to")
    return {**fields, "to": to_checksum_address(to)} if to else dict(fields)
