"""Incidents over GraphQL: list open ones, resolve one. Time of the next nightly run."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.auth.scopes import Scope
from inventory.runs.schedule import next_nightly
from tests.integration.api.diamonds import EPOCH, Insert, MakeKey, Row
from tests.integration.api.runs import build_run, run_id

LIST = """query ($open: Boolean! = true, $first: Int! = 20) {
  incidents(open: $open, first: $first) { id kind runId subject reason nextStep figures { label value } open resolvedBy }
}"""
RESOLVE = "mutation ($id: ID!) { incidentResolve(id: $id) { resolvedId userErrors { field code } } }"
CONTENT = json.dumps(
    {"subject": "It failed", "reason": "no answer", "figures": [["Stones", "5"]], "next_step": "Retry."}
)


def build_alert(kind: str, subject: object = "nivoda", **values: Any) -> Row:
    return {
        "id": uuid4(),
        "incident": f"{kind}:{subject}:{uuid4()}",
        "kind": kind,
        "feed": "nivoda",
        "run_id": None,
        "content": CONTENT,
        "created_at": EPOCH + timedelta(hours=2),
        **values,
    }


async def ask(client: httpx.AsyncClient, document: str, **variables: Any) -> Any:
    return (await client.post("/graphql", json={"query": document, "variables": variables})).json()


async def kinds(client: httpx.AsyncClient) -> list[str]:
    return [one["kind"] for one in (await ask(client, LIST))["data"]["incidents"]]


async def test_problem_of_run_is_open_until_later_run_completes(operator: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build_run(1), build_run(2, status="failed")], "run_metadata")
    await insert([build_alert("run_failed", run_id=run_id(2))], "alerts")
    (found,) = (await ask(operator, LIST))["data"]["incidents"]
    assert UUID(found["runId"]) == run_id(2)
    assert (found["subject"], found["reason"], found["nextStep"]) == ("It failed", "no answer", "Retry.")
    assert found["figures"] == [{"label": "Stones", "value": "5"}]
    await insert([build_run(3, feed="other")], "run_metadata")
    assert await kinds(operator) == ["run_failed"]
    await insert([build_run(4)], "run_metadata")
    assert await kinds(operator) == []
    (old,) = (await ask(operator, LIST, open=False))["data"]["incidents"]
    assert old["open"] is False


async def test_stopped_full_run_is_open_until_later_full_run_completes(
    operator: httpx.AsyncClient, insert: Insert
) -> None:
    await insert([build_run(2, status="failed")], "run_metadata")
    stopped = ("mass_delete_stopped", "quarantine_exceeded", "run_failed")
    await insert([build_alert(kind, run_id=run_id(2)) for kind in stopped], "alerts")
    assert sorted(await kinds(operator)) == sorted(stopped)
    await insert([build_run(3, run_type="incremental", window_from=EPOCH)], "run_metadata")
    assert sorted(await kinds(operator)) == ["mass_delete_stopped", "quarantine_exceeded"]
    await insert([build_run(4)], "run_metadata")
    assert await kinds(operator) == []


async def test_stopped_incremental_run_is_open_until_later_run_completes(
    operator: httpx.AsyncClient, insert: Insert
) -> None:
    await insert([build_run(2, run_type="incremental", window_from=EPOCH, status="failed")], "run_metadata")
    await insert([build_alert("quarantine_exceeded", run_id=run_id(2))], "alerts")
    assert await kinds(operator) == ["quarantine_exceeded"]
    await insert([build_run(3, run_type="incremental", window_from=EPOCH)], "run_metadata")
    assert await kinds(operator) == []


async def test_problem_of_cancelled_run_is_closed(operator: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build_run(2, status="cancelled")], "run_metadata")
    await insert(
        [build_alert("mass_delete_stopped", run_id=run_id(2)), build_alert("quarantine_exceeded", run_id=run_id(3))],
        "alerts",
    )
    assert await kinds(operator) == ["quarantine_exceeded"]


async def test_schema_differences_are_open_while_newest_run_has_some(
    operator: httpx.AsyncClient, insert: Insert
) -> None:
    await insert([build_run(1, schema_differences=["a field"])], "run_metadata")
    await insert([build_alert("schema_differs")], "alerts")
    assert await kinds(operator) == ["schema_differs"]
    await insert([build_run(2)], "run_metadata")
    assert await kinds(operator) == []


async def test_operator_resolves_incident_once(operator: httpx.AsyncClient, insert: Insert) -> None:
    alert = build_alert("purchase_price_risen")
    await insert([alert], "alerts")
    for _ in range(2):
        answer = (await ask(operator, RESOLVE, id=str(alert["id"])))["data"]["incidentResolve"]
        assert answer == {"resolvedId": str(alert["id"]), "userErrors": []}
    assert await kinds(operator) == []
    (found,) = (await ask(operator, LIST, open=False))["data"]["incidents"]
    assert found["resolvedBy"] == "api:test-client"


@pytest.mark.parametrize("given", ["nothing", "285981fa-cbe4-47ed-b0ce-22c1db82028c"])
async def test_unknown_incident_is_not_found(operator: httpx.AsyncClient, given: str) -> None:
    answer = (await ask(operator, RESOLVE, id=given))["data"]["incidentResolve"]
    assert answer == {"resolvedId": None, "userErrors": [{"field": ["id"], "code": "NOT_FOUND"}]}


async def test_read_scope_does_not_allow_resolving(address: str, make_key: MakeKey) -> None:
    async with httpx.AsyncClient(base_url=address, headers={"X-API-Key": await make_key(Scope.SYNC_READ)}) as reader:
        assert await kinds(reader) == []
        refused = await ask(reader, RESOLVE, id=str(uuid4()))
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_number_of_incidents_is_limited(operator: httpx.AsyncClient) -> None:
    refused = await ask(operator, LIST, first=101)
    assert refused["errors"][0]["extensions"]["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2026, 3, 1, 1, 59, tzinfo=UTC), datetime(2026, 3, 1, 2, tzinfo=UTC)),
        (datetime(2026, 3, 1, 2, 0, tzinfo=UTC), datetime(2026, 3, 2, 2, tzinfo=UTC)),
        (datetime(2026, 3, 1, 23, 0, tzinfo=UTC), datetime(2026, 3, 2, 2, tzinfo=UTC)),
    ],
)
def test_next_nightly_is_next_two_o_clock(now: datetime, due: datetime) -> None:
    assert next_nightly(now) == due


async def test_schedule_returns_next_nightly_run(operator: httpx.AsyncClient) -> None:
    schedule = (await ask(operator, "{ syncSchedule { nextRunAt startedByJobs } }"))["data"]["syncSchedule"]
    assert datetime.fromisoformat(schedule["nextRunAt"]) > datetime.now(UTC)
    assert schedule["startedByJobs"] is True
