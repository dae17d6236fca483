"""Alerts to a webhook, in a generic JSON format or in that of Slack: each posted once, failed ones later."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import asyncpg
import msgspec

from inventory.alerts.incident import Content
from inventory.core.database import Database
from inventory.core.errors import AlertRefused, MailUnavailable
from inventory.core.logging import get_logger
from inventory.core.settings.alerts import AlertSettings
from sync.runs.statements import sql

log = get_logger()

_MAX_AT_ONCE = 50
_TIMEOUT_SECONDS = 15.0
_REDIRECT, _TOO_MANY, _SERVER_ERROR = 300, 429, 500
_MAX_FINDINGS = 20
# Slack's limit of a text is 40,000 characters; one line of an alert may quote a long answer.
_MAX_LINE = 2_000


class Webhook:
    """The address that receives alerts. It is a secret: no error and no log line contains it."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def post(self, body: Mapping[str, Any], key: str) -> None:
        """Post a body. `key`: the same for each attempt, in the header `Idempotency-Key`.

        Raises:
            MailUnavailable: the receiver did not answer, or asks to try again later.
            AlertRefused: the receiver rejects the alert.
        """
        try:
            async with self._session.post(
                self._url, json=body, headers={"Idempotency-Key": key}, allow_redirects=False
            ) as response:
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            # The texts of these errors quote the address.
            raise MailUnavailable(f"Webhook: {type(error).__name__}") from None
        if status == _TOO_MANY or status >= _SERVER_ERROR:
            raise MailUnavailable(f"Webhook: HTTP {status}")
        if status >= _REDIRECT:  # not followed: the address would be another one
            raise AlertRefused(f"Webhook: HTTP {status}. Check ALERT_WEBHOOK_URL and ALERT_WEBHOOK_FORMAT")


class WebhookDelivery:
    """Posts waiting alerts of the last day. An alert may be posted again if its process dies before it is recorded."""

    def __init__(self, settings: AlertSettings, database: Database, webhook: Webhook | None) -> None:
        """`webhook`: None if ALERT_WEBHOOK_URL is not set; then nothing is posted."""
        self._settings = settings
        self._database = database
        self._webhook = webhook

    async def deliver(self) -> int:
        """Post the due alerts and return the number of posted ones. Failed ones are retried with growing pauses.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        posted = 0
        for _ in range(_MAX_AT_ONCE if self._webhook else 0):
            alert = await self._claim()
            if alert is None:
                break
            try:
                await self._post(alert)
            except AlertRefused as error:
                await self._failed(alert, error.message)
            except MailUnavailable as error:
                await self._failed(alert, error.message)
                break  # the next one would fail too
            else:
                posted += 1
        return posted

    async def _claim(self) -> asyncpg.Record | None:
        async with self._database.connection() as connection:
            return await connection.fetchrow(sql.claim_post)

    async def _post(self, alert: asyncpg.Record) -> None:
        assert self._webhook is not None  # noqa: S101 - `deliver` claims nothing without one
        await self._webhook.post(body_of(alert, self._settings), str(alert["id"]))
        async with self._database.connection() as connection:
            await connection.execute(sql.alert_posted, alert["id"])
        log.info("alert_posted", incident=alert["incident"], attempt=alert["post_attempts"])

    async def _failed(self, alert: asyncpg.Record, reason: str) -> None:
        async with self._database.connection() as connection:
            await connection.execute(sql.post_failed, alert["id"], reason)
        log.warning("alert_not_posted", alert_id=str(alert["id"]), error=reason)


def body_of(alert: Mapping[str, Any] | asyncpg.Record, settings: AlertSettings) -> Mapping[str, Any]:
    """Compose the body of an alert in the format of the settings. Pure."""
    content = msgspec.convert(alert["content"], Content)
    address = settings.dashboard_page(alert["run_id"])
    if settings.alert_webhook_format == "slack":
        return {"text": _slack_text(content, address)}
    return {
        "id": str(alert["id"]),
        "kind": alert["kind"],
        "feed": alert["feed"],
        "run_id": str(alert["run_id"]) if alert["run_id"] else None,
        "created_at": alert["created_at"].isoformat(),
        "dashboard_url": address or None,
        **msgspec.to_builtins(content),
    }


def _slack_text(content: Content, address: str) -> str:
    findings = [f"• {line}" for line in content.findings[:_MAX_FINDINGS]]
    if len(content.findings) > _MAX_FINDINGS:
        findings.append(f"and {len(content.findings) - _MAX_FINDINGS} more")
    lines = [
        content.reason,
        *(f"{label}: {value}" for label, value in content.figures),
        *([content.findings_title] if findings and content.findings_title else []),
        *findings,
        content.next_step,
    ]
    parts = [f"*{_escaped(content.subject)}*", *map(_escaped, lines)]
    parts += [f"`{_escaped(command)}`" for command in content.commands]
    return "\n".join([*parts, *([address] if address else [])])


def _escaped(text: str) -> str:
    """Escape Slack's control characters, so that no value becomes a link or mentions a channel."""
    shown = text if len(text) <= _MAX_LINE else f"{text[:_MAX_LINE]}..."
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@asynccontextmanager
async def open_webhook(settings: AlertSettings) -> AsyncIterator[Webhook | None]:
    """Open the webhook until the `with` ends. None if ALERT_WEBHOOK_URL is not set."""
    if settings.alert_webhook_url is None:
        yield None
        return
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)) as session:
        yield Webhook(session, settings.alert_webhook_url.get_secret_value())
