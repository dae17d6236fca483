"""Mapping of rows: exact prices, vocabulary by value tables, problems that name line and column."""

import contextlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.catalog.stone import Stone
from inventory.suppliers.csv_files.mapping import observe_payload, observe_row
from inventory.suppliers.csv_files.rows import Row
from inventory.suppliers.csv_files.values import CellNotUnderstood, NumberFormat, clean, measurements, number, price
from tests.unit.suppliers.csv_files.price_lists import HEADER, file_map, observed, one, row, text_of

POINT, COMMA = NumberFormat(".", ","), NumberFormat(",", ".")
PER_CARAT = '{ headers = ["Price"] }'


def stone(tmp_path: Path, options: dict[str, str] | None = None, /, **cells: str) -> Stone:
    item = one(tmp_path, file_map(**(options or {})), **cells)
    assert item.problem is None
    assert item.stone is not None
    return item.stone


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("1,234.50", POINT, "1234.50"),
        ("$ 1,234.50", POINT, "1234.50"),
        ("1234.5 USD", POINT, "1234.5"),
        ("US$1,23,456", POINT, "123456"),
        ("1.234,50", COMMA, "1234.50"),
        ("1 234,50", NumberFormat(",", " "), "1234.50"),
        ("5000.", POINT, "5000"),
        (".5", POINT, "0.5"),
    ],
)
def test_price_parses(text: str, form: NumberFormat, expected: str) -> None:
    assert price(text, form) == Decimal(expected)


@pytest.mark.parametrize(
    "text",
    [
        "1e3",
        "NaN",
        "Infinity",
        "1_000",
        "12,34.50",
        "1,2345",
        "€ 100",
        "100 EUR",
        "1.234,50",
        "--5",
        "1 000",
        "\u0661\u0662",
        "5000 / ct",
        "",
    ],
)
def test_price_rejects(text: str) -> None:
    with pytest.raises(CellNotUnderstood, match="is not a number"):
        price(text, POINT)


def test_number_accepts_no_groups() -> None:
    assert number("1.01 ct", POINT) == Decimal("1.01")
    assert number("61.8%", POINT) == Decimal("61.8")
    for form, text in ((POINT, "1,010"), (COMMA, "1.010")):
        with pytest.raises(CellNotUnderstood):
            number(text, form)


@given(st.integers(0, 10**12), st.sampled_from([POINT, COMMA]))
def test_price_is_the_inverse_of_formatting(cents: int, form: NumberFormat) -> None:
    written = f"{Decimal(cents) / 100:,.2f}".translate(str.maketrans(",.", form.group + form.decimal))
    assert price(written, form) == Decimal(cents) / 100


@given(st.text(max_size=20))
def test_price_never_raises_another_error(text: str) -> None:
    with contextlib.suppress(CellNotUnderstood):
        assert price(text, POINT).is_finite()


@pytest.mark.parametrize(
    "text",
    ["6.51x6.54x4.02", "6.51*6.54*4.02", "6.51-6.54x4.02", "6.51 \u2013 6.54 x 4.02 mm", "6.51|6.54|4.02", "6.51 6.54 4.02",
     "6.51 X 6.54 \u00d7 4.02", "6.51mm x 6.54mm x 4.02mm", "6.51 - 6.54 * 4.02"],
)  # fmt: skip
def test_measurements_parses(text: str) -> None:
    assert measurements(text, POINT) == (Decimal("6.51"), Decimal("6.54"), Decimal("4.02"))


def test_measurements_of_other_forms() -> None:
    assert measurements("6,51x6,54x4,02", COMMA) == (Decimal("6.51"), Decimal("6.54"), Decimal("4.02"))
    assert measurements("6.51x6.54", POINT) == (Decimal("6.51"), Decimal("6.54"), None)
    for text in ("6.51", "a x b x c", "6.51x0x4", "1x2x3x4", "x"):
        with pytest.raises(CellNotUnderstood):
            measurements(text, POINT)


@pytest.mark.parametrize(
    ("cell", "expected"), [("'01234", "01234"), ('="01234"', "01234"), (" a ", "a"), ("=1+1", "=1+1")]
)
def test_clean_removes_excel_marks(cell: str, expected: str) -> None:
    assert clean(cell) == expected


@pytest.mark.parametrize(
    ("carat", "per_carat", "cents"),
    [
        ("1.01", "8,100.00", 818100),
        ("0.53", "840", 44520),
        ("0.333", "1000.05", 33302),
        ("1.005", "0.99", 99),
        ("0.5", "0.01", 1),
    ],
)
def test_price_per_carat_is_rounded_half_up(tmp_path: Path, carat: str, per_carat: str, cents: int) -> None:
    file = file_map(layout='group = ","', without=["total_price"], price_per_carat=PER_CARAT)
    item = one(tmp_path, file, Carat=carat, Price=per_carat)
    assert item.price_cents == cents


@given(st.integers(1, 10**8), st.integers(1, 10**6))
def test_price_per_carat_is_exact(cents_per_carat: int, carat_milli: int) -> None:
    file = file_map(without=["total_price"], price_per_carat=PER_CARAT)
    cells = row(Carat=str(Decimal(carat_milli) / 1000), Price=str(Decimal(cents_per_carat) / 100))
    item = observe_row(
        Row(2, HEADER, cells, {name: HEADER.index(header) for name, header in _PLACES.items()}), file, feed="f"
    )
    expected = (cents_per_carat * carat_milli * 2 + 1000) // 2000
    assert item.price_cents == (expected or None)


_PLACES = {
    "stock_number": "Stock", "report_number": "Report", "lab": "Lab", "shape": "Shape", "carat": "Carat",
    "price_per_carat": "Price", "color": "Color", "clarity": "Clarity", "availability": "Status", "comments": "Notes",
}  # fmt: skip


@pytest.mark.parametrize(
    ("total", "per_carat", "options", "problem"),
    [
        ("5050.00", "5000", "", None),
        ("5050.99", "5000", "", None),  # the price per carat may be rounded to dollars
        ("5052", "5000.00", "", "is 5052, but price_per_carat times carat is 5050.00"),
        ("5060.00", "5000", "", "is 5060.00, but price_per_carat times carat is 5050.00"),
        ("5060.00", "5000", 'price_tolerance_percent = "0.5"', None),
        ("5000", "", "", None),
        ("", "5000", "", None),
        ("", "", "", "is missing"),
        ("0", "5000", "", "is not positive"),
        ("-5", "5000", "", "is not positive"),
        ("5050.005", "5000", "", "is not a whole number of cents"),
    ],
)
def test_total_is_compared_with_price_per_carat(
    tmp_path: Path, total: str, per_carat: str, options: str, problem: str | None
) -> None:
    file = file_map(layout=options, price_per_carat='{ headers = ["Notes"] }', without=["comments"])
    item = one(tmp_path, file, Carat="1.01", Price=total, Notes=per_carat)
    assert item.problem == (problem and f'total_price, column "Price": {problem} (line 2)')
    if total and not problem:
        assert item.price_cents == int(Decimal(total) * 100)


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"Stock": ""}, 'stock_number, column "Stock": is missing'),
        ({"Stock": "1.2E+05"}, "column \"Stock\": is a number in E notation ('1.2E+05'): Excel has removed its digits"),
        ({"Report": "2.14744E+09"}, "column \"Report\": is a number in E notation ('2.14744E+09'): Excel"),
        ({"Report": "2147440000.0"}, "column \"Report\": is not a report number ('2147440000.0')"),
        ({"Report": "21474+1"}, 'column "Report": is not a report number'),
        ({"Carat": ""}, 'carat, column "Carat": is missing'),
        ({"Carat": "0"}, 'carat, column "Carat": is not positive'),
        ({"Carat": "0.0001"}, 'carat, column "Carat": is less than half a thousandth'),
        ({"Carat": "20000"}, 'carat, column "Carat": is more than 10000'),
        ({"Carat": "one"}, "carat, column \"Carat\": is not a number ('one')"),
        ({"Price": "call"}, "total_price, column \"Price\": is not a number ('call')"),
        ({"Price": "3000000000"}, 'total_price, column "Price": is more than'),
        ({"Shape": ""}, 'shape, column "Shape": is missing'),
        ({"Status": "perhaps"}, "availability, column \"Status\": is not understood ('perhaps'). Add it to `values`"),
    ],
)
def test_invalid_row_names_line_and_column(tmp_path: Path, cells: dict[str, str], problem: str) -> None:
    stock = cells.pop("Stock", "S1")
    item = one(tmp_path, stock=stock, **cells)
    assert item.stone is None
    assert item.problem is not None
    assert problem in item.problem
    assert item.problem.endswith("(line 2)")
    assert observe_payload(item.payload, {"list": file_map()}, feed="list") == item


def test_identity_is_stock_and_report_number(tmp_path: Path) -> None:
    assert one(tmp_path, stock="A#1", Report="7").supplier_stone_id == "A#1#7"
    assert one(tmp_path, stock="A", Report="").supplier_stone_id == "A#"
    assert one(tmp_path, stock="'007", Report="'0099").supplier_stone_id == "007#0099"
    assert one(tmp_path, stock="A", Report="1E+9").supplier_stone_id == "A#"
    assert one(tmp_path, stock="").supplier_stone_id.startswith("unidentified:")


@pytest.mark.parametrize(
    ("header", "cell", "name", "expected"),
    [
        ("Shape", "PN", "shape", "PEAR"),
        ("Shape", "RB", "shape", "ROUND"),
        ("Shape", "Blob", "shape", "OTHER"),
        ("Color", "Fancy Intense Yellow", "fancy_color", "YELLOW"),
        ("Color", "Fancy Intense Yellow", "fancy_intensity", "FANCY_INTENSE"),
        ("Color", "K-L", "color", "K-L"),
        ("Clarity", "vvs-1", "clarity", "VVS1"),
        ("Lab", "G.I.A.", "certificate_lab", "GIA"),
        ("Lab", "N", "certificate_lab", None),
        ("Status", "Sold", "availability", "sold"),
        ("Status", "y", "availability", "available"),
        ("Status", "Memo", "availability", "unavailable"),
        ("Notes", "6.51-6.54x4.02", "height_milli", 4020),
        ("Notes", "unknown", "height_milli", None),
    ],
)
def test_values_by_vocabulary(tmp_path: Path, header: str, cell: str, name: str, expected: Any) -> None:
    options = {
        "shape": '{ headers = ["Shape"], values = { PN = "PEAR" } }',
        "lab": '{ headers = ["Lab"], values = { N = "NONE" } }',
        "comments": '{ headers = ["Notes"] }',
        "measurements": '{ headers = ["Notes"] }',
    }
    assert getattr(stone(tmp_path, options, **{header: cell}), name) == expected


@pytest.mark.parametrize(
    ("cell", "strength", "hue"),
    [("VS", "FAINT", None), ("VS Blue", "FAINT", "BLUE"), ("Strong Blue", "STRONG", "BLUE"), ("None", "NONE", None)],
)
def test_fluorescence_with_color_uses_the_value_table(
    tmp_path: Path, cell: str, strength: str, hue: str | None
) -> None:
    options = {"fluorescence": '{ headers = ["Notes"], values = { VS = "VERY SLIGHT" } }'}
    found = stone(tmp_path, options, Notes=cell)
    assert (found.fluorescence, found.fluorescence_color) == (strength, hue)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("VG-EX", "VERY_GOOD"), ("V-E", "VERY_GOOD"), ("ID", "IDEAL"), ("X", "EXCELLENT"), ("P", "POOR")],
)
def test_cut_grades_and_halves(tmp_path: Path, cell: str, expected: str) -> None:
    options = {"cut": '{ headers = ["Notes"], values = { V = "VERY GOOD", E = "EXCELLENT" } }'}
    assert stone(tmp_path, options, Notes=cell).cut == expected


def test_closed_value_table_rejects_other_spellings(tmp_path: Path) -> None:
    file = file_map(shape='{ headers = ["Shape"], values = { R = "ROUND" }, closed = true }')
    item = one(tmp_path, file, Shape="Round")
    assert item.problem == "shape, column \"Shape\": is not in `values` of the map ('Round') (line 2)"


@pytest.mark.parametrize(
    ("table", "cells", "expected"),
    [
        ('{ constant = "NATURAL" }', {}, False),
        ('{ constant = "LAB GROWN" }', {}, True),
        ('{ headers = ["Notes"] }', {"Notes": "1"}, True),
        ('{ headers = ["Notes"] }', {"Notes": "N"}, False),
        ('{ headers = ["Notes"], values = { LGD = "LAB GROWN" }, default = "NATURAL" }', {"Notes": "LGD"}, True),
        ('{ headers = ["Notes"], values = { LGD = "LAB GROWN" }, default = "NATURAL" }', {"Notes": ""}, False),
        ('{ report_prefixes = ["LG"] }', {"Report": "LG123456"}, True),
        ('{ report_prefixes = ["LG"] }', {"Report": "123456"}, False),
        ('{ headers = ["Notes"] }', {"Notes": ""}, "is missing. If an empty cell means natural"),
        ('{ headers = ["Notes"] }', {"Notes": "perhaps"}, "is neither natural nor lab-grown"),
        ('{ headers = ["Notes"] }', {"Notes": "HPHT"}, "may be a treatment"),
        ('{ headers = ["Notes"], default = "NATURAL" }', {"Notes": "HPHT"}, "may be a treatment"),
        ('{ report_prefixes = ["LG"] }', {"Report": ""}, "the row has no report number"),
        ('{ constant = "NATURAL" }', {"Report": "LG123456"}, "says natural, but report_number says lab-grown"),
    ],
)
def test_origin_is_stated_or_a_problem(tmp_path: Path, table: str, cells: dict[str, str], expected: bool | str) -> None:
    item = one(tmp_path, file_map(lab_grown=table, without=["comments"]), **cells)
    if isinstance(expected, str):
        assert item.problem is not None
        assert expected in item.problem
    else:
        assert item.stone is not None
        assert item.stone.lab_grown is expected


def test_treatment_and_growth_are_not_inferred_from_each_other(tmp_path: Path) -> None:
    treated = stone(tmp_path, {"treatment": '{ headers = ["Notes"] }'}, Notes="HPHT")
    assert (treated.lab_grown, treated.growth_method, treated.treated) == (False, None, True)
    options = {"growth_method": '{ headers = ["Notes"] }', "lab_grown": '{ constant = "LAB GROWN" }'}
    grown = stone(tmp_path, options, Notes="HPHT")
    assert (grown.lab_grown, grown.growth_method, grown.treated) == (True, "HPHT", None)
    natural = one(tmp_path, file_map(growth_method='{ headers = ["Notes"] }'), Notes="CVD")
    assert natural.problem == "lab_grown: says natural, but growth_method says lab-grown (line 2)"


def test_payload_hash_ignores_line_and_file(tmp_path: Path) -> None:
    file = file_map()
    first, second = observed(tmp_path, text_of([row("A"), row("B")]), file)
    _, moved = observed(tmp_path, text_of([row("X"), row("A")]), file)
    assert (first.payload_hash, first.canonical_hash) == (moved.payload_hash, moved.canonical_hash)
    assert first.payload_hash != second.payload_hash
    other = observed(tmp_path, text_of([row("A")]), file_map(color='{ headers = ["Color"], values = { D = "E" } }'))[0]
    assert other.payload_hash != first.payload_hash


def test_observe_payload_restores_valid_rows(tmp_path: Path) -> None:
    file = file_map(carat='{ headers = ["Carat"], occurrence = 2 }')
    content = text_of([[*row("A", Carat="x", Notes=""), "1.50"]], header=[*HEADER, "CARAT"])
    (item,) = observed(tmp_path, content, file)
    assert item.problem is None
    assert item.carat_milli == 1500
    assert observe_payload(item.payload, {"list": file}, feed="list") == item


def test_observe_payload_of_a_removed_kind(tmp_path: Path) -> None:
    item = observe_payload(one(tmp_path).payload, {}, feed="list")
    assert item.problem == "kind: the column map has no kind 'list' any more (line 2)"


@given(st.lists(st.text(max_size=12), min_size=len(HEADER), max_size=len(HEADER)))
def test_observe_row_never_raises(cells: list[str]) -> None:
    file = file_map()
    places = {name: HEADER.index(header) for name, header in (_PLACES | {"total_price": "Price"}).items()}
    item = observe_row(Row(2, HEADER, cells, places), file, feed="f")
    assert (item.stone is None) == (item.problem is not None)
    assert observe_payload(item.payload, {"list": file}, feed="f") == item
