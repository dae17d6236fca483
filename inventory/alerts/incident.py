"""Incidents for operators: stored once, in the transaction that causes them, and mailed by the jobs role."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import msgspec

from inventory.core.database import Connection
from inventory.core.sql import Statements

sql = Statements("inventory.alerts")

Kind = Literal[
    "run_failed",
    "deadline_passed",
    "consolidation_skipped",
    "quarantine_exceeded",
    "mass_delete_stopped",
    "watermark_in_future",
    "nightly_missed",
    "feed_silent",
    "dead_letters",
    "purchase_unknown",
    "purchase_contradicted",
    "schema_differs",
    "purchases_unanswered",
    "purchase_evidence",
    "purchase_price_risen",
]


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """Content of an alert mail. `figures`: pairs of a label and a value, in display order.

    `findings`: what the incident is about, one line each, below the heading `findings_title`.
    """

    subject: str
    reason: str
    figures: Sequence[tuple[str, str]]
    next_step: str
    commands: Sequence[str] = ()
    findings_title: str = ""
    findings: Sequence[str] = ()


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident. `key` identifies it, so that several reports of it are stored once."""

    key: str
    kind: Kind
    feed: str
    run_id: UUID | None
    content: Content


async def report(connection: Connection, incident: Incident) -> bool:
    """Store an incident for delivery in the caller's transaction. False if it is already stored."""
    stored = await connection.fetchval(
        sql.report_incident, incident.key, incident.kind, incident.feed, incident.run_id, incident.content
    )
    return stored is not None
