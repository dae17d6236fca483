"""Drafts of pricing rules: errors name their field, and a draft has the position that the database sorts it to."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.pricing.draft import RuleDraft, StoredRule, position_of

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = RuleDraft(name="a", priority=1, markup_ratio=Decimal("1.15"))


def stored(number: int, priority: int, age: int) -> StoredRule:
    values = msgspec.structs.asdict(GOOD) | {"priority": priority}
    born = EPOCH - timedelta(days=age)
    return StoredRule(**values, id=UUID(int=number), created_at=born, updated_at=EPOCH)


def order(rule: StoredRule) -> tuple[int, datetime, UUID]:
    return rule.priority, rule.created_at, rule.id


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"priority": 1_000_001}, "priority"),
        ({"markup_ratio": Decimal(0)}, "markup_ratio"),
        ({"markup_ratio": Decimal(-1)}, "markup_ratio"),
        ({"markup_ratio": Decimal(10000)}, "markup_ratio"),
        ({"markup_ratio": Decimal("1.00001")}, "markup_ratio"),
        ({"markup_ratio": Decimal("1e308")}, "markup_ratio"),
        ({"rating": 0}, "rating"),
        ({"rating": 11}, "rating"),
        ({"carat_min_milli": -1}, "carat"),
        ({"carat_max_milli": 10**300}, "carat"),
        ({"carat_min_milli": 2, "carat_max_milli": 1}, "carat"),
        ({"shapes": []}, "shapes"),
        ({"supplier": ""}, "supplier"),
    ],
)
def test_each_error_names_its_field(values: dict[str, Any], field: str) -> None:
    assert GOOD.problems() == {}
    assert list(msgspec.structs.replace(GOOD, **values).problems()) == [field]


@given(
    rules=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=8),
    priority=st.integers(0, 3),
    chosen=st.integers(0, 7),
)
def test_draft_has_position_of_database_sort(rules: list[tuple[int, int]], priority: int, chosen: int) -> None:
    known = sorted((stored(number, *rule) for number, rule in enumerate(rules)), key=order)
    draft = msgspec.structs.replace(GOOD, priority=priority)
    youngest = sorted([*known, stored(99, priority, -1)], key=order)
    assert [rule.id.int for rule in youngest].index(99) == position_of(known, draft, None)
    if chosen < len(known):
        old = known[chosen]
        others = [rule for rule in known if rule is not old]
        changed = sorted([*others, msgspec.structs.replace(old, priority=priority)], key=order)
        assert [rule.id for rule in changed].index(old.id) == position_of(others, draft, old)
