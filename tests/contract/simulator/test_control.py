"""Control port: changes, ground truth, bad data, drift, call statistics."""

from typing import Any

import pytest

from tests.contract.simulator.client import COUNT, STONES, Client


async def test_changes_are_visible_in_feed_immediately(client: Client) -> None:
    before = {row["id"]: row for row in await client.control("GET", f"stones?limit={STONES}")}
    summary = await client.control("GET", "summary")
    start_of_changes = client.simulator.inventory.clock().isoformat()
    changed = (await client.control("POST", "change", {"count": 5, "seed": 1, "fields": ["price"]}))["ids"]
    added = (await client.control("POST", "add", {"count": 4, "seed": 1}))["ids"]
    removed = (await client.control("POST", "remove", {"count": 3, "seed": 1}))["ids"]
    updated = (await client.control("POST", "update", {"id": added[0], "set": {"price": 12_345}}))["ids"]
    assert updated == [added[0]]
    assert (await client.control("POST", "remove", {"ids": [added[1]]}))["ids"] == [added[1]]
    after = {row["id"]: row for row in await client.control("GET", "stones?limit=1000")}
    assert set(after) == (set(before) | set(added)) - {*removed, added[1]}
    assert (await client.control("GET", "summary"))["stones"] == len(after) == await client.count()
    assert summary["stones"] == STONES
    window = {"updated": {"from": start_of_changes}}
    items = (await client.page(window))["items"]
    assert {item["diamond"]["id"] for item in items} == ({*changed, *added} - {*removed, added[1]})


async def test_ground_truth_is_paged_in_order_of_ids(client: Client) -> None:
    pages = [await client.control("GET", f"stones?offset={offset}&limit=100") for offset in range(0, 400, 100)]
    ids = [row["id"] for page in pages for row in page]
    assert ids == sorted(ids)
    assert len(set(ids)) == STONES
    assert [len(page) for page in pages] == [100, 100, 100, 30]


async def test_bad_values_are_set_and_removed(client: Client) -> None:
    row = next(row for row in await client.control("GET", "stones") if row["usable"])
    await client.control("POST", "update", {"id": row["id"], "set": {"certNumber": "?", "price": 0}})
    item = (await client.page({"filter_ids": [row["id"]]}))["items"][0]
    assert (item["price"], item["diamond"]["certificate"]["certNumber"]) == (0, "?")
    spoiled = row | {"price": 0, "usable": False}
    assert spoiled in await client.control("GET", "stones")
    await client.control("POST", "update", {"id": row["id"], "restore": True})
    assert row in await client.control("GET", "stones")


async def test_drift_reports_its_changes(client: Client) -> None:
    before = {row["id"]: row for row in await client.control("GET", "stones")}
    await client.control("POST", "drift", {"per_second": 500, "seed": 1, "kinds": ["price", "add", "remove"]})
    while await client.count() == STONES:
        pass  # a request takes longer than a change
    report = await client.control("DELETE", "drift")
    after = {row["id"]: row for row in await client.control("GET", "stones?limit=10000")}
    added, removed = set(report["ids"].get("add", [])), set(report["ids"].get("remove", []))
    assert set(after) == (set(before) | added) - removed
    repriced = {i for i in set(before) & set(after) if before[i]["price"] != after[i]["price"]}
    assert repriced <= set(report["ids"].get("price", []))
    assert report["changes"] == {kind: len(ids) for kind, ids in report["ids"].items()}
    assert await client.control("DELETE", "drift") == {"changes": {}, "ids": {}}


async def test_calls_are_counted_by_operation_and_outcome(client: Client) -> None:
    await client.control("DELETE", "calls")
    await client.count()
    await client.page()
    await client.post("{ nonsense }")
    client.token = "gone"
    await client.ask(COUNT, query={})
    calls = await client.control("GET", "calls")
    (rejected,) = calls["rejected"]
    assert "nonsense" in rejected["errors"][0]
    assert rejected["query"] == "{ nonsense }"
    assert calls["total"] == 4
    assert 1 <= calls["max_per_second"] <= 4
    assert calls["operations"] == {
        "diamonds_by_query_count": {"ok": 1, "token": 1},
        "diamonds_by_query": {"ok": 1},
        "unreadable": {"rejected": 1},
    }


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("GET", "stones?limit=many", None),
        ("GET", "stones?offset=-1", None),
        ("POST", "change", {"count": 0}),
        ("POST", "change", {"count": 1, "fields": []}),
        ("POST", "change", {"count": 1, "fields": ["id"]}),
        ("POST", "change", {"number": 1}),
        ("POST", "add", {"count": "three"}),
        ("POST", "remove", {}),
        ("POST", "remove", {"ids": ["nobody"]}),
        ("POST", "remove", {"count": 1, "ids": []}),
        ("POST", "update", {"id": "nobody", "set": {"price": 1}}),
        ("POST", "update", {"id": "nobody"}),
        ("POST", "drift", {"per_second": 0}),
        ("POST", "drift", {"per_second": 1, "kinds": ["rumours"]}),
        ("POST", "faults", {"rules": [{"kind": "storm"}]}),
        ("POST", "faults", {"rules": [{"kind": "status", "share": 2}]}),
        ("POST", "faults", "nothing"),
        ("POST", "offer-again", {"id": "nobody", "price": 100}),
        ("POST", "offer-again", {"id": "nobody", "price": 0}),
        ("POST", "schema", {"version": "2025"}),
        ("POST", "schema", {"without": ["Diamond.sparkle"]}),
        ("POST", "behaviour", {"until": "days"}),
        ("POST", "holds/x/extend", {"seconds": 5}),
        ("POST", "holds/x/extend", {"seconds": -5}),
        ("POST", "orders/x/confirm", None),
        ("POST", "orders/x/decline", {"stone": "lost"}),
    ],
)
async def test_invalid_control_request_is_400_with_message(verb: str, path: str, body: Any, client: Client) -> None:
    response = await client.http.request(verb, f"{client.simulator.control}/control/{path}", json=body)
    assert response.status_code == 400
    assert len(response.json()["error"].split()) > 3
    assert (await client.control("GET", "summary"))["stones"] == STONES


async def test_non_json_number_is_rejected(client: Client) -> None:
    row = (await client.control("GET", "stones?limit=1"))[0]
    for number in (b"NaN", b"1e999"):
        body = b'{"id": "%b", "set": {"price": %b}}' % (row["id"].encode(), number)
        response = await client.http.post(f"{client.simulator.control}/control/update", content=body)
        assert response.status_code == 400
