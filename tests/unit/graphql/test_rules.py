"""The rules of graphql-eslint, Relay's among them, on the schema as it is committed."""

import json
from pathlib import Path

import pytest

from tests.foreign.npm import run_node

SCHEMA = Path(__file__).parents[3] / "schema.graphql"


@pytest.mark.timeout(240)
async def test_the_schema_keeps_the_rules_of_graphql_eslint() -> None:
    printed = await run_node("graphql-eslint", "lint.js", {"SCHEMA": str(SCHEMA)})
    assert json.loads(printed) == []


@pytest.mark.timeout(240)
async def test_the_rules_would_notice(tmp_path: Path) -> None:
    broken = tmp_path / "schema.graphql"
    broken.write_text(SCHEMA.read_text("utf-8").replace("pageInfo: PageInfo!", "pageInfo: Int!"), "utf-8")
    found = json.loads(await run_node("graphql-eslint", "lint.js", {"SCHEMA": str(broken)}))
    assert "@graphql-eslint/relay-connection-types" in {one["rule"] for one in found}
