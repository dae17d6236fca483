"""Page plans: one key for each search, and limits."""

from itertools import combinations

from inventory.catalog.index.page_plans import PagePlans
from inventory.catalog.index.table import PagePlan
from inventory.catalog.search import (
    CARAT,
    RETAIL_PRICE,
    DiamondCriteria,
    NumericRange,
    PageOffset,
    PageWindow,
    SortOrder,
)

PLAN = PagePlan([], more=False, total=0)
ROUND, BY_CARAT, FIRST = DiamondCriteria(shape=["ROUND"]), SortOrder(CARAT), PageWindow(limit=10)


def test_different_searches_have_different_keys() -> None:
    searches: list[tuple[DiamondCriteria, SortOrder, PageWindow | PageOffset]] = [
        (ROUND, BY_CARAT, FIRST),
        (DiamondCriteria(color=["ROUND"]), BY_CARAT, FIRST),
        (DiamondCriteria(shape=[]), BY_CARAT, FIRST),
        (DiamondCriteria(exclude=ROUND), BY_CARAT, FIRST),
        (DiamondCriteria(carat_milli=NumericRange(1000)), BY_CARAT, FIRST),
        (DiamondCriteria(carat_milli=NumericRange(max=1000)), BY_CARAT, FIRST),
        (DiamondCriteria(lab_grown=True), BY_CARAT, FIRST),
        (DiamondCriteria(lab_grown=False), BY_CARAT, FIRST),
        (ROUND, SortOrder(CARAT, descending=True), FIRST),
        (ROUND, SortOrder(CARAT, then=(SortOrder(RETAIL_PRICE),)), FIRST),
        (ROUND, BY_CARAT, PageWindow(limit=10, backwards=True)),
        (ROUND, BY_CARAT, PageOffset(10, 0)),
        (ROUND, BY_CARAT, PageOffset(10, 10)),
    ]
    for one, other in combinations(searches, 2):
        assert PagePlans.key(*one) != PagePlans.key(*other)
        assert PagePlans.key(*one) == PagePlans.key(*one)


def test_long_searches_are_not_kept() -> None:
    plans = PagePlans()
    long = PagePlans.key(DiamondCriteria(supplier=["x" * 100] * 100), BY_CARAT, FIRST)
    plans.put(long, PLAN)
    assert plans.get(long) is None


def test_number_of_plans_is_limited() -> None:
    plans = PagePlans()
    keys = [PagePlans.key(ROUND, BY_CARAT, PageOffset(10, start)) for start in range(1000)]
    for key in keys:
        plans.put(key, PLAN)
    assert sum(plans.get(key) is not None for key in keys) == 200


def test_clear_removes_plans_and_counts() -> None:
    plans = PagePlans()
    key = PagePlans.key(ROUND, BY_CARAT, FIRST)
    plans.put(key, PLAN)
    plans.clear()
    assert plans.get(key) is None
    assert plans.changes == 1
