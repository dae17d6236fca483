"""Results and report of the checks of an installation."""

import textwrap
from collections.abc import Sequence
from typing import Literal

import msgspec

State = Literal["ok", "degraded", "failed", "skipped"]

_WIDTH = 80
_STATE_WIDTH = 10
_NAME_WIDTH = 14


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a check. `items`: details, one line each. `next_step`: action for the operator unless the state is ok."""

    name: str
    state: State
    detail: str
    items: Sequence[str] = ()
    next_step: str = ""


class DoctorReport(msgspec.Struct, frozen=True, kw_only=True):
    """Checks of one subject. `facts` holds figures and names for the JSON output."""

    subject: str
    checks: Sequence[Check]
    facts: dict[str, object] = {}

    @property
    def works(self) -> bool:
        """Whether no check has failed."""
        return all(check.state != "failed" for check in self.checks)


def format_report(report: DoctorReport) -> str:
    """Format a report for a terminal of 80 columns."""
    lines = [*textwrap.wrap(report.subject, _WIDTH), ""]
    for check in report.checks:
        head = f"{check.state:<{_STATE_WIDTH}}{check.name:<{_NAME_WIDTH}}"
        indent = " " * len(head)
        lines += textwrap.wrap(check.detail, _WIDTH, initial_indent=head, subsequent_indent=indent)
        for item in check.items:
            lines += textwrap.wrap(item, _WIDTH, initial_indent=f"{indent}- ", subsequent_indent=f"{indent}  ")
        if check.next_step:
            lines += textwrap.wrap(
                check.next_step, _WIDTH, initial_indent=f"{indent}> ", subsequent_indent=f"{indent}  "
            )
    return "\n".join(lines)
