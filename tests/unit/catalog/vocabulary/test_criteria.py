"""Text criteria are normalized as the data is."""

from collections.abc import Callable, Sequence

import pytest

from inventory.catalog.vocabulary import colors, criteria, offers


@pytest.mark.parametrize(
    ("spell", "texts", "expected"),
    [
        (criteria.labs, ["gia"], ["gia", "GIA"]),
        (criteria.labs, ["GIA", "G.I.A."], ["GIA", "G.I.A."]),
        (criteria.labs, ["Gübelin"], ["Gübelin", "GÜBELIN"]),
        (criteria.labs, ["NONE"], ["NONE"]),
        (criteria.fancy_colors, ["Brownish Orange"], ["Brownish Orange", "BROWN-ORANGE"]),
        (criteria.fancy_colors, ["orange-brown"], ["orange-brown", "BROWN-ORANGE"]),
        (criteria.fancy_intensities, ["fancy vivid"], ["fancy vivid", "FANCY_VIVID"]),
        (criteria.labs, [], []),
    ],
)
def test_criterion_by_text(
    spell: Callable[[Sequence[str]], Sequence[str]], texts: list[str], expected: list[str]
) -> None:
    assert spell(texts) == expected


@pytest.mark.parametrize("text", ["Brownish Orange", "ORANGE brown", "orange-brownish", "Salmon Pink"])
def test_criterion_matches_data_of_same_spelling(text: str) -> None:
    assert colors.hues(text) in criteria.fancy_colors([text])
    assert offers.lab(text) in criteria.labs([text])
