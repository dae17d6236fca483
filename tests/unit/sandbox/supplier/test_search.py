"""Filters and orders, against a search that looks at every stone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.supplier import dirt, search
from sandbox.supplier.changes import FIELDS, Changes
from sandbox.supplier.identity import ordinal_of, stone_id
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.search import Criteria, Order
from sandbox.supplier.stones import BEYOND

STONES = 400
DAY = 86_400_000_000

dollars = st.one_of(st.none(), st.integers(-1, 6_000))
spans = st.fixed_dictionaries({}, optional={"from": dollars, "to": dollars})
sizes = st.fixed_dictionaries(
    {}, optional={"from": st.floats(0, 3, allow_nan=False), "to": st.one_of(st.none(), st.floats(0, 5))}
)
instants = st.integers(0, 31).map(lambda days: f"2026-01-{days + 1:02d}T00:00:00Z" if days < 31 else None)
queries = st.fixed_dictionaries(
    {},
    optional={
        "dollar_value": spans,
        "dollar_per_carat": spans,
        "sizes": st.lists(sizes, max_size=2),
        "shapes": st.lists(st.sampled_from(["ROUND", "oval", "PEAR", "Lotus", None]), max_size=3),
        "availability": st.lists(st.sampled_from(["AVAILABLE", "ON_HOLD", "NOT_AVAILABLE", "SOLD"]), max_size=2),
        "labgrown": st.booleans(),
        "has_image": st.booleans(),
        "has_v360": st.booleans(),
        "excludeFairPoorCuts": st.booleans(),
        "hide_memo": st.booleans(),
        "updated": st.fixed_dictionaries({}, optional={"from": instants, "to": instants}),
    },
)
orders = st.builds(Order, st.sampled_from(["createdAt", "price", "discount", "size", "price_per_carat"]), st.booleans())


def expected(inventory: Inventory, query: dict[str, Any], order: Order) -> list[str]:
    """The same search by looking at every row of the truth and every item, one after the other."""
    found = []
    for row in inventory.truth(0, 10_000):
        ordinal = ordinal_of(row["id"])
        assert ordinal is not None
        item, _ = inventory.item(ordinal)
        # The truth shows no price that no integer holds, yet it is a number: beyond all others, and all such are equal.
        price = dirt.read_price(item["price"])
        row["price"] = None if price is None else min(price, BEYOND)
        if matches(row, item, inventory.stones.updated[ordinal], query):
            found.append((row, inventory.stones.created[ordinal], inventory.stones.discount[ordinal]))

    def key(entry: tuple[dict[str, Any], int, int]) -> tuple[bool, Any, str]:
        row, created, discount = entry
        price = row["price"]
        value = {
            "createdAt": created,
            "price": price,
            "discount": discount,
            "size": row["carats"],
            "price_per_carat": None
            if price is None or not row["carats"]
            else Fraction(price) / Fraction(row["carats"]),
        }[order.type]
        return value is None, 0 if value is None else (-value if order.descending else value), row["id"]

    return [row["id"] for row, *_ in sorted(found, key=key)]


def matches(row: dict[str, Any], item: dict[str, Any], updated: int, query: dict[str, Any]) -> bool:
    price, carats = row["price"], row["carats"]
    certificate = item["diamond"]["certificate"] or {}
    value, per_carat = query.get("dollar_value") or {}, query.get("dollar_per_carat") or {}
    window = query.get("updated") or {}
    hundreds = {end: bound * 100 for end, bound in value.items() if bound is not None}
    scaled = {end: round(bound * carats * 1000) for end, bound in per_carat.items() if bound is not None and carats}
    limits = {end: micros(text) for end, text in window.items() if text is not None}
    asks_per_carat = any(bound is not None for bound in per_carat.values())
    return (
        (not hundreds or (price is not None and inside(price, hundreds)))
        and (not asks_per_carat or (price is not None and bool(carats) and inside(price * 10, scaled)))
        and (not query.get("sizes") or (bool(carats) and any(inside(carats, size) for size in query["sizes"])))
        and (
            not any(query.get("shapes") or ())
            or (row["shape"] or "").upper() in {shape.upper() for shape in query["shapes"] if shape}
        )
        and (not query.get("availability") or (row["availability"] or "").replace(" ", "_") in query["availability"])
        and query.get("labgrown") in {None, row["labgrown"]}
        and query.get("has_image") in {None, bool(item["diamond"]["image"])}
        and query.get("has_v360") in {None, bool(certificate.get("v360"))}
        and not (query.get("excludeFairPoorCuts") and str(certificate.get("cut")).upper() in {"F", "P"})
        and not (query.get("hide_memo") and row["availability"] == "MEMO")
        and inside(updated, limits)
    )


def inside(value: float, span: dict[str, Any]) -> bool:
    low, high = span.get("from"), span.get("to")
    return (low is None or value >= low) and (high is None or value <= high)


def micros(text: str) -> int:
    return search.micros(datetime.fromisoformat(text))


def page_ids(inventory: Inventory, query: dict[str, Any], order: Order) -> list[str]:
    found = inventory.search(search.criteria(query), order)
    pages = [found.page(offset, 50) for offset in range(0, found.count + 50, 50)]
    ids = [stone_id(ordinal) for page in pages for ordinal in page]
    assert len(ids) == found.count
    return ids


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=queries, order=orders)
def test_a_search_finds_what_looking_at_every_stone_finds(
    query: dict[str, Any], order: Order, moving: Inventory
) -> None:
    assert page_ids(moving, query, order) == expected(moving, query, order)


@pytest.fixture(scope="module")
def moving() -> Inventory:
    """An inventory with dirt, in which stones have changed, come and gone."""
    clock_at = datetime(2026, 2, 1, tzinfo=UTC)
    inventory = Inventory(count=STONES, seed=5, spread_of="density", dirt_share=0.2, clock=lambda: clock_at)
    changes = Changes(inventory)
    changes.change(60, 1, FIELDS)
    changes.add(20, 2)
    changes.remove(20, 3)
    return inventory


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=queries, order=orders, seed=st.integers(0, 1_000))
def test_a_search_that_was_made_before_still_holds_after_changes(
    query: dict[str, Any], order: Order, seed: int, make_inventory: Callable[..., Inventory]
) -> None:
    inventory = make_inventory(150, dirt_share=0.1)
    changes = Changes(inventory)
    page_ids(inventory, query, order)
    changes.change(30, seed, FIELDS)
    changes.add(5, seed)
    changes.remove(10, seed)
    changes.update(inventory.truth(0, 1)[0]["id"], {"price": None, "shape": "Lotus"})
    assert page_ids(inventory, query, order) == expected(inventory, query, order)


def test_bands_compare_with_cents_and_include_both_ends(make_inventory: Callable[..., Inventory]) -> None:
    inventory = make_inventory(3)
    changes = Changes(inventory)
    for row, price in zip(inventory.truth(0, 3), (49_900, 49_950, 50_000), strict=True):
        changes.update(row["id"], {"price": price})

    def count(**span: int) -> int:
        return inventory.search(search.criteria({"dollar_value": span})).count

    assert [count(**{"from": 0, "to": 499}), count(**{"from": 500, "to": 999})] == [1, 1]
    assert [count(**{"from": 499, "to": 500}), count(**{"from": 499}), count(to=499)] == [3, 3, 1]


def test_a_stone_without_a_price_matches_only_unpriced_queries_and_comes_last(
    make_inventory: Callable[..., Inventory],
) -> None:
    inventory = make_inventory(5)
    identity = inventory.truth(2, 1)[0]["id"]
    Changes(inventory).update(identity, {"price": None})
    for span in ({"from": 0}, {"to": 10_000_000}, {"from": -1, "to": 10_000_000}):
        assert identity not in page_ids(inventory, {"dollar_value": span}, Order("price"))
    for descending in (False, True):
        assert page_ids(inventory, {}, Order("price", descending))[-1] == identity
    assert identity in page_ids(inventory, {"dollar_value": {"from": None}}, Order("price"))


def test_equal_prices_are_ordered_by_id_in_both_directions(make_inventory: Callable[..., Inventory]) -> None:
    inventory = make_inventory(20)
    for row in inventory.truth(0, 20):
        Changes(inventory).update(row["id"], {"price": 777})
    ids = [row["id"] for row in inventory.truth(0, 20)]
    assert ids == sorted(ids)
    assert page_ids(inventory, {}, Order("price")) == page_ids(inventory, {}, Order("price", descending=True)) == ids


def test_ids_and_certificate_numbers_name_stones(make_inventory: Callable[..., Inventory]) -> None:
    inventory = make_inventory(30)
    rows = inventory.truth(0, 3)
    gone = Changes(inventory).remove_these([rows[2]["id"]])
    item, _ = inventory.item(ordinal_of(rows[1]["id"]) or 0)
    number = item["diamond"]["certificate"]["certNumber"]
    named = {"ids": [rows[0]["id"], rows[1]["offer_id"], *gone, "nonsense"]}
    assert set(page_ids(inventory, named, Order("price"))) == {rows[0]["id"], rows[1]["id"]}
    assert page_ids(inventory, {"certificate_numbers": [number, "1"]}, Order("price")) == [rows[1]["id"]]
    assert page_ids(inventory, {**named, "certificate_numbers": [number]}, Order("price")) == [rows[1]["id"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"sizes": [{"from": 0.5, "to": 0.5}]}, True),
        ({"sizes": [{"from": 0.5004}]}, False),
        ({"sizes": [{"to": 0.4999}]}, False),
        ({"dollar_per_carat": {"from": 1_000, "to": 1_000}}, True),
        ({"dollar_per_carat": {"from": 1_001}}, False),
        ({"dollar_per_carat": {"to": 999}}, False),
    ],
)
def test_sizes_and_prices_per_carat_include_their_ends_exactly(
    query: dict[str, Any], found: bool, make_inventory: Callable[..., Inventory]
) -> None:
    inventory = make_inventory(1)
    Changes(inventory).update(inventory.truth(0, 1)[0]["id"], {"price": 50_000, "carats": 0.5})
    assert inventory.search(search.criteria(query)).count == found


def test_an_empty_list_does_not_filter(make_inventory: Callable[..., Inventory]) -> None:
    inventory = make_inventory(10)
    query: dict[str, Any] = {
        "ids": [],
        "shapes": [],
        "sizes": [],
        "availability": [],
        "certificate_numbers": [],
        "updated": None,
    }
    assert inventory.search(search.criteria(query)).count == 10


def test_a_window_includes_both_of_its_instants(make_inventory: Callable[..., Inventory]) -> None:
    inventory = make_inventory(10)
    identity = inventory.truth(0, 1)[0]["id"]
    Changes(inventory).update(identity, {"price": 5_001})
    now = inventory.clock().isoformat()
    assert page_ids(inventory, {"updated": {"from": now, "to": now}}, Order("price")) == [identity]
    later = (inventory.clock() + timedelta(microseconds=1)).isoformat()
    assert inventory.search(search.criteria({"updated": {"from": later}})).count == 0


def test_an_instant_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="soon"):
        search.criteria({"updated": {"from": "soon"}})


def test_only_some_searches_are_remembered(make_inventory: Callable[..., Inventory]) -> None:
    inventory = make_inventory(10)
    for carats in range(40):
        inventory.search(Criteria(sizes=((carats, None),)))
    assert len(inventory._views) == 8
