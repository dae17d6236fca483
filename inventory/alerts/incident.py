"""Something that someone must be told of: stored once, in the transaction that makes it true, and mailed by the jobs."""

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
    "dead_letters",
    "purchase_unknown",
    "purchase_contradicted",
    "schema_differs",
    "purchases_unanswered",
    "purchase_evidence",
    "purchase_price_risen",
]


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """All that a mail says. `figures` are pairs of a label and a value, in the order in which they are shown."""

    subject: str
    reason: str
    figures: Sequence[tuple[str, str]]
    next_step: str
    commands: Sequence[str] = ()


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened once; `key` is the same for everybody who notices it."""

    key: str
    kind: Kind
    feed: str
    run_id: UUID | None
    content: Content


async def report(connection: Connection, incident: Incident) -> bool:
    """Store an incident for delivery, inside the caller's transaction; False if it is known already."""
    stored = await connection.fetchval(
        sql.report_incident, incident.key, incident.kind, incident.feed, incident.run_id, incident.content
    )
    return stored is not None
