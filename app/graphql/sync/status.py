"""Status of the installation: the checks of the command `doctor`."""

from datetime import datetime
from enum import Enum

import strawberry

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.permissions import field
from inventory.core.checks import Check, DoctorReport

_value = strawberry.enum_value


@strawberry.enum(description="Result of a check.")
class CheckState(Enum):
    OK = _value("ok", description="It works.")
    DEGRADED = _value("degraded", description="It works with a limitation; see `nextStep`.")
    FAILED = _value("failed", description="It does not work; see `nextStep`.")
    SKIPPED = _value("skipped", description="It was not checked, because another check failed or a setting is not set.")


@strawberry.type(description="A check of the installation.")
class InstallationCheck:
    name: str = strawberry.field(description="Name.")
    state: CheckState = strawberry.field(description="Result.")
    detail: str = strawberry.field(description="What was found.")
    items: list[str] = strawberry.field(description="Details, one line each.")
    next_step: str = strawberry.field(description="What to do; empty if nothing is to be done.")


@strawberry.type(description="Checks of one part of the installation.")
class InstallationSubject:
    subject: str = strawberry.field(description="The part, such as the database.")
    checks: list[InstallationCheck] = strawberry.field(description="Its checks.")


@strawberry.type(description="Status of the installation.")
class InstallationStatus:
    at: datetime = strawberry.field(description="Time of the checks.")
    works: bool = strawberry.field(description="Whether no check has failed.")
    subjects: list[InstallationSubject] = strawberry.field(description="Parts of the installation with their checks.")


@strawberry.type
class StatusQueries:
    """Field of `Query` for the status of the installation."""

    @field(
        description="Checks the settings, the database, Redis, the supplier, the queues, the watermark and the mails. It reads "
        "only. Requests within a minute share a result.",
        scope=Scope.SYNC_READ,
    )
    async def installation_status(self, info: Info) -> InstallationStatus | None:
        found = await info.context.services.doctor.report()
        return InstallationStatus(
            at=found.at,
            works=all(report.works for report in found.reports),
            subjects=[_subject_to_graphql(report) for report in found.reports],
        )


def _subject_to_graphql(report: DoctorReport) -> InstallationSubject:
    return InstallationSubject(subject=report.subject, checks=[_check_to_graphql(check) for check in report.checks])


def _check_to_graphql(check: Check) -> InstallationCheck:
    return InstallationCheck(
        name=check.name,
        state=CheckState(check.state),
        detail=check.detail,
        items=list(check.items),
        next_step=check.next_step,
    )
