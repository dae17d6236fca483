"""Status of the installation over GraphQL: checks of `doctor` by the API, and of the pipeline by its job worker."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from app.auth.scopes import Scope
from app.doctor import service
from inventory.core.database import Database
from inventory.core.settings import Settings
from sync.container import Container
from sync.jobs import worker
from tests.integration.sync.operators import Ask, ask, caller, pipeline, settings

__all__ = ["ask", "pipeline", "settings"]  # fixtures

STATUS = "{ installationStatus { at works subjects { subject checks { name state detail nextStep } } } }"


async def status(ask: Ask) -> Mapping[str, Any]:
    body = await ask(STATUS)
    assert "errors" not in body, body
    found: Mapping[str, Any] = body["data"]["installationStatus"]
    return found


def states(found: Mapping[str, Any]) -> dict[str, set[str]]:
    return {one["subject"]: {check["state"] for check in one["checks"]} for one in found["subjects"]}


async def test_status_has_checks_of_api_and_of_pipeline(ask: Ask, pipeline: Container) -> None:
    stop = asyncio.Event()
    working = asyncio.create_task(worker.serve(pipeline, stop))
    try:
        found = await status(ask)
    finally:
        stop.set()
        await working
    by_subject = states(found)
    assert by_subject["Database of DATABASE_URL"] <= {"OK", "DEGRADED"}
    assert by_subject["Redis of REDIS_URL"] <= {"OK", "DEGRADED"}
    assert any(subject.startswith("Queues") for subject in by_subject)
    assert any(subject.startswith("Watermark") for subject in by_subject)
    assert await status(ask) == found, "shared for a minute"


async def test_status_without_job_worker_reports_it(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_SECONDS", 2.0)
    found = await status(ask)
    assert found["works"] is False
    (pipeline_checks,) = [one for one in found["subjects"] if one["subject"] == "Jobs role and pipeline"]
    (check,) = pipeline_checks["checks"]
    assert check["state"] == "FAILED"
    assert "jobs role" in check["nextStep"]


async def test_status_requires_scope(settings: Settings, database: Database) -> None:
    async with caller(settings, database, Scope.DIAMONDS_READ) as ask:
        (error,) = (await ask(STATUS))["errors"]
        assert error["extensions"]["code"] == "FORBIDDEN"
