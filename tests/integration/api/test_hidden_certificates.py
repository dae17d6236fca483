"""Certificates and measurements that the supplier hides: shown and searchable only with their scope."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.auth.scopes import Scope
from app.graphql.relay import global_id
from inventory.core.database import Database
from tests.integration.api.diamonds import Insert, MakeKey, build
from tests.integration.api.websocket import BEGINNING, append_event, open_socket, stone

NUMBER = "2141438171"
SHOWN, HIDDEN, UNMEASURED = 1, 2, 3
ATTRIBUTES = {
    "comments": f"Report {NUMBER}",
    "cutStyle": "Brilliant",
    "images": [f"https://media.example/{NUMBER}.jpg", "https://media.example/a.jpg"],
    "deliveryTime": {"minDays": 2},
}
FIELDS = """
    supplierStoneId imageUrl videoUrl attributes
    certificate { lab number pdfUrl }
    measurements { lengthMm widthMm heightMm ratio tablePercent depthPercent details }
"""
EVENTS = f"subscription ($after: String) {{ diamondChanged(after: $after) {{ diamonds {{ {FIELDS} }} }} }}"
MEASURES = ("lengthMm", "widthMm", "heightMm", "ratio", "tablePercent", "depthPercent")


@pytest_asyncio.fixture
async def diamonds(insert: Insert) -> None:
    secret = {
        "certificate_number": NUMBER, "certificate_pdf_url": f"https://media.example/GIA-{NUMBER}.pdf",
        "image_url": f"https://media.example/{NUMBER}/still.jpg", "video_url": "https://media.example/film.mp4",
        "attributes": json.dumps(ATTRIBUTES),
    }  # fmt: skip
    flags = [(False, False), (True, False), (False, True)]
    await insert([
        build(number, **secret, certificate_hidden=certificate, measurements_hidden=measurements)
        for number, (certificate, measurements) in enumerate(flags, 1)
    ])  # fmt: skip


@pytest_asyncio.fixture
async def privileged(address: str, make_key: MakeKey) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the scope for hidden certificates."""
    headers = {"X-API-Key": await make_key(Scope.DIAMONDS_READ, Scope.CERTIFICATES_HIDDEN)}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        yield client


async def ask(client: httpx.AsyncClient, document: str, **variables: Any) -> Mapping[str, Any]:
    """The data of a GraphQL response."""
    answer = (await client.post("/graphql", json={"query": document, "variables": variables})).json()
    assert "errors" not in answer
    return dict(answer["data"])


def numbered(found: Any) -> list[int]:
    """The numbers of diamonds, in order."""
    return sorted(int(diamond["supplierStoneId"].removeprefix("stone-")) for diamond in found)


def is_whole(diamond: Mapping[str, Any]) -> None:
    assert diamond["certificate"] == {
        "lab": "GIA",
        "number": NUMBER,
        "pdfUrl": f"https://media.example/GIA-{NUMBER}.pdf",
    }
    assert diamond["imageUrl"]
    assert diamond["attributes"] == ATTRIBUTES
    assert all(diamond["measurements"][name] for name in MEASURES)
    assert diamond["measurements"]["details"] == {"crownAngle": 34.5}


def is_without_certificate(diamond: Mapping[str, Any]) -> None:
    assert NUMBER not in json.dumps(diamond)
    assert diamond["certificate"] == {"lab": "GIA", "number": None, "pdfUrl": None}
    assert (diamond["imageUrl"], diamond["videoUrl"]) == (None, "https://media.example/film.mp4")
    assert diamond["attributes"] == {
        "cutStyle": "Brilliant", "images": ["https://media.example/a.jpg"], "deliveryTime": {"minDays": 2},
    }  # fmt: skip
    assert all(diamond["measurements"][name] for name in MEASURES)


def is_without_measurements(diamond: Mapping[str, Any]) -> None:
    assert diamond["certificate"]["number"] == NUMBER
    assert diamond["measurements"] == {**dict.fromkeys(MEASURES), "details": {}}


def check_visibility(diamonds: list[Mapping[str, Any]], *, sees_hidden: bool) -> None:
    """Check the visible values of the three diamonds."""
    by_number = {int(one["supplierStoneId"].removeprefix("stone-")): one for one in diamonds}
    assert sorted(by_number) == [SHOWN, HIDDEN, UNMEASURED]
    is_whole(by_number[SHOWN])
    (is_whole if sees_hidden else is_without_certificate)(by_number[HIDDEN])
    (is_whole if sees_hidden else is_without_measurements)(by_number[UNMEASURED])


@pytest.mark.usefixtures("diamonds")
async def test_graphql_shows_hidden_values_only_with_scope(
    api: httpx.AsyncClient, privileged: httpx.AsyncClient
) -> None:
    for client, sees_hidden in ((api, False), (privileged, True)):
        page = await ask(client, f"{{ diamonds {{ nodes {{ {FIELDS} }} edges {{ node {{ {FIELDS} }} }} }} }}")
        check_visibility(page["diamonds"]["nodes"], sees_hidden=sees_hidden)
        check_visibility([edge["node"] for edge in page["diamonds"]["edges"]], sees_hidden=sees_hidden)
        ids = [global_id("Diamond", stone(number)) for number in (SHOWN, HIDDEN, UNMEASURED)]
        nodes = f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Diamond {{ {FIELDS} }} }} }}"
        check_visibility((await ask(client, nodes, ids=ids))["nodes"], sees_hidden=sees_hidden)
        one = "query ($id: ID!) { diamond(id: $id) { supplierStoneId certificate { number } } }"
        found = (await ask(client, one, id=ids[1]))["diamond"]
        assert found["certificate"]["number"] == (NUMBER if sees_hidden else None)


@pytest.mark.usefixtures("diamonds")
async def test_graphql_searches_hidden_values_only_with_scope(
    api: httpx.AsyncClient, privileged: httpx.AsyncClient
) -> None:
    document = """query ($filter: DiamondFilter) { diamonds(filter: $filter) {
        totalCount nodes { supplierStoneId } pageInfo { startCursor endCursor } facets { shapes { value count } }
    } }"""
    everything = [SHOWN, HIDDEN, UNMEASURED]
    criteria = [
        ({"certificateNumbers": [NUMBER]}, [SHOWN, UNMEASURED]),
        *(({name: {"min": 0.001}}, [SHOWN, HIDDEN]) for name in MEASURES),
        *(({name: {"max": 999}}, [SHOWN, HIDDEN]) for name in MEASURES),
        ({"certificateLabs": ["GIA"]}, everything),
        ({}, everything),
    ]
    for wanted, expected in criteria:
        for client, numbers in ((api, expected), (privileged, everything)):
            found = (await ask(client, document, filter=wanted))["diamonds"]
            assert numbered(found["nodes"]) == numbers, wanted
            assert found["totalCount"] == len(numbers)
            assert found["facets"]["shapes"] == [{"value": "ROUND", "count": len(numbers)}]
    lookup = 'query ($n: String!) { diamondByCertificate(lab: "GIA", number: $n) { id } }'
    hidden = {"filter": {"certificateNumbers": [NUMBER], "ids": [global_id("Diamond", stone(HIDDEN))]}}
    found = (await ask(api, document, **hidden))["diamonds"]
    assert (found["totalCount"], found["pageInfo"]["startCursor"]) == (0, None)
    assert (await ask(privileged, document, **hidden))["diamonds"]["totalCount"] == 1
    assert (await ask(api, lookup, n="0000000000"))["diamondByCertificate"] is None


async def test_graphql_finds_no_diamond_by_hidden_certificate(
    api: httpx.AsyncClient, privileged: httpx.AsyncClient, insert: Insert
) -> None:
    await insert([build(HIDDEN, certificate_number=NUMBER, certificate_hidden=True)])
    lookup = f'{{ diamondByCertificate(lab: "GIA", number: "{NUMBER}") {{ supplierStoneId }} }}'
    assert (await ask(api, lookup))["diamondByCertificate"] is None
    assert (await ask(privileged, lookup))["diamondByCertificate"] == {"supplierStoneId": "stone-2"}


@pytest.mark.usefixtures("diamonds")
async def test_rest_shows_and_searches_hidden_values_only_with_scope(
    api: httpx.AsyncClient, privileged: httpx.AsyncClient
) -> None:
    listed = {}
    for client in (api, privileged):
        every = (await client.get("/api/v2/diamonds")).json()["data"]
        assert numbered(every) == [SHOWN, HIDDEN, UNMEASURED]
        singles = [(await client.get(f"/api/v2/diamonds/{one['id']}")).json()["data"] for one in every]
        assert singles == every
        listed[client] = {int(one["supplierStoneId"].removeprefix("stone-")): one for one in every}
        found = (await client.get("/api/v2/diamonds", params={"certificate_number": NUMBER})).json()
        expected = [SHOWN, UNMEASURED] if client is api else [SHOWN, HIDDEN, UNMEASURED]
        assert (numbered(found["data"]), found["pagination"]["total"]) == (expected, len(expected))
    plain, whole = listed[api], listed[privileged]
    assert plain[SHOWN] == whole[SHOWN]
    assert whole[HIDDEN]["certificateNumber"] == NUMBER
    assert NUMBER not in json.dumps(plain[HIDDEN])
    assert plain[HIDDEN].keys() == whole[HIDDEN].keys() - {"certificateNumber", "certificatePdfUrl", "imageUrl"}
    assert plain[HIDDEN]["certificateLab"] == "GIA"
    assert plain[UNMEASURED] == {**whole[UNMEASURED], "measurements": {}}


@pytest.mark.usefixtures("diamonds")
async def test_events_show_hidden_values_only_with_scope(
    address: str, key: str, make_key: MakeKey, database: Database
) -> None:
    privileged = await make_key(Scope.DIAMONDS_READ, Scope.CERTIFICATES_HIDDEN)
    for caller, sees_hidden in ((key, False), (privileged, True)):
        async with open_socket(address, caller) as socket:
            await socket.subscribe(EVENTS, after=BEGINNING)
            await append_event(database, SHOWN, HIDDEN, UNMEASURED)
            check_visibility((await socket.event())["diamonds"], sees_hidden=sees_hidden)
