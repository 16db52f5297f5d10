"""The recovery key: 24 words, read leniently in form and strictly in content."""

import json
from pathlib import Path

import pytest

from immurtal.errors import BadInput
from immurtal.keys.recovery import generate_words, recovery_key

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/recovery.json").read_text())
WORDS = VECTORS["cases"][1]["words"]


@pytest.mark.parametrize("count", [0, 12, 23, 25])
def test_another_number_of_words(count: int) -> None:
    words = " ".join((WORDS.split() * 2)[:count])
    with pytest.raises(BadInput, match=f"24 words, not {count}"):
        recovery_key(words)


def test_a_misspelt_word_is_named_by_its_place_only() -> None:
    words = WORDS.split()
    words[6] = "immurtal"
    with pytest.raises(BadInput, match="Word 7 of the recovery key") as caught:
        recovery_key(" ".join(words))
    assert "immurtal" not in caught.value.paragraph()


def test_words_in_another_order() -> None:
    words = WORDS.split()
    words[0], words[1] = words[1], words[0]
    with pytest.raises(BadInput, match="checksum"):
        recovery_key(" ".join(words))


def test_case_and_spacing_do_not_matter() -> None:
    assert recovery_key("  " + WORDS.upper().replace(" ", "\n\t")) == recovery_key(WORDS)


def test_new_words_are_24_and_others_each_time() -> None:
    words = generate_words()
    assert len(words.split()) == 24
    assert words != generate_words()
    assert recovery_key(words).public != recovery_key(WORDS).public


@pytest.mark.parametrize("vector", VECTORS["cases"], ids=lambda v: v["entropy"][:10])
def test_vectors(vector: dict) -> None:
    key = recovery_key(vector["words"])
    assert "0x" + key.secret.hex() == vector["private"]
    assert "0x" + key.public.key.hex() == vector["public"]
