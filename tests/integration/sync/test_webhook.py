"""Alerts to a webhook: posted once beside the mails, in both formats, and retried."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from inventory.core.database import Database
from inventory.core.errors import MassDeleteStopped
from inventory.core.settings import Settings, SettingsError
from sync.alerts.webhook import WebhookDelivery, open_webhook
from sync.runs.lifecycle import Lifecycle
from tests.integration.sync.conftest import OpenRun

SECRET = "T000-secret"


class Receiver:
    """Answers with the queued `statuses`, then with 200."""

    def __init__(self) -> None:
        self.url = ""
        self.posts: list[tuple[str, Any]] = []
        self.statuses: list[int] = []

    async def receive(self, request: web.Request) -> web.Response:
        self.posts.append((request.headers["Idempotency-Key"], await request.json()))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    application = web.Application()
    application.router.add_post(f"/hooks/{SECRET}", receiver.receive)
    async with TestServer(application) as server:
        receiver.url = str(server.make_url(f"/hooks/{SECRET}"))
        yield receiver


@asynccontextmanager
async def opened(database: Database, url: str, **given: str) -> AsyncIterator[WebhookDelivery]:
    settings = Settings.read(alert_webhook_url=url, **given).alerts
    async with open_webhook(settings) as webhook:
        yield WebhookDelivery(settings, database, webhook)


async def wait_over(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("UPDATE alerts SET next_post_at = now()")


async def test_alert_is_posted_once_in_generic_format(
    database: Database, receiver: Receiver, lifecycle: Lifecycle, open_run: OpenRun
) -> None:
    run = await open_run(1)
    await lifecycle.fail(run.id, MassDeleteStopped())
    async with opened(database, receiver.url, alert_dashboard_url="https://example.com/dashboard") as delivery:
        assert [await delivery.deliver(), await delivery.deliver()] == [1, 0]
    ((key, body),) = receiver.posts
    assert body["id"] == key
    assert (body["kind"], body["feed"], body["run_id"]) == ("mass_delete_stopped", run.feed, str(run.id))
    assert body["dashboard_url"] == f"https://example.com/dashboard#/runs/{run.id}"
    assert body["subject"]
    assert body["next_step"]
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT sent_at IS NULL AND posted_at IS NOT NULL FROM alerts"), (
            "mails are separate"
        )


async def test_slack_receives_text_without_control_characters(
    database: Database, receiver: Receiver, lifecycle: Lifecycle, open_run: OpenRun
) -> None:
    await lifecycle.fail((await open_run(1)).id, MassDeleteStopped("<!channel> & <https://evil.example|click>"))
    async with opened(database, receiver.url, alert_webhook_format="slack") as delivery:
        await delivery.deliver()
    ((_, body),) = receiver.posts
    assert list(body) == ["text"]
    assert "&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;" in body["text"]
    assert "<" not in body["text"]


async def test_failed_post_is_repeated_later_with_same_key_and_no_secret_is_stored(
    database: Database, receiver: Receiver, lifecycle: Lifecycle, open_run: OpenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    await lifecycle.fail((await open_run(1)).id, MassDeleteStopped())
    receiver.statuses = [503, 429, 302, 404]
    errors = []
    async with opened(database, receiver.url) as delivery:
        for _ in range(4):
            assert await delivery.deliver() == 0
            assert await delivery.deliver() == 0, "not due yet"
            async with database.connection() as connection:
                errors.append(await connection.fetchval("SELECT post_error FROM alerts"))
            await wait_over(database)
        assert await delivery.deliver() == 1
    assert [error.partition(".")[0] for error in errors] == [
        "Webhook: HTTP 503", "Webhook: HTTP 429", "Webhook: HTTP 302", "Webhook: HTTP 404",
    ]  # fmt: skip
    assert len({key for key, _ in receiver.posts}) == 1
    await wait_over(database)
    async with opened(database, f"http://127.0.0.1:9/{SECRET}") as delivery, database.connection() as connection:
        await connection.execute("UPDATE alerts SET posted_at = NULL")
        assert await delivery.deliver() == 0
        assert SECRET not in await connection.fetchval("SELECT post_error FROM alerts")
    output = capsys.readouterr()
    assert SECRET not in output.out + output.err


async def test_old_alerts_are_not_posted_and_without_address_nothing_is(
    database: Database, receiver: Receiver, lifecycle: Lifecycle, open_run: OpenRun
) -> None:
    await lifecycle.fail((await open_run(1)).id, MassDeleteStopped())
    settings = Settings.read().alerts
    async with open_webhook(settings) as webhook:
        assert webhook is None
        assert await WebhookDelivery(settings, database, webhook).deliver() == 0
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT post_attempts FROM alerts") == 0
        await connection.execute("UPDATE alerts SET created_at = now() - interval '2 days'")
    async with opened(database, receiver.url) as delivery:
        assert await delivery.deliver() == 0
    assert receiver.posts == []


@pytest.mark.parametrize("url", ["hooks.slack.com/x", "http://hooks.example.com/secret-path", "https://a b"])
def test_address_without_tls_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read(alert_webhook_url=url)
    assert "ALERT_WEBHOOK_URL" in str(caught.value)
    assert "secret-path" not in str(caught.value)
