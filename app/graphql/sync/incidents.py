"""Incidents that operators are alerted of, and the time of the next nightly run."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.permissions import field
from app.graphql.user_errors import UserError, attempt, error_type, errors_field, typed_errors
from inventory.alerts.service import StoredIncident
from inventory.core.clock import utc_now
from inventory.core.errors import NotFound, ValidationFailed
from inventory.runs.schedule import next_nightly

_argument = strawberry.argument

_LARGEST_PAGE = 100


@strawberry.type(description="A figure of an incident.")
class IncidentFigure:
    label: str = strawberry.field(description="Label.")
    value: str = strawberry.field(description="Value.")


@strawberry.type(description="An incident: a problem of the service, of which operators are alerted once.")
class Incident:
    id: strawberry.ID = strawberry.field(description="Id for `incidentResolve`.")
    kind: str = strawberry.field(description="Kind, such as `run_failed`; the runbook describes each.")
    run_id: UUID | None = strawberry.field(description="Id of the run; null if it does not concern one.")
    subject: str = strawberry.field(description="What happened.")
    reason: str = strawberry.field(description="Why it happened.")
    figures: list[IncidentFigure] = strawberry.field(description="Figures.")
    next_step: str = strawberry.field(description="What to do.")
    open: bool = strawberry.field(description="Whether its cause still exists and no operator has resolved it.")
    created_at: datetime = strawberry.field(description="Time of its discovery.")
    sent_at: datetime | None = strawberry.field(description="Time of its alert; null if none was sent yet.")
    delivery_error: str | None = strawberry.field(description="Why its alert could not be sent.")
    resolved_at: datetime | None = strawberry.field(description="Time of its end, if it is recorded.")
    resolved_by: str | None = strawberry.field(description="Operator who resolved it.")


@strawberry.type(description="Schedule of the sync.")
class SyncSchedule:
    next_run_at: datetime = strawberry.field(description="Time of the next nightly run.")
    started_by_jobs: bool = strawberry.field(
        description="Whether the jobs role starts it (`SYNC_NIGHTLY`); otherwise an external scheduler does."
    )


IncidentResolveUserError = error_type("IncidentResolve")


@strawberry.type(description="Result of `incidentResolve`.")
class IncidentResolvePayload:
    resolved_id: strawberry.ID | None = strawberry.field(description="Id of the incident; null if it was rejected.")
    user_errors: list[UserError] = errors_field(IncidentResolveUserError)


@strawberry.type
class IncidentQueries:
    """Fields of `Query` for incidents and the schedule."""

    @field(description="Incidents, newest first.", scope=Scope.SYNC_READ)
    async def incidents(
        self,
        info: Info,
        open: Annotated[bool, _argument(description="Only open incidents.")] = True,  # noqa: A002 - as `Incident.open`
        first: Annotated[int, _argument(description="Number of incidents, at most 100.")] = 20,
    ) -> list[Incident] | None:
        if not 0 <= first <= _LARGEST_PAGE:
            raise ValidationFailed({"first": f"should be between 0 and {_LARGEST_PAGE}"})
        found = await info.context.services.incidents.list(first, open_only=open)
        return [_incident_to_graphql(one) for one in found]

    @field(description="Schedule of the sync.", scope=Scope.SYNC_READ)
    def sync_schedule(
        self,
        info: Info,
        feed: Annotated[
            str | None, _argument(description="Only this feed; by default the next run of any feed.")
        ] = UNSET,
    ) -> SyncSchedule | None:
        settings, name, now = info.context.services.settings, given_or_none(feed), utc_now()
        due = [next_nightly(now, one.times) for key, one in settings.by_feed.items() if name in (None, key)]
        return SyncSchedule(next_run_at=min(due), started_by_jobs=settings.sync.nightly) if due else None


@strawberry.type
class IncidentMutations:
    """Fields of `Mutation` for incidents."""

    @field(
        description="Records that an operator has resolved an incident. Repeating it changes nothing.",
        scope=Scope.SYNC_ADMIN,
    )
    async def incident_resolve(
        self,
        info: Info,
        id: Annotated[strawberry.ID, _argument(description="Id of the incident.")],  # noqa: A002
    ) -> IncidentResolvePayload | None:
        resolved, errors = await attempt(_resolve(id, info), subject=("id",))
        return IncidentResolvePayload(resolved_id=resolved, user_errors=typed_errors(IncidentResolveUserError, errors))


async def _resolve(given: str, info: Info) -> strawberry.ID:
    try:
        key = UUID(given)
    except ValueError:
        raise NotFound("There is no incident with this id.") from None
    await info.context.services.incidents.resolve(key, f"api:{info.context.caller.client_id}")
    return strawberry.ID(str(key))


def _incident_to_graphql(row: StoredIncident) -> Incident:
    content = row.content
    return Incident(
        id=strawberry.ID(str(row.id)),
        kind=row.kind,
        run_id=row.run_id,
        subject=content.subject,
        reason=content.reason,
        figures=[IncidentFigure(label=label, value=value) for label, value in content.figures],
        next_step=content.next_step,
        open=row.open,
        created_at=row.created_at,
        sent_at=row.sent_at,
        delivery_error=row.last_error,
        resolved_at=row.resolved_at,
        resolved_by=row.resolved_by,
    )
