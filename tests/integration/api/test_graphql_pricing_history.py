"""History of pricing rules over GraphQL: every change with its author, and its undo."""

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


class Pricer:
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
async def pricer(address: str, make_key: MakeKey) -> AsyncIterator[Pricer]:
    headers = {"X-API-Key": await make_key(Scope.PRICING_WRITE)}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        yield Pricer(client)


async def test_each_change_has_its_author_and_both_states(pricer: Pricer) -> None:
    rule = await pricer.create()
    await pricer.update(rule, markupRatio=1.6)
    await pricer.update(rule, markupRatio=1.6)  # changes nothing
    await pricer.create()  # repeats a request
    await pricer.ask(DELETE, id=rule["id"])
    deleted, changed, created = await pricer.ask(CHANGES)
    assert [one["clientId"] for one in (deleted, changed, created)] == ["test-client"] * 3
    assert (created["before"], created["after"]["markupRatio"]) == (None, 1.5)
    assert (changed["before"]["markupRatio"], changed["after"]["markupRatio"]) == (1.5, 1.6)
    assert (deleted["before"]["markupRatio"], deleted["after"]) == (1.6, None)
    assert {one["id"] for one in (created["after"], changed["after"], deleted["before"])} == {rule["id"]}
    (second,) = await pricer.ask(CHANGES, first=1, before=deleted["id"])
    assert second == changed


async def test_undoing_a_change_restores_the_earlier_values(pricer: Pricer) -> None:
    rule = await pricer.create()
    await pricer.update(rule, markupRatio=1.6, shapes=["ROUND"])
    change = await pricer.newest()
    undone = await pricer.ask(UNDO, id=change["id"])
    assert undone == {"pricingRule": rule, "userErrors": []}
    undo, undone_change, _ = await pricer.ask(CHANGES)
    assert (undo["undoes"], undone_change["undoneBy"]) == (change["id"], undo["id"])
    again = await pricer.ask(UNDO, id=change["id"])
    assert again["userErrors"] == [{"field": None, "code": "CONFLICT", "message": "The change was undone already."}]
    # An undo can be undone as any other change.
    assert (await pricer.ask(UNDO, id=undo["id"]))["pricingRule"]["markupRatio"] == 1.6


async def test_undoing_a_deletion_restores_the_rule_with_its_id_and_age(pricer: Pricer) -> None:
    rule = await pricer.create()
    await pricer.ask(DELETE, id=rule["id"])
    assert (await pricer.ask(UNDO, id=(await pricer.newest())["id"]))["pricingRule"] == rule
    assert await pricer.ask(RULES) == [rule]
    await pricer.ask(DELETE, id=rule["id"])
    assert await pricer.ask(RULES) == []


async def test_undoing_a_creation_deletes_the_rule(pricer: Pricer) -> None:
    await pricer.create()
    assert await pricer.ask(UNDO, id=(await pricer.newest())["id"]) == {"pricingRule": None, "userErrors": []}
    assert await pricer.ask(RULES) == []


async def test_a_change_is_not_undone_over_a_later_one(pricer: Pricer) -> None:
    rule = await pricer.create()
    for ratio in (1.6, 1.7):
        await pricer.update(rule, markupRatio=ratio)
    _, earlier, _ = await pricer.ask(CHANGES)
    refused = await pricer.ask(UNDO, id=earlier["id"])
    assert [one["code"] for one in refused["userErrors"]] == ["CONFLICT"]
    assert (await pricer.ask(RULES))[0]["markupRatio"] == 1.7


@pytest.mark.parametrize("given", ["nothing", "0", "9223372036854775808", "-1"])
async def test_an_unknown_change_is_not_found(pricer: Pricer, given: str) -> None:
    refused = await pricer.ask(UNDO, id=given)
    assert [(one["field"], one["code"]) for one in refused["userErrors"]] == [(["id"], "NOT_FOUND")]
