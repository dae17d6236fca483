"""What goes wrong on purpose."""

import json

import httpx
import pytest

from tests.contract.simulator.client import COUNT, HOLD, ORDER, PAGE, STONES, Client


async def test_a_status_fault_answers_with_it_and_its_retry_after(client: Client) -> None:
    await client.fault(kind="status", status=429, retry_after=7, count=1)
    response = await client.post(COUNT, token=client.token, query={})
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert await client.count() == STONES


async def test_a_status_fault_strikes_before_the_call_takes_effect_unless_told_otherwise(client: Client) -> None:
    stones = await client.control("GET", f"stones?limit={STONES}")
    free = [row for row in stones if row["availability"] == "AVAILABLE"]
    for row, executed in ((free[0], False), (free[1], True)):
        await client.fault(kind="status", status=502, executed=executed)
        assert (await client.post(HOLD, token=client.token, id=row["id"])).status_code == 502
        await client.control("DELETE", "faults")
        assert (await client.count({"ids": [row["id"]], "availability": "HOLD"}) == 1) == executed


async def test_a_reset_fault_cuts_the_connection_after_the_order_was_taken(client: Client) -> None:
    stones = await client.control("GET", f"stones?limit={STONES}")
    row = next(row for row in stones if row["availability"] == "AVAILABLE")
    await client.fault(kind="reset", operations=["create_order"])
    assert await client.count() == STONES
    with pytest.raises(httpx.ReadError):
        await client.ask(ORDER, items=[{"offerId": row["offer_id"]}])
    calls = await client.control("GET", "calls")
    assert len(calls["orders"]) == 1
    assert calls["operations"]["create_order"] == {"reset": 1}


async def test_a_truncate_fault_sends_half_a_json_body(client: Client) -> None:
    await client.fault(kind="truncate")
    response = await client.post(PAGE, token=client.token, query={})
    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        response.json()


async def test_a_stall_fault_keeps_the_client_waiting_and_answers_in_the_end(client: Client) -> None:
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


async def test_an_errors_fault_puts_an_error_beside_the_data(client: Client) -> None:
    await client.fault(kind="errors")
    body = await client.ask(COUNT, query={})
    assert body["data"]["as"]["diamonds_by_query_count"] == STONES
    assert body["errors"]


async def test_a_token_fault_expires_the_token_for_good(client: Client) -> None:
    await client.fault(kind="token", operations=["diamonds_by_query_count"], count=1)
    body = await client.ask(COUNT, query={})
    assert "expired" in body["errors"][0]["message"]
    assert (await client.ask(COUNT, query={}))["errors"]
    await client.log_in()
    assert await client.count() == STONES


async def test_a_total_count_fault_lies_about_the_total_and_not_about_the_count(client: Client) -> None:
    honest = (await client.page())["total_count"]
    await client.fault(kind="total_count")
    totals = {(await client.page())["total_count"] for _ in range(5)}
    assert totals - {honest}
    assert await client.count() == STONES


async def test_a_repeat_fault_repeats_stones_of_the_page_before(client: Client) -> None:
    first, second = await client.page(), await client.page(offset=50)
    await client.fault(kind="repeat")
    again = await client.page(offset=50)
    assert again["items"][0] in first["items"]
    assert again["items"][-1] in second["items"][:-1]
    assert len(again["items"]) == 50
    beginning = (await client.page())["items"]
    assert beginning[0] == beginning[1] == first["items"][0]


@pytest.mark.parametrize("variant", ["null", "odd", "unknown_field", "usable", "unusable"])
async def test_a_dirt_fault_spoils_a_page_for_one_call(variant: str, client: Client) -> None:
    clean = (await client.page())["items"]
    await client.fault(kind="dirt", variants=[variant], count=1)
    dirty = (await client.page())["items"]
    assert (await client.page())["items"] == clean
    if variant == "null":
        assert dirty is None
    elif variant == "odd":
        assert isinstance(dirty, str)
    elif variant == "unknown_field":
        assert [set(d) - set(c) for d, c in zip(dirty, clean, strict=True)] == [{"rapnet_listed"}] * 50
    else:
        assert [d["id"] for d in dirty] == [c["id"] for c in clean]


async def test_an_unusable_dirt_fault_makes_one_stone_of_a_page_look_bad(client: Client) -> None:
    clean = (await client.page())["items"]
    await client.fault(kind="dirt", variants=["unusable"])
    dirty = (await client.page())["items"]
    assert sum(d != c for d, c in zip(dirty, clean, strict=True)) == 1
