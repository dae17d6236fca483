"""Search without hidden values: results omit them, and criteria on them match nothing."""

import asyncio
import json
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from inventory.catalog.diamond import COLUMNS, Diamond
from inventory.catalog.facets import STANDARD_EDGES, Edges, Facets
from inventory.catalog.search import (
    CARAT,
    DiamondCriteria,
    DiamondSearch,
    NumericRange,
    PageOffset,
    PageWindow,
    SearchHit,
    SearchPage,
    SortOrder,
    SortPosition,
)
from inventory.catalog.visibility import VisibleSearch, visible

NUMBER = "LG2141438171"
KEY = UUID(int=1)
ROW: Mapping[str, Any] = {
    "id": KEY, "shape": "OVAL", "certificate_lab": "IGI", "certificate_number": NUMBER, "certificate_hidden": True,
    "measurements_hidden": True, "certificate_pdf_url": f"https://media.example/{NUMBER}.pdf",
    "image_url": f"https://media.example/{NUMBER.lower()}.jpg", "video_url": None, "length_milli": 7_000, "width_milli": 5_000,
    "height_milli": 4_000, "ratio_milli": 1_400, "table_milli": 57_000, "depth_milli": 61_000,
    "measurements": '{"length":7}', "attributes": f'{{"comments":"Report {NUMBER}"}}',
}  # fmt: skip


class FakeSearch(DiamondSearch):
    """Search over one diamond. It records the requested columns."""

    def __init__(self, **values: Any) -> None:
        self.row = {**ROW, **values}
        self.criteria = DiamondCriteria()
        self.columns: frozenset[str] = frozenset()

    async def page(
        self, criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset, columns: Collection[str]
    ) -> SearchPage:
        del order, stretch
        self.criteria = criteria
        return SearchPage([SearchHit(self._diamond(columns), SortPosition(1, KEY))], more=False)

    async def count(self, criteria: DiamondCriteria) -> int:
        self.criteria = criteria
        return 1

    async def facets(
        self,
        criteria: DiamondCriteria,
        names: Collection[str],
        *,
        disregard_own: bool = False,
        edges: Edges = STANDARD_EDGES,
    ) -> Facets:
        del names, disregard_own, edges
        self.criteria = criteria
        return Facets({}, {})

    async def find(self, ids: Collection[UUID], columns: Collection[str]) -> Mapping[UUID, Diamond]:
        return dict.fromkeys(ids, self._diamond(columns))

    def _diamond(self, columns: Collection[str]) -> Diamond:
        self.columns = frozenset(columns)
        return Diamond(**{name: value for name, value in self.row.items() if name in {*columns, "id"}})


def visible_columns(fake: FakeSearch, *columns: str) -> Mapping[str, Any]:
    """The diamond as a caller without the scope sees it, in a page and by id (they must be equal)."""
    search = VisibleSearch(fake)
    found = asyncio.run(search.find([KEY], columns))[KEY]
    page = asyncio.run(search.page(DiamondCriteria(), SortOrder(CARAT), PageOffset(1, 0), columns))
    assert page.hits[0].diamond == found
    return {name: getattr(found, name) for name in columns}


def test_caller_with_scope_gets_unrestricted_search() -> None:
    fake = FakeSearch()
    assert visible(fake, sees_hidden=True) is fake
    assert isinstance(visible(fake, sees_hidden=False), VisibleSearch)


@given(columns=st.lists(st.sampled_from(sorted(ROW)), unique=True, min_size=1))
def test_hidden_values_are_removed_from_any_set_of_columns(columns: list[str]) -> None:
    found = visible_columns(FakeSearch(), *columns)
    assert "2141438171" not in str(found)
    kept = {"id", "shape", "certificate_lab", "certificate_hidden", "measurements_hidden", "video_url"}
    for name, value in found.items():
        if name in kept:
            assert value == ROW[name]
        else:
            assert value == ("{}" if name in {"measurements", "attributes"} else None)


@given(columns=st.lists(st.sampled_from(sorted(ROW)), unique=True, min_size=1))
def test_visible_values_are_unchanged(columns: list[str]) -> None:
    fake = FakeSearch(certificate_hidden=False, measurements_hidden=False)
    assert visible_columns(fake, *columns) == {name: fake.row[name] for name in columns}


json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.just(f"x {NUMBER} y"),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text("abc", max_size=3), children, max_size=3),
)


@given(attributes=st.dictionaries(st.text("abc", max_size=3), json_values, max_size=4))
def test_certificate_number_is_removed_from_attributes(attributes: dict[str, Any]) -> None:
    found = visible_columns(FakeSearch(attributes=json.dumps(attributes)), "attributes")["attributes"]
    assert NUMBER not in found
    if NUMBER not in json.dumps(attributes):
        assert json.loads(found) == attributes


def test_criteria_on_hidden_values_match_nothing() -> None:
    measures = [name for name in COLUMNS if name.endswith("_milli") and name != "carat_milli"]
    assert len(measures) == 6
    cases: list[tuple[dict[str, Any], dict[str, bool]]] = [
        ({}, {}),
        ({"certificate_lab": ["GIA"], "carat_milli": NumericRange(1, 2), "ids": [KEY]}, {}),
        ({"certificate_number": [NUMBER]}, {"certificate_hidden": False}),
        *(({name: NumericRange(1, None)}, {"measurements_hidden": False}) for name in measures),
    ]
    for wanted, added in cases:
        fake = FakeSearch()
        search = VisibleSearch(fake)
        expected = msgspec.structs.replace(DiamondCriteria(**wanted), **added)
        asyncio.run(search.count(DiamondCriteria(**wanted)))
        assert fake.criteria == expected
        asyncio.run(search.page(DiamondCriteria(**wanted), SortOrder(CARAT), PageOffset(1, 0), ["id"]))
        assert fake.criteria == expected
        asyncio.run(search.facets(DiamondCriteria(**wanted), ["shape"]))
        assert fake.criteria == expected
