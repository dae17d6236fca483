"""Results and report of the checks of an installation, which `doctor` prints."""

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
        lines += _wrap(check.detail, head, indent)
        for item in check.items:
            lines += _wrap(item, f"{indent}- ", f"{indent}  ")
        if check.next_step:
            lines += _wrap(check.next_step, f"{indent}> ", f"{indent}  ")
    return "\n".join(lines)


def _wrap(text: str, first: str, following: str) -> list[str]:
    """Wrap a text between words. An id or a path is not broken."""
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=following,
        break_long_words=False,
        break_on_hyphens=False,
    )


def as_document(reports: Sequence[DoctorReport], *, strict: bool) -> dict[str, object]:
    """The JSON document of several reports."""
    return {
        "works": works(reports, strict=strict),
        "reports": [{"works": report.works, **msgspec.structs.asdict(report)} for report in reports],
    }


def works(reports: Sequence[DoctorReport], *, strict: bool) -> bool:
    """Whether no check failed; with `strict` also no check is degraded."""
    states = {check.state for report in reports for check in report.checks}
    return "failed" not in states and not (strict and "degraded" in states)
