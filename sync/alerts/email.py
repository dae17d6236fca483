"""Alert mails: one content as text and as HTML, readable on a phone."""

import re
from collections.abc import Sequence
from datetime import datetime
from html import escape
from uuid import UUID

from inventory.alerts.incident import Content
from inventory.core.settings.alerts import AlertSettings
from sync.ports import Mail

# Mail programs hardly support style sheets, so every element has inline styles.
_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_PAGE = f"margin:0;padding:24px 12px;background:#f4f4f2;color:#1d1d1b;{_FONT}"
_CARD = (
    "width:100%;max-width:600px;margin:0 auto;background:#ffffff;border:1px solid #dededa;border-top:4px solid #b3261e;"
    "border-radius:6px"
)
_HEADING = "margin:0 0 16px;font-size:20px;line-height:1.3;font-weight:600"
_REASON = "margin:0 0 20px;font-size:15px;line-height:1.5;overflow-wrap:anywhere"
_LABEL = (
    "padding:6px 12px 6px 0;border-bottom:1px solid #eeeeea;color:#5f5f5a;font-weight:400;text-align:left;"
    "vertical-align:top;white-space:nowrap"
)
_VALUE = "padding:6px 0;border-bottom:1px solid #eeeeea;vertical-align:top;overflow-wrap:anywhere"
_SUBHEADING = "margin:24px 0 8px;font-size:15px;font-weight:600"
_COMMAND = (
    "margin:8px 0 0;padding:10px 12px;background:#f4f4f2;border-radius:4px;font-size:13px;line-height:1.4;"
    "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere"
)
_LIST = "margin:0;padding-left:20px;font-size:13px;line-height:1.5"
_FINDING = "overflow-wrap:anywhere"
_HINT = "margin:20px 0 0;font-size:13px;line-height:1.5;color:#5f5f5a"
_FOOT = "margin:24px 0 0;font-size:12px;line-height:1.5;color:#767670"

_CODE = re.compile(r"`([^`]+)`")
_INLINE_CODE = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:90%"

# Commands of `diamonds-app` run in the API's container, the others in that of the jobs.
_ROLES = {"diamonds-app": "api"}
_OTHER_ROLE = "jobs"
_WHERE = 'Commands for a terminal of the installation (docs/how-to/runbook.md, "Commands"):'
_WHY_ONCE = "This mail is sent once per incident. The API continues to serve the present inventory."


def compose(content: Content, run_id: UUID | None, reported_at: datetime, settings: AlertSettings) -> Mail:
    """Compose the mail of an incident: subject, reason, figures, findings, next step and commands of this environment."""
    address = settings.dashboard_page(run_id)
    figures = [
        *([("Run", str(run_id))] if run_id else []),
        *([("Dashboard", address)] if address else []),
        *content.figures,
    ]
    commands = _commands(content, settings)
    foot = f"Diamond Inventory, {reported_at:%Y-%m-%d %H:%M} UTC. {_WHY_ONCE}"
    return Mail(
        subject=content.subject,
        text=_text(content, figures, commands, foot),
        html=_html(content, figures, commands, foot),
    )


def _commands(content: Content, settings: AlertSettings) -> list[tuple[str, Sequence[str]]]:
    """Group commands below what to do first: open a shell of a role if the environment has one."""
    if not settings.alert_shell:
        return [(_WHERE, content.commands)] if content.commands else []
    by_role: dict[str, list[str]] = {}
    for command in content.commands:
        by_role.setdefault(_ROLES.get(command.partition(" ")[0], _OTHER_ROLE), []).append(command)
    # A shell comes first: `az containerapp exec --command` may take a whole command line as one file name.
    return [
        (f"Commands for a shell of {role}, which the first line opens:", [settings.shell_of(role), *commands])
        for role, commands in by_role.items()
    ]


def _text(
    content: Content, figures: list[tuple[str, str]], commands: list[tuple[str, Sequence[str]]], foot: str
) -> str:
    width = max((len(label) for label, _ in figures), default=0)
    parts = [
        content.subject,
        content.reason,
        "\n".join(f"{label:<{width}}  {value}" for label, value in figures),
        "\n".join([content.findings_title, *(f"  {finding}" for finding in content.findings)]).strip("\n"),
        f"What to do\n{content.next_step}",
        *("\n".join([where, *(f"  {command}" for command in lines)]) for where, lines in commands),
        f"-- \n{foot}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _html(
    content: Content, figures: list[tuple[str, str]], commands: list[tuple[str, Sequence[str]]], foot: str
) -> str:
    rows = "".join(
        f'<tr><th scope="row" style="{_LABEL}">{escape(label)}</th><td style="{_VALUE}">{escape(value)}</td></tr>'
        for label, value in figures
    )
    blocks = "".join(
        f'<p style="{_HINT}">{escape(where)}</p>\n'
        + "".join(f'<pre style="{_COMMAND}">{escape(command)}</pre>' for command in lines)
        for where, lines in commands
    )
    findings = "".join(f'<li style="{_FINDING}">{escape(finding)}</li>' for finding in content.findings)
    found = (
        f'<h2 style="{_SUBHEADING}">{escape(content.findings_title)}</h2>\n<ul style="{_LIST}">{findings}</ul>'
        if findings
        else ""
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(content.subject)}</title>
</head>
<body style="{_PAGE}">
<table role="presentation" cellpadding="0" cellspacing="0" style="{_CARD}"><tr><td style="padding:24px">
<h1 style="{_HEADING}">{escape(content.subject)}</h1>
<p style="{_REASON}">{_marked(content.reason)}</p>
<table cellpadding="0" cellspacing="0" style="width:100%;border-collapse:collapse;font-size:14px;line-height:1.4">{rows}</table>
{found}
<h2 style="{_SUBHEADING}">What to do</h2>
<p style="margin:0;font-size:15px;line-height:1.5">{_marked(content.next_step)}</p>
{blocks}
<p style="{_FOOT}">{escape(foot)}</p>
</td></tr></table>
</body>
</html>
"""


def _marked(text: str) -> str:
    """Return a text as HTML; what stands between backticks becomes code."""
    return _CODE.sub(rf'<code style="{_INLINE_CODE}">\1</code>', escape(text))
