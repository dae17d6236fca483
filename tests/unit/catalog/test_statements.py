"""Composed SQL statements: values are parameters, columns are the requested ones."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.catalog import grades, search, statements
from inventory.catalog.facets import COUNTED, MEASURED
from inventory.catalog.search import (
    COLOR,
    RETAIL_PRICE,
    SORTS,
    DiamondCriteria,
    NumericRange,
    PageOffset,
    PageWindow,
    SortOrder,
    SortPosition,
)

TEXTS = st.lists(st.text(min_size=1).map(lambda text: f"'{text}$"), max_size=3)
RANGES = st.builds(NumericRange, st.none() | st.integers(0, 2**40), st.none() | st.integers(0, 2**40))
FLAGS = st.booleans()
INSTANTS = st.datetimes(timezones=st.just(UTC))
SCALES = {
    "color": grades.COLORS, "clarity": grades.CLARITIES, "cut": grades.CUTS, "polish": grades.FINISHES,
    "symmetry": grades.FINISHES, "fluorescence": grades.FLUORESCENCES,
}  # fmt: skip


def criterion(name: str) -> st.SearchStrategy[Any]:
    """Values for a criterion, by its type."""
    if name in SCALES:
        return st.lists(st.sampled_from(SCALES[name]), max_size=4)
    if name == "ids":
        return st.lists(st.uuids(), max_size=3)
    if name == "number_prefix":
        return st.text(min_size=1).map(lambda text: f"'{text}$")
    if name == "exclude":
        excluded = ("ids", "shape", "color", "certificate_lab", "carat_milli", "milky")
        return st.fixed_dictionaries({}, optional={other: criterion(other) for other in excluded}).map(
            lambda criteria: DiamondCriteria(**criteria)
        )
    kind = str(DiamondCriteria.__annotations__[name])
    return next(
        strategy
        for word, strategy in (("NumericRange", RANGES), ("bool", FLAGS), ("datetime", INSTANTS), ("str", TEXTS))
        if word in kind
    )


FILTERS = st.fixed_dictionaries({}, optional={name: criterion(name) for name in DiamondCriteria.__struct_fields__}).map(
    lambda criteria: DiamondCriteria(**criteria)
)


@given(criteria=FILTERS)
def test_statement_text_contains_no_filter_value(criteria: DiamondCriteria) -> None:
    statement = statements.count(criteria)
    assert "'" not in statement.text.replace(statements.AVAILABILITY_OF_MANY, "").replace("'active'", "")
    for number in range(1, len(statement.arguments) + 1):
        assert f"${number}::" in statement.text
    assert f"${len(statement.arguments) + 1}" not in statement.text


@given(
    criteria=FILTERS,
    names=st.sets(st.sampled_from([*COUNTED, *MEASURED]), min_size=1).map(sorted),
    disregard_own=st.booleans(),
)
def test_facet_statement_text_contains_no_filter_value(
    criteria: DiamondCriteria, names: list[str], disregard_own: bool
) -> None:
    statement = statements.facets(criteria, names, disregard_own=disregard_own)
    ours = {"active", "count", "bucket", "quantile", *names}
    text = statement.text.replace(statements.AVAILABILITY_OF_MANY, "").replace(statements.AVAILABILITY, "")
    assert set(re.findall("'([^']*)'", text)) <= ours
    for number in range(1, len(statement.arguments) + 1):
        assert f"${number}::" in statement.text


def test_unknown_facet_is_rejected_before_database() -> None:
    with pytest.raises(ValueError, match="key_hash"):
        statements.facets(DiamondCriteria(), ["key_hash"], disregard_own=False)


@pytest.mark.parametrize("name", DiamondCriteria.__struct_fields__)
def test_every_criterion_changes_statement(name: str) -> None:
    values: dict[str, Any] = {
        "ids": [UUID(int=1)],
        "exclude": DiamondCriteria(shape=["OVAL"]),
        **{scale: [SCALES[scale][0]] for scale in SCALES},
    }
    kind = str(DiamondCriteria.__annotations__[name])
    fallback = (
        NumericRange(1, 2) if "NumericRange" in kind else True if "bool" in kind else datetime(2026, 1, 1, tzinfo=UTC)
    )
    value = values.get(name, ["x"] if "Sequence" in kind else fallback)
    assert statements.count(DiamondCriteria(**{name: value})).text != statements.count(DiamondCriteria()).text


def test_page_selects_requested_columns_id_and_sort_value_only() -> None:
    statement = statements.page(DiamondCriteria(), SortOrder(RETAIL_PRICE), PageWindow(limit=5), ["shape"])
    selected = statement.text.partition("SELECT ")[2].partition("\n")[0]
    assert selected == "id, shape, retail_price_cents AS sort_value"


def test_unknown_column_is_rejected_before_database() -> None:
    with pytest.raises(ValueError, match="password"):
        statements.page(
            DiamondCriteria(), SortOrder(RETAIL_PRICE), PageWindow(limit=5), ["id FROM api_keys; SELECT password"]
        )


def test_page_reads_one_row_more_than_requested() -> None:
    assert statements.page(DiamondCriteria(), SortOrder(RETAIL_PRICE), PageOffset(50, 100), []).arguments == [51, 100]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_tie_break_has_direction_of_sort(sort: Any, descending: bool, backwards: bool) -> None:
    position = SortPosition(5, UUID(int=5))
    window = PageWindow(limit=1, after=None if backwards else position, before=position if backwards else None,
                    backwards=backwards)  # fmt: skip
    text = statements.page(DiamondCriteria(), SortOrder(sort, descending=descending), window, []).text
    direction, operator = ("DESC", "<") if descending != backwards else ("ASC", ">")
    assert f" {direction}, id {direction}" in text
    assert f", id) {operator} (" in text


def test_nulls_are_sorted_last_in_both_directions() -> None:
    for descending in (False, True):
        for backwards in (False, True):
            window = PageWindow(limit=1, backwards=backwards)
            text = statements.page(DiamondCriteria(), SortOrder(COLOR, descending=descending), window, []).text
            near, far = text.partition("UNION ALL")[::2]
            first, last = ("IS NULL", "IS NOT NULL") if backwards else ("IS NOT NULL", "IS NULL")
            assert f"color_rank {first}" in near
            assert f"color_rank {last}" in far


def test_first_page_of_offered_diamonds_is_composed_once() -> None:
    order, columns = SortOrder(search.RETAIL_PRICE), ("shape", "color")
    first = statements.page(search.OFFERED, order, PageWindow(limit=50), columns)
    assert statements.page(search.OFFERED, order, PageWindow(limit=50), ["color", "shape"]) is first
    others = [
        statements.page(search.OFFERED, order, PageWindow(limit=49), columns),
        statements.page(search.OFFERED, order, PageWindow(limit=50, backwards=True), columns),
        statements.page(search.OFFERED, SortOrder(search.CARAT), PageWindow(limit=50), columns),
        statements.page(search.OFFERED, order, PageWindow(limit=50), ("shape",)),
        statements.page(DiamondCriteria(), order, PageWindow(limit=50), columns),
    ]
    assert all((one.text, one.arguments) != (first.text, first.arguments) for one in others)
    after = PageWindow(limit=50, after=SortPosition(1, UUID(int=1)))
    assert statements.page(search.OFFERED, order, after, columns).arguments != first.arguments
