"""Check of the mails to operators: settings, waiting alerts, and on request a test mail."""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec

from inventory.alerts.incident import Content
from inventory.core.checks import Check, DoctorReport
from inventory.core.counts import count_text
from inventory.core.database import Database
from inventory.core.errors import InventoryError
from inventory.core.settings import Settings
from sync.alerts.resend import open_mailer
from sync.alerts.webhook import body_of, open_webhook
from sync.ports import Mail
from sync.runs.statements import sql

_NEXT_STEP = "Set RESEND_API_KEY, ALERT_FROM and ALERT_TO. Until then alerts are kept in the database."


async def examine_mail(settings: Settings, now: datetime, *, send: bool) -> DoctorReport:
    """Check the mail settings and the alerts that wait. `send`: send a test mail."""
    async with open_mailer(settings.alerts) as mailer:
        if mailer is None:
            settings_check = Check(
                name="settings", state="degraded", detail="no mail service is set", next_step=_NEXT_STEP
            )
        else:
            settings_check = Check(name="settings", state="ok", detail=f"mails go to {settings.alerts.alert_to}")
        checks = [settings_check, *await _waiting(settings)]
        if mailer is not None and send:
            checks.append(await _send(mailer.send(_test_mail(now), f"doctor/{uuid4()}")))
        elif mailer is not None:
            checks.append(Check(name="delivery", state="skipped", detail="no mail was sent; --send sends a test mail"))
    async with open_webhook(settings.alerts) as webhook:
        if webhook is not None and send:
            checks.append(await _post(webhook.post(_test_post(now, settings), f"doctor/{uuid4()}")))
        elif webhook is not None:
            checks.append(
                Check(name="webhook", state="skipped", detail="nothing was posted; --send posts a test alert")
            )
    return DoctorReport(subject="Mails to operators", checks=checks)


def _test_post(now: datetime, settings: Settings) -> Mapping[str, Any]:
    content = Content(
        subject="Test alert of Diamond Inventory",
        reason="An operator requested it with `doctor --send`.",
        figures=(),
        next_step="Nothing is wrong.",
    )
    alert = {"id": uuid4(), "kind": "test", "feed": settings.sync.feed, "run_id": None, "created_at": now,
             "content": msgspec.to_builtins(content)}  # fmt: skip
    return body_of(alert, settings.alerts)


async def _post(posting: Awaitable[None]) -> Check:
    try:
        await posting
    except InventoryError as error:
        return Check(
            name="webhook",
            state="failed",
            detail=error.message,
            next_step="Check ALERT_WEBHOOK_URL and ALERT_WEBHOOK_FORMAT.",
        )
    return Check(name="webhook", state="ok", detail="the webhook accepted a test alert")


def _test_mail(now: datetime) -> Mail:
    subject = "Test mail of Diamond Inventory"
    text = f"An operator requested this mail with `doctor --send` at {now:%Y-%m-%d %H:%M} UTC. Nothing is wrong."
    return Mail(subject=subject, text=text + "\n", html=f"<!doctype html><title>{subject}</title><p>{text}</p>")


async def _waiting(settings: Settings) -> list[Check]:
    try:
        async with Database.open(settings.database) as database, database.bounded() as connection:
            waiting = await connection.fetchval(sql.alerts_waiting)
    except (InventoryError, TimeoutError):
        return []  # the check of the database says why
    if not waiting:
        return [Check(name="waiting", state="ok", detail="every alert was sent")]
    return [
        Check(
            name="waiting",
            state="degraded",
            detail=f"{count_text(waiting, 'alert')} not sent",
            next_step="The jobs role sends them: diamonds-sync jobs. Its log names the reason (alert_not_sent).",
        )
    ]


async def _send(delivery: Awaitable[str]) -> Check:
    try:
        mail_id = await delivery
    except InventoryError as error:
        return Check(
            name="delivery",
            state="failed",
            detail=error.message,
            next_step="Check the key and the sender's domain at the mail service.",
        )
    return Check(name="delivery", state="ok", detail=f"the mail service accepted the test mail ({mail_id})")
