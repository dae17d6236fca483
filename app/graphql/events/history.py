"""History of a diamond: its holds, its purchases, and the events in the log, in one list."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from app.graphql import pagination
from app.graphql.context import Info
from app.graphql.events.types import EventKind
from app.graphql.holds.types import Hold, holds_to_graphql
from app.graphql.permissions import field
from app.graphql.purchases.types import Purchase, purchases_to_graphql
from app.graphql.relay import PageInfo
from inventory.trading.queries import RequestPosition


@strawberry.type(description="Entry in the history of a diamond.")
class DiamondHistoryEntry:
    at: datetime = strawberry.field(description="Time of the event.")
    event: EventKind | None = strawberry.field(
        description="Event of the log; null for a hold or a purchase as a whole."
    )
    client_id: str | None = strawberry.field(description="Client of the hold or purchase; null if none.")
    run_id: UUID | None = strawberry.field(description="Sync run that caused the event; null if none.")
    hold: Hold | None = strawberry.field(description="The hold in its current state; null if none.")
    purchase: Purchase | None = strawberry.field(description="The purchase in its current state; null if none.")
    data: JSON = strawberry.field(description="Further data of the event. It may change without notice.")


@strawberry.type(description="An entry in a connection.")
class DiamondHistoryEdge:
    cursor: str = strawberry.field(description="Cursor of the entry, for `after`.")
    node: DiamondHistoryEntry = strawberry.field(description="The entry.")


@strawberry.type(description="Page of the history of a diamond, newest first.")
class DiamondHistoryConnection:
    edges: list[DiamondHistoryEdge] = strawberry.field(description="Entries of this page with their cursors.")
    page_info: PageInfo = strawberry.field(description="Position of this page.")

    @field(description="Entries of this page.")
    def nodes(self) -> list[DiamondHistoryEntry]:
        return [edge.node for edge in self.edges]


async def history_to_graphql(
    info: Info, diamond_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> DiamondHistoryConnection:
    """Read a page of the history of a diamond. Its holds and its purchases take one more statement each."""
    records = info.context.services.trading.records
    entries, more = await records.history(diamond_id, RequestPosition(*after) if after else None, limit)
    edges, nodes = info.selection.below("edges").below("node"), info.selection.below("nodes")
    hold_ids = {entry.hold_id for entry in entries if entry.hold_id and ("hold" in edges or "hold" in nodes)}
    purchase_ids = {
        entry.purchase_id for entry in entries if entry.purchase_id and ("purchase" in edges or "purchase" in nodes)
    }
    holds, purchases = {}, {}
    if hold_ids:
        held = list((await records.holds(hold_ids)).values())
        holds = {
            hold.database_id: hold
            for hold in await holds_to_graphql(held, info, edges.below("hold"), nodes.below("hold"))
        }
    if purchase_ids:
        bought = list((await records.purchases(purchase_ids)).values())
        shown = await purchases_to_graphql(bought, info, edges.below("purchase"), nodes.below("purchase"))
        purchases = {purchase.database_id: purchase for purchase in shown}
    listed = [
        DiamondHistoryEdge(
            cursor=pagination.encode(entry.at, entry.key),
            node=DiamondHistoryEntry(
                at=entry.at,
                event=EventKind(entry.event) if entry.event else None,
                client_id=entry.client_id,
                run_id=entry.run_id,
                hold=holds.get(entry.hold_id) if entry.hold_id else None,
                purchase=purchases.get(entry.purchase_id) if entry.purchase_id else None,
                data=JSON(dict(entry.data)),
            ),
        )
        for entry in entries
    ]
    return DiamondHistoryConnection(
        edges=listed, page_info=pagination.page_info([edge.cursor for edge in listed], more=more, after=after)
    )
