"""Alert delivery: send stored alerts, each once, and retry failed ones later. Delivery does not block runs."""

from uuid import UUID

import asyncpg
import msgspec

from inventory.alerts.incident import Content
from inventory.core.database import Database
from inventory.core.errors import AlertRefused, MailUnavailable
from inventory.core.logging import get_logger
from inventory.core.settings.alerts import AlertSettings
from sync.alerts.email import compose
from sync.ports import Mailer
from sync.runs.statements import sql

log = get_logger()

_MAX_AT_ONCE = 50


class AlertDelivery:
    """Sends waiting alerts. Several processes may deliver concurrently; each alert is claimed by one at a time."""

    def __init__(self, settings: AlertSettings, database: Database, mailer: Mailer | None) -> None:
        """`mailer`: None if no mail service is set; then alerts are kept, and a warning is logged."""
        self._settings = settings
        self._database = database
        self._mailer = mailer

    async def deliver(self) -> int:
        """Send the due alerts and return the number of sent ones. Failed ones are retried with growing pauses.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        if self._mailer is None:
            await self._warn()
            return 0
        sent = 0
        for _ in range(_MAX_AT_ONCE):
            alert = await self._claim()
            if alert is None:
                break
            try:
                await self._send(self._mailer, alert)
            except AlertRefused as error:
                await self._failed(alert["id"], error.message)
            except MailUnavailable as error:
                await self._failed(alert["id"], error.message)
                break  # the next one would fail too
            else:
                sent += 1
        return sent

    async def _warn(self) -> None:
        async with self._database.connection() as connection:
            waiting = await connection.fetchval(sql.alerts_waiting)
        if waiting:
            log.warning("alerts_not_sent", reason="RESEND_API_KEY, ALERT_FROM or ALERT_TO is not set", alerts=waiting)

    async def _claim(self) -> asyncpg.Record | None:
        async with self._database.connection() as connection:
            return await connection.fetchrow(sql.claim_alert)

    async def _send(self, mailer: Mailer, alert: asyncpg.Record) -> None:
        content = msgspec.convert(alert["content"], Content)
        provider_id = await mailer.send(
            compose(content, alert["run_id"], alert["created_at"], self._settings), f"{alert['kind']}/{alert['id']}"
        )
        async with self._database.connection() as connection:
            await connection.execute(sql.alert_sent, alert["id"], provider_id)
        log.info("alert_sent", incident=alert["incident"], attempt=alert["attempts"], provider_id=provider_id)

    async def _failed(self, alert_id: UUID, reason: str) -> None:
        async with self._database.connection() as connection:
            await connection.execute(sql.alert_failed, alert_id, reason)
        log.warning("alert_not_sent", alert_id=str(alert_id), error=reason)
