"""What operators can ask about the sync: its runs, a page at a time, one of them, and the jobs that act on them."""

from collections.abc import Mapping
from typing import Annotated, get_args

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.guard import field
from app.graphql.relay import PageInfo, key_of
from app.graphql.types import positions
from app.graphql.types.inputs import known
from app.graphql.types.jobs import Job, find_job
from app.graphql.types.runs import SyncRun, SyncRunStatus, SyncRunType, find_runs, show_runs
from inventory.runs.models import Run, RunPosition, RunStatus, RunType
from inventory.runs.service import RunFilter

_argument = strawberry.argument

_TYPES: Mapping[SyncRunType, RunType] = {SyncRunType(one): one for one in get_args(RunType)}
_STATUSES: Mapping[SyncRunStatus, RunStatus] = {SyncRunStatus(one): one for one in get_args(RunStatus)}
_DEFAULT_PAGE = 20


@strawberry.type(description="A run in a connection.")
class SyncRunEdge:
    cursor: str = strawberry.field(description="Where the run stands, for `after`.")
    node: SyncRun = strawberry.field(description="The run.")


@strawberry.type(description="Runs of the sync, newest first, a page at a time.")
class SyncRunConnection:
    criteria: strawberry.Private[RunFilter]
    edges: list[SyncRunEdge] = strawberry.field(description="The runs of this page with their cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page lies.")

    @field(says="The runs of this page.")
    def nodes(self) -> list[SyncRun]:
        return [edge.node for edge in self.edges]

    @field(says="How many runs there are in all. Counted only when asked for.")
    async def total_count(self, info: Info) -> int:
        return await info.context.journal.count(self.criteria)


@strawberry.type
class RunQueries:
    """What can be asked about the sync; part of `Query`."""

    @field(says="Runs of the sync, newest first.", needs=Scope.SYNC_READ)
    async def sync_runs(
        self,
        info: Info,
        type: Annotated[  # noqa: A002 - as `SyncRun.type`
            SyncRunType | None, _argument(description="Only runs of this type.")
        ] = UNSET,
        status: Annotated[
            list[SyncRunStatus] | None, _argument(description="Only runs in one of these states.")
        ] = UNSET,
        feed: Annotated[str | None, _argument(description="Only runs of this feed.")] = UNSET,
        first: Annotated[int | None, _argument(description="This many, at most 100; 20 when left out.")] = UNSET,
        after: Annotated[str | None, _argument(description="Those after this cursor.")] = UNSET,
    ) -> SyncRunConnection | None:
        wanted_type, statuses, name = known(type), known(status), known(feed)
        limit, place = positions.read_window(known(first), known(after), _DEFAULT_PAGE)
        position = RunPosition(*place) if place else None
        criteria = RunFilter(
            run_type=_TYPES[wanted_type] if wanted_type else None,
            statuses=None if statuses is None else [_STATUSES[one] for one in statuses],
            feed=None if name is None else name.replace("\x00", "\ufffd"),
        )
        return await _connect(criteria, position, limit, info)

    @field(says="A run; null when there is none, or no record of it any more.", needs=Scope.SYNC_READ)
    async def sync_run(
        self,
        info: Info,
        id: Annotated[  # noqa: A002 - the argument's name in every GraphQL API
            strawberry.ID, _argument(description="The global id, or the id that logs and the command line use.")
        ],
    ) -> SyncRun | None:
        key = key_of(id, "SyncRun")
        return (await find_runs([key], info)).get(key) if key else None

    @field(
        says="A job that a mutation has started; null an hour after its end. Needs the scope `pricing:write` for a "
        "repricing, `sync:read` for the others."
    )
    async def job(
        self,
        info: Info,
        id: Annotated[strawberry.ID, _argument(description="The job's id.")],  # noqa: A002 - as everywhere
    ) -> Job | None:
        return await find_job(id, info)


async def _connect(criteria: RunFilter, after: RunPosition | None, limit: int, info: Info) -> SyncRunConnection:
    asked = info.selection
    runs: list[Run] = []
    more = False
    if "edges" in asked or "nodes" in asked or "pageInfo" in asked:
        runs, more = await info.context.journal.page(criteria, after, limit)
    shown = await show_runs(runs, info, asked.below("edges").below("node"), asked.below("nodes"))
    edges = [
        SyncRunEdge(cursor=positions.encode(run.started_at, run.id), node=node)
        for run, node in zip(runs, shown, strict=True)
    ]
    return SyncRunConnection(
        criteria=criteria,
        edges=edges,
        page_info=positions.page_info([edge.cursor for edge in edges], more=more, after=after),
    )
