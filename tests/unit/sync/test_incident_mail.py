"""Incident mail: both bodies are complete, and content is escaped."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from uuid import UUID

import msgspec

from inventory.alerts.incident import Content
from inventory.core.settings.alerts import AlertSettings
from sync.alerts.email import compose

RUN = UUID("0af76519-16cd-43dd-8448-eb211c80319c")
CONTENT = Content(
    subject="Too many stones are gone from the feed: nothing was deleted (nivoda)",
    reason="At least 9 of 30 <active> stones & more are gone",
    figures=[("Run type", "full"), ("Stones read", "21 of 30")],
    next_step="Ask the supplier whether these stones are really gone.",
    commands=["diamonds-sync consolidate --allow-mass-delete RUN"],
    findings_title="The 2 diamonds that would be deleted",
    findings=["a1: ROUND 1.00 ct, 4,120.00 USD", "a2: OVAL 0.50 ct, 980.00 USD"],
)
LOCAL = AlertSettings()
AZURE = AlertSettings(
    alert_shell="az containerapp exec --resource-group diamonds --name {role} --command sh",
    alert_dashboard_url="https://example.com/dashboard/",
)


class Text(HTMLParser):
    """The visible text of an HTML page, and its unclosed elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_both_bodies_contain_event_reason_figures_and_action() -> None:
    mail = compose(CONTENT, RUN, datetime(2026, 11, 23, 2, 5, tzinfo=UTC), LOCAL)
    html = Text(mail.html)
    assert html.open == []
    for body in (mail.text, "".join(html.words)):
        for fact in (
            CONTENT.subject,
            CONTENT.reason,
            str(RUN),
            "21 of 30",
            CONTENT.next_step,
            CONTENT.commands[0],
            'terminal of the installation (docs/how-to/runbook.md, "Commands")',
            *CONTENT.findings,
            "2026-11-23 02:05 UTC",
        ):
            assert fact in body
    assert mail.subject == CONTENT.subject


def test_supplier_texts_are_escaped() -> None:
    mail = compose(CONTENT, None, datetime(2026, 11, 23, tzinfo=UTC), LOCAL)
    assert "&lt;active&gt; stones &amp; more" in mail.html
    assert "<active>" not in mail.html


def test_incident_without_run_names_no_run() -> None:
    mail = compose(CONTENT, None, datetime(2026, 11, 23, tzinfo=UTC), LOCAL)
    assert str(RUN) not in mail.text


def test_commands_follow_shell_command_of_their_role() -> None:
    content = msgspec.structs.replace(CONTENT, commands=["diamonds-app doctor supplier", "diamonds-sync runs list"])
    text = compose(content, RUN, datetime(2026, 11, 23, tzinfo=UTC), AZURE).text
    lines = [line.strip() for line in text.splitlines()]
    for role, command in (("api", "diamonds-app doctor supplier"), ("jobs", "diamonds-sync runs list")):
        shell = f"az containerapp exec --resource-group diamonds --name {role} --command sh"
        assert lines[lines.index(shell) + 1] == command
    assert f"https://example.com/dashboard#/runs/{RUN}" in text


def test_commands_in_texts_are_code() -> None:
    content = msgspec.structs.replace(CONTENT, reason="Confirm with `diamonds-sync consolidate <RUN>`.")
    mail = compose(content, None, datetime(2026, 11, 23, tzinfo=UTC), LOCAL)
    assert ">diamonds-sync consolidate &lt;RUN&gt;</code>." in mail.html
    assert "`" not in mail.html
    assert "`diamonds-sync consolidate <RUN>`" in mail.text
