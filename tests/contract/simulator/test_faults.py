"""Fault injection."""

import json
from typing import Any

import httpx
import pytest

from tests.contract.simulator.client import BY_ID, COUNT, HOLD, LOGIN, ORDER, PAGE, STONES, Client

FULL = "id price diamond { id availability certificate { carats lab polish symmetry color labgrown } }"


async def test_status_fault_sets_status_and_retry_after(client: Client) -> None:
    await client.fault(kind="status", status=429, retry_after=7, count=1)
    response = await client.post(COUNT, token=client.token, query={})
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert await client.count() == STONES


async def test_status_fault_prevents_effect_of_call_by_default(client: Client) -> None:
    stones = await client.control("GET", f"stones?limit={STONES}")
    free = [row for row in stones if row["availability"] == "AVAILABLE"]
    for row, executed in ((free[0], False), (free[1], True)):
        await client.fault(kind="status", status=502, executed=executed)
        assert (await client.post(HOLD, token=client.token, id=row["id"])).status_code == 502
        await client.control("DELETE", "faults")
        assert (await client.count({"filter_ids": [row["id"]], "availability": "HOLD"}) == 1) == executed


async def test_reset_fault_closes_connection_after_order_was_accepted(client: Client) -> None:
    stones = await client.control("GET", f"stones?limit={STONES}")
    row = next(row for row in stones if row["availability"] == "AVAILABLE")
    await client.fault(kind="reset", operations=["create_order"])
    assert await client.count() == STONES
    with pytest.raises(httpx.ReadError):
        await client.ask(ORDER, items=[{"offerId": row["offer_id"]}])
    calls = await client.control("GET", "calls")
    assert len(calls["orders"]) == 1
    assert calls["operations"]["create_order"] == {"reset": 1}


async def test_truncate_fault_sends_half_of_json_body(client: Client) -> None:
    await client.fault(kind="truncate")
    response = await client.post(PAGE, token=client.token, query={})
    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        response.json()


async def test_stall_fault_delays_response(client: Client) -> None:
    await client.fault(kind="stall", seconds=600)
    with pytest.raises(httpx.ReadTimeout):
        await client.http.post(
            client.simulator.endpoint,
            json={"query": COUNT, "variables": {"token": client.token, "query": {}}},
            timeout=0.3,
        )
    await client.fault(kind="stall", seconds=0.05)
    assert await client.count() == STONES
    assert (await client.control("GET", "calls"))["operations"]["diamonds_by_query_count"] == {"stall": 2}


async def test_errors_fault_adds_error_to_data(client: Client) -> None:
    await client.fault(kind="errors")
    body = await client.ask(COUNT, query={})
    assert body["data"]["as"]["diamonds_by_query_count"] == STONES
    assert body["errors"]


async def test_token_fault_expires_token_permanently(client: Client) -> None:
    await client.fault(kind="token", operations=["diamonds_by_query_count"], count=1)
    body = await client.ask(COUNT, query={})
    assert "expired" in body["errors"][0]["message"]
    assert (await client.ask(COUNT, query={}))["errors"]
    await client.log_in()
    assert await client.count() == STONES


async def test_total_count_fault_changes_total_and_not_count(client: Client) -> None:
    honest = (await client.page())["total_count"]
    await client.fault(kind="total_count")
    totals = {(await client.page())["total_count"] for _ in range(5)}
    assert totals - {honest}
    assert await client.count() == STONES


async def test_repeat_fault_repeats_stones_of_previous_page(client: Client) -> None:
    first, second = await client.page(), await client.page(offset=50)
    await client.fault(kind="repeat")
    again = await client.page(offset=50)
    assert again["items"][0] in first["items"]
    assert again["items"][-1] in second["items"][:-1]
    assert len(again["items"]) == 50
    beginning = (await client.page())["items"]
    assert beginning[0] == beginning[1] == first["items"][0]


@pytest.mark.parametrize("variant", ["null", "odd", "unknown_field", "usable", "unusable"])
async def test_bad_data_fault_affects_page_for_one_call(variant: str, client: Client) -> None:
    clean = (await client.page())["items"]
    await client.fault(kind="bad_data", variants=[variant], count=1)
    dirty = (await client.page())["items"]
    assert (await client.page())["items"] == clean
    if variant == "null":
        assert dirty is None
    elif variant == "odd":
        assert isinstance(dirty, str)
    elif variant == "unknown_field":
        # Stones with bad values have no price.
        added = [set(d) - set(c) for d, c in zip(dirty, clean, strict=True)]
        assert added.count({"rapnet_listed"}) > 45
    else:
        assert [d["id"] for d in dirty] == [c["id"] for c in clean]


async def test_unusable_bad_data_fault_affects_one_stone_of_page(client: Client) -> None:
    clean = (await client.page())["items"]
    await client.fault(kind="bad_data", variants=["unusable"])
    dirty = (await client.page())["items"]
    assert sum(d != c for d, c in zip(dirty, clean, strict=True)) == 1


async def shown_items(client: Client, query: dict[str, Any] | None = None, selection: str = FULL) -> dict[str, Any]:
    document = f"""
    query ($token: String!, $query: DiamondQuery) {{
      as(token: $token) {{
        diamonds_by_query(query: $query, limit: 50, order: {{type: price, direction: ASC}}) {{ items {{ {selection} }} }}
      }}
    }}
    """
    return await client.ask(document, query=query or {})


def items_of(body: dict[str, Any]) -> list[Any]:
    items: list[Any] = body["data"]["as"]["diamonds_by_query"]["items"]
    return items


@pytest.mark.parametrize(
    ("rule", "status", "message", "code"),
    [
        ({"kind": "rate_limit"}, 200, "Rate limit exceeded", "RATE_LIMITED"),
        (
            {"kind": "rate_limit", "message": "Too many requests, try again in 30 seconds", "status": 429},
            429,
            "Too many requests, try again in 30 seconds",
            "RATE_LIMITED",
        ),
        ({"kind": "internal_error", "code": "BOOM"}, 200, "Internal error", "BOOM"),
        (
            {"kind": "status", "status": 401, "html": False, "message": "Unauthenticated"},
            401,
            "Unauthenticated",
            "FAILED",
        ),
    ],
)
async def test_refusal_in_json_has_no_effect(
    rule: dict[str, Any], status: int, message: str, code: str, client: Client
) -> None:
    row = next(row for row in await client.control("GET", "stones") if row["availability"] == "AVAILABLE")
    await client.fault(**rule, operations=["create_hold"])
    response = await client.post(HOLD, token=client.token, id=row["id"])
    assert response.status_code == status
    assert response.json() == {"errors": [{"message": message, "extensions": {"code": code}}], "data": None}
    assert await client.control("GET", "holds") == []
    await client.fault(**rule, operations=["create_hold"], executed=True)
    assert (await client.post(HOLD, token=client.token, id=row["id"])).status_code == status
    assert [hold["stone_id"] for hold in await client.control("GET", "holds")] == [row["id"]]


async def test_login_fails_internally_for_duration_of_rule(client: Client) -> None:
    await client.fault(kind="internal_error", operations=["authenticate"], for_seconds=600)
    response = await client.post(LOGIN, username="sandbox@example.com", password="sandbox")
    assert response.json()["errors"][0]["message"] == "Internal error"
    assert await client.count() == STONES
    await client.fault(kind="internal_error", operations=["authenticate"], for_seconds=0)
    assert await client.log_in()


async def test_status_403_has_html_body(client: Client) -> None:
    await client.fault(kind="status", status=403)
    response = await client.post(COUNT, token=client.token, query={})
    assert (response.status_code, response.headers["content-type"]) == (403, "text/html")
    assert response.text.startswith("<html>")


@pytest.mark.parametrize("message", ["jwt expired", "jwt malformed", "Unauthenticated", "invalid token"])
@pytest.mark.parametrize("status", [None, 401])
async def test_token_expires_with_text_and_status_of_rule(message: str, status: int | None, client: Client) -> None:
    await client.fault(kind="token", message=message, status=status, count=1)
    response = await client.post(COUNT, token=client.token, query={})
    (error,) = response.json()["errors"]
    assert (response.status_code, error["message"]) == (status or 200, message)
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
    await client.log_in()
    assert await client.count() == STONES


async def test_every_band_ends_early_and_counts_stay_correct(client: Client) -> None:
    await client.fault(kind="early_end", stones=7)
    assert await client.count() == STONES
    offsets = range(0, STONES, 50)
    assert sum([len((await client.page(offset=offset))["items"]) for offset in offsets]) == STONES - 7
    band = {"dollar_value": {"from": 337, "to": 340}}
    assert len((await client.page(band))["items"]) == max(0, await client.count(band) - 7)
    assert (await client.page({"dollar_value": {"from": 0, "to": 1}}))["items"] == []


async def test_ties_are_reordered_on_each_request(client: Client) -> None:
    sound = (await client.page())["items"]
    await client.fault(kind="random_ties")
    pages = [(await client.page())["items"] for _ in range(4)]
    assert any(page != sound for page in pages)
    for page in pages:
        assert [item["price"] for item in page] == [item["price"] for item in sound]
        assert len({item["id"] for item in page}) == 50


async def test_page_omits_one_item_or_has_one_twice(client: Client) -> None:
    sound = [item["id"] for item in (await client.page())["items"]]
    await client.fault(kind="omit")
    omitted = [item["id"] for item in (await client.page())["items"]]
    assert len(omitted) == 49
    assert set(omitted) < set(sound)
    await client.fault(kind="duplicate")
    doubled = [item["id"] for item in (await client.page())["items"]]
    assert len(doubled) == 50
    assert len(set(doubled)) == 49
    assert set(doubled) < set(sound)


async def test_counts_are_wrong_by_share_or_stale(client: Client) -> None:
    await client.fault(kind="count_error", relative=0.01)
    assert {await client.count() for _ in range(20)} == {STONES - 3, STONES + 3}
    await client.fault(kind="stale_count", seconds=600)
    assert await client.count() == STONES
    await client.control("POST", "add", {"count": 5})
    assert await client.count() == STONES
    assert len((await client.page(offset=STONES))["items"]) == 5
    await client.control("DELETE", "faults")
    assert await client.count() == STONES + 5


async def test_ranges_exclude_their_ends(client: Client) -> None:
    row = next(row for row in await client.control("GET", "stones") if row["usable"] and row["price"] % 100 == 0)
    dollars, carats = row["price"] // 100, row["carats"]
    for query in (
        {"dollar_value": {"from": dollars, "to": dollars + 1}},
        {"dollar_value": {"from": dollars - 1, "to": dollars}},
        {"sizes": [{"from": carats, "to": carats + 1}]},
    ):
        named = {**query, "filter_ids": [row["id"]]}
        await client.fault(kind="exclusive_ranges")
        assert await client.count(named) == len((await client.page(named))["items"]) == 0
        await client.control("DELETE", "faults")
        assert await client.count(named) == 1
    await client.fault(kind="exclusive_ranges", ends="to")
    assert await client.count({"dollar_value": {"from": dollars, "to": dollars + 1}, "filter_ids": [row["id"]]}) == 1


async def test_items_are_null_until_fewer_fields_are_selected(client: Client) -> None:
    sound = items_of(await shown_items(client))
    await client.fault(kind="null_items", stones_share=0.2)
    bodies = [await shown_items(client) for _ in range(2)]
    items = items_of(bodies[0])
    assert bodies[0] == bodies[1]
    null = [place for place, item in enumerate(items) if item is None]
    assert 0 < len(null) < 50
    assert [item for item in items if item] == [item for place, item in enumerate(sound) if place not in null]
    assert {error["path"][3] for error in bodies[0]["errors"]} == set(null)
    assert {error["path"][-1] for error in bodies[0]["errors"]} <= {
        "lab",
        "polish",
        "symmetry",
        "color",
        "availability",
    }
    fewer = await shown_items(client, selection="id price diamond { id certificate { carats } }")
    assert "errors" not in fewer
    assert [item["id"] for item in items_of(fewer)] == [item["id"] for item in sound]


async def test_items_are_null_with_every_selection(client: Client) -> None:
    row = next(row for row in await client.control("GET", "stones") if row["usable"])
    await client.fault(kind="null_items", ids=[row["id"]], fewer_fields=False)
    for selection in (FULL, "id", "price", "diamond { id }"):
        body = await shown_items(client, {"filter_ids": [row["id"]]}, selection)
        assert items_of(body) == [None]
        assert body["errors"][0]["path"][:4] == ["as", "diamonds_by_query", "items", 0]
    assert (await client.ask(BY_ID, id=row["id"]))["data"] is None
    assert await client.count({"filter_ids": [row["id"]]}) == 1


async def test_comment_of_stone_has_one_megabyte(client: Client) -> None:
    row = next(row for row in await client.control("GET", "stones") if row["usable"])
    await client.fault(kind="big_comments", ids=[row["id"]])
    (item,) = items_of(await shown_items(client, {"filter_ids": [row["id"]]}, "diamond { certificate { comments } }"))
    assert len(item["diamond"]["certificate"]["comments"]) == 1 << 20
    small = await shown_items(client)
    assert len(json.dumps(small)) < 200_000


@pytest.mark.parametrize("shown", [None, "LG", "NATURAL", 1])
async def test_origin_flags_are_wrong_or_texts_and_filter_is_correct(shown: Any, client: Client) -> None:
    row = next(row for row in await client.control("GET", "stones") if row["usable"])
    await client.fault(kind="labgrown", ids=[row["id"]], shown=shown)
    query = {"filter_ids": [row["id"]], "labgrown": row["labgrown"]}
    (item,) = items_of(await shown_items(client, query, "id diamond { certificate { labgrown } }"))
    expected = (not row["labgrown"]) if shown is None else shown
    assert item == {"id": row["offer_id"], "diamond": {"certificate": {"labgrown": expected}}}
    assert await client.count({**query, "labgrown": not row["labgrown"]}) == 0


@pytest.mark.parametrize("executed", [False, True])
async def test_create_order_is_null_without_errors(executed: bool, client: Client) -> None:
    row = next(row for row in await client.control("GET", "stones") if row["availability"] == "AVAILABLE")
    await client.fault(kind="null_order", executed=executed)
    body = await client.ask(ORDER, items=[{"offerId": row["offer_id"]}])
    assert body == {"data": {"as": {"create_order": None}}}
    assert len(await client.control("GET", "orders")) == int(executed)


async def test_one_stone_is_offered_twice_at_different_prices(client: Client) -> None:
    row = next(row for row in await client.control("GET", "stones") if row["usable"])
    answer = await client.control("POST", "offer-again", {"id": row["id"], "price": row["price"] + 7_777})
    assert answer["ids"] == [row["id"]]
    assert await client.count() == STONES + 1
    items = (await client.page({"filter_ids": [row["id"]]}))["items"]
    assert {item["diamond"]["id"] for item in items} == {row["id"]}
    assert {item["id"]: item["price"] for item in items} == {
        row["offer_id"]: row["price"],
        answer["offer_id"]: row["price"] + 7_777,
    }


async def test_unindexed_stone_is_counted_and_in_no_band(client: Client) -> None:
    row = next(row for row in await client.control("GET", "stones") if row["usable"])
    await client.control("POST", "update", {"id": row["id"], "indexed": False})
    assert await client.count() == STONES
    assert await client.count({"dollar_value": {"from": 0, "to": 2**31 - 1}}) == STONES - 1
    assert await client.count({"dollar_per_carat": {"from": 0, "to": 2**31 - 1}}) < STONES
    assert row in await client.control("GET", "stones")
