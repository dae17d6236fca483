"""History of pricing rules over GraphQL: every change with its author, and undo."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.auth.scopes import Scope
from tests.integration.api.diamonds import MakeKey

RULE = "id name priority markupRatio shapes createdAt"
CREATE = f"""mutation ($rule: PricingRuleInput!, $key: String!) {{
  pricingRuleCreate(input: {{rule: $rule, idempotencyKey: $key}}) {{ pricingRule {{ {RULE} }} }}
}}"""
UPDATE = f"""mutation ($id: ID!, $rule: PricingRuleInput!) {{
  pricingRuleUpdate(input: {{pricingRuleId: $id, rule: $rule}}) {{ pricingRule {{ {RULE} }} }}
}}"""
DELETE = "mutation ($id: ID!) { pricingRuleDelete(input: {pricingRuleId: $id}) { deletedId } }"
CHANGES = f"""query ($first: Int! = 20, $before: ID) {{
  pricingRuleChanges(first: $first, before: $before) {{
    id clientId undoes undoneBy before {{ {RULE} }} after {{ {RULE} }}
  }}
}}"""
UNDO = f"mutation ($id: ID!) {{ pricingRuleChangeUndo(id: $id) {{ pricingRule {{ {RULE} }} userErrors {{ field code message }} }} }}"
RULES = f"{{ pricingRules {{ {RULE} }} }}"
SIMPLE = {"name": "all", "priority": 5, "markupRatio": 1.5}


class PricingClient:
    """A client that may change prices."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, document: str, **variables: Any) -> Any:
        body = (await self._client.post("/graphql", json={"query": document, "variables": variables})).json()
        assert "errors" not in body, body
        (value,) = body["data"].values()
        return value

    async def create(self, key: str = "1") -> Any:
        return (await self.ask(CREATE, rule=SIMPLE, key=key))["pricingRule"]

    async def update(self, rule: Any, **values: Any) -> None:
        await self.ask(UPDATE, id=rule["id"], rule=SIMPLE | values)

    async def newest(self) -> Any:
        return (await self.ask(CHANGES))[0]


@pytest_asyncio.fixture
async def pricing_client(address: str, make_key: MakeKey) -> AsyncIterator[PricingClient]:
    headers = {"X-API-Key": await make_key(Scope.PRICING_WRITE)}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        yield PricingClient(client)


async def test_each_change_has_author_and_both_states(pricing_client: PricingClient) -> None:
    rule = await pricing_client.create()
    await pricing_client.update(rule, markupRatio=1.6)
    await pricing_client.update(rule, markupRatio=1.6)  # changes nothing
    await pricing_client.create()  # repeats a request
    await pricing_client.ask(DELETE, id=rule["id"])
    deleted, changed, created = await pricing_client.ask(CHANGES)
    assert [one["clientId"] for one in (deleted, changed, created)] == ["test-client"] * 3
    assert (created["before"], created["after"]["markupRatio"]) == (None, 1.5)
    assert (changed["before"]["markupRatio"], changed["after"]["markupRatio"]) == (1.5, 1.6)
    assert (deleted["before"]["markupRatio"], deleted["after"]) == (1.6, None)
    assert {one["id"] for one in (created["after"], changed["after"], deleted["before"])} == {rule["id"]}
    (second,) = await pricing_client.ask(CHANGES, first=1, before=deleted["id"])
    assert second == changed


async def test_undo_restores_earlier_values(pricing_client: PricingClient) -> None:
    rule = await pricing_client.create()
    await pricing_client.update(rule, markupRatio=1.6, shapes=["ROUND"])
    change = await pricing_client.newest()
    undone = await pricing_client.ask(UNDO, id=change["id"])
    assert undone == {"pricingRule": rule, "userErrors": []}
    undo, undone_change, _ = await pricing_client.ask(CHANGES)
    assert (undo["undoes"], undone_change["undoneBy"]) == (change["id"], undo["id"])
    again = await pricing_client.ask(UNDO, id=change["id"])
    assert again["userErrors"] == [{"field": None, "code": "CONFLICT", "message": "The change was undone already."}]
    # An undo can be undone as any other change.
    assert (await pricing_client.ask(UNDO, id=undo["id"]))["pricingRule"]["markupRatio"] == 1.6


async def test_undo_of_deletion_restores_rule_with_id_and_age(pricing_client: PricingClient) -> None:
    rule = await pricing_client.create()
    await pricing_client.ask(DELETE, id=rule["id"])
    assert (await pricing_client.ask(UNDO, id=(await pricing_client.newest())["id"]))["pricingRule"] == rule
    assert await pricing_client.ask(RULES) == [rule]
    await pricing_client.ask(DELETE, id=rule["id"])
    assert await pricing_client.ask(RULES) == []


async def test_undo_of_creation_deletes_rule(pricing_client: PricingClient) -> None:
    await pricing_client.create()
    assert await pricing_client.ask(UNDO, id=(await pricing_client.newest())["id"]) == {
        "pricingRule": None,
        "userErrors": [],
    }
    assert await pricing_client.ask(RULES) == []


async def test_undo_is_rejected_after_later_change(pricing_client: PricingClient) -> None:
    rule = await pricing_client.create()
    for ratio in (1.6, 1.7):
        await pricing_client.update(rule, markupRatio=ratio)
    _, earlier, _ = await pricing_client.ask(CHANGES)
    refused = await pricing_client.ask(UNDO, id=earlier["id"])
    assert [one["code"] for one in refused["userErrors"]] == ["CONFLICT"]
    assert (await pricing_client.ask(RULES))[0]["markupRatio"] == 1.7


@pytest.mark.parametrize("given", ["nothing", "0", "9223372036854775808", "-1"])
async def test_unknown_change_is_not_found(pricing_client: PricingClient, given: str) -> None:
    refused = await pricing_client.ask(UNDO, id=given)
    assert [(one["field"], one["code"]) for one in refused["userErrors"]] == [(["id"], "NOT_FOUND")]
