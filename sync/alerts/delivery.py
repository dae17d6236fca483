"""Delivers the alerts that are stored: each once, later if need be, and never in the way of a run."""

from uuid import UUID

import asyncpg
import msgspec

from inventory.alerts.incident import Content
from inventory.core.database import Database
from inventory.core.errors import AlertRefused, MailUnavailable
from inventory.core.logging import get_logger
from sync.alerts.email import compose
from sync.ports import Mailer
from sync.runs.statements import sql

log = get_logger()

_MOST_AT_ONCE = 50


class AlertDelivery:
    """Sends what waits. Any number of processes may do so at once; each alert is in one hand at a time."""

    def __init__(self, database: Database, mailer: Mailer | None) -> None:
        """Without a mailer alerts are kept, and a warning says that they wait."""
        self._database = database
        self._mailer = mailer

    async def deliver(self) -> int:
        """Send the alerts that are due; answers how many were sent. What fails is tried again later, ever more rarely.

        Raises:
            DatabaseUnavailable: nothing can be known now.
        """
        if self._mailer is None:
            await self._warn()
            return 0
        sent = 0
        for _ in range(_MOST_AT_ONCE):
            alert = await self._claim()
            if alert is None:
                break
            try:
                await self._send(self._mailer, alert)
            except AlertRefused as error:
                await self._failed(alert["id"], error.message)
            except MailUnavailable as error:
                await self._failed(alert["id"], error.message)
                break  # the next one would fare no better
            else:
                sent += 1
        return sent

    async def _warn(self) -> None:
        async with self._database.connection() as connection:
            waiting = await connection.fetchval(sql.alerts_waiting)
        if waiting:
            log.warning("alerts wait: RESEND_API_KEY, ALERT_FROM or ALERT_TO is not set", alerts=waiting)

    async def _claim(self) -> asyncpg.Record | None:
        async with self._database.connection() as connection:
            return await connection.fetchrow(sql.claim_alert)

    async def _send(self, mailer: Mailer, alert: asyncpg.Record) -> None:
        content = msgspec.convert(alert["content"], Content)
        provider_id = await mailer.send(
            compose(content, alert["run_id"], alert["created_at"]), f"{alert['kind']}/{alert['id']}"
        )
        async with self._database.connection() as connection:
            await connection.execute(sql.alert_sent, alert["id"], provider_id)
        log.info("alert sent", incident=alert["incident"], attempt=alert["attempts"], provider_id=provider_id)

    async def _failed(self, alert_id: UUID, reason: str) -> None:
        async with self._database.connection() as connection:
            await connection.execute(sql.alert_failed, alert_id, reason)
        log.warning("alert not sent", alert_id=str(alert_id), error=reason)
