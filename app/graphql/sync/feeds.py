"""Feeds of the installation, as its settings name them."""

import strawberry

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.permissions import field


@strawberry.type(description="A feed: the stones of one supplier.")
class SyncFeed:
    name: str = strawberry.field(description="Name, as in `FEEDS`.")
    kind: str | None = strawberry.field(description="Kind of the supplier, such as `nivoda` or `csv`.")
    schedule: list[str] = strawberry.field(description="Times in UTC at which a run starts, such as `02:00`.")
    max_age_hours: float = strawberry.field(
        description="Age of its newest data above which operators are alerted, in hours (`FEED_<NAME>_MAX_AGE_HOURS`)."
    )


@strawberry.type
class FeedQueries:
    """Fields of `Query` for feeds."""

    @field(description="Feeds of the installation; the first one is the default.", scope=Scope.SYNC_READ)
    async def sync_feeds(self, info: Info) -> list[SyncFeed] | None:
        return [
            SyncFeed(
                name=name,
                kind=feed.kind,
                schedule=[f"{one:%H:%M}" for one in feed.times],
                max_age_hours=feed.max_age_hours,
            )
            for name, feed in info.context.services.settings.by_feed.items()
        ]
