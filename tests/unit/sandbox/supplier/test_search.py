"""Filters and sort orders, compared with a linear search."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sandbox.supplier import search
from sandbox.supplier.changes import FIELDS, Changes
from sandbox.supplier.identity import ordinal_of, stone_id
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.search import Criteria, Order
from sandbox.supplier.vocabulary import Words

STONES = 400
DAY = 86_400_000_000

dollars = st.integers(-1, 6_000)
spans = st.fixed_dictionaries({"from": dollars, "to": dollars})
sizes = st.fixed_dictionaries({"from": st.floats(0, 3, allow_nan=False), "to": st.floats(0, 5)})
instants = st.integers(0, 31).map(lambda days: f"2026-01-{days + 1:02d}T00:00:00Z" if days < 31 else None)
queries = st.fixed_dictionaries(
    {},
    optional={
        "dollar_value": spans,
        "dollar_per_carat": spans,
        "sizes": st.lists(st.none() | sizes, max_size=2),
        "shapes": st.lists(st.sampled_from(["ROUND", "oval", "PEAR", "Lotus", None]), max_size=3),
        "color": st.lists(st.sampled_from(["D", "E", "FANCY", None]), max_size=3),
        "clarity": st.lists(st.sampled_from(["IF", "VS1", "VS2"]), max_size=2),
        "cut": st.lists(st.sampled_from(["EX", "ID"]), max_size=2),
        "availability": st.lists(st.sampled_from(["AVAILABLE", "ON_HOLD", "NOT_AVAILABLE", "SOLD"]), max_size=2),
        "labgrown": st.none() | st.booleans(),
        "has_image": st.booleans(),
        "has_v360": st.booleans(),
        "excludeFairPoorCuts": st.booleans(),
        "hide_memo": st.booleans(),
        "updated": st.fixed_dictionaries({}, optional={"from": instants, "to": instants}),
        "search_on_markup_price": st.just(False),
    },
)
TYPES = [
    "none", "popular", "createdAt", "insert", "price", "discount", "size", "price_per_carat", "color", "clarity", "cut",
]  # fmt: skip
orders = st.builds(Order, st.sampled_from(TYPES), st.booleans())


def expected(inventory: Inventory, query: dict[str, Any], order: Order, inner: tuple[int, int] = (0, 0)) -> list[str]:
    """The same search by a linear scan of ground truth and items."""
    found = []
    stones = inventory.stones
    for row in inventory.truth(0, 10_000):
        ordinal = ordinal_of(row["id"])
        assert ordinal is not None
        item, _ = inventory.item(ordinal)
        # The search index has the true price if the served price is none that a range can hold.
        price = row["price"]
        row["price"] = inventory.clean_item(ordinal)["price"] if price is None or price < 0 else price
        stored = (item["diamond"]["certificate"] or {}).get("carats")
        row["carats"] = stored if isinstance(stored, int | float) and stored >= 0 else None
        if matches(row, item, stones.updated[ordinal], query, inner):
            found.append((row, ordinal))

    def key(entry: tuple[dict[str, Any], int]) -> tuple[bool, Any, str]:
        row, ordinal = entry
        values: dict[str, Callable[[], Any]] = {
            "none": lambda: 0,
            "popular": lambda: 0,
            "createdAt": lambda: stones.created[ordinal],
            "insert": lambda: stones.created[ordinal],
            "price": lambda: row["price"],
            "discount": lambda: stones.discount[ordinal],
            "size": lambda: row["carats"],
            "price_per_carat": lambda: Fraction(row["price"]) / Fraction(row["carats"]) if row["carats"] else None,
            "color": lambda: number(stones.color[ordinal]),
            "clarity": lambda: number(stones.clarity[ordinal]),
            "cut": lambda: number(stones.cut[ordinal]),
        }
        value = values[order.type]()
        return value is None, 0 if value is None else (-value if order.descending else value), row["id"]

    return [row["id"] for row, _ in sorted(found, key=key)]


def number(word: int) -> int | None:
    return None if word == Words.NONE else word


def matches(
    row: dict[str, Any], item: dict[str, Any], updated: int, query: dict[str, Any], inner: tuple[int, int]
) -> bool:
    price, carats = row["price"], row["carats"]
    certificate = item["diamond"]["certificate"] or {}
    window = query.get("updated") or {}
    limits = {end: micros(text) for end, text in window.items() if text is not None}
    given = [size for size in query.get("sizes") or () if size]
    hundreds = scaled(query.get("dollar_value"), 100, inner)
    per_carat = scaled(query.get("dollar_per_carat"), round(carats * 1000) if carats else 0, inner)
    media = (query.get("has_image"), query.get("has_v360"))
    shown = (bool(item["diamond"]["image"]), bool(certificate.get("v360")))
    return (
        inside(price, hundreds)
        and (not per_carat or (bool(carats) and inside(price * 10, per_carat)))
        and (not given or (carats is not None and any(inside(carats, scaled(size, 1, inner, 0.001)) for size in given)))
        and (
            not any(query.get("shapes") or ())
            or (row["shape"] or "").upper() in {shape.upper() for shape in query["shapes"] if shape}
        )
        and all(
            not any(query.get(name) or ())
            or row.get(name, certificate.get(name)) in {value for value in query[name] if value}
            for name in ("color", "clarity", "cut", "availability")
        )
        and query.get("labgrown") in {None, row["labgrown"]}
        and (any(shown) if media == (True, True) else all(a in {None, b} for a, b in zip(media, shown, strict=True)))
        and not (query.get("excludeFairPoorCuts") and str(certificate.get("cut")).upper() in {"F", "P"})
        and not (query.get("hide_memo") and row["availability"] in {"MEMO", "ON_MEMO"})
        and inside(updated, limits)
    )


def scaled(span: dict[str, Any] | None, unit: int, inner: tuple[int, int], step: float = 1) -> dict[str, Any]:
    if span is None:
        return {}
    return {"from": span["from"] * unit + inner[0] * step, "to": span["to"] * unit + inner[1] * step}


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
@example(query={"color": ["D", None]}, order=Order("none"))
def test_search_equals_linear_scan(query: dict[str, Any], order: Order, moving: Inventory) -> None:
    assert page_ids(moving, query, order) == expected(moving, query, order)


@pytest.fixture(scope="module")
def moving() -> Inventory:
    """An inventory with bad data, in which diamonds were changed, added and removed."""
    clock_at = datetime(2026, 2, 1, tzinfo=UTC)
    inventory = Inventory(count=STONES, seed=5, spread_of="density", bad_data_share=0.2, clock=lambda: clock_at)
    changes = Changes(inventory)
    changes.change(60, 1, FIELDS)
    changes.add(20, 2)
    changes.remove(20, 3)
    return inventory


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=queries, order=orders, seed=st.integers(0, 1_000))
def test_search_created_before_changes_is_correct_afterwards(
    query: dict[str, Any], order: Order, seed: int, make_inventory: Callable[..., Inventory]
) -> None:
    inventory = make_inventory(150, bad_data_share=0.1)
    changes = Changes(inventory)
    page_ids(inventory, query, order)
    changes.change(30, seed, FIELDS)
    changes.add(5, seed)
    changes.remove(10, seed)
    changes.update(inventory.truth(0, 1)[0]["id"], {"price": None, "shape": "Lotus"})
    changes.update(inventory.truth(1, 1)[0]["id"], {"price": -5, "carats": 0})
    assert page_ids(inventory, query, order) == expected(inventory, query, order)


def test_price_ranges_compare_cents_and_include_both_ends(make_inventory: Callable[..., Inventory]) -> None:
    inventory = make_inventory(3)
    changes = Changes(inventory)
    for row, price in zip(inventory.truth(0, 3), (49_900, 49_950, 50_000), strict=True):
        changes.update(row["id"], {"price": price})

    def count(low: int, high: int, **ends: bool) -> int:
        return inventory.search(search.criteria({"dollar_value": {"from": low, "to": high}}, **ends)).count

    assert [count(0, 499), count(500, 999)] == [1, 1]
    assert [count(499, 500), count(499, 999), count(0, 499), count(500, 499)] == [3, 3, 1, 0]
    assert count(499, 500, exclusive_from=True) == 2
    assert count(499, 500, exclusive_to=True) == 2
    assert count(499, 500, exclusive_from=True, exclusive_to=True) == 1


def test_diamond_without_indexed_price_matches_no_range_and_is_last(
    make_inventory: Callable[..., Inventory],
) -> None:
    inventory = make_inventory(5)
    identity = inventory.truth(2, 1)[0]["id"]
    Changes(inventory).set_indexed(identity, indexed=False)
    assert identity not in page_ids(inventory, {"dollar_value": {"from": -(2**31), "to": 2**31 - 1}}, Order("price"))
    for descending in (False, True):
        assert page_ids(inventory, {}, Order("price", descending))[-1] == identity


@pytest.mark.parametrize("stored", [None, "soon", -1, 2**31])
def test_diamond_with_null_price_is_found_by_its_previous_price(
    stored: object, make_inventory: Callable[..., Inventory]
) -> None:
    inventory = make_inventory(5)
    row = inventory.truth(2, 1)[0]
    Changes(inventory).update(row["id"], {"price": 50_000})
    Changes(inventory).update(row["id"], {"price": stored})
    assert row["id"] in page_ids(inventory, {"dollar_value": {"from": 500, "to": 500}}, Order("price"))


def test_zero_carats_match_range_with_zero_and_null_carats_none(
    make_inventory: Callable[..., Inventory],
) -> None:
    inventory = make_inventory(3)
    for row, carats in zip(inventory.truth(0, 3), (0, None, 0.5), strict=True):
        Changes(inventory).update(row["id"], {"carats": carats})
    assert inventory.search(search.criteria({"sizes": [{"from": 0, "to": 1_000}]})).count == 2
    assert inventory.search(search.criteria({"sizes": [{"from": 0.001, "to": 1_000}]})).count == 1


@pytest.mark.parametrize(
    "query", [{"girdle": ["MED"]}, {"search_on_markup_price": True}, {"discount": {"from": 0, "to": 5}}]
)
def test_unsupported_filter_is_rejected(query: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(query))):
        search.criteria(query)


@given(query=queries, ends=st.tuples(st.booleans(), st.booleans()))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_exclusive_ranges_exclude_their_ends(query: dict[str, Any], ends: tuple[bool, bool], moving: Inventory) -> None:
    wanted = search.criteria(query, exclusive_from=ends[0], exclusive_to=ends[1])
    ids = {stone_id(ordinal) for ordinal in moving.search(wanted).page(0, 10_000)}
    assert ids == set(expected(moving, query, Order(), (int(ends[0]), -int(ends[1]))))


def test_random_ties_are_reordered_on_each_page(
    make_inventory: Callable[..., Inventory],
) -> None:
    inventory = make_inventory(60)
    rows = inventory.truth(0, 60)
    for place, row in enumerate(rows):
        Changes(inventory).update(row["id"], {"price": 1_000 + place // 20})
    for wanted in ({}, {"dollar_value": {"from": 10, "to": 11}}):
        found = inventory.search(search.criteria(wanted), Order("price"))
        random = Random(1)
        assert found.count == 60
        whole = [found.page_with_random_ties(0, 60, random) for _ in range(2)]
        assert whole[0] != whole[1]
        assert sorted(whole[0]) == sorted(whole[1]) == sorted(found.page(0, 60))
        for offset, limit in ((0, 7), (15, 10), (55, 10), (60, 5)):
            pages = [found.page_with_random_ties(offset, limit, random) for _ in range(20)]
            sound = found.page(offset, limit)
            for page in pages:
                assert len(set(page)) == len(sound)
                assert [inventory.stones.price[o] for o in page] == [inventory.stones.price[o] for o in sound]
            assert not sound or len({tuple(page) for page in pages}) > 1
    cheap = inventory.search(search.criteria({"dollar_value": {"from": 10, "to": 10}}), Order("price"))
    assert cheap.count == 20
    assert len(cheap.page_with_random_ties(0, 50, Random(2))) == 20


def test_equal_prices_are_ordered_by_id_in_both_directions(make_inventory: Callable[..., Inventory]) -> None:
    inventory = make_inventory(20)
    for row in inventory.truth(0, 20):
        Changes(inventory).update(row["id"], {"price": 777})
    ids = [row["id"] for row in inventory.truth(0, 20)]
    assert ids == sorted(ids)
    assert page_ids(inventory, {}, Order("price")) == page_ids(inventory, {}, Order("price", descending=True)) == ids


def test_ids_select_diamonds_and_certificate_numbers_override_filters(
    make_inventory: Callable[..., Inventory],
) -> None:
    inventory = make_inventory(30)
    rows = inventory.truth(0, 3)
    gone = Changes(inventory).remove_by_ids([rows[2]["id"]])
    item, _ = inventory.item(ordinal_of(rows[1]["id"]) or 0)
    number = item["diamond"]["certificate"]["certNumber"]
    named = {"filter_ids": [rows[0]["id"], rows[1]["offer_id"], None, *gone, "nonsense"]}
    assert set(page_ids(inventory, named, Order("price"))) == {rows[0]["id"], rows[1]["id"]}
    priced = {**named, "dollar_value": {"from": 0, "to": 0}}
    assert page_ids(inventory, priced, Order("price")) == []
    assert page_ids(inventory, {"certificate_numbers": [number, "1"]}, Order("price")) == [rows[1]["id"]]
    others = {**priced, "certificate_numbers": [number], "girdle": None}
    assert page_ids(inventory, others, Order("price")) == [rows[1]["id"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"sizes": [{"from": 0.5, "to": 0.5}]}, True),
        ({"sizes": [{"from": 0.5004, "to": 1}]}, False),
        ({"sizes": [{"from": 0, "to": 0.4999}]}, False),
        ({"sizes": [{"from": 0, "to": 0.4999}, {"from": 0.5, "to": 9}]}, True),
        ({"dollar_per_carat": {"from": 1_000, "to": 1_000}}, True),
        ({"dollar_per_carat": {"from": 1_001, "to": 5_000}}, False),
        ({"dollar_per_carat": {"from": 0, "to": 999}}, False),
    ],
)
def test_sizes_and_prices_per_carat_include_ends_exactly(
    query: dict[str, Any], found: bool, make_inventory: Callable[..., Inventory]
) -> None:
    inventory = make_inventory(1)
    Changes(inventory).update(inventory.truth(0, 1)[0]["id"], {"price": 50_000, "carats": 0.5})
    assert inventory.search(search.criteria(query)).count == found


def test_empty_list_does_not_filter(make_inventory: Callable[..., Inventory]) -> None:
    inventory = make_inventory(10)
    query: dict[str, Any] = {
        "filter_ids": [],
        "shapes": [],
        "sizes": [],
        "availability": [],
        "certificate_numbers": [],
        "updated": None,
    }
    assert inventory.search(search.criteria(query)).count == 10


def test_window_includes_both_instants(make_inventory: Callable[..., Inventory]) -> None:
    inventory = make_inventory(10)
    identity = inventory.truth(0, 1)[0]["id"]
    Changes(inventory).update(identity, {"price": 5_001})
    now = inventory.clock().isoformat()
    assert page_ids(inventory, {"updated": {"from": now, "to": now}}, Order("price")) == [identity]
    later = (inventory.clock() + timedelta(microseconds=1)).isoformat()
    assert inventory.search(search.criteria({"updated": {"from": later}})).count == 0


def test_invalid_instant_is_rejected() -> None:
    with pytest.raises(ValueError, match="soon"):
        search.criteria({"updated": {"from": "soon"}})


def test_search_cache_is_bounded(make_inventory: Callable[..., Inventory]) -> None:
    inventory = make_inventory(10)
    for carats in range(40):
        inventory.search(Criteria(sizes=((carats, 9_999),)))
    assert len(inventory._views) == 8
