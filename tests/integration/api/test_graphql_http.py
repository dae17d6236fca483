"""The audits of the GraphQL over HTTP draft, written by its authors: what must, should and may be."""

import json
from collections import Counter

import pytest

from app.auth.scopes import Scope
from tests.foreign.npm import run_node
from tests.integration.api.diamonds import MakeKey

# These want queries by GET: off on purpose, because others can make a browser send one. Registered documents do come by
# GET.
OFF = {
    "MAY accept application/x-www-form-urlencoded formatted GET requests",
    "MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/graphql-response+json",
    "MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/json",
}


@pytest.mark.timeout(240)
async def test_every_audit_passes_but_those_that_want_queries_by_get(address: str, make_key: MakeKey) -> None:
    key = await make_key(Scope.DIAMONDS_READ, Scope.SCHEMA_READ)
    printed = await run_node("graphql-http", "audit.js", {"URL": f"{address}/graphql", "KEY": key})
    audits = [json.loads(line) for line in printed.splitlines()]
    passed = Counter(audit["name"].split()[0] for audit in audits if audit["status"] == "ok")
    assert {audit["name"] for audit in audits if audit["status"] != "ok"} == OFF
    assert passed == {"MUST": 13, "SHOULD": 23, "MAY": 22}
