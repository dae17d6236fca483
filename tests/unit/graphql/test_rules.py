"""graphql-eslint rules, including Relay's, on the committed schema."""

import json
from pathlib import Path

import pytest

from tests.foreign.npm import run_node

SCHEMA = Path(__file__).parents[3] / "schema.graphql"


@pytest.mark.timeout(240)
async def test_schema_passes_graphql_eslint() -> None:
    printed = await run_node("graphql-eslint", "lint.js", {"SCHEMA": str(SCHEMA)})
    assert json.loads(printed) == []


@pytest.mark.timeout(240)
async def test_graphql_eslint_reports_violation(tmp_path: Path) -> None:
    broken = tmp_path / "schema.graphql"
    broken.write_text(SCHEMA.read_text("utf-8").replace("pageInfo: PageInfo!", "pageInfo: Int!"), "utf-8")
    found = json.loads(await run_node("graphql-eslint", "lint.js", {"SCHEMA": str(broken)}))
    assert "@graphql-eslint/relay-connection-types" in {one["rule"] for one in found}
