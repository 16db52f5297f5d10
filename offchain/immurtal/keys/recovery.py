"""The artist's recovery key: 24 BIP-39 words, shown once, that open every release without the key
file. Only the public key is kept (FORMATS, Recovery key)."""

import secrets
from functools import cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from mnemonic import Mnemonic

from immurtal.errors import BadInput
from immurtal.keys.hpke import KEM_X25519, PrivateKey

WORDS = 24
ENTROPY_BYTES = 32
INFO = b"immurtal/recovery-key/1"


def generate_words() -> str:
    """24 new words, joined by spaces: 256 bits."""
    return str(_english().to_mnemonic(secrets.token_bytes(ENTROPY_BYTES)))


def recovery_key(words: str) -> PrivateKey:
    """The X25519 key of 24 words: HKDF-SHA256(entropy, no salt, info, 32).

    Case and spacing do not matter. Raises BadInput, which names a word that is none by its place
    only (words are secret).
    """
    listed = words.lower().split()
    if len(listed) != WORDS:
        raise BadInput(f"A recovery key has {WORDS} words, not {len(listed)}.")
    for place, word in enumerate(listed, start=1):
        if word not in _english().wordlist:
            raise BadInput(
                f"Word {place} of the recovery key is not in the BIP-39 list.",
                do="Look for a spelling mistake in that word.",
            )
    try:
        entropy = bytes(_english().to_entropy(listed))
    except ValueError as error:
        raise BadInput(
            "The checksum of the recovery words is wrong.",
            do="A word is another one than was shown, or two changed places.",
        ) from error
    return PrivateKey(KEM_X25519, HKDF(SHA256(), 32, salt=None, info=INFO).derive(entropy))


@cache
def _english() -> Mnemonic:
    return Mnemonic("english")
