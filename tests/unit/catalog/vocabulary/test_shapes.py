"""Shapes: supplier texts and laboratory phrases for outline and cutting style."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.catalog import grades
from inventory.catalog.vocabulary.shapes import OTHER, shape

# Every text of the supplier's list.
SUPPLIER = {
    "ROUND": "ROUND", "OCTAGONAL": OTHER, "ASSCHER": "ASSCHER", "ROUND MODIFIED BRILLIANT": "ROUND", "OTHER": OTHER,
    "EMERALD": "EMERALD", "PENTAGONAL": OTHER, "RECTANGULAR": OTHER, "BRIOLETTE": OTHER, "PEAR MODIFIED BRILLIANT": "PEAR",
    "OLD EUROPEAN": "OLD_EUROPEAN", "SQUARE": OTHER, "PEAR": "PEAR", "CUSHION B": "CUSHION", "KITE": "KITE",
    "EUROPEAN": "OLD_EUROPEAN", "HEXAGONAL": "HEXAGONAL", "BULLET": OTHER, "RECTANGLE": OTHER, "TRAPEZOID": "TRAPEZOID",
    "HALFMOON": OTHER, "SHIELD": "SHIELD", "OVAL MIXED CUT": "OVAL", "OVAL": "OVAL", "TRAPEZE": "TRAPEZOID",
    "BAGUETTE": "BAGUETTE", "CUSHION MODIFIED": "CUSHION", "CUSHION BRILLIANT": "CUSHION", "RADIANT": "RADIANT", "FAN": OTHER,
    "TETRAGONAL": OTHER, "TAPERED BAGUETTE": "BAGUETTE", "CUSHION": "CUSHION", "SQUARE EMERALD": "ASSCHER", "HEART": "HEART",
    "ASCHER": "ASSCHER", "HALF MOON": OTHER, "PRAD": OTHER, "LOZENGE": OTHER, "PRINCESS": "PRINCESS", "HEPTAGONAL": OTHER,
    "TRILLIANT": "TRILLIANT", "ROSE": "ROSE", "SQUARE RADIANT": "RADIANT", "FLANDERS": OTHER, "OLD MINER": "OLD_MINE",
    "MARQUISE": "MARQUISE", "NONAGONAL": OTHER, "EUROPEAN CUT": "OLD_EUROPEAN", "TRIANGULAR": "TRILLIANT",
}  # fmt: skip

LABORATORIES = {
    "Round Brilliant": "ROUND", "Round Brilliant Cut": "ROUND", "Round Modified Brilliant (A116)": "ROUND",
    "Modified Round Brilliant": "ROUND", "Circular Brilliant": "ROUND", "Round Single Cut": "ROUND",
    "Scalloped Edge Round Brilliant": "ROUND", "Round Brilliant, Hearts & Arrows": "ROUND", "Round Step Cut": "ROUND",
    "OVAL BRILLIANT CUT": "OVAL", "Oval Modified Brilliant": "OVAL", "Modified Oval Brilliant": "OVAL", "Oval Step Cut": "OVAL",
    "Oval Portrait Cut": "OVAL", "PEAR BRILLIANT": "PEAR", "Pear Modified Brilliant (C14)": "PEAR", "Pear Step Cut": "PEAR",
    "Pear Shaped Brilliant": "PEAR", "Modified Pear Mixed Cut": "PEAR", "MARQUISE BRILLIANT": "MARQUISE",
    "Marquise Modified Brilliant": "MARQUISE", "Modified Marquise Step Cut": "MARQUISE", "HEART BRILLIANT": "HEART",
    "Heart Modified Brilliant": "HEART", "Modified Heart Brilliant": "HEART", "Heart Shape": "HEART",
    "CUSHION BRILLIANT": "CUSHION", "Cushion Modified Brilliant": "CUSHION", "Square Cushion Modified Brilliant": "CUSHION",
    "Rectangular Cushion Brilliant": "CUSHION", "Cushion Step Cut": "CUSHION", "Cushion Mixed Cut": "CUSHION",
    "Round-Cornered Rectangular Modified Brilliant (E128)": "CUSHION", "Round-Cornered Square Brilliant": "CUSHION",
    "SQUARE MODIFIED BRILLIANT": "PRINCESS", "Square Modified Brilliant (G103)": "PRINCESS", "Princess Cut": "PRINCESS",
    "Princess Modified Brilliant": "PRINCESS", "RECTANGULAR MODIFIED BRILLIANT": "PRINCESS", "Square Brilliant": "PRINCESS",
    "CUT-CORNERED RECTANGULAR MODIFIED BRILLIANT": "RADIANT", "Cut-Cornered Square Modified Brilliant (G105)": "RADIANT",
    "CUT CORNERED RECTANGULAR MODIFIED BRILLIANT": "RADIANT", "Cut-Corner Rectangular Brilliant": "RADIANT",
    "CUT\u2010CORNERED SQUARE MODIFIED BRILLIANT": "RADIANT", "Rectangular Cut-Cornered Modified Brilliant": "RADIANT",
    "Radiant Modified Brilliant": "RADIANT", "Emerald Cut": "EMERALD", "Emerald Step Cut": "EMERALD",
    "Emerald Cut (3 Step, E21)": "EMERALD", "Cut-Cornered Rectangular Step Cut": "EMERALD", "Rectangular Emerald Cut": "EMERALD",
    "SQUARE EMERALD CUT": "ASSCHER", "Square Emerald Cut (3 Step, G85)": "ASSCHER", "Cut-Cornered Square Step Cut": "ASSCHER",
    "Asscher Cut": "ASSCHER", "Royal Asscher": "ASSCHER", "Asscher & Sq. Emerald": "ASSCHER",
    "TRIANGULAR BRILLIANT": "TRILLIANT", "Triangular Modified Brilliant": "TRILLIANT", "Triangular Step Cut": "TRILLIANT",
    "Cut-Cornered Triangular Modified Brilliant": "TRILLIANT", "Round Cornered Triangular Modified Brilliant": "TRILLIANT",
    "Modified Triangular Brilliant": "TRILLIANT", "Tapered Baguette (T03)": "BAGUETTE", "Rectangular Step Cut": "BAGUETTE",
    "Straight Baguette": "BAGUETTE", "Old European Brilliant": "OLD_EUROPEAN", "Old European Cut": "OLD_EUROPEAN",
    "OLD MINE BRILLIANT": "OLD_MINE", "Old Mine Cut": "OLD_MINE", "Old Mine Cushion": "OLD_MINE", "Rose Cut": "ROSE",
    "Round Rose Cut": "ROSE", "Pear Double Rose Cut": "ROSE", "Cushion Rose Cut": "ROSE", "Trapezoid Modified Brilliant": "TRAPEZOID",
    "Cut-Cornered Trapezoid Step Cut": "TRAPEZOID", "Shield Brilliant": "SHIELD", "Modified Shield Step Cut": "SHIELD",
    "Kite Step Cut": "KITE", "KITE-MODIFIED": "KITE", "Hexagonal Modified Brilliant": "HEXAGONAL",
    "Modified Hexagonal Step Cut": "HEXAGONAL", "HEXAGONAL STEP": "HEXAGONAL",
}  # fmt: skip

TRADE = {
    "RB": "ROUND", "RBC": "ROUND", "BR": "ROUND", "RND": "ROUND", "PR": "PRINCESS", "PRIN": "PRINCESS", "SMB": "PRINCESS",
    "CU": "CUSHION", "CMB": "CUSHION", "CUSHION MB": "CUSHION", "SQ.CMB": "CUSHION", "CUSHION BRI": "CUSHION",
    "Long Cushion": "CUSHION", "EM": "EMERALD", "EC": "EMERALD", "SQ EMERALD": "ASSCHER", "SQEM": "ASSCHER", "SEM": "ASSCHER",
    "AS": "ASSCHER", "RA": "RADIANT", "SQ RADIANT": "RADIANT", "L RADIANT": "RADIANT", "SQRA": "RADIANT", "OV": "OVAL",
    "PS": "PEAR", "PEARS": "PEAR", "MQ": "MARQUISE", "HS": "HEART", "HE": "HEART", "TRILLION": "TRILLIANT", "TRI": "TRILLIANT",
    "Elongated Hexagon": "HEXAGONAL", "round_brilliant": "ROUND", "  Pear   Shape ": "PEAR", "trapezium": "TRAPEZOID",
}  # fmt: skip

UNKNOWN = [
    None, "", "-", "Lotus", "BACKGROUND", "UNROUNDED", "Butterfly Modified Brilliant", "Octagonal Step Cut", "Square Step Cut",
    "Cut-Cornered Rectangular Mixed Cut", "Modified Square Brilliant", "Modified Rectangular Brilliant", "Modified Brilliant",
    "Half-Moon Mixed Cut", "Lozenge Step Cut", "Pentagonal Modified Brilliant", "Cut", "Step Cut", "Square Rectangular Brilliant",
    "Round Oval", "Heart Arrow Novelty", "N/A", "RMB",
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), (SUPPLIER | LABORATORIES | TRADE).items())
def test_shape_of_known_text(text: str, expected: str) -> None:
    assert shape(text) == expected
    assert shape(text.lower()) == shape(text.upper()) == expected


@pytest.mark.parametrize("text", UNKNOWN)
def test_unknown_text_is_other(text: str | None) -> None:
    assert shape(text) == OTHER


@pytest.mark.parametrize("name", grades.SHAPES)
def test_every_shape_is_parsed_from_its_name(name: str) -> None:
    assert shape(name) == shape(name.replace("_", " ")) == name


@given(
    text=st.text(max_size=60)
    | st.lists(st.sampled_from(sorted({word for text in LABORATORIES for word in text.split()}))).map(" ".join)
)
def test_parse_shape_returns_listed_shape_for_any_text(text: str) -> None:
    assert shape(text) in grades.SHAPES
