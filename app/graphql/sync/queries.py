"""Queries for sync runs and jobs."""

from collections.abc import Mapping
from typing import Annotated, get_args

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql import pagination
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.permissions import field
from app.graphql.relay import PageInfo, key_of
from app.graphql.sync.dead_letters import DeadLetterQueries
from app.graphql.sync.feeds import FeedQueries
from app.graphql.sync.incidents import IncidentQueries
from app.graphql.sync.jobs import Job, find_job
from app.graphql.sync.review import ReviewQueries
from app.graphql.sync.run_log import RunLogQueries
from app.graphql.sync.status import StatusQueries
from app.graphql.sync.types import SyncRun, SyncRunStatus, SyncRunType, find_runs, runs_to_graphql
from inventory.runs.models import Run, RunPosition, RunStatus, RunType
from inventory.runs.service import RunFilter

_argument = strawberry.argument

_TYPES: Mapping[SyncRunType, RunType] = {SyncRunType(one): one for one in get_args(RunType)}
_STATUSES: Mapping[SyncRunStatus, RunStatus] = {SyncRunStatus(one): one for one in get_args(RunStatus)}
_DEFAULT_PAGE = 20


@strawberry.type(description="A run in a connection.")
class SyncRunEdge:
    cursor: str = strawberry.field(description="Cursor of the run, for `after`.")
    node: SyncRun = strawberry.field(description="The run.")


@strawberry.type(description="Page of sync runs, newest first.")
class SyncRunConnection:
    criteria: strawberry.Private[RunFilter]
    edges: list[SyncRunEdge] = strawberry.field(description="Runs of this page with their cursors.")
    page_info: PageInfo = strawberry.field(description="Position of this page.")

    @field(description="Runs of this page.")
    def nodes(self) -> list[SyncRun]:
        return [edge.node for edge in self.edges]

    @field(description="Total number of runs. Computed only if selected.")
    async def total_count(self, info: Info) -> int:
        return await info.context.services.runs.count(self.criteria)


@strawberry.type
class SyncQueries(FeedQueries, RunLogQueries, StatusQueries, DeadLetterQueries, IncidentQueries, ReviewQueries):
    """Fields of `Query` for the sync."""

    @field(description="Sync runs, newest first.", scope=Scope.SYNC_READ)
    async def sync_runs(
        self,
        info: Info,
        type: Annotated[  # noqa: A002 - as `SyncRun.type`
            SyncRunType | None, _argument(description="Only this type.")
        ] = UNSET,
        status: Annotated[list[SyncRunStatus] | None, _argument(description="Only these statuses.")] = UNSET,
        feed: Annotated[str | None, _argument(description="Only this feed.")] = UNSET,
        first: Annotated[int | None, _argument(description="Number of rows, at most 100; 20 if omitted.")] = UNSET,
        after: Annotated[str | None, _argument(description="Cursor; the page starts after it.")] = UNSET,
    ) -> SyncRunConnection | None:
        wanted_type, statuses, name = given_or_none(type), given_or_none(status), given_or_none(feed)
        limit, place = pagination.read_window(given_or_none(first), given_or_none(after), _DEFAULT_PAGE)
        position = RunPosition(*place) if place else None
        criteria = RunFilter(
            run_type=_TYPES[wanted_type] if wanted_type else None,
            statuses=None if statuses is None else [_STATUSES[one] for one in statuses],
            feed=None if name is None else name.replace("\x00", "\ufffd"),
        )
        return await _connect(criteria, position, limit, info)

    @field(description="A run; null if it does not exist or its record was deleted.", scope=Scope.SYNC_READ)
    async def sync_run(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - the argument's name in every GraphQL API
            strawberry.ID, _argument(description="Global id, or the id in logs and commands.")
        ],
    ) -> SyncRun | None:
        key = key_of(id, "SyncRun")
        return (await find_runs([key], info)).get(key) if key else None

    @field(
        description="A job that a mutation started; null one hour after its end. Needs the scope `pricing:write` for a repricing, "
        "`sync:read` for other jobs."
    )
    async def job(
        self,
        info: Info,
        id: Annotated[strawberry.ID, _argument(description="Id of the job.")],  # noqa: A002 - as everywhere
    ) -> Job | None:
        return await find_job(id, info)


async def _connect(criteria: RunFilter, after: RunPosition | None, limit: int, info: Info) -> SyncRunConnection:
    asked = info.selection
    runs: list[Run] = []
    more = False
    if "edges" in asked or "nodes" in asked or "pageInfo" in asked:
        runs, more = await info.context.services.runs.page(criteria, after, limit)
    shown = await runs_to_graphql(runs, info, asked.below("edges").below("node"), asked.below("nodes"))
    edges = [
        SyncRunEdge(cursor=pagination.encode(run.started_at, run.id), node=node)
        for run, node in zip(runs, shown, strict=True)
    ]
    return SyncRunConnection(
        criteria=criteria,
        edges=edges,
        page_info=pagination.page_info([edge.cursor for edge in edges], more=more, after=after),
    )
