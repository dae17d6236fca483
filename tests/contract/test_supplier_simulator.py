"""The simulated supplier over HTTP: what a client meets, what goes wrong on purpose, and the control port."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest

from sandbox.supplier.accounts import Account
from sandbox.supplier.server import DEFAULT_ACCOUNT, Options, Simulator

STONES = 330
OTHER, READER = Account("other@example.com", "other"), Account("reader@example.com", "reader", pro=False)
PAGE = """
query Page($token: String!, $query: DiamondQuery!, $offset: Int, $limit: Int, $order: DiamondOrder) {
  as(token: $token) {
    diamonds_by_query(query: $query, offset: $offset, limit: $limit, order: $order) {
      total_count
      items { id price diamond { id availability HoldId certificate { certNumber carats shape } } }
    }
  }
}
"""
COUNT = """
query Count($token: String!, $query: DiamondQuery!) { as(token: $token) { diamonds_by_query_count(query: $query) } }
"""
HOLD = """
mutation ($token: String!, $id: ID!) {
  as(token: $token) { create_hold(ProductId: $id, ProductType: Diamond) { id denied until } }
}
"""
ORDER = "mutation ($token: String!, $items: [OrderItemInput!]!) { as(token: $token) { create_order(items: $items) } }"
LOGIN = """
query ($username: String!, $password: String!) {
  authenticate { username_and_password(username: $username, password: $password) { token } }
}
"""
BY_PRICE = {"type": "price", "direction": "ASC"}


class Client:
    """As plain a client as there is: no retry, no repair."""

    def __init__(self, http: httpx.AsyncClient, simulator: Simulator) -> None:
        self.http = http
        self.simulator = simulator
        self.token = ""

    async def post(self, document: str, **variables: Any) -> httpx.Response:
        return await self.http.post(self.simulator.endpoint, json={"query": document, "variables": variables})

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The body of the answer, asked with the token."""
        response = await self.post(document, token=self.token, **variables)
        assert response.status_code == 200
        body: dict[str, Any] = response.json()
        return body

    async def log_in(self, account: Account = DEFAULT_ACCOUNT) -> str:
        response = await self.post(LOGIN, username=account.username, password=account.password)
        self.token = response.json()["data"]["authenticate"]["username_and_password"]["token"]
        return self.token

    async def count(self, query: dict[str, Any] | None = None) -> int:
        body = await self.ask(COUNT, query=query or {})
        return int(body["data"]["as"]["diamonds_by_query_count"])

    async def page(self, query: dict[str, Any] | None = None, offset: int = 0, limit: int = 50) -> dict[str, Any]:
        body = await self.ask(PAGE, query=query or {}, offset=offset, limit=limit, order=BY_PRICE)
        assert "errors" not in body
        page: dict[str, Any] = body["data"]["as"]["diamonds_by_query"]
        return page

    async def control(self, verb: str, path: str, body: Any = None) -> Any:
        # Escaped by the standard encoder, which unlike httpx lets lone surrogates through.
        content = None if body is None else json.dumps(body)
        response = await self.http.request(verb, f"{self.simulator.control}/control/{path}", content=content)
        assert response.status_code == 200, response.text
        return response.json()

    async def fault(self, **rule: Any) -> None:
        await self.control("POST", "faults", {"seed": 1, "rules": [rule]})


Start = Callable[[Options], Awaitable[Client]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    running: list[Simulator] = []
    async with httpx.AsyncClient(timeout=30) as http:

        async def begin(options: Options) -> Client:
            simulator = await Simulator(options).__aenter__()
            running.append(simulator)
            client = Client(http, simulator)
            await client.log_in(options.accounts[0])
            return client

        yield begin
    for simulator in running:
        await simulator.__aexit__(None, None, None)


@pytest.fixture
async def client(start: Start) -> Client:
    return await start(Options(stones=STONES, accounts=(DEFAULT_ACCOUNT, OTHER, READER)))


# Endpoint and login


async def test_wrong_credentials_are_an_error_beside_data_with_status_200(client: Client) -> None:
    response = await client.post(LOGIN, username=DEFAULT_ACCOUNT.username, password="wrong")
    assert response.status_code == 200
    body = response.json()
    assert body["errors"][0]["path"] == ["authenticate", "username_and_password"]
    assert body["data"] == {"authenticate": {"username_and_password": None}}


async def test_a_token_works_in_the_wrapper_and_in_the_header(client: Client) -> None:
    assert await client.count() == STONES
    document = {"query": "{ diamonds_by_query_count(query: {}) }"}
    for scheme in ("Bearer", "bearer"):
        headers = {"Authorization": f"{scheme} {client.token}"}
        response = await client.http.post(client.simulator.endpoint, json=document, headers=headers)
        assert response.json() == {"data": {"diamonds_by_query_count": STONES}}


@pytest.mark.parametrize("token", ["", "made up"])
async def test_an_unknown_token_is_an_error_that_says_unauthorized(token: str, client: Client) -> None:
    client.token = token
    body = await client.ask(COUNT, query={})
    assert "unauthorized" in body["errors"][0]["message"].lower()
    assert body["data"] == {"as": None}


async def test_a_token_expires(start: Start) -> None:
    client = await start(Options(stones=5, token_seconds=0))
    body = await client.ask(COUNT, query={})
    assert "expired" in body["errors"][0]["message"]


async def test_several_aliased_roots_with_literals_and_fragments_are_answered_at_once(client: Client) -> None:
    document = f"""
    {{
      as(token: "{client.token}") {{
        cheap: diamonds_by_query_count(query: {{dollar_value: {{to: 340}}}})
        all: diamonds_by_query_count(query: {{}})
        diamonds_by_query(query: {{shapes: ["ROUND"]}}, limit: 2) {{ items {{ ...Offer }} }}
      }}
    }}
    fragment Offer on DiamondOffer {{ offer: id }}
    """
    body = (await client.post(document)).json()
    assert body["data"]["as"]["all"] == STONES
    assert 0 < body["data"]["as"]["cheap"] < STONES
    items = body["data"]["as"]["diamonds_by_query"]["items"]
    assert [list(item) for item in items] == [["offer"], ["offer"]]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{ nonsense }", "Cannot query field"),
        ("{ as(token: 1) { diamonds_by_query_count(query: {}) } }", "String"),
        ("{ diamonds_by_query_count(query: {} }", "Syntax Error"),
    ],
)
async def test_a_document_that_is_not_valid_is_an_error_with_status_200(
    document: str, message: str, client: Client
) -> None:
    response = await client.post(document)
    assert response.status_code == 200
    assert message in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"query": 5}', b'{"variables": {}}', b"\xff"])
async def test_a_malformed_request_is_status_400(body: bytes, client: Client) -> None:
    response = await client.http.post(client.simulator.endpoint, content=body)
    assert response.status_code == 400
    assert response.json()["message"]


async def test_other_methods_other_paths_and_huge_bodies_are_refused(client: Client) -> None:
    endpoint = client.simulator.endpoint
    assert (await client.http.get(endpoint)).status_code == 405
    assert (await client.http.post(endpoint + "s", json={})).status_code == 404
    assert (await client.http.post(endpoint, content=b"x" * 1_100_000)).status_code == 413


# Reading


async def test_pages_cover_a_feed_at_rest_exactly_once(client: Client) -> None:
    truth = await client.control("GET", f"stones?limit={STONES}")
    received = [item for offset in range(0, STONES, 50) for item in (await client.page(offset=offset))["items"]]
    assert len(received) == STONES
    assert {item["id"] for item in received} == {row["offer_id"] for row in truth}
    prices = {row["offer_id"]: row["price"] for row in truth if row["usable"]}
    assert {item["id"]: int(item["price"]) for item in received if item["id"] in prices} == prices
    assert (await client.page(offset=STONES))["items"] == []


async def test_counts_of_a_band_match_its_pages(client: Client) -> None:
    band = {"dollar_value": {"from": 337, "to": 351}}
    items = (await client.page(band))["items"]
    assert len(items) == await client.count(band) > 0
    assert all(33_700 <= int(item["price"]) <= 35_100 for item in items)


@pytest.mark.parametrize(
    "variables", [{"limit": 51}, {"limit": -1}, {"offset": -1}, {"query": {"updated": {"from": "yesterday"}}}]
)
async def test_a_page_that_can_not_be_had_is_an_error(variables: dict[str, Any], client: Client) -> None:
    body = await client.ask(PAGE, **{"query": {}, **variables})
    assert body["errors"][0]["path"] == ["as", "diamonds_by_query"]
    assert body["data"]["as"]["diamonds_by_query"] is None


async def test_the_total_of_a_page_is_not_the_count(start: Start) -> None:
    client = await start(Options(stones=12_000))
    assert (await client.page(limit=1))["total_count"] == 10_000
    band = {"dollar_value": {"to": 2_000}}
    assert (await client.page(band, limit=1))["total_count"] < await client.count(band)


async def test_one_stone_is_found_by_its_id(client: Client) -> None:
    row = (await client.control("GET", "stones?offset=7&limit=1"))[0]
    document = """
    query ($token: String!, $id: ID!) {
      as(token: $token) { get_diamond_by_id(diamond_id: $id) { diamond { id availability HoldId } } }
    }
    """
    body = await client.ask(document, id=row["id"])
    expected = {"id": row["id"], "availability": row["availability"], "HoldId": None}
    assert body["data"]["as"]["get_diamond_by_id"]["diamond"] == expected
    assert (await client.ask(document, id="nobody"))["data"]["as"]["get_diamond_by_id"] is None


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"certNumber": "12\x0034"}, b"12\\u000034"),
        ({"certNumber": "12\ud83d34"}, b"12\\ud83d34"),
        ({"price": 1 << 63}, b'"price": 9223372036854775808'),
        ({"diamond.sparkle": 1}, b'"sparkle": 1'),
    ],
)
async def test_what_no_server_should_send_is_sent(values: dict[str, Any], shown: bytes, client: Client) -> None:
    row = (await client.control("GET", "stones?limit=1"))[0]
    await client.control("POST", "update", {"id": row["id"], "set": values})
    query = {"ids": [row["id"]]}
    response = await client.post(PAGE, token=client.token, query=query)
    assert shown in response.content


# Trading


async def test_a_hold_is_seen_by_its_holder_only_and_denied_to_others(client: Client) -> None:
    stones = await client.control("GET", f"stones?limit={STONES}")
    identity = next(row["id"] for row in stones if row["availability"] == "AVAILABLE" and row["usable"])
    hold = (await client.ask(HOLD, id=identity))["data"]["as"]["create_hold"]
    assert hold["denied"] is False
    assert hold["until"]
    for account, seen in ((DEFAULT_ACCOUNT, hold["id"]), (OTHER, None), (READER, None)):
        await client.log_in(account)
        diamond = (await client.page({"ids": [identity]}))["items"][0]["diamond"]
        assert (diamond["availability"], diamond["HoldId"]) == ("HOLD", seen)
    await client.log_in(OTHER)
    denied = {"id": None, "denied": True, "until": None}
    assert (await client.ask(HOLD, id=identity))["data"]["as"]["create_hold"] == denied
    cancel = "mutation ($token: String!, $id: ID!) { as(token: $token) { cancel_hold(hold_id: $id) { id } } }"
    assert (await client.ask(cancel, id=hold["id"]))["errors"][0]["message"] == "Hold not found"
    await client.log_in()
    assert (await client.ask(cancel, id=hold["id"]))["data"]["as"]["cancel_hold"] == {"id": hold["id"]}
    calls = await client.control("GET", "calls")
    assert [entry["account"] for entry in calls["holds"]] == [a.username for a in (DEFAULT_ACCOUNT, OTHER, OTHER)] + [
        DEFAULT_ACCOUNT.username
    ]
    assert calls["holds"][0]["arguments"] == {"ProductId": identity, "ProductType": "Diamond"}


async def test_an_order_sent_twice_buys_twice(client: Client) -> None:
    stones = await client.control("GET", f"stones?limit={STONES}")
    row = next(row for row in stones if row["availability"] == "AVAILABLE")
    items = [{"offerId": row["offer_id"], "customer_order_number": "A-17", "return_option": True}]
    first = (await client.ask(ORDER, items=items))["data"]["as"]["create_order"]
    second = (await client.ask(ORDER, items=items))["data"]["as"]["create_order"]
    assert first != second
    orders = (await client.control("GET", "calls"))["orders"]
    assert [order["answer"]["id"] for order in orders] == [first, second]
    assert orders[0]["arguments"]["items"] == items
    assert await client.count({"ids": [row["id"]], "availability": "SOLD"}) == 1


async def test_an_account_without_pro_access_may_only_read(client: Client) -> None:
    await client.log_in(READER)
    assert await client.count() == STONES
    row = (await client.control("GET", "stones?limit=1"))[0]
    assert "Pro" in (await client.ask(HOLD, id=row["id"]))["errors"][0]["message"]
    assert "Pro" in (await client.ask(ORDER, items=[{"offerId": row["offer_id"]}]))["errors"][0]["message"]
    assert (await client.control("GET", "calls"))["holds"] == []


# Faults


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


# Control


async def test_changes_show_in_the_feed_at_once(client: Client) -> None:
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


async def test_the_truth_is_paged_in_the_order_of_ids(client: Client) -> None:
    pages = [await client.control("GET", f"stones?offset={offset}&limit=100") for offset in range(0, 400, 100)]
    ids = [row["id"] for page in pages for row in page]
    assert ids == sorted(ids)
    assert len(set(ids)) == STONES
    assert [len(page) for page in pages] == [100, 100, 100, 30]


async def test_a_stone_is_made_dirty_and_clean_again(client: Client) -> None:
    row = next(row for row in await client.control("GET", "stones") if row["usable"])
    await client.control("POST", "update", {"id": row["id"], "set": {"certificate": None}})
    item = (await client.page({"ids": [row["id"]]}))["items"][0]
    assert item["diamond"]["certificate"] is None
    await client.control("POST", "update", {"id": row["id"], "restore": True})
    assert row in await client.control("GET", "stones")


async def test_drift_reports_what_it_did(client: Client) -> None:
    before = {row["id"]: row for row in await client.control("GET", "stones")}
    await client.control("POST", "drift", {"per_second": 500, "seed": 1, "kinds": ["price", "add", "remove"]})
    while await client.count() == STONES:
        pass  # asking takes longer than a change
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
    assert calls["total"] == 4
    assert 1 <= calls["max_per_second"] <= 4
    assert calls["operations"] == {
        "diamonds_by_query_count": {"ok": 1, "token": 1},
        "diamonds_by_query": {"ok": 1},
        "unreadable": {"errors": 1},
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
    ],
)
async def test_a_control_request_that_makes_no_sense_is_400_with_a_sentence(
    verb: str, path: str, body: Any, client: Client
) -> None:
    response = await client.http.request(verb, f"{client.simulator.control}/control/{path}", json=body)
    assert response.status_code == 400
    assert len(response.json()["error"].split()) > 3
    assert (await client.control("GET", "summary"))["stones"] == STONES


async def test_a_number_that_json_does_not_know_is_refused(client: Client) -> None:
    row = (await client.control("GET", "stones?limit=1"))[0]
    for number in (b"NaN", b"1e999"):
        body = b'{"id": "%b", "set": {"price": %b}}' % (row["id"].encode(), number)
        response = await client.http.post(f"{client.simulator.control}/control/update", content=body)
        assert response.status_code == 400


# The process


@pytest.mark.parametrize("stalled", [False, True])
async def test_the_process_says_where_it_is_and_ends_on_sigterm(stalled: bool) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.supplier", "--stones", "60", "--seed", "3", "--dirt", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        addresses = json.loads(await process.stdout.readline())
        waiting: asyncio.Task[httpx.Response] | None = None
        async with httpx.AsyncClient() as http:
            summary = (await http.get(addresses["control"] + "/control/summary")).json()
            assert summary["stones"] == summary["usable"] == 60
            login = {
                "query": LOGIN,
                "variables": {"username": DEFAULT_ACCOUNT.username, "password": DEFAULT_ACCOUNT.password},
            }
            assert "data" in (await http.post(addresses["endpoint"], json=login)).json()
            if stalled:
                faults = {"rules": [{"kind": "stall", "seconds": 600}]}
                await http.post(addresses["control"] + "/control/faults", json=faults)
                waiting = asyncio.create_task(http.post(addresses["endpoint"], json=login, timeout=60))
                calls = addresses["control"] + "/control/calls"
                while "stall" not in (await http.get(calls)).text:
                    pass  # until the supplier has it
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
            if waiting is not None:
                # An aborted call may come back as a lost connection or as a server error, never as an answer.
                with suppress(httpx.TransportError):
                    assert (await waiting).status_code == 500
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_port_that_is_taken_is_named(client: Client) -> None:
    taken = client.simulator.control.rpartition(":")[2]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.supplier", "--stones", "5", "--port", taken),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert f"port {taken} is in use".encode() in errors
    assert b"--port" in errors
