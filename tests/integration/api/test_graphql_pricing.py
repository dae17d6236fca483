"""Pricing rules over GraphQL: changes, previews, idempotency."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from app.auth.scopes import Scope
from app.graphql.relay import global_id, read_global_id
from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.pricing import service as module
from inventory.pricing.draft import RuleDraft, StoredRule
from inventory.pricing.rules import PricingRule, price
from inventory.pricing.service import PricingService
from tests.integration.api.diamonds import Insert, MakeKey, Query, Row, build

RULE = "id name priority markupRatio rating caratMin caratMax shapes labGrown supplier createdAt updatedAt"
CREATE = f"""mutation ($rule: PricingRuleInput!, $key: String!) {{
  pricingRuleCreate(input: {{rule: $rule, idempotencyKey: $key}}) {{ pricingRule {{ {RULE} }} userErrors {{ field message code }} }}
}}"""
UPDATE = f"""mutation ($id: ID!, $rule: PricingRuleInput!) {{
  pricingRuleUpdate(input: {{pricingRuleId: $id, rule: $rule}}) {{ pricingRule {{ {RULE} }} userErrors {{ field message code }} }}
}}"""
DELETE = "mutation ($id: ID!) { pricingRuleDelete(input: {pricingRuleId: $id}) { deletedId userErrors { field message code } } }"
PREVIEW = """query ($rule: PricingRuleInput!, $replacing: ID) {
  pricingRulePreview(rule: $rule, replacing: $replacing) {
    affectedCount decidedCount changedCount oldTotal { cents } newTotal { cents }
    samples { diamond { supplierStoneId } oldPrice { cents } newPrice { cents } }
  }
}"""
SIMPLE = {"name": "all", "priority": 5, "markupRatio": 1.5}


@pytest_asyncio.fixture
async def pricing_client(address: str, make_key: MakeKey) -> AsyncIterator[httpx.AsyncClient]:
    """A client that may change prices."""
    headers = {"X-API-Key": await make_key(Scope.PRICING_WRITE)}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        yield client


@pytest.fixture
def ask(pricing_client: httpx.AsyncClient) -> Query:
    async def asked(document: str, **variables: Any) -> Mapping[str, Any]:
        response = await pricing_client.post("/graphql", json={"query": document, "variables": variables})
        body: Mapping[str, Any] = response.json()
        return body

    return asked


@pytest_asyncio.fixture
async def pricing(settings: Settings) -> AsyncIterator[PricingService]:
    async with Database.open(settings.database) as database:
        yield PricingService(database)


async def create(ask: Query, key: str = "1", **values: Any) -> Mapping[str, Any]:
    body = await ask(CREATE, rule=SIMPLE | values, key=key)
    payload: Mapping[str, Any] = body["data"]["pricingRuleCreate"]
    return payload


async def listed(ask: Query) -> list[Mapping[str, Any]]:
    rules: list[Mapping[str, Any]] = (await ask(f"{{ pricingRules {{ {RULE} }} }}"))["data"]["pricingRules"]
    return rules


async def test_rule_is_created_listed_found_changed_and_deleted(ask: Query) -> None:
    values: dict[str, Any] = {"name": "large ovals", "priority": 2, "markupRatio": 1.2345, "rating": 9, "shapes": ["OVAL", "PEAR"],
              "labGrown": False, "supplier": "nivoda"}  # fmt: skip
    made = await create(ask, carat={"min": 1.01, "max": 2.5}, **values)
    rule = made["pricingRule"]
    assert made["userErrors"] == []
    assert {name: rule[name] for name in values} == values
    assert (rule["caratMin"], rule["caratMax"]) == (1.01, 2.5)
    assert await listed(ask) == [rule]
    node = await ask(f"query ($id: ID!) {{ node(id: $id) {{ ... on PricingRule {{ {RULE} }} }} }}", id=rule["id"])
    assert node["data"]["node"] == rule

    changed = (await ask(UPDATE, id=rule["id"], rule=SIMPLE))["data"]["pricingRuleUpdate"]["pricingRule"]
    assert changed["updatedAt"] > rule["updatedAt"]
    gone = {"rating": None, "caratMin": None, "caratMax": None, "shapes": None, "labGrown": None, "supplier": None}
    assert changed == rule | SIMPLE | gone | {"updatedAt": changed["updatedAt"]}
    again = (await ask(UPDATE, id=rule["id"], rule=SIMPLE))["data"]["pricingRuleUpdate"]["pricingRule"]
    assert again == changed

    _, plain = read_global_id(rule["id"])
    deleted = (await ask(DELETE, id=str(plain)))["data"]["pricingRuleDelete"]
    assert deleted == {"deletedId": rule["id"], "userErrors": []}, "the id by which caches know it"
    assert await listed(ask) == []
    missing = {"field": ["input", "pricingRuleId"], "code": "NOT_FOUND"}
    for document, name in ((DELETE, "pricingRuleDelete"), (UPDATE, "pricingRuleUpdate")):
        for key in (rule["id"], "nonsense"):
            (error,) = (await ask(document, id=key, rule=SIMPLE))["data"][name]["userErrors"]
            assert error | missing == error


async def test_rules_are_listed_by_priority(ask: Query) -> None:
    for number, priority in enumerate((3, 1, 3, 2)):
        await create(ask, key=str(number), name=f"rule {number}", priority=priority)
    assert [rule["name"] for rule in await listed(ask)] == ["rule 1", "rule 3", "rule 0", "rule 2"]


async def test_repeated_request_creates_one_rule(ask: Query) -> None:
    first, second = await asyncio.gather(create(ask), create(ask))
    assert first == second
    assert await listed(ask) == [first["pricingRule"]]
    other = await create(ask, priority=6)
    assert other["pricingRule"] is None
    assert [error["code"] for error in other["userErrors"]] == ["CONFLICT"]
    assert (await create(ask, key="2"))["pricingRule"]["id"] != first["pricingRule"]["id"]


async def test_repeated_request_does_not_recreate_deleted_rule(ask: Query) -> None:
    made = await create(ask, key="once")
    await ask(DELETE, id=made["pricingRule"]["id"])
    for key in ("once", " once\t"):
        again = await create(ask, key=key)
        assert (again["pricingRule"], [error["code"] for error in again["userErrors"]]) == (None, ["CONFLICT"])
        assert "deleted" in again["userErrors"][0]["message"]
    assert await listed(ask) == []
    assert (await create(ask, key="twice"))["userErrors"] == []


async def test_idempotency_keys_of_clients_are_separate(pricing: PricingService) -> None:
    draft = RuleDraft(name="a", priority=1, markup_ratio=Decimal("1.2"))
    ids = {(await pricing.add(draft, client_id=client, key="1")).id for client in ("acme", "globex", "acme")}
    assert len(ids) == 2


async def test_invalid_rule_fields_are_named_by_path(ask: Query) -> None:
    payload = await create(ask, name="", markupRatio=0, carat={"min": 2, "max": 1}, shapes=[])
    assert payload["pricingRule"] is None
    assert [(error["field"], error["code"]) for error in payload["userErrors"]] == [
        (["input", "rule", "name"], "INVALID"),
        (["input", "rule", "markupRatio"], "INVALID"),
        (["input", "rule", "carat"], "INVALID"),
        (["input", "rule", "shapes"], "INVALID"),
    ]
    for key in ("", "x" * 201):
        (error,) = (await create(ask, key=key))["userErrors"]
        assert (error["field"], error["code"]) == (["input", "idempotencyKey"], "INVALID")
    assert await listed(ask) == []


async def test_number_of_rules_is_limited(ask: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RULE_LIMIT", 2)
    await create(ask, key="1")
    await create(ask, key="2")
    refused = await create(ask, key="3")
    assert [error["code"] for error in refused["userErrors"]] == ["CONFLICT"]
    assert (await create(ask, key="2"))["userErrors"] == []


async def test_reading_diamonds_does_not_allow_rules(query: Query) -> None:
    for document, variables in (
        ("{ pricingRules { id } }", {}),
        (PREVIEW, {"rule": SIMPLE}),
        (CREATE, {"rule": SIMPLE, "key": "1"}),
        (UPDATE, {"id": "x", "rule": SIMPLE}),
        (DELETE, {"id": "x"}),
        ("mutation { inventoryReprice { job { id } } }", {}),
        ('{ node(id: "UHJpY2luZ1J1bGU6MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAw") { id } }', {}),
    ):
        body = await query(document, **variables)
        assert [error["extensions"]["code"] for error in body["errors"]] == ["FORBIDDEN"], document


def priced(rows: list[Row], rules: list[RuleDraft]) -> dict[str, int]:
    """Each stone's price by the rules, computed as in consolidation."""
    ordered = [
        PricingRule(
            priority=rule.priority,
            markup_ratio=rule.markup_ratio,
            carat_min_milli=rule.carat_min_milli,
            carat_max_milli=rule.carat_max_milli,
            shapes=frozenset(rule.shapes) if rule.shapes is not None else None,
            lab_grown=rule.lab_grown,
            supplier=rule.supplier,
        )
        for rule in rules
    ]
    return {
        row["supplier_stone_id"]: price(
            ordered, row["supplier_price_cents"], row["carat_milli"], row["shape"], row["lab_grown"], row["supplier"]
        ).retail_cents
        for row in rows
    }


def some_draft(dice: random.Random) -> RuleDraft:
    low, high = sorted((dice.randint(0, 3000), dice.randint(0, 3000)))
    return RuleDraft(
        name="any",
        priority=dice.randint(0, 3),
        markup_ratio=Decimal(dice.randint(1, 30_000)) / 10_000,
        carat_min_milli=dice.choice([None, low]),
        carat_max_milli=dice.choice([None, high]),
        shapes=dice.choice([None, ["ROUND"], ["OVAL", "PEAR"]]),
        lab_grown=dice.choice([None, True, False]),
        supplier=dice.choice([None, "nivoda", "other"]),
    )


async def test_preview_equals_result_of_repricing(pricing: PricingService, insert: Insert) -> None:
    dice = random.Random(11)
    rows = [
        build(
            number,
            carat_milli=dice.randint(100, 3000),
            shape=dice.choice(["ROUND", "OVAL", "PEAR", "HEART"]),
            lab_grown=dice.random() < 0.5,
            supplier=dice.choice(["nivoda", "other"]),
            supplier_price_cents=dice.randint(1, 10**7),
        )
        for number in range(120)
    ]
    drafts = [some_draft(dice) for _ in range(6)]
    rules = [await pricing.add(draft, client_id="test", key=str(number)) for number, draft in enumerate(drafts)]
    rules = await pricing.all_rules()
    now = priced(rows, list(rules))
    await insert([row | {"retail_price_cents": now[row["supplier_stone_id"]]} for row in rows])
    keys = {row["id"]: row["supplier_stone_id"] for row in rows}
    seen_changes = 0
    for turn in range(30):
        draft = some_draft(dice)
        replaced: StoredRule | None = dice.choice([None, *rules])
        preview = await pricing.preview(draft, replaced.id if replaced else None)
        if replaced is None:
            after = sorted([*rules, draft], key=lambda rule: rule.priority)
        else:
            kept = [draft if rule is replaced else rule for rule in sorted(rules, key=lambda one: one.created_at)]
            after = sorted(kept, key=lambda rule: rule.priority)
        then = priced(rows, list(after))
        changes = {stone: (now[stone], then[stone]) for stone in now if now[stone] != then[stone]}
        assert preview.changed == len(changes), turn
        assert preview.new_total - preview.old_total == sum(new - old for old, new in changes.values())
        shown = {keys[sample.diamond_id]: (sample.old_cents, sample.new_cents) for sample in preview.samples}
        assert shown.items() <= changes.items()
        differences = sorted((abs(new - old) for old, new in changes.values()), reverse=True)[:10]
        assert [abs(new - old) for old, new in shown.values()] == differences
        assert preview.decided <= preview.affected
        seen_changes += len(changes)
    assert seen_changes > 100


async def test_preview_writes_nothing_and_shows_stones(ask: Query, insert: Insert) -> None:
    await insert(
        [build(number, supplier_price_cents=number * 100, retail_price_cents=number * 115) for number in range(1, 21)]
    )
    body = await ask(PREVIEW, rule=SIMPLE)
    preview = body["data"]["pricingRulePreview"]
    samples = preview.pop("samples")
    assert preview == {
        "affectedCount": 20, "decidedCount": 20, "changedCount": 20,
        "oldTotal": {"cents": 210 * 115}, "newTotal": {"cents": 210 * 150},
    }  # fmt: skip
    assert [sample["diamond"]["supplierStoneId"] for sample in samples] == [f"stone-{n}" for n in range(20, 10, -1)]
    assert (samples[0]["oldPrice"]["cents"], samples[0]["newPrice"]["cents"]) == (2300, 3000)
    assert await listed(ask) == []
    for replacing in ("x", global_id("PricingRule", UUID(int=1))):
        unknown = await ask(PREVIEW, rule=SIMPLE, replacing=replacing)
        assert unknown["errors"][0]["extensions"]["fields"] == {"replacing": "is not the id of a pricing rule"}
    wrong = await ask(PREVIEW, rule=SIMPLE | {"rating": 99})
    assert wrong["errors"][0]["extensions"]["code"] == "VALIDATION_ERROR"


async def test_rule_shadowed_by_another_has_no_effect(ask: Query, insert: Insert) -> None:
    await insert([build(number) for number in range(5)])
    first = (await create(ask, priority=1, markupRatio=1.15))["pricingRule"]
    body = await ask(PREVIEW, rule=SIMPLE | {"priority": 1, "markupRatio": 3})
    assert body["data"]["pricingRulePreview"]["decidedCount"] == 0
    narrowed = await ask(PREVIEW, rule=SIMPLE | {"labGrown": True, "markupRatio": 3}, replacing=first["id"])
    preview = narrowed["data"]["pricingRulePreview"]
    assert (preview["affectedCount"], preview["decidedCount"], preview["changedCount"]) == (5, 0, 0)
