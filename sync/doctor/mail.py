"""Check of the mails to operators: settings, waiting alerts, and on request a test mail."""

from collections.abc import Awaitable
from datetime import datetime
from uuid import uuid4

from inventory.core.checks import Check, DoctorReport
from inventory.core.database import Database
from inventory.core.errors import InventoryError
from inventory.core.settings import Settings
from sync.alerts.resend import open_mailer
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
    return DoctorReport(subject="Mails to operators", checks=checks)


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
            detail=f"{waiting} alerts were not sent",
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
