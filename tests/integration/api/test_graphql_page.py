"""Examples of the GraphQL documentation: every query returns the documented result."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from app.auth.scopes import Scope
from tests.integration.api.diamonds import Insert, MakeKey, build

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "graphql.md"
FENCE = re.compile(r"^```(?P<kind>graphql|json variables|json)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    query: str
    variables: Any
    answer: Any


# Requires a supplier: see tests/integration/trading/test_graphql_page.py.
TRADING = "Holds and purchases"


def sections(*, trading: bool) -> str:
    """The part of the page that requires a supplier, or the other part."""
    parts = re.split(r"^(?=## )", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return "".join(part for part in parts if part.startswith(f"## {TRADING}\n") is trading)


def examples(page: str) -> list[Example]:
    """Each query of the page with variables and result, in order."""
    found: list[Example] = []
    for fence in FENCE.finditer(page):
        kind, text = fence["kind"], fence["text"]
        if kind == "graphql":
            found.append(Example(text, None, None))
        elif kind == "json":
            found[-1] = found[-1]._replace(answer=json.loads(text))
        else:
            found[-1] = found[-1]._replace(variables=json.loads(text))
    return found


async def test_documented_queries_return_documented_results(address: str, make_key: MakeKey, insert: Insert) -> None:
    await insert([
        build(1, shape="ROUND", carat_milli=1010, supplier_price_cents=500_000, retail_price_cents=575_000),
        build(2, shape="OVAL", carat_milli=1500, color="D", supplier_price_cents=800_000, retail_price_cents=920_000),
        build(3, shape="OVAL", carat_milli=700, color="Top Wesselton", lab_grown=True, clarity="SI2",
              supplier_price_cents=100_000, retail_price_cents=115_000),
        build(4, shape="PEAR", carat_milli=2250, color=None, clarity="IF", supplier_price_cents=2_000_000,
              retail_price_cents=2_300_000),
    ])  # fmt: skip
    key = await make_key(Scope.DIAMONDS_READ, Scope.SEARCHES_WRITE, Scope.PRICING_WRITE, Scope.SYNC_READ)
    listed = examples(sections(trading=False))
    assert len(listed) >= 10
    async with httpx.AsyncClient(base_url=address, headers={"X-API-Key": key}) as client:
        await check_examples(client, listed)


async def check_examples(client: httpx.AsyncClient, listed: Iterable[Example]) -> None:
    """Send each example and compare the result with the documented one."""
    for example in listed:
        response = await client.post("/graphql", json={"query": example.query, "variables": example.variables})
        answer = {name: member for name, member in response.json().items() if name != "extensions"}
        assert answer == example.answer, example.query
