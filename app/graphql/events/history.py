"""History of a diamond: its holds, its purchases, and the events in the log, in one list."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from app.graphql import pagination
from app.graphql.context import Info
from app.graphql.events.types import EventKind
from app.graphql.holds.types import Hold, holds_to_graphql
from app.graphql.purchases.types import Purchase, purchases_to_graphql
from app.graphql.relay import PageInfo
from inventory.trading.queries import RequestPosition


@strawberry.type(description="Entry in the history of a diamond.")
class HistoryEntry:
    cursor: str = strawberry.field(description="Cursor of the entry, for `after`.")
    at: datetime = strawberry.field(description="Time of the event.")
    event: EventKind | None = strawberry.field(
        description="Event of the log; null for a hold or a purchase as a whole."
    )
    client_id: str | None = strawberry.field(description="Client of the hold or purchase; null if none.")
    run_id: UUID | None = strawberry.field(description="Sync run that caused the event; null if none.")
    hold: Hold | None = strawberry.field(description="The hold in its current state; null if none.")
    purchase: Purchase | None = strawberry.field(description="The purchase in its current state; null if none.")
    data: JSON = strawberry.field(description="Further data of the event. It may change without notice.")


@strawberry.type(description="Page of the history of a diamond, newest first.")
class DiamondHistory:
    entries: list[HistoryEntry] = strawberry.field(description="Entries of this page.")
    page_info: PageInfo = strawberry.field(description="Position of this page.")


async def history_to_graphql(
    info: Info, diamond_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> DiamondHistory:
    """Read a page of the history of a diamond. Its holds and its purchases take one more statement each."""
    records = info.context.services.trading.records
    entries, more = await records.history(diamond_id, RequestPosition(*after) if after else None, limit)
    asked = info.selection.below("entries")
    hold_ids = {entry.hold_id for entry in entries if entry.hold_id and "hold" in asked}
    purchase_ids = {entry.purchase_id for entry in entries if entry.purchase_id and "purchase" in asked}
    holds, purchases = {}, {}
    if hold_ids:
        held = list((await records.holds(hold_ids)).values())
        holds = {hold.database_id: hold for hold in await holds_to_graphql(held, info, asked.below("hold"))}
    if purchase_ids:
        bought = list((await records.purchases(purchase_ids)).values())
        shown = await purchases_to_graphql(bought, info, asked.below("purchase"))
        purchases = {purchase.database_id: purchase for purchase in shown}
    listed = [
        HistoryEntry(
            cursor=pagination.encode(entry.at, entry.key),
            at=entry.at,
            event=EventKind(entry.event) if entry.event else None,
            client_id=entry.client_id,
            run_id=entry.run_id,
            hold=holds.get(entry.hold_id) if entry.hold_id else None,
            purchase=purchases.get(entry.purchase_id) if entry.purchase_id else None,
            data=JSON(dict(entry.data)),
        )
        for entry in entries
    ]
    return DiamondHistory(
        entries=listed, page_info=pagination.page_info([entry.cursor for entry in listed], more=more, after=after)
    )
