"""`doctor`: each problem is named with the next step, with real servers."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from inventory.core.checks import Check, DoctorReport
from inventory.core.clock import utc_now
from inventory.core.errors import SupplierTimeout
from inventory.core.server_checks import examine_database
from inventory.core.settings import Settings
from sync.messaging.servicebus import ServiceBusBroker
from sync.runs.lifecycle import Lifecycle
from tests.contract.resend import mail_service
from tests.integration.sync.cli import Cli
from tests.integration.sync.conftest import OpenRun, role_environment

NOWHERE = "postgresql://someone:secret@127.0.0.1:9/diamonds"


def by_name(report: DoctorReport) -> dict[str, Check]:
    return {check.name: check for check in report.checks}


def states(document: Any) -> dict[tuple[str, str], str]:
    return {
        (report["subject"].partition(" ")[0], check["name"]): check["state"]
        for report in document["reports"]
        for check in report["checks"]
    }


async def test_migrated_database_is_ok_and_empty_one_requires_migration(
    database_url: str, empty_database_url: str
) -> None:
    report = await examine_database(Settings.read(database_url=database_url, database_direct_url=database_url))
    assert {check.state for check in report.checks} == {"ok"}
    empty = by_name(await examine_database(Settings.read(database_url=empty_database_url)))
    assert (empty["migrations"].state, empty["migrations"].next_step) == ("failed", "Run: diamonds-app migrate")


async def test_missing_privileges_are_named_with_tables(database_url: str) -> None:
    owner = await asyncpg.connect(database_url)
    try:
        await owner.execute(
            "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA inventory TO reader;"
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA inventory TO reader;"
            "REVOKE DELETE, UPDATE ON inventory.alerts FROM reader"
        )
        url = database_url.partition("@")[2]
        found = by_name(await examine_database(Settings.read(database_url=f"postgresql://reader:secret@{url}")))
    finally:
        await owner.execute("DROP OWNED BY reader; DROP ROLE reader")
        await owner.close()
    assert found["permissions"].state == "failed"
    assert found["permissions"].items == ["alerts: DELETE, UPDATE"]
    assert "GRANT" in found["permissions"].next_step


async def test_unresponsive_database_and_missing_direct_url_fail() -> None:
    found = by_name(await examine_database(Settings.read(database_url=NOWHERE, database_pooler="transaction")))
    assert (found["answer"].state, found["pooler"].state) == ("failed", "degraded")
    assert "secret" not in found["answer"].detail
    direct = by_name(await examine_database(Settings.read(database_url=NOWHERE, database_direct_url=NOWHERE)))
    assert direct["pooler"].state == "failed"


async def test_new_installation_has_warnings_only(cli: Cli) -> None:
    document = await cli.document("doctor")
    assert document["works"]
    found = states(document)
    assert found["Queues", "work-items"] == found["Watermark", "storage"] == "ok"
    assert found["Newest", "run"] == found["Mails", "settings"] == "degraded"
    assert (await cli("doctor", "--strict")).exit_code == 1


async def test_problems_of_pipeline_are_named_with_command(
    cli: Cli, open_run: OpenRun, lifecycle: Lifecycle, broker: ServiceBusBroker
) -> None:
    run = await open_run(1)
    await lifecycle.fail(run.id, SupplierTimeout())
    await broker.send("consolidate", [b"one"])
    async with broker.inbox("consolidate") as inbox:
        delivery = await inbox.receive(wait_seconds=10)
        assert delivery is not None
        await delivery.dead_letter("Bad", "of no use")
    past, future = utc_now() - timedelta(hours=30), utc_now() + timedelta(days=1)
    assert (await cli("watermark", "set", past.isoformat(), "--reason", "x", "--yes")).exit_code == 0
    page = (await cli("doctor")).stdout
    assert f"diamonds-sync runs show {run.id}" in " ".join(page.split())
    assert "diamonds-sync dead-letters list --queue consolidate" in " ".join(page.split())
    assert states(await cli.document("doctor"))["Watermark", "watermark"] == "degraded"
    store_watermark({"lastUpdatedAt": future.isoformat(), "lastRunId": "x"})
    failed = await cli("doctor", "--json")
    assert failed.exit_code == 1
    assert states(json.loads(failed.stdout))["Watermark", "watermark"] == "failed"


def store_watermark(content: object) -> None:
    (stored,) = Path(os.environ["WATERMARK_DIRECTORY"]).glob("*.json")
    stored.write_text(json.dumps(content), "utf-8")


async def test_mail_is_sent_on_request_only(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    async with mail_service() as service:
        for name, value in (
            ("RESEND_API_KEY", "re_secret"),
            ("RESEND_API_URL", service.url),
            ("ALERT_FROM", "sync@example.com"),
            ("ALERT_TO", "ops@example.com"),
        ):
            monkeypatch.setenv(name, value)
        assert states(await cli.document("doctor"))["Mails", "delivery"] == "skipped"
        assert service.requests == []
        assert states(await cli.document("doctor", "--send"))["Mails", "delivery"] == "ok"
        (mail,) = service.sent.values()
        assert mail["subject"] == "Test mail of Diamond Inventory"


async def doctor(settings: Settings, **changes: str) -> tuple[int, Any]:
    arguments: Sequence[str] = ("-m", "app", "doctor", "--json")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={**role_environment(settings), "AZURE_STORAGE_CONNECTION_STRING": "", **changes},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, json.loads(out)


async def test_api_command_includes_pipeline_and_fails_for_supplier_alone(settings: Settings, redis_url: str) -> None:
    code, document = await doctor(settings.with_values(redis_url=redis_url))
    found = states(document)
    assert code == 1
    assert {name for name, state in found.items() if state == "failed"} == {("Supplier", "login")}
    assert found["Database", "migrations"] == found["Redis", "mode"] == found["Queues", "consolidate"] == "ok"


async def test_unavailable_broker_fails_queues(settings: Settings, redis_url: str) -> None:
    known = settings.with_values(redis_url=redis_url)
    away = "Endpoint=sb://127.0.0.1:9;SharedAccessKeyName=x;SharedAccessKey=x;UseDevelopmentEmulator=true;"
    _, document = await doctor(known, AZURE_SERVICE_BUS_CONNECTION_STRING=away, DATABASE_URL=NOWHERE)
    found = states(document)
    assert found["Queues", "work-items"] == found["Database", "answer"] == "failed"
    assert found["Watermark", "storage"] == "ok"
