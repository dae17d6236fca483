"""Reference of the event log."""

from app.graphql.schema import schema
from app.reference.graphql import fields_table
from app.reference.table import NOTE, code, page, table
from inventory.events.models import HOLD_KINDS, PURCHASE_KINDS, EventKind


def events_page() -> str:
    """The kinds of events with what they mean, and what subscribers get of one."""
    graphql = schema._schema  # noqa: SLF001 - has no public name
    meanings = graphql.type_map["EventKind"].values  # type: ignore[attr-defined]
    return page(
        "Events",
        "Each change of a diamond, a hold or a purchase appends an event to the table `event_log` in the transaction of the change.",
        "Events have gapless positions, from which cursors are made. [Subscriptions](subscriptions.md) explains how to follow them.",
        NOTE,
        "",
        "## Kinds",
        "",
        *table(
            ("GraphQL", "database", "meaning", "subject"),
            (
                (code(kind.name), code(kind.value), meanings[kind.name].description, _subject(kind))
                for kind in EventKind
            ),
        ),
        "",
        "## Fields of `DiamondEvent`",
        "",
        "What `diamondChanged` delivers.",
        "",
        *fields_table(graphql.type_map["DiamondEvent"]),
        "",
        "## Fields of `HoldEvent`",
        "",
        "What `holdEvents` delivers.",
        "",
        *fields_table(graphql.type_map["HoldEvent"]),
    )


def _subject(kind: EventKind) -> str:
    return "hold" if kind in HOLD_KINDS else "purchase" if kind in PURCHASE_KINDS else "diamonds"
