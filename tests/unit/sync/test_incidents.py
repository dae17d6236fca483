"""Commands of incidents concern the feed of the incident."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from inventory.runs.models import Run, RunOutline
from sync.alerts import incidents

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def failed(error_code: str) -> Run:
    values: dict[str, Any] = dict.fromkeys(Run.__struct_fields__) | {
        "id": UUID(int=1), "feed": "acme", "run_type": "full", "status": "failed", "started_by": "a test", "trace_id": "",
        "window_to": NOON, "started_at": NOON, "completed_at": NOON, "deadline_at": NOON, "error_code": error_code,
        "fetched": 0, "upserted": 0, "unchanged": 0, "quarantined": 0, "deleted": 0, "unidentified": 0,
    }  # fmt: skip
    return Run(**values)


@pytest.mark.parametrize("error_code", ["QUARANTINE_EXCEEDED", "MASS_DELETE_STOPPED"])
def test_run_ended_names_feed_in_command_that_starts_run(error_code: str) -> None:
    outline = RunOutline(total=1, succeeded=1, failed=0, open=0, fetched=0, planned_stones=1, max_over_mean=1.0)
    incident = incidents.run_ended(failed(error_code), outline, error_code, incidents.Evidence())
    assert incident is not None
    assert "diamonds-sync schedule --feed acme --full" in incident.content.commands


def test_incidents_of_feed_name_it_in_commands() -> None:
    missed = incidents.nightly_missed("acme", NOON).content.commands
    future = incidents.watermark_in_future("acme", NOON.isoformat(), "It is in the future.").content.commands
    assert [command for command in (*missed, *future) if " --feed acme" not in command] == []
