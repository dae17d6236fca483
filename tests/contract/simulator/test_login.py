"""Endpoint, tokens, and invalid requests."""

import pytest

from sandbox.supplier.server import DEFAULT_ACCOUNT, Options
from tests.contract.simulator.client import COUNT, LOGIN, STONES, Client, Start


async def test_wrong_credentials_are_error_with_status_200(client: Client) -> None:
    response = await client.post(LOGIN, username=DEFAULT_ACCOUNT.username, password="wrong")
    assert response.status_code == 200
    body = response.json()
    assert body["errors"][0]["path"] == ["authenticate", "username_and_password"]
    assert body["data"] == {"authenticate": {"username_and_password": None}}


async def test_token_is_accepted_in_wrapper_and_in_header(client: Client) -> None:
    assert await client.count() == STONES
    document = {"query": "{ diamonds_by_query_count(query: {}) }"}
    for scheme in ("Bearer", "bearer"):
        headers = {"Authorization": f"{scheme} {client.token}"}
        response = await client.http.post(client.simulator.endpoint, json=document, headers=headers)
        assert response.json() == {"data": {"diamonds_by_query_count": STONES}}


@pytest.mark.parametrize("token", ["", "made up"])
async def test_unknown_token_is_unauthorized_error(token: str, client: Client) -> None:
    client.token = token
    body = await client.ask(COUNT, query={})
    assert "unauthorized" in body["errors"][0]["message"].lower()
    assert body["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    assert body["data"] is None


async def test_token_expires(start: Start) -> None:
    client = await start(Options(stones=5, token_seconds=0))
    body = await client.ask(COUNT, query={})
    assert "expired" in body["errors"][0]["message"]


async def test_aliased_roots_with_fragments_are_answered_together(client: Client) -> None:
    document = f"""
    {{
      as(token: "{client.token}") {{
        cheap: diamonds_by_query_count(query: {{dollar_value: {{from: 0, to: 340}}}})
        all: diamonds_by_query_count(query: {{}})
        diamonds_by_query(query: {{shapes: ["ROUND"]}}, limit: 2) {{ items {{ ...Offer }} }}
      }}
    }}
    fragment Offer on DiamondItem {{ offer: id }}
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
        ("{ as(token: {}) { diamonds_by_query_count(query: {}) } }", "String"),
        ("{ diamonds_by_query_count(query: {} }", "Syntax Error"),
    ],
)
async def test_invalid_document_is_error_with_status_400(document: str, message: str, client: Client) -> None:
    response = await client.post(document)
    assert response.status_code == 400
    assert "data" not in response.json()
    assert message in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"query": 5}', b'{"variables": {}}', b"\xff"])
async def test_malformed_request_is_status_400(body: bytes, client: Client) -> None:
    response = await client.http.post(client.simulator.endpoint, content=body)
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"]


async def test_other_methods_paths_and_large_bodies_are_rejected(client: Client) -> None:
    endpoint = client.simulator.endpoint
    assert (await client.http.get(endpoint)).status_code == 405
    assert (await client.http.post(endpoint + "s", json={})).status_code == 404
    assert (await client.http.post(endpoint, content=b"x" * 1_100_000)).status_code == 413
