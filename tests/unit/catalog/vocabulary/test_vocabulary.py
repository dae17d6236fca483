"""Normalization of grades, colors, availability and laboratories. Unknown spellings are not guessed."""

from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.catalog import grades
from inventory.catalog.vocabulary import colors, offers, scales, shapes

SCALES: Mapping[str, tuple[Callable[[str | None], scales.Graded], Sequence[str]]] = {
    "color": (colors.color, grades.COLORS),
    "clarity": (scales.clarity, grades.CLARITIES),
    "cut": (scales.cut, grades.CUTS),
    "finish": (scales.finish, grades.FINISHES),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EX", "EXCELLENT"), ("Excellent", "EXCELLENT"), ("EXCELLENT", "EXCELLENT"), ("3EX", "EXCELLENT"),
        ("ex ", "EXCELLENT"), ("EX+", "EXCELLENT"), ("VG", "VERY_GOOD"), ("Very Good", "VERY_GOOD"),
        ("very-good", "VERY_GOOD"), ("VERY_GOOD", "VERY_GOOD"), ("ID", "IDEAL"), ("Ideal", "IDEAL"), ("G", "GOOD"),
        ("Premium", "PREMIUM"), ("F", "FAIR"), ("Poor", "POOR"), ("FR", "FAIR"), ("GD", "GOOD"), ("P", "POOR"), ("PR", "POOR"),
        ("EIGHTX", "IDEAL"), ("8X", "IDEAL"), ("Excellent cut", "EXCELLENT"), ("AGS 000", "IDEAL"), ("E X", None),
        ("Excellent to Very Good", "VERY_GOOD"), ("VG-EX", "VERY_GOOD"), ("EX / VG", "VERY_GOOD"), ("Fair or Good", "FAIR"),
        ("Excellent to Superb", None), ("EX-VG-GD", None), ("very", None),
    ],
)  # fmt: skip
def test_cut_spellings_are_recognized_and_range_has_lower_grade(text: str, expected: str | None) -> None:
    assert scales.cut(text) == ((expected, grades.CUTS.index(expected) + 1) if expected else (text, None))


@pytest.mark.parametrize("text", ["", "-", "N/A", "None", "null", "NULL", "Not graded", "Unknown", None])
def test_text_without_cut_has_no_grade(text: str | None) -> None:
    assert scales.cut(text) == (None, None)


def test_premium_ranks_between_excellent_and_very_good() -> None:
    ranks = [scales.cut(text)[1] for text in ("Ideal", "EX", "Premium", "VG", "Good", "Fair", "Poor")]
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
        ("SI3", "SI3"),
        ("VS1-VS2", "VS2"),
        ("VVS1 to VVS2", "VVS2"),
        ("SI1/SI2", "SI2"),
    ],
)
def test_clarity_spellings_are_recognized(text: str, expected: str) -> None:
    assert scales.clarity(text) == (expected, grades.CLARITIES.index(expected) + 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("d", ("D", 1)), ("H+", ("H", 5)), ("K-", ("K", 8)), ("N", ("N", 11)),
        ("OP", ("O-P", 13)), ("U to V", ("U-V", 19)), ("Y-Z", ("Y-Z", 23)),
        ("Fancy Yellow", ("Fancy Yellow", None)), ("DD", ("DD", None)), ("AB", ("AB", None)),
        *((pair, (f"{pair[0]}-{pair[1]}", grades.COLORS.index(pair[1]) + 1))
          for pair in ("NO", "OP", "PR", "QR", "SZ", "ST", "UV", "WX", "XY", "YZ")),
        ("Q to R Range", ("Q-R", 15)), ("Y-Z, Light Yellow", ("Y-Z", 23)), ("K, Faint Brown", ("K", 8)),
        ("N (Very Light Brown)", ("N", 11)), ("U \u2013 V", ("U-V", 19)), ("G/F", ("F-G", 4)), ("DEF", ("D-F", 3)),
        ("Color G", ("G", 4)), ("D to Z", ("D-Z", 23)),
        ("FANCY", ("FANCY", None)), ("K, Salmon", ("K, Salmon", None)), ("RED", ("RED", None)), ("EX", ("EX", None)),
        ("SI", ("SI", None)), ("IF", ("IF", None)), ("D E G", ("D E G", None)), ("Light Yellow", ("Light Yellow", None)),
        ("", (None, None)), ("N/A", (None, None)), ("null", (None, None)),
    ],
)  # fmt: skip
def test_color_is_letter_or_range_with_lower_rank(text: str, expected: tuple[str, int | None]) -> None:
    assert colors.color(text) == expected


@pytest.mark.parametrize(
    ("intensity", "hue", "expected"),
    [
        ("NON", None, ("NONE", 1, None)), ("None", "", ("NONE", 1, None)), ("nil", None, ("NONE", 1, None)),
        ("FNT", "BLU", ("FAINT", 2, "BLUE")), ("Faint Yellow", None, ("FAINT", 2, "YELLOW")),
        ("MED", "Blue", ("MEDIUM", 3, "BLUE")), ("STG", None, ("STRONG", 4, None)), ("VST", None, ("VERY_STRONG", 5, None)),
        ("Very Strong Blue", None, ("VERY_STRONG", 5, "BLUE")), ("VERY-STRONG BLUE", "yellow", ("VERY_STRONG", 5, "YELLOW")),
        ("", None, (None, None, None)), (None, None, (None, None, None)), ("-", None, (None, None, None)),
        ("glows", None, ("glows", None, None)), ("glows", "Blue", ("glows", None, "BLUE")),
        ("Faint / Slight", None, ("FAINT", 2, None)), ("Strong Bluish White", None, ("STRONG", 4, "BLUE-WHITE")),
        ("Medium to Strong", "BL", ("STRONG", 4, "BLUE")), ("NON", "N", ("NONE", 1, None)), ("VSL", "None", ("FAINT", 2, None)),
        ("SLT", "B", ("FAINT", 2, "BLUE")), ("STN", "-", ("STRONG", 4, None)), ("STG", "W", ("STRONG", 4, "WHITE")),
        (None, "Faint Blue", ("FAINT", 2, "BLUE")), ("", "Blue", (None, None, "BLUE")), ("null", "null", (None, None, None)),
        ("Strong", "Very Strong Yellow", ("STRONG", 4, "YELLOW")), ("Medium Blue Fluorescence", None, ("MEDIUM", 3, "BLUE")),
        ("Strong Mauve", None, ("Strong Mauve", None, None)), ("Faint to glaring", None, ("Faint to glaring", None, None)),
    ],
)  # fmt: skip
def test_fluorescence_is_recognized_with_and_without_color(
    intensity: str | None, hue: str | None, expected: tuple[str | None, int | None, str | None]
) -> None:
    assert colors.fluorescence(intensity, hue) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BROWN ORANGE", "BROWN-ORANGE"), ("Orange-Brown", "BROWN-ORANGE"), ("brownish orange", "BROWN-ORANGE"),
        ("yellow", "YELLOW"), ("Fancy Intense Yellow", "YELLOW"), ("GREY", "GRAY"), ("PINK  purple", "PINK-PURPLE"),
        ("", None), ("None", None), (None, None), ("Salmon pink", "SALMON-PINK"),
    ],
)  # fmt: skip
def test_fancy_color_has_hues_in_any_case_and_order(text: str | None, expected: str | None) -> None:
    assert colors.hues(text) == expected


def test_hues_are_sorted_alphabetically() -> None:
    assert colors.hues(" ".join(reversed(grades.FANCY_COLORS))) == "-".join(sorted(grades.FANCY_COLORS))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fancy Vivid", "FANCY_VIVID"), ("VIVID", "FANCY_VIVID"), ("FANCY-DEEP", "FANCY_DEEP"), ("fancy", "FANCY"),
        ("Fancy Intense Yellow", "FANCY_INTENSE"), ("very light", "VERY_LIGHT"), ("", None), (None, None), ("odd", "odd"),
    ],
)  # fmt: skip
def test_intensity_spellings_are_recognized(text: str | None, expected: str | None) -> None:
    assert colors.intensity(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AVAILABLE", "available"), ("available ", "available"), ("HOLD", "on_hold"), ("ON HOLD", "on_hold"),
        ("On_Hold", "on_hold"), ("SOLD", "sold"), ("SOLD_OUT", "sold"), ("ON_HOLD", "on_hold"), ("CONSIGNMENT", "unavailable"),
        ("ON_MEMO", "unavailable"), ("MEMO", "unavailable"), ("UNAVAILABLE", "unavailable"),
        ("NOT AVAILABLE", "unavailable"), ("NOT_AVAILABLE", "unavailable"), ("RESOLD", "unavailable"), ("", "unavailable"),
        (None, "unavailable"), ("AVAILABLE SOON", "unavailable"),
    ],
)  # fmt: skip
def test_only_listed_texts_mean_available(text: str | None, expected: str) -> None:
    assert offers.availability(text) == expected


@pytest.mark.parametrize("name", SCALES)
def test_every_listed_grade_is_parsed_from_its_name(name: str) -> None:
    grade, listed = SCALES[name]
    assert [grade(text) for text in listed] == [(text, rank) for rank, text in enumerate(listed, 1)]
    assert [grade(text.lower().replace("_", " "))[0] for text in listed] == list(listed)


@given(text=st.text(max_size=30), name=st.sampled_from(sorted(SCALES)))
def test_unknown_grade_keeps_text_and_has_no_rank(text: str, name: str) -> None:
    grade, listed = SCALES[name]
    found, rank = grade(text)
    assert rank is not None or found in {None, text}
    if name != "color":
        assert (rank is None) == (found not in listed)


def test_parsed_availability_hue_and_intensity_are_listed_in_catalog() -> None:
    assert set(offers._AVAILABILITIES.values()) | {"unavailable"} == set(grades.AVAILABILITIES)
    assert set(colors._HUES) == set(grades.FANCY_COLORS)
    assert set(colors._INTENSITIES) == set(grades.FANCY_INTENSITIES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fancy Light Yellow", ("YELLOW", "FANCY_LIGHT")), ("Fancy Vivid Orange-Pink", ("ORANGE-PINK", "FANCY_VIVID")),
        ("Light Pink", ("PINK", "LIGHT")), ("FANCY BROWNISH YELLOW", ("BROWN-YELLOW", "FANCY")), ("Yellow", (None, None)),
        ("FANCY", (None, None)), ("Fancy Mauve", (None, None)), ("G", (None, None)), (None, (None, None)),
    ],
)  # fmt: skip
def test_fancy_color_in_one_text(text: str | None, expected: tuple[str | None, str | None]) -> None:
    assert colors.fancy(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gia", "GIA"), (" GIA ", "GIA"), ("G.I.A.", "GIA"), ("Gemological Institute of America", "GIA"), ("IGI LG", "IGI"),
        ("HRD Antwerp", "HRD"), ("AGSL", "AGS"), ("GCAL", "GCAL"), ("Gübelin", "GÜBELIN"), ("other", "OTHER"),
        ("NONE", None), ("None", None), ("", None), (None, None), ("N/A", None), ("STOCKID", None), ("Not certified", None),
    ],
)  # fmt: skip
def test_laboratory_by_spellings(text: str | None, expected: str | None) -> None:
    assert offers.lab(text) == expected


@given(text=st.text(max_size=40))
def test_no_text_raises_error(text: str) -> None:
    for read in (
        colors.color,
        colors.hues,
        colors.intensity,
        colors.fancy,
        offers.lab,
        offers.availability,
        shapes.shape,
    ):
        read(text)
    grade, rank, _ = colors.fluorescence(text, text)
    assert rank is None or grade in grades.FLUORESCENCES
    assert (rank is None) == (grade not in grades.FLUORESCENCES)


@given(
    best=st.sampled_from(grades.COLORS),
    lowest=st.sampled_from(grades.COLORS),
    joint=st.sampled_from([" to ", "-", " - ", "/"]),
)
def test_range_of_colors_has_rank_of_lower_color(best: str, lowest: str, joint: str) -> None:
    found, rank = colors.color(f"{best}{joint}{lowest}")
    if best == lowest:
        assert rank is None
    else:
        assert found == f"{min(best, lowest)}-{max(best, lowest)}"
        assert rank == max(grades.COLORS.index(best), grades.COLORS.index(lowest)) + 1
