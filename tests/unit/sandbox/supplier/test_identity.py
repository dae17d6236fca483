"""Ids that are computed without an index."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from sandbox.supplier.identity import (
    certificate_number,
    offer_id,
    ordinal_of,
    ordinal_of_certificate,
    scramble,
    stone_id,
    unscramble,
)

ordinals = st.integers(min_value=0, max_value=5_000_000)


@given(ordinals)
def test_every_id_decodes_to_diamond(ordinal: int) -> None:
    assert ordinal_of(stone_id(ordinal)) == ordinal
    assert ordinal_of(stone_id(ordinal).upper()) == ordinal
    assert ordinal_of(offer_id(ordinal)) == ordinal
    assert unscramble(scramble(ordinal)) == ordinal
    assert ordinal_of_certificate(certificate_number(ordinal)) == ordinal


@given(ordinals)
def test_diamond_id_is_canonical_version_4_uuid(ordinal: int) -> None:
    identity = UUID(stone_id(ordinal))
    assert str(identity) == stone_id(ordinal)
    assert identity.version == 4


@given(st.one_of(st.text(max_size=40), st.uuids().map(str)))
def test_unknown_id_decodes_to_none(text: str) -> None:
    assert ordinal_of(text) is None


@given(st.text(max_size=12))
def test_unknown_certificate_number_decodes_to_none(text: str) -> None:
    ordinal = ordinal_of_certificate(text)
    assert ordinal is None or certificate_number(ordinal) == text


def test_ids_have_order_of_scrambled_ordinals_and_are_unique() -> None:
    assert sorted(range(5_000), key=scramble) == sorted(range(5_000), key=stone_id)
    assert len({stone_id(ordinal) for ordinal in range(5_000)}) == 5_000


def test_ids_are_stable_between_versions() -> None:
    assert stone_id(0) == "e1931899-fcb0-4992-82c1-68421faa94b9"
    assert certificate_number(1) == "5182935117"
