"""Minimal client of the simulated supplier, and its documents."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

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
BY_ID = """
query ($token: String!, $id: ID!) {
  as(token: $token) { get_diamond_by_id(diamond_id: $id) { id price diamond { id availability HoldId OrderItemId } } }
}
"""
BY_PRICE = {"type": "price", "direction": "ASC"}


class Client:
    """HTTP client without retries or repairs."""

    def __init__(self, http: httpx.AsyncClient, simulator: Simulator) -> None:
        self.http = http
        self.simulator = simulator
        self.token = ""

    async def post(self, document: str, **variables: Any) -> httpx.Response:
        return await self.http.post(self.simulator.endpoint, json={"query": document, "variables": variables})

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The response body of an authenticated request."""
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
        # Escaped by the standard encoder, which unlike httpx accepts lone surrogates.
        content = None if body is None else json.dumps(body)
        response = await self.http.request(verb, f"{self.simulator.control}/control/{path}", content=content)
        assert response.status_code == 200, response.text
        return response.json()

    async def fault(self, **rule: Any) -> None:
        await self.control("POST", "faults", {"seed": 1, "rules": [rule]})


Start = Callable[[Options], Awaitable[Client]]
