"""Query strings: spellings, and errors that name the parameter."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from app.rest.parameters import Parameters
from app.rest.runs import read_runs
from app.rest.search_parameters import read_search
from inventory.catalog.search import CREATED, RETAIL_PRICE, SORTS, DiamondCriteria, NumericRange
from inventory.core.errors import ValidationFailed


def parameters(query: str | list[tuple[str, str]]) -> Parameters:
    return Parameters(QueryParams(query))


def criteria(query: str) -> DiamondCriteria:
    return read_search(parameters(query)).criteria


def problems(query: str) -> Mapping[str, object]:
    with pytest.raises(ValidationFailed) as raised:
        read_search(parameters(query))
    return raised.value.details


@pytest.mark.parametrize("query", ["color=D&color=E", "color[]=D&color[]=E", "color=D&color[]=E", "color=d&color=%20e"])
def test_list_is_parsed_with_and_without_brackets(query: str) -> None:
    assert criteria(query) == DiamondCriteria(color=["D", "E"])


@pytest.mark.parametrize("text", ["VERY_GOOD", "very good", "Very-Good"])
def test_grade_spellings_are_accepted(text: str) -> None:
    assert criteria(f"cut={text}") == DiamondCriteria(cut=["VERY_GOOD"])


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False)])
def test_false_is_parsed_as_false(text: str, value: bool) -> None:
    assert criteria(f"lab_grown={text}") == DiamondCriteria(lab_grown=value)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("carat_min=1.01", NumericRange(1010, None)),
        ("carat_max=1.01", NumericRange(None, 1010)),
        ("carat_min=0.3&carat_max=0.3", NumericRange(300, 300)),
        ("carat_min=1.0001&carat_max=2.9999", NumericRange(1001, 2999)),
        ("carat_min=5e-324&carat_max=1e3", NumericRange(1, 1_000_000)),
        ("carat_min=2&carat_max=1", NumericRange(2000, 1000)),
    ],
)
def test_carat_range_is_converted_to_thousandths(query: str, expected: NumericRange) -> None:
    assert criteria(query) == DiamondCriteria(carat_milli=expected)


@pytest.mark.parametrize(
    "query",
    [
        "shape[0]=ROUND&shape[1]=OVAL",
        "shape%5B0%5D=ROUND&shape%5B1%5D=OVAL",
        "shape[a]=ROUND&shape[]=OVAL",
        "shape=ROUND&shape[7]=OVAL",
        "shape=rb&shape=Oval+Brilliant",
        "shape=&shape[0]=ROUND&shape[1]=&shape[2]=%C2%A0OVAL%E2%80%89",
    ],
)
def test_php_list_and_data_spelling_are_parsed(query: str) -> None:
    assert criteria(query) == DiamondCriteria(shape=["ROUND", "OVAL"])


@pytest.mark.parametrize("text", ["", "%20", "%C2%A0", "+%09"])
@pytest.mark.parametrize(
    "name", ["color", "color[]", "color[0]", "carat_min", "lab_grown", "page", "sort_by", "price_max"]
)
def test_empty_value_is_absent(name: str, text: str) -> None:
    asked = read_search(parameters(f"{name}={text}"))
    assert asked == read_search(parameters(""))


def test_empty_value_beside_another_is_ignored() -> None:
    assert criteria("carat_min=&carat_min=1") == DiamondCriteria(carat_milli=NumericRange(1000, None))


@pytest.mark.parametrize(
    ("text", "milli"), [(".5", 500), ("5.", 5000), ("%2B1", 1000), ("+1+", 1000), ("1e1", 10_000), (".5E1", 5000)]
)
def test_number_spellings_are_accepted(text: str, milli: int) -> None:
    assert criteria(f"carat_min={text}") == DiamondCriteria(carat_milli=NumericRange(milli, None))
    assert read_search(parameters("limit=%2B7.0")).limit == 7


@pytest.mark.parametrize("text", [".", "+", "1..2", "1e", "e1", "++1", "1,5", "\uff11", "0x1"])
def test_other_texts_are_no_numbers(text: str) -> None:
    assert set(problems(f"carat_min={text.replace('+', '%2B')}")) == {"carat_min"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("cut=EX&cut=v.good", DiamondCriteria(cut=["EXCELLENT", "VERY_GOOD"])),
        ("clarity=vvs-1&clarity=P1", DiamondCriteria(clarity=["VVS1", "I1"])),
        ("color=d+color", DiamondCriteria(color=["D"])),
        ("availability=On+Hold", DiamondCriteria(availability=["on_hold"])),
        ("lab_grown=True", DiamondCriteria(lab_grown=True)),
        ("certificate_number=%C2%A0123%20", DiamondCriteria(certificate_number=["123"])),
    ],
)
def test_filter_is_normalized_as_data(query: str, expected: DiamondCriteria) -> None:
    assert criteria(query) == expected


def test_unknown_text_matches_nothing_by_default() -> None:
    assert set(problems("shape=blob&color=G-H&clarity=clean&cut=nice")) == {"shape", "color", "clarity", "cut"}
    assert criteria("shape=other") == DiamondCriteria(shape=["OTHER"])


def test_supplier_and_retail_price_parameters_are_distinct() -> None:
    assert criteria("price_min=1&price_max=2") == DiamondCriteria(supplier_price_cents=NumericRange(1, 2))
    assert criteria("retail_price_min=1&retail_price_max=2") == DiamondCriteria(retail_price_cents=NumericRange(1, 2))


def test_default_is_first_fifty_newest() -> None:
    asked = read_search(parameters(""))
    assert (asked.criteria, asked.order.sort, asked.order.descending) == (DiamondCriteria(), CREATED, True)
    assert (asked.page, asked.limit) == (1, 50)


def test_sort_and_direction_are_parsed() -> None:
    asked = read_search(parameters("sort_by=retail_price_cents&sort_order=asc&page=3&limit=20"))
    assert (asked.order.sort, asked.order.descending, asked.page, asked.limit) == (RETAIL_PRICE, False, 3, 20)


def test_unknown_parameter_is_ignored() -> None:
    assert criteria("colour=D&utm_source=mail") == DiamondCriteria()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("color=AA", {"color"}),
        ("shape=round&shape=blob", {"shape"}),
        ("lab_grown=no", {"lab_grown"}),
        ("lab_grown=true&lab_grown=false", {"lab_grown"}),
        ("carat_min=-1", {"carat_min"}),
        ("carat_min=nan", {"carat_min"}),
        ("carat_min=1e7", {"carat_min"}),
        ("carat_min=1e9999", {"carat_min"}),
        ("carat_min=%D9%A1", {"carat_min"}),
        ("price_min=1.5&price_max=x", {"price_min", "price_max"}),
        ("retail_price_min=9999999999999999", {"retail_price_min"}),
        ("page=0", {"page"}),
        ("page=99999999999999999999", {"page"}),
        ("limit=0", {"limit"}),
        ("limit=101", {"limit"}),
        ("sort_by=id", {"sort_by"}),
        ("sort_order=up", {"sort_order"}),
        ("certificate_number=%00", {"certificate_number"}),
        ("availability=gone&clarity=VS9&cut=Nice&limit=x", {"availability", "clarity", "cut", "limit"}),
        ("&".join(["color=D"] * 201), {"color"}),
    ],
)
def test_every_invalid_parameter_is_named(query: str, names: set[str]) -> None:
    assert set(problems(query)) == names


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31T12:00:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_instant_is_parsed_in_time_zone(text: str, instant: datetime) -> None:
    assert read_runs(parameters([("started_after", text)])).started_after == instant


@pytest.mark.parametrize("text", ["soon", "2026-01-31", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_invalid_instant_is_named(text: str) -> None:
    with pytest.raises(ValidationFailed, match="started_before: should be an instant"):
        read_runs(parameters([("started_before", text)]))


NAMES = ["shape", "color", "color[]", "carat_min", "carat_max", "lab_grown", "price_min", "page", "limit", "sort_by"]


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=20)), max_size=6))
def test_any_query_string_is_parsed_or_rejected(pairs: list[tuple[str, str]]) -> None:
    try:
        asked = read_search(parameters(pairs))
    except ValidationFailed:
        return
    assert 1 <= asked.limit <= 100
    assert asked.order.sort in SORTS
