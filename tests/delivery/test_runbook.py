"""Runbook: every mail, alarm and secret is explained, and the named commands exist."""

import re
import subprocess
import tomllib
from calendar import monthrange
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from app.cli import app as app_commands
from inventory.alerts.incident import Kind
from inventory.core.settings import Settings, is_secret
from sync.cli.operators import app as sync_commands
from tests.delivery.installed import SOURCE

DOCS = SOURCE / "docs"
RUNBOOK = (DOCS / "how-to" / "runbook.md").read_text("utf-8")
COMMANDS = {"app": typer.main.get_command(app_commands), "sync": typer.main.get_command(sync_commands)}


def rows(heading: str) -> dict[str, str]:
    """The first column of the table below a heading: each name in backticks, with the rest of its row.

    "`name` with `something`" explains a case of a name that has a separate row.
    """
    section = RUNBOOK.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found: dict[str, str] = {}
    for line in section.splitlines():
        if line.startswith("| `"):
            names, _, rest = line.removeprefix("|").partition("|")
            found |= dict.fromkeys(re.findall(r"`([^`]+)`", names.partition(" with ")[0]), rest)
    return found


def test_every_mail_is_explained() -> None:
    assert set(rows("Mails")) == set(get_args(Kind))


def test_every_alarm_is_explained() -> None:
    alarms: set[str] = set()
    for name in ("staging", "production"):
        tests = SOURCE / "infra" / "terraform" / "environments" / name / "tests" / f"{name}.tftest.hcl"
        listed = re.search(r"keys\(module\.container_apps\.alarms\) == \[([^\]]+)\]", tests.read_text("utf-8"))
        assert listed is not None
        alarms |= set(re.findall(r'"([^"]+)"', listed[1]))
    assert set(rows("Alarms of Azure")) == alarms


def test_every_secret_can_be_rotated() -> None:
    secrets = {variable.name for variable in Settings.variables() if is_secret(variable.kind)}
    assert set(rows("Secrets")) == secrets | {"NIVODA_USERNAME"}


def test_paused_schedule_is_valid_date() -> None:
    expressions = re.findall(r"--cron-expression (\"\$\(.*?\)\"|\S+)", RUNBOOK)
    assert expressions != []
    for expression in expressions:
        shell = subprocess.run(  # noqa: S603 - the project's own document
            ["/bin/bash", "-c", f"printf %s {expression}"], capture_output=True, text=True, check=True
        )
        minute, hour, day, month, weekday = shell.stdout.split()
        assert (minute, hour, weekday) == ("0", "0", "*")
        today = datetime.now(UTC).date()
        years = [year for year in range(today.year, today.year + 9) if int(day) <= monthrange(year, int(month))[1]]
        ahead = [date(year, int(month), int(day)) for year in years]
        assert min((each - today).days for each in ahead if each >= today) >= 360


def test_both_commands_are_installed_with_project() -> None:
    scripts = tomllib.loads((SOURCE / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert scripts == {"diamonds-app": "app.__main__:main", "diamonds-sync": "sync.__main__:main"}


@pytest.mark.parametrize("path", [SOURCE / "README.md", *sorted(DOCS.rglob("*.md"))], ids=lambda path: path.name)
def test_every_named_command_exists(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.findall(r"python -m (?:app|sync)\b", text) == [], (
        "diamonds-app and diamonds-sync are the commands everywhere"
    )
    for program, line in re.findall(r"diamonds-(app|sync) ([a-z][^`\"\n#]*)", text):
        command: Any = COMMANDS[program]
        words = line.split()
        while commands := getattr(command, "commands", None):
            if not words and command.invoke_without_command:
                break
            assert words, f"{line}: not complete"
            assert words[0] in commands, f"diamonds-{program} {line}"
            command = commands[words.pop(0)]
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= options | {"--help"}, f"diamonds-{program} {line}"
