"""Lookup of diamonds by id: conditions that prove an absence."""

from collections.abc import Sequence
from typing import Any

import pytest

from inventory.core.errors import SupplierUnavailable
from inventory.suppliers.lookup import look_up
from inventory.suppliers.nivoda.mapping import observe
from inventory.suppliers.ports import FeedPage, LookupResult
from tests.unit.suppliers.items import payload

WITNESS = "witness"


class FakeSupplier:
    """Returns and counts diamonds. `hidden` diamonds are counted and never returned."""

    def __init__(self, *stones: str, hidden: Sequence[str] = ()) -> None:
        self.stones = [*stones]
        self.hidden = [*hidden]
        self.calls = 0

    async def page_of(self, stone_ids: Sequence[str]) -> FeedPage:
        self.calls += 1
        items = [observe(payload({"diamond.id": stone})) for stone in self.stones if stone in stone_ids]
        return FeedPage(received=1.0, items=items)

    async def count_of(self, stone_ids: Sequence[str]) -> int:
        self.calls += 1
        return sum(stone in stone_ids for stone in [*self.stones, *self.hidden])

    async def look_up(self, *stone_ids: str, witnesses: Sequence[str] = (WITNESS,)) -> LookupResult:
        return await look_up(stone_ids, witnesses, self.page_of, self.count_of)


def ids(lookup: LookupResult) -> set[str]:
    return {item.supplier_stone_id for item in lookup.found}


def parts(lookup: LookupResult) -> tuple[set[str], set[str], set[str]]:
    return ids(lookup), set(lookup.absent), set(lookup.unclear)


async def test_lookup_separates_found_from_absent_with_three_calls() -> None:
    supplier = FakeSupplier("a", WITNESS)
    found = await supplier.look_up("a", "b", "c")
    assert parts(found) == ({"a"}, {"b", "c"}, set())
    assert supplier.calls == 3


async def test_lookup_of_existing_diamonds_is_one_call() -> None:
    supplier = FakeSupplier("a", "b", WITNESS)
    assert ids(await supplier.look_up("a", "b")) == {"a", "b"}
    assert supplier.calls == 1


async def test_counted_diamond_without_item_is_unclear() -> None:
    found = await FakeSupplier(WITNESS, hidden=["b"]).look_up("a", "b", "c")
    assert parts(found) == (set(), {"a", "c"}, {"b"})


async def test_one_witness_of_several_is_enough() -> None:
    assert (await FakeSupplier(WITNESS).look_up("a", witnesses=("sold", WITNESS))).absent == {"a"}


async def test_witness_sold_between_page_and_count_proves_nothing() -> None:
    supplier = FakeSupplier(WITNESS, hidden=["a"])
    shown = supplier.page_of

    async def page_of(stone_ids: Sequence[str]) -> FeedPage:
        page = await shown(stone_ids)
        supplier.stones.clear()
        return page

    with pytest.raises(SupplierUnavailable):
        await look_up(["a"], [WITNESS], page_of, supplier.count_of)


@pytest.mark.parametrize("broken", ["page", "count", "both"])
async def test_supplier_that_ignores_ids_proves_nothing(broken: str) -> None:
    supplier = FakeSupplier("a", WITNESS)

    async def empty(_stone_ids: Sequence[str]) -> FeedPage:
        return FeedPage(received=1.0, items=[])

    async def none(_stone_ids: Sequence[str]) -> int:
        return 0

    page_of: Any = empty if broken in {"page", "both"} else supplier.page_of
    count_of: Any = none if broken in {"count", "both"} else supplier.count_of
    with pytest.raises(SupplierUnavailable):
        await look_up(["x"], [WITNESS], page_of, count_of)


async def test_count_of_everything_makes_no_diamond_absent() -> None:
    supplier = FakeSupplier("a", WITNESS)

    async def everything(_stone_ids: Sequence[str]) -> int:
        return 450_000

    found = await look_up(["x"], [WITNESS], supplier.page_of, everything)
    assert parts(found) == (set(), set(), {"x"})
