"""API keys: format, parsing, digest."""

import math
import re

from hypothesis import given
from hypothesis import strategies as st

from app.auth import keys

LENGTH = len(keys.generate().text)


def test_new_key_has_documented_form() -> None:
    key = keys.generate()
    assert re.fullmatch(r"dia_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{33}_[0-9A-Za-z]{6}", key.text)
    assert f"_{key.id}_" in key.text


def test_secret_has_at_least_190_bits() -> None:
    secret = keys.generate().text.split("_")[3]
    assert len(secret) * math.log2(62) >= 190


def test_new_keys_are_unique() -> None:
    assert len({keys.generate().text for _ in range(1000)}) == 1000


def test_parse_new_key_returns_its_id() -> None:
    for _ in range(200):
        key = keys.generate()
        assert keys.parse(key.text) == key


@given(position=st.integers(0, LENGTH - 1), character=st.characters())
def test_parse_rejects_key_with_one_wrong_character(position: int, character: str) -> None:
    text = keys.generate().text
    mutated = text[:position] + character + text[position + 1 :]
    assert (keys.parse(mutated) is not None) == (mutated == text)


@given(position=st.integers(0, LENGTH - 2))
def test_parse_rejects_key_with_two_swapped_neighbours(position: int) -> None:
    text = keys.generate().text
    mutated = text[:position] + text[position + 1] + text[position] + text[position + 2 :]
    assert (keys.parse(mutated) is not None) == (mutated == text)


@given(cut=st.integers(0, LENGTH - 1), tail=st.text(max_size=5))
def test_parse_rejects_key_of_wrong_length(cut: int, tail: str) -> None:
    text = keys.generate().text
    assert keys.parse(text[:cut]) is None
    assert (keys.parse(text + tail) is None) == bool(tail)


@given(st.text())
def test_parse_rejects_any_other_text_without_raising(text: str) -> None:
    assert keys.parse(text) is None


def test_repr_of_key_hides_secret() -> None:
    key = keys.generate()
    assert key.text.split("_")[3] not in repr(key)


def test_digest_is_sha256_of_whole_key() -> None:
    assert keys.digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
