"""Events as they are appended and as they are read."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec


class EventKind(StrEnum):
    """What happened."""

    HOLD_REQUESTED = "hold_requested"
    HOLD_ACTIVATED = "hold_activated"
    HOLD_DENIED = "hold_denied"
    HOLD_EXTENDED = "hold_extended"
    HOLD_RELEASED = "hold_released"
    HOLD_EXPIRED = "hold_expired"
    HOLD_PURCHASED = "hold_purchased"
    PURCHASE_PENDING = "purchase_pending"
    # The supplier accepted the order; its later message confirms or declines it. Until 2026 an accepted order had the kind
    # purchase_confirmed.
    PURCHASE_ORDERED = "purchase_ordered"
    PURCHASE_CONFIRMED = "purchase_confirmed"
    PURCHASE_DECLINED = "purchase_declined"
    PURCHASE_FAILED = "purchase_failed"
    PURCHASE_UNKNOWN = "purchase_unknown"
    # A sync brought new stones, new values, or stones that were gone.
    DIAMONDS_CHANGED = "diamonds_changed"
    # They are no longer shown: gone from the feed, or not understood any more.
    DIAMONDS_REMOVED = "diamonds_removed"
    # The rules have changed.
    DIAMONDS_REPRICED = "diamonds_repriced"


# Member of `data`: the reference of the hold or purchase, if it has one.
REFERENCE = "reference"

HOLD_KINDS = frozenset(kind for kind in EventKind if kind.startswith("hold_"))
PURCHASE_KINDS = frozenset(kind for kind in EventKind if kind.startswith("purchase_"))


class NewEvent(msgspec.Struct, frozen=True):
    """Something that happens to stones in the transaction at hand. `client_id`: whose hold or purchase it is."""

    kind: EventKind
    diamond_ids: Sequence[UUID]
    client_id: str | None = None
    hold_id: UUID | None = None
    purchase_id: UUID | None = None
    run_id: UUID | None = None
    data: Mapping[str, Any] = {}


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the log. `position` orders all of them, without gaps; `diamond_ids` are at most `STONES_PER_EVENT`."""

    position: int
    kind: EventKind
    occurred_at: datetime
    diamond_ids: tuple[UUID, ...]
    client_id: str | None
    hold_id: UUID | None
    purchase_id: UUID | None
    run_id: UUID | None
    data: Mapping[str, Any]
