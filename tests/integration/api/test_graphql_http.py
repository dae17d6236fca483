"""Audits of the GraphQL over HTTP specification."""

import json
from collections import Counter

import pytest

from app.auth.scopes import Scope
from tests.foreign.npm import run_node
from tests.integration.api.diamonds import MakeKey

# These require queries by GET: disabled intentionally, because other sites can make a browser send one. Registered
# documents are served by GET.
OFF = {
    "MAY accept application/x-www-form-urlencoded formatted GET requests",
    "MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/graphql-response+json",
    "MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/json",
}


@pytest.mark.timeout(240)
async def test_audits_pass_except_queries_by_get(address: str, make_key: MakeKey) -> None:
    key = await make_key(Scope.DIAMONDS_READ, Scope.SCHEMA_READ)
    printed = await run_node("graphql-http", "audit.js", {"URL": f"{address}/graphql", "KEY": key})
    audits = [json.loads(line) for line in printed.splitlines()]
    passed = Counter(audit["name"].split()[0] for audit in audits if audit["status"] == "ok")
    assert {audit["name"] for audit in audits if audit["status"] != "ok"} == OFF
    assert passed == {"MUST": 13, "SHOULD": 23, "MAY": 22}
