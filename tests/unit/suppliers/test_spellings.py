"""Every spelling that a supplier was seen to use means what it should, and nothing is guessed."""

from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog import grades
from app.suppliers.nivoda import spellings

SCALES: Mapping[str, tuple[Callable[[str | None], spellings.Graded], Sequence[str]]] = {
    "color": (spellings.color, grades.COLORS),
    "clarity": (spellings.clarity, grades.CLARITIES),
    "cut": (spellings.cut, grades.CUTS),
    "finish": (spellings.finish, grades.FINISHES),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EX", "EXCELLENT"), ("Excellent", "EXCELLENT"), ("EXCELLENT", "EXCELLENT"), ("3EX", "EXCELLENT"),
        ("ex ", "EXCELLENT"), ("EX+", "EXCELLENT"), ("VG", "VERY_GOOD"), ("Very Good", "VERY_GOOD"),
        ("very-good", "VERY_GOOD"), ("VERY_GOOD", "VERY_GOOD"), ("ID", "IDEAL"), ("Ideal", "IDEAL"), ("G", "GOOD"),
        ("Premium", "PREMIUM"), ("F", "FAIR"), ("Poor", "POOR"),
    ],
)  # fmt: skip
def test_a_cut_is_known_by_any_of_its_spellings(text: str, expected: str) -> None:
    assert spellings.cut(text) == (expected, grades.CUTS.index(expected) + 1)


def test_premium_ranks_between_excellent_and_very_good() -> None:
    ranks = [spellings.cut(text)[1] for text in ("Ideal", "EX", "Premium", "VG", "Good", "Fair", "Poor")]
    assert ranks == sorted(ranks, key=lambda rank: rank or 0) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vvs1", "VVS1"),
        ("VVS-1", "VVS1"),
        ("VS 2", "VS2"),
        ("SI1-", "SI1"),
        ("Flawless", "FL"),
        ("P1", "I1"),
        ("LC", "IF"),
    ],
)
def test_a_clarity_is_known_by_any_of_its_spellings(text: str, expected: str) -> None:
    assert spellings.clarity(text) == (expected, grades.CLARITIES.index(expected) + 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("d", ("D", 1)), ("H+", ("H", 5)), ("K-", ("K", 8)), ("N", ("N", 11)),
        ("OP", ("O-P", 13)), ("U to V", ("U-V", 19)), ("Y-Z", ("Y-Z", 23)),
        ("Fancy Yellow", ("Fancy Yellow", None)), ("DD", ("DD", None)), ("AB", ("AB", None)),
    ],
)  # fmt: skip
def test_a_color_is_a_letter_or_a_range_that_ranks_as_its_lesser_letter(
    text: str, expected: tuple[str, int | None]
) -> None:
    assert spellings.color(text) == expected


@pytest.mark.parametrize(
    ("intensity", "hue", "expected"),
    [
        ("NON", None, ("NONE", 1, None)), ("None", "", ("NONE", 1, None)), ("nil", None, ("NONE", 1, None)),
        ("FNT", "BLU", ("FAINT", 2, "BLUE")), ("Faint Yellow", None, ("FAINT", 2, "YELLOW")),
        ("MED", "Blue", ("MEDIUM", 3, "BLUE")), ("STG", None, ("STRONG", 4, None)), ("VST", None, ("VERY_STRONG", 5, None)),
        ("Very Strong Blue", None, ("VERY_STRONG", 5, "BLUE")), ("VERY-STRONG BLUE", "yellow", ("VERY_STRONG", 5, "YELLOW")),
        ("", None, (None, None, None)), (None, None, (None, None, None)), ("-", None, (None, None, None)),
        ("glows", None, ("glows", None, None)),
    ],
)  # fmt: skip
def test_fluorescence_is_known_with_and_without_its_color(
    intensity: str | None, hue: str | None, expected: tuple[str | None, int | None, str | None]
) -> None:
    assert spellings.fluorescence(intensity, hue) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BROWN ORANGE", "BROWN-ORANGE"), ("Orange-Brown", "BROWN-ORANGE"), ("brownish orange", "BROWN-ORANGE"),
        ("yellow", "YELLOW"), ("Fancy Intense Yellow", "YELLOW"), ("GREY", "GRAY"), ("PINK  purple", "PINK-PURPLE"),
        ("", None), ("None", None), (None, None), ("Salmon pink", "SALMON-PINK"),
    ],
)  # fmt: skip
def test_a_fancy_color_is_its_hues_in_any_case_and_order(text: str | None, expected: str | None) -> None:
    assert spellings.hues(text) == expected


def test_many_hues_are_in_alphabetical_order() -> None:
    assert spellings.hues(" ".join(reversed(grades.FANCY_COLORS))) == "-".join(sorted(grades.FANCY_COLORS))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fancy Vivid", "FANCY_VIVID"), ("VIVID", "FANCY_VIVID"), ("FANCY-DEEP", "FANCY_DEEP"), ("fancy", "FANCY"),
        ("Fancy Intense Yellow", "FANCY_INTENSE"), ("very light", "VERY_LIGHT"), ("", None), (None, None), ("odd", "odd"),
    ],
)  # fmt: skip
def test_an_intensity_is_known_by_any_of_its_spellings(text: str | None, expected: str | None) -> None:
    assert spellings.intensity(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AVAILABLE", "available"), ("available ", "available"), ("HOLD", "on_hold"), ("ON HOLD", "on_hold"),
        ("On_Hold", "on_hold"), ("SOLD", "sold"), ("MEMO", "unavailable"), ("UNAVAILABLE", "unavailable"),
        ("NOT AVAILABLE", "unavailable"), ("NOT_AVAILABLE", "unavailable"), ("RESOLD", "unavailable"), ("", "unavailable"),
        (None, "unavailable"), ("AVAILABLE SOON", "unavailable"),
    ],
)  # fmt: skip
def test_only_what_is_said_to_be_available_is(text: str | None, expected: str) -> None:
    assert spellings.availability(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ROUND", "ROUND"), ("round brilliant", "ROUND"), ("RB", "ROUND"), ("CUSHION MODIFIED", "CUSHION"),
        ("Cushion B", "CUSHION"), ("Square Emerald", "ASSCHER"), ("OLD MINER", "OLD_MINE"), ("old mine cut", "OLD_MINE"),
        ("EUROPEAN CUT", "OLD_EUROPEAN"), ("Pear Shape", "PEAR"), ("trillion", "TRILLIANT"), ("Lotus", "OTHER"), (None, "OTHER"),
        ("", "OTHER"), ("BACKGROUND", "OTHER"),
    ],
)  # fmt: skip
def test_a_shape_is_known_by_any_of_its_spellings(text: str | None, expected: str) -> None:
    assert spellings.shape(text) == expected


@pytest.mark.parametrize("name", SCALES)
def test_every_listed_grade_is_known_by_its_own_name(name: str) -> None:
    grade, listed = SCALES[name]
    assert [grade(text) for text in listed] == [(text, rank) for rank, text in enumerate(listed, 1)]
    assert [grade(text.lower().replace("_", " "))[0] for text in listed] == list(listed)


@given(text=st.text(max_size=30), name=st.sampled_from(sorted(SCALES)))
def test_an_unknown_grade_keeps_its_text_and_has_no_rank(text: str, name: str) -> None:
    grade, listed = SCALES[name]
    found, rank = grade(text)
    assert rank is not None or found in {None, text}
    if name != "color":
        assert (rank is None) == (found not in listed)


def test_every_shape_and_availability_is_one_that_the_catalog_lists() -> None:
    assert {spellings.shape(text) for text in spellings._shapes} <= set(grades.SHAPES)
    assert {spellings.shape(text.replace("_", " ")) for text in grades.SHAPES} == set(grades.SHAPES)
    assert set(spellings._AVAILABILITIES.values()) | {"unavailable"} == set(grades.AVAILABILITIES)
    assert set(spellings._HUES) == set(grades.FANCY_COLORS)
    assert set(spellings._INTENSITIES) == set(grades.FANCY_INTENSITIES)
